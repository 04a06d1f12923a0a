//! Quality: standards as data, self-assessments by their rule.
//!
//! A [`Rule`] is a standard that contradicts itself nowhere, compiled: only a rule can score, so nothing is scored by a
//! standard that does not hold together. Arithmetic is in whole numbers throughout; there is no overall number, because
//! none is computed anywhere.
//!
//! The rules come from `data/imsa-quality-standard.json` (its `scoring`, `validity` and `review`) and are data of each
//! standard. One thing is not: which role may move which state. A standard can come from any node, and must not be able to
//! let somebody publish who may not; so the table stands in [`TRANSITIONS`], and a test compares it with the file.

mod act;
mod answers;
mod carry_over;
mod conflict;
mod deadlines;
mod decimal;
mod distribution;
mod due;
mod hidden_cells;
mod life;
mod moved;
mod parameters;
mod peer_views;
mod perform;
mod profile;
mod publication;
mod relations;
mod rule;
mod scope;
mod score;
mod standard;
mod trend;
mod version;
mod workflow;
mod workflow_refusal;
mod written;

pub(crate) use act::needs_of;
pub use act::{Act, ArrivedVerdict, ExpectedAnswer, answer_tag};
pub use answers::{check_answers, check_plan, gaps};
pub use carry_over::{Carried, CarryOver, DropReason, Dropped, carry_over};
pub use conflict::{Conflict, ReviewerFacts, conflict};
pub use deadlines::{AssessmentTask, Deadlines, EXPIRY_TASK_DAYS, Validity, deadlines, task_of};
pub use decimal::Decimal;
pub use distribution::{
    Contribution, Distribution, DistributionCell, DistributionRow, MIN_CHANGED, MIN_ORGANISATIONS,
    Renewal, Snapshot, newest_per_organisation, renew,
};
pub use due::due;
pub(crate) use due::is_newer;
pub use hidden_cells::{SMALL_CELL, shown_cells};
pub use life::{check_change, check_successor};
pub use moved::{
    NewResult, moved, published, renewed, review_started, reviewed, submitted, visibility_of,
};
pub use parameters::Parameters;
pub use peer_views::{PeerViews, check_peer_views};
pub use perform::results_of;
pub(crate) use perform::{Done, entry_after, entry_of_follow_up, perform};
pub use profile::{Preview, mark_of, marks, preview};
pub use publication::{check_choice, submission_fingerprint};
pub(crate) use publication::{
    restrict_assessment, restrict_review, shows_assessment, shows_review, widest_visibility,
};
pub(crate) use relations::{check_relations, decisive, is_asked_for};
pub use rule::Rule;
pub use scope::{Scope, assessed_subject};
pub use score::{DimensionScore, Mark, Outcome};
pub use standard::contradictions;
pub use trend::{DimensionTrend, NotComparable, trend};
pub use version::StandardVersion;
pub use workflow::{PeerVerdict, StepFacts, TRANSITIONS, party_for, transition};
pub use workflow_refusal::{StepRefused, WorkflowRefusal};
pub use written::check_written_by_hand;
