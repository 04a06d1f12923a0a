//! `lotse export`: all entries as JSON lines, in the form that `lotse import` and `POST /api/v1/batch` take. Names of
//! persons and hidden places stay here: what leaves a node cannot be called back.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use chrono::Utc;
use domain::{AnyDraft, Audience, Entry, outward};
use serde_json::json;

use crate::cli::Export;
use crate::config::Config;
use crate::console;
use crate::failure::{Failure, file};
use crate::follow::read;
use crate::node::open_storage;

/// Rows that are read at once.
const SCAN: i64 = 1_000;

pub(crate) async fn run(config: &Config, export: &Export) -> Result<(), Failure> {
    let storage = open_storage(config).await?;
    let out: Box<dyn Write + Send> = if export.file.as_os_str() == "-" {
        Box::new(std::io::stdout())
    } else {
        let created = OpenOptions::new().write(true).create_new(true).open(&export.file);
        Box::new(created.map_err(|error| file(&export.file, &error))?)
    };
    let state = Arc::new(Mutex::new((BufWriter::new(out), 0_u64, None::<std::io::Error>)));
    let writing = Arc::clone(&state);
    let (all, today) = (export.all, Utc::now().date_naive());
    storage
        .directory
        .scan(SCAN, move |rows| {
            let Ok(mut guard) = writing.lock() else { return ControlFlow::Break(()) };
            let (out, written, failed) = &mut *guard;
            for entry in rows.iter().filter_map(read).filter_map(|entry| leaving(&entry, all, today)) {
                if let Err(error) = writeln!(out, "{}", line(&entry)) {
                    *failed = Some(error);
                    return ControlFlow::Break(());
                }
                *written += 1;
            }
            ControlFlow::Continue(())
        })
        .await?;
    let mut guard = state.lock().map_err(|_| Failure::new("the export was cut off"))?;
    let (out, written, failed) = &mut *guard;
    let flushed = out.flush();
    match failed.take().or(flushed.err()) {
        // The reader has seen enough.
        Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Some(error) => Err(file(&export.file, &error)),
        None => {
            console::note(format_args!("{written} entries"));
            Ok(())
        }
    }
}

/// The form in which an entry leaves. With `all`, who may see it stays said in it, but names and places do not.
fn leaving(entry: &Entry, all: bool, today: chrono::NaiveDate) -> Option<Entry> {
    if !all {
        return outward(entry, Audience::PublicFeed, today);
    }
    let mut wide = entry.clone();
    wide.visibility = domain::Visibility::Public;
    let mut shown = outward(&wide, Audience::NetworkFeed, today)?;
    shown.visibility = entry.visibility;
    Some(shown)
}

fn line(entry: &Entry) -> serde_json::Value {
    let op = if entry.external_id.is_some() { "upsert" } else { "create" };
    json!({"op": op, "kind": entry.kind, "id": entry.id, "entry": AnyDraft::of(entry)})
}
