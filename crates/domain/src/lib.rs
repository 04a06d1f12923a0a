//! What a directory entry is, who may change it, and who may see what of it.
//!
//! This crate decides and never performs: it knows no clock, no randomness, no socket and no database. Times, new ids
//! and the facts that a decision needs are passed in; what comes out is a value that storage saves. That is why all of it
//! can be tested, fuzzed and simulated without setting anything up.
//!
//! Start reading at [`Record`] (the envelope that all kinds share), then [`kinds`] (their contents), [`prepare`]
//! (what a command does) and [`outward`] (what an audience may see).

mod accept;
mod actor;
mod check;
mod code;
mod command;
mod content;
mod decide;
mod draft;
mod entry;
mod facets;
pub mod feed;
mod ids;
pub mod json;
pub mod kinds;
pub mod limits;
pub mod moment;
mod origin;
mod outward;
mod place;
mod prepare;
pub mod quality;
mod quota;
mod refusal;
pub mod region;
mod schedule;
mod text;
mod visible;
pub mod vocabulary;

pub use accept::{NotAccepted, accept};
pub use actor::{Actor, Role, Subject};
pub use check::{Checker, Violation};
pub use code::{Code, Scheme, schemes, schemes::aliases as codes};
pub use command::{
    Action, Change, Command, Current, Facts, Known, Needs, Precondition, Referrer, Rules, Target,
};
pub use content::{Content, EachKind, Kind, KindContent, Reference, for_each_kind};

pub use draft::{AnyDraft, Draft};
pub use entry::{
    Confidence, Entry, Provenance, Record, Review, Source, Visibility, content_hash, entity_tag,
    review_due,
};
pub use facets::{Facets, SearchText, Weight};
pub use ids::{EntryId, EntryKey, EntryRef};
pub use origin::Origin;
pub use outward::{Audience, outward, restrict};
pub use place::{Place, Precision};
pub use prepare::{Prepared, prepare};
pub use quota::{Quota, Usage, VERSION_BYTES, Written};
pub use refusal::{Reason, Refusal};
pub use schedule::{OpeningHours, Schedule, Weekday};
pub use text::{Lang, Text, Translation, TranslationOrigin, text_hash};
pub use visible::{commands, visible};
