//! `lotse export`: all entries as JSON lines, in the form that `lotse import` and `POST /api/v1/batch` take. Names of
//! persons and hidden places stay here: what leaves a node cannot be called back.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use domain::{AnyDraft, Audience, Entry, EntryId, Kind, outward};
use serde_json::json;
use storage::Storage;

use crate::cli::Export;
use crate::config::Config;
use crate::failure::{Failure, file};
use crate::follow::read;
use crate::node::open_existing;
use crate::{console, signals};

/// Rows that are read at once.
const SCAN: i64 = 1_000;

pub(crate) async fn run(config: &Config, export: &Export) -> Result<ExitCode, Failure> {
    let storage = signals::or_leave(signals::not_begun, open_existing(config)).await?;
    let out: Box<dyn Write + Send> = if export.file.as_os_str() == "-" {
        Box::new(console::output())
    } else {
        let created = files::open(
            &export.file,
            OpenOptions::new().write(true).create_new(true),
        );
        Box::new(created.map_err(|error| file(&export.file, &error))?)
    };
    let mut lines = Lines {
        out: BufWriter::new(out),
        written: 0,
        known: HashSet::new(),
        held: Vec::new(),
    };
    let mut ended = Ok(());
    // Organisations first: everything else has an owner.
    for organisations in [true, false] {
        if ended.is_ok() {
            (lines, ended) = pass(&storage, lines, organisations, export.all).await?;
        }
    }
    match ended.and_then(|()| lines.out.flush()) {
        Err(error) if export.file.as_os_str() == "-" => {
            console::lose(error);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(file(&export.file, &error)),
        Ok(()) => Ok(said(export, lines.written)),
    }
}

/// Says how many entries there are. Of a file that is not whole nothing is left.
fn said(export: &Export, written: u64) -> ExitCode {
    let Some(unfinished) = signals::unfinished() else {
        console::note(format_args!("{written} entries"));
        return ExitCode::SUCCESS;
    };
    if export.file.as_os_str() != "-" {
        let _ = std::fs::remove_file(&export.file);
    }
    console::note(format_args!(
        "ended after {written} entries: there are more"
    ));
    ExitCode::from(unfinished)
}

/// Writes either the organisations or everything else.
async fn pass(
    storage: &Storage,
    lines: Lines,
    organisations: bool,
    all: bool,
) -> Result<(Lines, std::io::Result<()>), Failure> {
    let today = crate::clock::now().date_naive();
    let state = Arc::new(Mutex::new(Some((lines, Ok(())))));
    let writing = Arc::clone(&state);
    storage
        .directory
        .scan(SCAN, move |rows| {
            let Ok(mut guard) = writing.lock() else {
                return ControlFlow::Break(());
            };
            let Some((lines, ended)) = guard.as_mut() else {
                return ControlFlow::Break(());
            };
            *ended = rows
                .iter()
                .filter(|row| (row.kind == Kind::Organisation) == organisations)
                .filter_map(read)
                .filter_map(|entry| leaving(&entry, all, today))
                .try_for_each(|entry| lines.take(&entry));
            if ended.is_ok() && signals::unfinished().is_none() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })
        .await?;
    let taken = state.lock().ok().and_then(|mut guard| guard.take());
    let (mut lines, ended) = taken.ok_or_else(|| Failure::new("the export was cut off"))?;
    let ended = ended.and_then(|()| lines.release());
    Ok((lines, ended))
}

/// Lines on their way out: each after those that it refers to, so that they can be written elsewhere in this order.
struct Lines {
    out: BufWriter<Box<dyn Write + Send>>,
    written: u64,
    known: HashSet<EntryId>,
    held: Vec<Held>,
}

/// A line that waits for others.
struct Held {
    id: EntryId,
    needs: Vec<EntryId>,
    line: String,
}

impl Lines {
    fn take(&mut self, entry: &Entry) -> std::io::Result<()> {
        let mut needs = referred(entry);
        needs.retain(|id| !self.known.contains(id));
        let line = line(entry).to_string();
        if needs.is_empty() {
            return self.put(entry.id, &line);
        }
        self.held.push(Held {
            id: entry.id,
            needs,
            line,
        });
        Ok(())
    }

    fn put(&mut self, id: EntryId, line: &str) -> std::io::Result<()> {
        self.written += 1;
        self.known.insert(id);
        writeln!(self.out, "{line}")
    }

    /// Writes what waited. What refers to each other in a circle, or to what does not leave, comes last.
    fn release(&mut self) -> std::io::Result<()> {
        loop {
            let held = std::mem::take(&mut self.held);
            let (ready, waiting): (Vec<_>, Vec<_>) = held
                .into_iter()
                .partition(|held| held.needs.iter().all(|id| self.known.contains(id)));
            let stuck = ready.is_empty();
            let (now, later) = if stuck {
                (waiting, Vec::new())
            } else {
                (ready, waiting)
            };
            self.held = later;
            for held in now {
                self.put(held.id, &held.line)?;
            }
            if stuck {
                return Ok(());
            }
        }
    }
}

/// The other local entries that must be there before this one.
fn referred(entry: &Entry) -> Vec<EntryId> {
    let facets = entry.facets();
    facets
        .organisations
        .iter()
        .chain(&facets.related)
        .filter_map(|reference| reference.local())
        .chain([entry.owner])
        .filter(|id| *id != entry.id)
        .collect()
}

/// The form in which an entry leaves. With `all`, who may see it stays said in it, but names and places do not.
fn leaving(entry: &Entry, all: bool, today: chrono::NaiveDate) -> Option<Entry> {
    let audience = if all {
        Audience::OwnCopy
    } else {
        Audience::PublicFeed
    };
    outward(entry, audience, today)
}

fn line(entry: &Entry) -> serde_json::Value {
    let op = if entry.external_id.is_some() {
        "upsert"
    } else {
        "create"
    };
    json!({"op": op, "kind": entry.kind, "id": entry.id, "entry": AnyDraft::of(entry)})
}
