//! Batch upserts over HTTP, against raw inserts of the same entries.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use diesel::{Connection, PgConnection, RunQueryDsl};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Options, entries::Maker, load::median, product::Product, raw, report::Line};

/// Entries of one batch.
const BATCH: usize = 10_000;
/// Rows of one transaction of the yardstick: as many lines of a batch as the node writes in one.
const TRANSACTION: usize = 500;
/// Batches of one round.
const BATCHES: usize = 5;

/// Everything about writing.
pub(crate) fn measure(options: &Options) -> Result<Vec<Line>> {
    let count = if options.quick {
        BATCH
    } else {
        BATCH * BATCHES
    };
    let mut maker = Maker::new(1)?;
    let entries: Vec<Value> = (0..u32::try_from(count)?)
        .map(|index| maker.entry(index))
        .collect();
    let mut lines = Vec::new();
    for (name, postgres) in [("SQLite", false), ("PostgreSQL", true)] {
        let (mut ratios, mut rates, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..options.rounds() {
            eprintln!("writing to {name}, round {}", round + 1);
            let raw = raw_inserts(options, postgres, &entries)?;
            let (new, changed) = batches(options, postgres, &entries)?;
            ratios.push(raw.as_secs_f64() / new.as_secs_f64());
            rates.push(count as f64 / new.as_secs_f64());
            again.push(raw.as_secs_f64() / changed.as_secs_f64());
        }
        lines.push(Line::new(
            &format!("batch upsert of new entries, of raw bulk insert, {name}"),
            format!("{:.0} entries/s", median(&rates)),
            format!("{:.2}", median(&ratios)),
            "0.30",
        ));
        lines.push(Line::new(
            &format!("batch upsert that changes every entry, of raw bulk insert, {name}"),
            String::new(),
            format!("{:.2}", median(&again)),
            "",
        ));
    }
    Ok(lines)
}

fn raw_inserts(options: &Options, postgres: bool, entries: &[Value]) -> Result<Duration> {
    let folder = TempDir::with_prefix("lotse-bench-")?;
    let product = Product::new(&options.server, folder.path(), fresh(postgres)?)?;
    product.run(&["migrate"])?;
    raw::insert(&product.database(), entries, TRANSACTION)
}

/// The time for entries that are new, and for the same ones changed.
fn batches(options: &Options, postgres: bool, entries: &[Value]) -> Result<(Duration, Duration)> {
    let folder = TempDir::with_prefix("lotse-bench-")?;
    let product = Product::new(&options.server, folder.path(), fresh(postgres)?)?;
    product.prepare()?;
    let node = product.serve()?;
    let writer = product.writer(node.url())?;
    let send = |entries: &[Value]| -> Result<Duration> {
        let bodies: Vec<_> = entries
            .chunks(BATCH)
            .map(|chunk| writer.body(chunk))
            .collect();
        let begun = Instant::now();
        for body in bodies {
            writer.send(body)?;
        }
        Ok(begun.elapsed())
    };
    let new = send(entries)?;
    let changed: Vec<_> = entries.iter().cloned().map(changed).collect();
    let again = send(&changed)?;
    node.stop()?;
    Ok((new, again))
}

fn changed(mut entry: Value) -> Value {
    let name = if entry["kind"] == "organisation" {
        "name"
    } else {
        "title"
    };
    let text = &mut entry["content"][name]["en"];
    *text = Value::from(format!("{} (changed)", text.as_str().unwrap_or_default()));
    entry
}

/// A new database in the PostgreSQL that `LOTSE_TEST_POSTGRES` names.
pub(crate) fn fresh(postgres: bool) -> Result<Option<String>> {
    if !postgres {
        return Ok(None);
    }
    let server = std::env::var("LOTSE_TEST_POSTGRES")
        .context("LOTSE_TEST_POSTGRES is not set: run `cargo xtask bench`")?;
    let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
    diesel::sql_query(format!("create database {name}"))
        .execute(&mut PgConnection::establish(&server)?)?;
    let (before, _) = server.rsplit_once('/').context("the URL has no database")?;
    Ok(Some(format!("{before}/{name}")))
}

/// Drops what [`fresh`] made: a million entries with their statements fill gigabytes.
pub(crate) fn dropped(url: &str) -> Result<()> {
    let server = std::env::var("LOTSE_TEST_POSTGRES")?;
    let (_, name) = url.rsplit_once('/').context("the URL has no database")?;
    diesel::sql_query(format!("drop database {name} with (force)"))
        .execute(&mut PgConnection::establish(&server)?)?;
    Ok(())
}
