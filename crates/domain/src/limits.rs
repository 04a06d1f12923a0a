//! Every limit on what an entry may hold, in one place. Lengths count Unicode scalar values, not bytes.

/// Nesting depth of any JSON that is accepted.
pub const JSON_DEPTH: usize = 16;
/// Bytes of one entry as a request body, and of one line of a batch.
pub const ENTRY_BYTES: usize = 64 * 1024;
/// Bytes of a quality standard as a request body: a standard is a document, not a record.
pub const STANDARD_BYTES: usize = 512 * 1024;
/// Lines of one batch.
pub const BATCH_LINES: usize = 10_000;
/// Violations that one answer lists; the rest are counted.
pub const VIOLATIONS: usize = 50;

/// Languages of one translatable text.
pub const TEXT_LANGUAGES: usize = 40;
/// Characters of a title or name, per language.
pub const TITLE: usize = 300;
/// Characters of a summary, note or condition, per language.
pub const SUMMARY: usize = 2_000;
/// Characters of a long description, per language.
pub const DESCRIPTION: usize = 10_000;
/// Characters of a short free string: a function, a city, an identifier.
pub const SHORT: usize = 200;
/// Characters of a URL (RFC 9110 section 4.1 asks for at least 8000 octets in transit; a directory needs fewer).
pub const URL: usize = 2_000;
/// Characters of an e-mail address (RFC 5321 section 4.5.3.1.3: a path of 256 octets with its brackets).
pub const EMAIL: usize = 254;
/// Characters of a partner's own key.
pub const EXTERNAL_ID: usize = 200;
/// Items of any list of codes.
pub const CODES: usize = 60;
/// Items of any list of countries or areas: more than there are countries.
pub const REGIONS: usize = 300;
/// Languages in which something is offered.
pub const LANGUAGES: usize = 100;
/// Places of one offer.
pub const PLACES: usize = 100;
/// Sources of one entry.
pub const SOURCES: usize = 30;
/// References from one list of an entry to others.
pub const REFERENCES: usize = 100;
/// Organisations that stand above one.
pub const PARENTS: usize = 30;
/// Channels of a contact point.
pub const CHANNELS: usize = 20;
/// Opening periods of one schedule.
pub const OPENING_HOURS: usize = 50;
/// Steps towards an offer.
pub const STEPS: usize = 20;
/// Documents of an event.
pub const DOCUMENTS: usize = 50;
/// Dimensions of a quality standard.
pub const DIMENSIONS: usize = 30;
/// Criteria of one dimension.
pub const CRITERIA: usize = 50;
/// Indicators of one criterion.
pub const INDICATORS: usize = 20;
/// Pieces of evidence for one criterion.
pub const EVIDENCE: usize = 30;
/// Moves of an assessment's state that are kept.
pub const HISTORY: usize = 200;
/// Views of peers on one assessment.
pub const REVIEWS: usize = 50;
/// Results of earlier rounds that are kept with an assessment.
pub const EARLIER_RESULTS: usize = 20;
/// Distributions that a new one is held against. Each took five changed organisations, so these are many years.
pub const SNAPSHOTS: usize = 500;
/// The furthest from zero that a rating may lie.
pub const RATING: i32 = 1_000;
/// The largest weight of a criterion.
pub const WEIGHT: u32 = 1_000;
/// Levels of a quality standard.
pub const LEVELS: usize = 20;
/// Actions of an improvement plan.
pub const ACTIONS: usize = 200;
/// Years of age that an offer may name.
pub const AGE: u16 = 130;
/// Days of waiting that an offer may name.
pub const WAITING_DAYS: u16 = 3_650;
/// How many years ahead a date may lie: further is a typing error.
pub const YEARS_AHEAD: i32 = 30;
/// First year that a date may lie in.
pub const FIRST_YEAR: i32 = 1800;
