//! `lotse check`: compares database, search index and references.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use search::{Audit, AuditError, Change, Difference, Facet, Index, Query, Snapshot, Viewer};
use storage::{Changed, Storage, Stored};

use crate::config::Config;
use crate::console;
use crate::failure::Failure;
use crate::follow::{change, read};
use crate::node::{SCAN, fill, open_existing};

/// Differences that are named; the rest are counted.
const NAMED: u64 = 20;
/// Changes that are read at once.
const PAGE: usize = 2_000;

pub(crate) async fn run(config: &Config) -> Result<ExitCode, Failure> {
    let storage = open_existing(config).await?;
    let integrity = storage.check_integrity().await?;
    for finding in &integrity.findings {
        console::say(format_args!(
            "{}: {}: {}",
            finding.code, finding.subject, finding.message
        ));
    }
    if integrity.more > 0 {
        console::say(format_args!("and {} more", integrity.more));
    }
    let columns = columns(&storage).await?;
    let text = text(config, &storage).await?;
    for exposed in crate::places::exposed(config) {
        console::say(exposed);
    }
    crate::places::together(config)
        .iter()
        .for_each(console::say);
    let sound = integrity.is_sound() && columns && text;
    console::say(format_args!(
        "{} entries checked: {}",
        integrity.entries,
        if sound {
            "nothing differs"
        } else {
            "see above"
        }
    ));
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Names what differs, up to [`NAMED`], and counts it.
#[derive(Default)]
struct Differences(u64);

impl Differences {
    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        self.0 += 1;
        if self.0 <= NAMED {
            console::say(line);
        }
    }

    /// Whether nothing differs.
    fn end(&self, what: &str) -> bool {
        if self.0 > NAMED {
            console::say(format_args!("{what}: and {} more", self.0 - NAMED));
        }
        self.0 == 0
    }
}

/// Looks at each row, in a thread that may block; returns what was found and the number up to which it holds.
async fn each_row<T: Send + 'static>(
    storage: &Storage,
    found: T,
    mut look: impl FnMut(&mut T, &Stored) + Send + 'static,
) -> Result<(T, i64), Failure> {
    let found = Arc::new(Mutex::new(Some(found)));
    let shared = Arc::clone(&found);
    let through = storage
        .directory
        .scan(SCAN, move |rows| {
            let Ok(mut guard) = shared.lock() else {
                return ControlFlow::Break(());
            };
            let Some(found) = guard.as_mut() else {
                return ControlFlow::Break(());
            };
            rows.iter().for_each(|stored| look(found, stored));
            ControlFlow::Continue(())
        })
        .await?;
    let found = found.lock().ok().and_then(|mut found| found.take());
    let found = found.ok_or_else(|| Failure::new("the rows could not be looked at"))?;
    Ok((found, through))
}

/// Fills the columns as a start would, and compares each entry of them with its row.
async fn columns(storage: &Storage) -> Result<bool, Failure> {
    let index = Index::open(None, &storage.generation().to_string())?;
    fill(storage, &index).await?;
    let snapshot = index.snapshot();
    let looked = Arc::clone(&snapshot);
    let (differences, _) = each_row(storage, Differences::default(), move |found, stored| {
        if !is_held(&looked, stored) {
            found.say(format_args!(
                "index: {} is not held as it is stored",
                stored.key.id
            ));
        }
    })
    .await?;
    let mut differences = differences;
    let stored = storage.directory.count().await?;
    let listed = snapshot
        .search(
            &Query {
                limit: Some(1),
                facets: vec![Facet::Kind],
                ..Query::default()
            },
            &Viewer::Coordinator,
        )
        .map_err(|error| Failure::new(error.to_string()))?
        .total;
    for (what, count) in [("holds", snapshot.len()), ("lists", listed)] {
        if count != stored {
            differences.say(format_args!(
                "index: {what} {count} entries, the database {stored}"
            ));
        }
    }
    Ok(differences.end("index"))
}

fn is_held(snapshot: &Snapshot, stored: &Stored) -> bool {
    snapshot
        .get(&stored.key, &Viewer::Coordinator)
        .is_some_and(|found| {
            (found.arrival, found.content_hash) == (stored.arrival, stored.hash)
                && found.kind == stored.kind
        })
}

/// Compares the text index on disk with the entries, term by term. What a start would still add is not expected in it.
async fn text(config: &Config, storage: &Storage) -> Result<bool, Failure> {
    let folder = config.index_folder();
    let audit = match Audit::open(&folder, &storage.generation().to_string()) {
        Ok(audit) => audit,
        Err(AuditError::Missing) => {
            console::say(format_args!(
                "{}: not there yet; the next start builds it",
                folder.display()
            ));
            return Ok(true);
        }
        Err(why) => {
            console::say(format_args!(
                "{}: not compared: {why}; `lotse reindex` removes it, and the next start builds it anew",
                folder.display()
            ));
            return Ok(false);
        }
    };
    let (begun, today) = (audit.through(), crate::clock::now().date_naive());
    let found = (audit, Differences::default());
    let (found, through) = each_row(storage, found, move |(audit, differences), stored| {
        if stored.arrival > begun {
            return audit.pass_over(&stored.key);
        }
        let on = |day| match change(stored, day, true) {
            Some(Change::Put(document)) => Some(*document),
            _ => None,
        };
        let Some(document) = on(today) else {
            return;
        };
        let then = || on(read(stored)?.modified.date_naive());
        match audit.compare(document, then) {
            None => {}
            Some(Difference::Missing) => {
                differences.say(format_args!("text index: {} is not in it", stored.key.id))
            }
            Some(Difference::Terms) => differences.say(format_args!(
                "text index: {} is found by other words than it has",
                stored.key.id
            )),
        }
    })
    .await?;
    let (mut audit, mut differences) = found;
    let is_denied = pass_over_gone(storage, &mut audit, begun).await?;
    if audit.left() > 0 && !is_denied {
        differences.say(format_args!(
            "text index: holds {} texts of entries that are not there",
            audit.left()
        ));
    }
    if through > begun {
        console::say(format_args!(
            "{}: the next start adds what has changed since it was last written",
            folder.display()
        ));
    }
    let is_sound = differences.end("text index");
    if !is_sound {
        console::say("`lotse reindex` removes the index, and the next start builds it anew");
    }
    Ok(is_sound)
}

/// Passes over what has gone since the index was last written: whether a whole node has.
async fn pass_over_gone(
    storage: &Storage,
    audit: &mut Audit,
    mut after: i64,
) -> Result<bool, Failure> {
    let mut is_denied = false;
    loop {
        let changes = storage.directory.changes_since(after, PAGE).await?;
        for changed in &changes.items {
            match changed {
                Changed::Removed { key, .. } => audit.pass_over(key),
                Changed::Denied { .. } => is_denied = true,
                _ => {}
            }
        }
        after = changes.through;
        if !changes.more {
            return Ok(is_denied);
        }
    }
}
