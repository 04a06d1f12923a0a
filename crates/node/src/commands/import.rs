//! `lotse import`: entries from a file of JSON lines, written as the node itself, straight into the database. A node
//! that is running hears of them like of any other change.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use api::BatchLine;
use domain::{Actor, AnyDraft, Command, EntryId, EntryKey, Origin, Reason, limits};
use indicatif::{ProgressBar, ProgressStyle};
use storage::{BatchMode, Outcome, Storage};
use uuid::Uuid;

use crate::cli::Import;
use crate::config::Config;
use crate::failure::{Failure, file};
use crate::node::open_existing;
use crate::{console, signals};

/// Lines that are written in one transaction.
const CHUNK: usize = 2_000;
/// Lines of a dry run that see what those before them would have done. One transaction, so that they can.
const DRY_CHUNK: usize = storage::limits::BATCH;
/// Bytes after which a chunk ends early: it is held in memory.
const CHUNK_BYTES: usize = 64 * 1024 * 1024;
/// Problems that are shown; the rest is counted.
const SHOWN: usize = 50;

/// The file, which may be a pipe that nobody writes to yet.
async fn opened(path: &Path) -> Result<File, Failure> {
    let named = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || files::open_stream(&named)).await;
    let opened = opened.map_err(|error| Failure::new(error.to_string()))?;
    opened.map_err(|error| file(path, &error))
}

/// What came of the lines so far.
#[derive(Default)]
struct Tally {
    created: u64,
    updated: u64,
    unchanged: u64,
    deleted: u64,
    refused: u64,
}

pub(crate) async fn run(config: &Config, import: Import) -> Result<ExitCode, Failure> {
    let storage = signals::or_leave(signals::not_begun, open_existing(config)).await?;
    let (input, size): (Box<dyn Read + Send>, u64) = if import.file.as_os_str() == "-" {
        (Box::new(std::io::stdin()), 0)
    } else {
        let opened = signals::or_leave(signals::not_begun, opened(&import.file)).await?;
        let size = opened.metadata().map_or(0, |metadata| metadata.len());
        (Box::new(opened), size)
    };
    let progress = progress(size);
    let mut lines = Lines {
        input: BufReader::with_capacity(1 << 20, input),
        number: 0,
        read: 0,
    };
    let actor = Actor {
        organisation: import.owner,
        ..Actor::system()
    };
    let origin = config.origin()?;
    let mut tally = Tally::default();
    let (mut chunks, most) = (0_u64, if import.dry_run { DRY_CHUNK } else { CHUNK });
    let (mut ended, mut through) = (false, 0);
    loop {
        let Some((read_on, chunk)) = next(lines, most).await? else {
            ended = true;
            break;
        };
        lines = read_on;
        let chunk = chunk.map_err(|error| file(&import.file, &error))?;
        if chunk.is_empty() {
            break;
        }
        chunks += 1;
        write(
            &storage,
            &origin,
            &actor,
            chunk,
            import.dry_run,
            &mut tally,
            &progress,
        )
        .await?;
        through = lines.number;
        progress.set_position(lines.read);
    }
    progress.finish_and_clear();
    let Tally {
        created,
        updated,
        unchanged,
        deleted,
        refused,
    } = tally;
    if import.dry_run && chunks > 1 {
        console::note(format_args!(
            "this dry run was made in {chunks} parts of at most {DRY_CHUNK} lines, and none of them sees what the parts \
             before it would have written: what refers to it counts as refused, what changes it as created"
        ));
    }
    let would = if import.dry_run {
        " (dry run: nothing was written)"
    } else {
        ""
    };
    console::say(format_args!(
        "{created} created, {updated} updated, {unchanged} unchanged, {deleted} deleted, {refused} refused{would}"
    ));
    if ended {
        console::note(format_args!(
            "ended after line {through}: what follows was not looked at"
        ));
        // Its thread may wait for a line that nobody types.
        signals::leave(signals::unfinished().map_or(0, i32::from));
    }
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The next lines, and the rest; nothing where the process is asked to end.
async fn next(mut lines: Lines, most: usize) -> Result<Option<(Lines, Chunk)>, Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        let chunk = lines.chunk(most);
        (lines, chunk)
    });
    tokio::select! {
        biased;
        () = signals::asked_to_end() => Ok(None),
        read = reading => read
            .map(Some)
            .map_err(|error| Failure::new(format!("the file cannot be read: {error}"))),
    }
}

fn progress(size: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bytes} of {total_bytes} {wide_bar} {eta}");
    let bar = if size > 0 {
        ProgressBar::new(size)
    } else {
        ProgressBar::new_spinner()
    };
    match style {
        Ok(style) if size > 0 => bar.with_style(style),
        _ => bar,
    }
}

