//! `lotse check`: compares database, search index and references.

use std::process::ExitCode;

use search::{Facet, Index, Query, Viewer};

use crate::config::Config;
use crate::console;
use crate::failure::{self, Failure};
use crate::node::{fill, open_existing};

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
    let differs = index(config, &storage).await?;
    for exposed in crate::places::exposed(config) {
        console::say(format_args!("{exposed}"));
    }
    let sound = integrity.is_sound() && !differs;
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

/// Fills the index as a start would, and compares what it then holds with the database.
async fn index(config: &Config, storage: &storage::Storage) -> Result<bool, Failure> {
    let folder = config.index_folder();
    if !folder.exists() {
        console::say(format_args!(
            "{}: not there yet; the next start builds it",
            folder.display()
        ));
        return Ok(false);
    }
    let index = match Index::open(Some(&folder), &storage.generation().to_string()) {
        Ok(index) => index,
        Err(error) => {
            console::say(format_args!(
                "{}: not compared: {}",
                folder.display(),
                failure::index(&error)
            ));
            return Ok(false);
        }
    };
    let through = fill(storage, &index).await?;
    index.text_reached(through).await;
    let snapshot = index.snapshot();
    let held = snapshot.len();
    let stored = storage.directory.count().await?;
    if held != stored {
        console::say(format_args!(
            "index: holds {held} entries, the database {stored}"
        ));
    }
    let unfound = snapshot
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
    if unfound != stored {
        console::say(format_args!(
            "index: lists {unfound} entries, the database holds {stored}"
        ));
    }
    Ok(held != stored || unfound != stored)
}
