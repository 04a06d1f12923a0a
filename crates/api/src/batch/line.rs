//! One line of a batch, and the line that answers it.

use domain::{Actor, AnyDraft, Command, EntryId, Kind, Precondition, json, limits};
use http::sign_in::SignedIn;
use http::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use storage::{Applied, Outcome};
use utoipa::ToSchema;

use crate::State;
use crate::entries::write::acting;

/// What one line asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    /// What to do; `upsert` unless given.
    #[serde(default)]
    op: Op,
    /// The kind of entry.
    kind: Kind,
    /// Which entry, for `replace`, `patch` and `delete`. For `create` and `upsert` the id of a new entry, a UUIDv7, where
    /// the sender wants to choose it.
    #[serde(default)]
    id: Option<EntryId>,
    /// The entity tag that was read before, without quotes.
    #[serde(default)]
    if_match: Option<String>,
    /// The draft, for `upsert`, `create` and `replace`.
    #[serde(default, borrow)]
    #[schema(value_type = Option<Object>)]
    entry: Option<&'a RawValue>,
    /// The merge patch, for `patch`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    patch: Option<serde_json::Value>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    /// Write the entry with the draft's `external_id`, new or not.
    #[default]
    Upsert,
    /// Write a new entry.
    Create,
    /// Write an entry anew.
    Replace,
    /// Change parts of an entry.
    Patch,
    /// Take an entry out of the directory.
    Delete,
}

/// The answer to one line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultLine<'a> {
    /// The number of the line, from 1. Blank lines do not count.
    line: usize,
    /// The status that the same operation alone would have had; 424 where it was not done because of another line.
    status: u16,
    /// What was done: `created`, `updated`, `unchanged`, `deleted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// The entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<EntryId>,
    /// Its version from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// Its entity tag, without quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// The number of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    arrival: Option<i64>,
    /// Why it was refused (RFC 9457).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    problem: Option<http::problem::Document<'a>>,
}

/// A result, ready to send.
pub(super) struct Written {
    pub(super) number: usize,
    pub(super) json: Vec<u8>,
    status: u16,
}

fn write(result: &ResultLine<'_>) -> Written {
    Written {
        number: result.line,
        status: result.status,
        json: serde_json::to_vec(result).unwrap_or_default(),
    }
}

fn bare(line: usize, status: u16) -> ResultLine<'static> {
    ResultLine {
        line,
        status,
        outcome: None,
        id: None,
        version: None,
        etag: None,
        arrival: None,
        problem: None,
    }
}

/// The answer to a line that was refused.
pub(super) fn refused(number: usize, problem: &Problem) -> Written {
    let status = problem.code().status().as_u16();
    write(&ResultLine {
        problem: Some(problem.document(None)),
        ..bare(number, status)
    })
}

/// The answer to a line that was applied, or would have been.
pub(super) fn applied(number: usize, applied: &Applied) -> Written {
    let status = match applied.outcome {
        Outcome::Created => 201,
        Outcome::Deleted | Outcome::Purged => 204,
        _ => 200,
    };
    write(&ResultLine {
        outcome: Some(applied.outcome.as_str()),
        id: Some(applied.key.id),
        version: Some(applied.version),
        etag: Some(applied.tag()),
        arrival: Some(applied.arrival),
        ..bare(number, status)
    })
}

/// The answer to a line that was fine but not applied, because another one was refused (RFC 4918 section 11.4).
pub(super) fn not_applied(number: usize) -> Written {
    write(&bare(number, 424))
}

/// All that would have been applied was not: another line could not even be read.
pub(super) fn undone(results: Vec<Written>) -> Vec<Written> {
    results
        .into_iter()
        .map(|line| {
            if line.status < 300 {
                not_applied(line.number)
            } else {
                line
            }
        })
        .collect()
}

/// What a line asks for, and as whom.
pub(super) fn command(
    state: &State,
    signed_in: &SignedIn,
    bytes: &[u8],
) -> Result<(Actor, Command), Problem> {
    let command = Line::parse(bytes)?.command(|| state.mint())?;
    Ok((acting(signed_in, &command), command))
}

impl<'a> Line<'a> {
    /// Reads a line, strictly.
    ///
    /// # Errors
    /// `malformed` with the place.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Problem> {
        let text = json::check(bytes, limits::JSON_DEPTH).map_err(|violation| {
            Problem::new(
                Code::Malformed,
                "this line is not JSON as this node reads it",
            )
            .with_errors(vec![violation])
        })?;
        match serde_json::from_str(text) {
            Ok(line) => Ok(line),
            Err(_) => http::json::parse_checked(bytes),
        }
    }
}

impl Line<'_> {
    /// The command that it stands for; `mint` makes an id for an entry that may be new.
    ///
    /// # Errors
    /// `malformed` where a field is missing or the entry has the wrong shape, `invalid` for an id that is no UUIDv7.
    pub fn command(self, mint: impl FnOnce() -> EntryId) -> Result<Command, Problem> {
        let expected = match &self.if_match {
            Some(tag) => Precondition::Tags(vec![tag.trim_matches('"').to_owned()]),
            None => Precondition::None,
        };
        let needs_id = || missing("id");
        Ok(match self.op {
            Op::Upsert => Command::Upsert {
                new_id: self.new_id(mint)?,
                draft: self.draft()?,
            },
            Op::Create => Command::Create {
                id: self.new_id(mint)?,
                draft: self.draft()?,
            },
            Op::Replace => Command::Replace {
                id: self.id.ok_or_else(needs_id)?,
                draft: self.draft()?,
                expected,
            },
            Op::Patch => Command::Patch {
                kind: self.kind,
                id: self.id.ok_or_else(needs_id)?,
                patch: self
                    .patch
                    .filter(serde_json::Value::is_object)
                    .ok_or_else(|| missing("patch"))?,
                expected,
            },
            Op::Delete => Command::Delete {
                kind: self.kind,
                id: self.id.ok_or_else(needs_id)?,
                expected,
            },
        })
    }

    fn draft(&self) -> Result<AnyDraft, Problem> {
        let raw = self.entry.ok_or_else(|| missing("entry"))?;
        Ok(AnyDraft::parse_checked(self.kind, raw.get())?)
    }

    fn new_id(&self, mint: impl FnOnce() -> EntryId) -> Result<EntryId, Problem> {
        match self.id {
            None => Ok(mint()),
            Some(id) if id.0.get_version_num() == 7 => Ok(id),
            Some(_) => Err(Problem::new(
                Code::Invalid,
                "the id of a new entry is a UUIDv7 (RFC 9562)",
            )),
        }
    }
}

fn missing(field: &str) -> Problem {
    let violation = domain::Violation {
        pointer: format!("/{field}"),
        code: "required".into(),
        message: format!("this operation needs {field}"),
    };
    Problem::new(Code::Malformed, "a field is missing").with_errors(vec![violation])
}