/// Writes one chunk; each line stands for itself.
async fn write(
    storage: &Storage,
    origin: &Origin,
    actor: &Actor,
    chunk: Vec<(u64, Vec<u8>)>,
    dry_run: bool,
    tally: &mut Tally,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let mut numbers = Vec::with_capacity(chunk.len());
    let mut commands = Vec::with_capacity(chunk.len());
    for (number, line) in chunk {
        match command(&line) {
            Ok(command) => {
                numbers.push(number);
                commands.push(command);
            }
            Err(problem) => {
                let places: Vec<String> = problem
                    .errors()
                    .iter()
                    .map(|error| format!("{} {}", error.pointer, error.message))
                    .collect();
                let places: Vec<&str> = places.iter().map(|place| place.trim()).collect();
                refused(
                    tally,
                    progress,
                    number,
                    &[&problem.to_string(), &*places.join("; ")].join("; "),
                );
            }
        }
    }
    if commands.is_empty() {
        return Ok(());
    }
    let wanted: Vec<Option<(EntryId, AnyDraft)>> = commands.iter().map(created).collect();
    let outcome = storage
        .directory
        .apply_batch(
            actor,
            commands,
            BatchMode::PerLine,
            dry_run,
            crate::clock::now(),
        )
        .await?;
    for ((number, wanted), result) in numbers.into_iter().zip(wanted).zip(outcome.results) {
        match result {
            Ok(applied) => match applied.outcome {
                Outcome::Created => tally.created += 1,
                Outcome::Updated | Outcome::HandedOver => tally.updated += 1,
                Outcome::Unchanged => tally.unchanged += 1,
                Outcome::Deleted | Outcome::Purged => tally.deleted += 1,
            },
            Err(refusal)
                if refusal.reason == Reason::IdTaken
                    && is_there(storage, origin, wanted).await? =>
            {
                tally.unchanged += 1;
            }
            Err(refusal) => refused(tally, progress, number, &refusal.to_string()),
        }
    }
    Ok(())
}

/// The entry that a line makes under an id of its own.
fn created(command: &Command) -> Option<(EntryId, AnyDraft)> {
    match command {
        Command::Create { id, draft } => Some((*id, draft.clone())),
        _ => None,
    }
}

/// Whether the very entry is there already, as after a first import of the same file.
async fn is_there(
    storage: &Storage,
    origin: &Origin,
    wanted: Option<(EntryId, AnyDraft)>,
) -> Result<bool, Failure> {
    let Some((id, mut draft)) = wanted else {
        return Ok(false);
    };
    let key = EntryKey {
        origin: origin.clone(),
        id,
    };
    let Some(stored) = storage.directory.get(&key).await? else {
        return Ok(false);
    };
    draft.kind = Some(stored.kind);
    Ok(!stored.deleted && AnyDraft::of(&stored.entry()?) == draft)
}

fn refused(tally: &mut Tally, progress: &ProgressBar, number: u64, why: &str) {
    tally.refused += 1;
    if tally.refused <= SHOWN as u64 {
        progress.suspend(|| console::note(format_args!("line {number}: {why}")));
    } else if tally.refused == SHOWN as u64 + 1 {
        progress.suspend(|| console::note("further refusals are counted, not shown"));
    }
}

fn command(line: &[u8]) -> Result<Command, http::Problem> {
    BatchLine::parse(line)?.command(|| EntryId(Uuid::now_v7()))
}

/// Lines with their numbers.
type Chunk = std::io::Result<Vec<(u64, Vec<u8>)>>;

/// Lines of a file, numbered from 1, blank ones left out.
struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    number: u64,
    read: u64,
}

impl Lines {
    fn chunk(&mut self, most_lines: usize) -> Chunk {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < most_lines && bytes < CHUNK_BYTES {
            let mut line = Vec::new();
            // A file without line feeds may not fill the memory. Standards are longer than other entries.
            let most = limits::STANDARD_BYTES as u64 + 1;
            let read = self
                .input
                .by_ref()
                .take(most)
                .read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            if read as u64 == most {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::InvalidData,
                    format!(
                        "line {} is longer than {} bytes",
                        self.number + 1,
                        limits::STANDARD_BYTES
                    ),
                ));
            }
            self.number += 1;
            self.read += read as u64;
            // Editors of some systems put a byte order mark first; it says nothing (RFC 8259 section 8.1).
            let line = if self.number == 1 {
                line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line)
            } else {
                &line
            };
            let trimmed = line.trim_ascii();
            if !trimmed.is_empty() {
                bytes += trimmed.len();
                chunk.push((self.number, trimmed.to_vec()));
            }
        }
        Ok(chunk)
    }
}
