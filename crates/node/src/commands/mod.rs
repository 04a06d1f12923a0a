//! The commands, one file for each group.

mod account;
mod check;
mod client;
mod demo;
mod export;
mod health;
mod import;
mod init;
mod peer;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use domain::{Checker, EntryId, EntryKey, Kind};
use search::{FolderLock, IndexError};
use storage::Storage;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::failure::{Failure, file};
use crate::node::open_existing;
use crate::sources::Sources;
use crate::{console, places, serve, signals};

/// How long a command that consists of a few small steps may take for them after it was asked to end.
const STEP: Duration = Duration::from_secs(5);

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    // Works without any configuration: the document is the same on every node.
    if matches!(cli.command, Command::Openapi) {
        console::write(serve::document_json().as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    if matches!(cli.command, Command::Standard) {
        let draft =
            crate::demo::standard_draft().map_err(|error| Failure::new(error.to_string()))?;
        console::write(draft.as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    let sources = Sources::read(&cli.settings)?;
    let config = sources.config()?;
    crate::clock::set_ahead(config.days_ahead);
    if matches!(cli.command, Command::Config) {
        sources.show(&config).iter().for_each(console::say);
        return Ok(ExitCode::SUCCESS);
    }
    crate::log::start(&config)?;
    let system = actix_web::rt::System::new();
    let done = match cli.command {
        // They end by themselves, in the order of their parts.
        serving @ (Command::Serve | Command::Demo) => system.block_on(perform(&config, serving)),
        command => {
            let patience = patience(&config, &command);
            system.block_on(signals::within(patience, perform(&config, command)))
        }
    };
    done.map_err(|failure| explained(&config, failure))
}

/// How long a command may go on after it was asked to end.
fn patience(config: &Config, command: &Command) -> Duration {
    match command {
        // The lines that it is in the middle of.
        Command::Import(_) => Duration::from_secs(config.shutdown_seconds),
        _ => STEP,
    }
}

/// A failure with the place that cannot be written, where there is one: reading a database writes beside it, too.
fn explained(config: &Config, failure: Failure) -> Failure {
    match places::writable(config) {
        Err(place) if place != failure => Failure::new(format!("{place} ({failure})")),
        _ => failure,
    }
}

async fn perform(config: &Config, command: Command) -> Result<ExitCode, Failure> {
    if writes(&command) {
        places::writable(config)?;
    }
    match command {
        Command::Serve => {
            let listener = serve::listen(config)?;
            let storage = signals::or_leave_well(open_existing(config)).await?;
            serve::serve(config, listener, storage).await?;
        }
        Command::Demo => demo::run(config).await?,
        Command::Init(init) => init::run(config, &init).await?,
        Command::Migrate => migrate(config).await?,
        Command::Account(command) => account::run(config, command).await?,
        Command::Client(command) => client::run(config, command).await?,
        Command::Import(import) => return import::run(config, import).await,
        Command::Peer(command) => return peer::run(config, command).await,
        Command::Keys(command) => peer::keys(config, command).await?,
        Command::NewEpoch {
            recovery_key,
            without_journal,
        } => peer::new_epoch(config, &recovery_key, without_journal).await?,
        Command::Journal(command) => peer::journal(config, command).await?,
        Command::Export(export) => return export::run(config, &export).await,
        Command::Reindex => reindex(config).await?,
        Command::Check => {
            let left = || "ended before everything was compared: nothing is said".to_owned();
            return signals::or_leave(left, check::run(config)).await;
        }
        Command::Backup { file } => {
            let storage = signals::or_leave(signals::not_begun, open_existing(config)).await?;
            let left = || {
                let _ = std::fs::remove_file(storage::unfinished(&file));
                format!(
                    "{}: ended before it was whole; nothing is left of it",
                    file.display()
                )
            };
            let writing = storage.backup(&file, crate::clock::now());
            let archived = signals::or_leave(left, writing).await?;
            console::say(format_args!(
                "{}: {} rows, through change {}",
                file.display(),
                archived.rows,
                archived.through
            ));
        }
        Command::Restore { file } => restore(config, &file).await?,
        Command::Health { abilities } => return health::run(config, &abilities).await,
        Command::Openapi | Command::Standard | Command::Config => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a command writes to the node's own files.
fn writes(command: &Command) -> bool {
    matches!(
        command,
        Command::Serve
            | Command::Demo
            | Command::Init(_)
            | Command::Migrate
            | Command::Import(_)
            | Command::Restore { .. }
    )
}

async fn migrate(config: &Config) -> Result<(), Failure> {
    let url = config.database_url();
    // To upgrade what is not there would make an empty database, which looks like a node's.
    if signals::or_leave(signals::not_begun, Storage::is_new(&url)).await? {
        return Err(crate::node::no_database(config, &url));
    }
    let left = || "ended before it was done: the database is as it was".to_owned();
    let done = signals::or_leave(left, Storage::migrate(&url)).await?;
    if done.is_empty() {
        console::say("the database is up to date");
    }
    done.iter()
        .for_each(|name| console::say(format_args!("applied {name}")));
    Ok(())
}

async fn restore(config: &Config, path: &Path) -> Result<(), Failure> {
    // Before anything is made: a mistyped name leaves nothing behind.
    files::refuse_what_is_no_stream(path).map_err(|error| file(path, &error))?;
    crate::config::make_data_folder(&config.data)?;
    let url = config.database_url();
    let left =
        || "ended before everything was restored: the database is as empty as before".to_owned();
    let restoring = async {
        Storage::migrate(&url).await?;
        Storage::restore(&url, path).await
    };
    let archived = signals::or_leave(left, restoring).await?;
    console::say(format_args!(
        "restored {} rows, through change {}",
        archived.rows, archived.through
    ));
    Ok(())
}

/// Takes the index folder away, whatever state it is in; the next start builds it anew from the database.
async fn reindex(config: &Config) -> Result<(), Failure> {
    // A mistyped folder is no reason to remove anything.
    drop(open_existing(config).await?);
    let folder = config.index_folder();
    if !folder.exists() {
        console::say(format_args!(
            "{}: not there yet; the next start builds it",
            folder.display()
        ));
        return Ok(());
    }
    // To take a running node's index away would leave it without one until it is started again.
    let _lock = match FolderLock::take(&folder) {
        Err(error @ IndexError::InUse) => {
            return Err(Failure::new(format!(
                "{}: {error}; stop it first",
                folder.display()
            )));
        }
        Err(error @ IndexError::Foreign(_)) => return Err(Failure::new(error.to_string())),
        other => other.ok(),
    };
    if config.index.is_some() && !folder.is_dir() {
        return Err(Failure::new(format!(
            "{}: this is no folder",
            folder.display()
        )));
    }
    let removed = if folder.is_dir() {
        std::fs::remove_dir_all(&folder)
    } else {
        std::fs::remove_file(&folder)
    };
    removed.map_err(|error| file(&folder, &error))?;
    console::say(format_args!(
        "{} is gone; the next start builds it anew",
        folder.display()
    ));
    Ok(())
}

/// Refuses an organisation that is not there.
async fn organisation_exists(
    config: &Config,
    storage: &Storage,
    id: EntryId,
) -> Result<(), Failure> {
    let key = EntryKey {
        origin: config.origin()?,
        id,
    };
    let found = storage.directory.get(&key).await?;
    if found.is_some_and(|stored| stored.kind == Kind::Organisation && !stored.deleted) {
        Ok(())
    } else {
        Err(Failure::new(format!("there is no organisation {id}")))
    }
}

/// Refuses what is no e-mail address.
fn check_mailbox(config: &Config, email: &str) -> Result<(), Failure> {
    let origin = config.origin()?;
    let mut checker = Checker::new(&origin, crate::clock::now().date_naive());
    checker.email_here(email);
    match checker.finish().0.first() {
        None => Ok(()),
        Some(violation) => Err(Failure::new(format!("{email:?}: {}", violation.message))),
    }
}
