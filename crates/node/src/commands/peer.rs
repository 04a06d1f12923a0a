//! `lotse peer`, `lotse keys`, `lotse new-epoch`, `lotse journal`: this node and others, at the console.

use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::Actor;
use domain::feed::FeedName;
use federation::{Accepted, Approval, Federation, PeerDetail, PeerView};
use health::Health;

use crate::cli;
use crate::config::Config;
use crate::console;
use crate::failure::Failure;
use crate::node::open_existing;

/// Federation on the node's database, with its identity read or made.
async fn open(config: &Config) -> Result<Federation, Failure> {
    let storage = open_existing(config).await?;
    let clock = http::Clock::new(crate::clock::now);
    let federation = Federation::new(storage, clock, config.federation(), Health::unwatched())?;
    federation.ensure_identity().await?;
    Ok(federation)
}

pub(crate) async fn run(config: &Config, command: cli::Peer) -> Result<ExitCode, Failure> {
    use cli::Peer;
    let federation = open(config).await?;
    let actor = Actor::system();
    let shown = match command {
        Peer::Id => {
            identity(&federation)?;
            return Ok(ExitCode::SUCCESS);
        }
        Peer::List => {
            list(&federation).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Peer::Deny { url: base_url } => {
            let changed = federation.deny_peer(&base_url).await?;
            console::say(if changed {
                format!("{base_url} is denied; what came from it is gone")
            } else {
                format!("{base_url} was denied already")
            });
            return Ok(ExitCode::SUCCESS);
        }
        Peer::Allow { url: base_url } => {
            federation.allow_peer(&base_url).await?;
            console::say(format_args!("{base_url} is no longer denied"));
            return Ok(ExitCode::SUCCESS);
        }
        Peer::Verify { host, thorough } => return verify(&federation, &host, thorough).await,
        Peer::Add {
            url: base_url,
            fingerprint,
            public,
        } => {
            let feed = if public {
                FeedName::Public
            } else {
                FeedName::Network
            };
            federation
                .add_peer(&actor, &base_url, feed, fingerprint.as_deref())
                .await?
        }
        Peer::Show { host } => federation.show_peer(&host).await?,
        Peer::Approve {
            host,
            fingerprint,
            document,
            follow,
        } => {
            let approval = Approval {
                fingerprint: fingerprint.as_deref(),
                document: document.as_deref(),
                follow,
            };
            federation.approve_peer(&actor, &host, approval).await?
        }
        Peer::Reject { host } => federation.reject_peer(&actor, &host).await?,
        Peer::Pause { host } => federation.pause_peer(&actor, &host).await?,
        Peer::Resume { host } => federation.resume_peer(&actor, &host).await?,
        Peer::Sync {
            host,
            allow_sweep,
            all,
        } => federation.sync_peer(&host, allow_sweep, all).await?,
    };
    show(&shown);
    Ok(ExitCode::SUCCESS)
}

fn identity(federation: &Federation) -> Result<(), Failure> {
    let own = federation.own_identity()?;
    console::say(format_args!(
        "node         {}\nbase URL     {}\nfingerprint  {}",
        own.did, own.base_url, own.fingerprint
    ));
    if let Some(path) = federation.recovery_key_here() {
        console::note(format_args!(
            "The recovery key lies in {}: take it off this machine and keep it safe. It is needed once a backup was \
             restored, or keys are lost.",
            path.display()
        ));
    }
    Ok(())
}

async fn list(federation: &Federation) -> Result<(), Failure> {
    for peer in federation.list_peers().await? {
        console::say_row(line(&peer));
    }
    for denied in federation.denials().await? {
        console::say(format_args!("{denied}  denied"));
    }
    Ok(())
}

/// One line about a peer.
fn line(peer: &PeerView) -> String {
    let mut line = format!(
        "{}  {}  follows us: {}  we follow: {} ({})  entries {}  lag {}  last success {}",
        peer.host,
        if peer.approved {
            "approved"
        } else {
            "not approved"
        },
        peer.follower,
        peer.following,
        peer.feed,
        peer.entries,
        peer.lag,
        time(peer.succeeded),
    );
    if !peer.approved {
        line.push_str(&format!("  fingerprint {}", peer.fingerprint));
    }
    if peer.contests > 0 {
        line.push_str(&format!("  others spoke in its name {}x", peer.contests));
    }
    if peer.quarantined > 0 {
        line.push_str(&format!("  quarantine {}", peer.quarantined));
    }
    if let Some(error) = &peer.error {
        line.push_str(&format!("  {}: {}", error.code, error.message));
    }
    line
}

fn show(detail: &PeerDetail) {
    let peer = &detail.peer;
    let mut rows = vec![
        ("host", peer.host.clone()),
        ("node", peer.did.clone()),
        ("name", peer.name.clone().unwrap_or_default()),
        ("fingerprint", peer.fingerprint.clone()),
        ("document", peer.document.clone()),
        ("contested", contested(peer)),
        (
            "approved",
            if peer.approved {
                "yes".to_owned()
            } else {
                "no: compare the fingerprint with what its admin says, then `lotse peer approve --fingerprint`"
                    .to_owned()
            },
        ),
        ("follows us", peer.follower.to_owned()),
        ("we follow", format!("{} ({})", peer.following, peer.feed)),
        (
            "entries",
            format!(
                "{} here, {} left out by policy, {} in quarantine; {} bytes",
                peer.entries, peer.skipped, peer.quarantined, peer.bytes
            ),
        ),
        (
            "feed",
            format!(
                "number {} of epoch {}, lag {}",
                peer.seq, peer.epoch, peer.lag
            ),
        ),
        ("last success", time(peer.succeeded)),
        ("same as there", time(peer.agreed)),
    ];
    if let Some(error) = &peer.error {
        let when = time(error.at);
        rows.push((
            "error",
            format!("{} ({}, {when})", error.message, error.code),
        ));
    }
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        console::say_row(format_args!("{name:<14} {value}"));
    }
    for row in &detail.quarantine {
        console::say_row(format_args!(
            "in quarantine  {} (number {}): {}",
            row.entry, row.seq, row.reason
        ));
    }
}

/// Whether somebody else says to be this node.
fn contested(peer: &PeerView) -> String {
    if peer.contests == 0 {
        return String::new();
    }
    format!(
        "somebody with other keys spoke in its name, {} times, last {}: one of them is not who it says",
        peer.contests,
        time(peer.contested)
    )
}

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(
        || "never".to_owned(),
        |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

async fn verify(federation: &Federation, host: &str, thorough: bool) -> Result<ExitCode, Failure> {
    let found = federation.verify_peer(host, thorough).await?;
    console::say(format_args!(
        "{}: {} entries at number {}, digest {}",
        found.outcome, found.rows, found.seq, found.state_root
    ));
    Ok(if found.agreed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// `lotse keys rotate`.
pub(crate) async fn keys(config: &Config, command: cli::Keys) -> Result<(), Failure> {
    let cli::Keys::Rotate = command;
    let federation = open(config).await?;
    let document = federation.rotate_keys().await?;
    console::say(format_args!(
        "new keys, identity document {}\nfingerprint  {}",
        document.sequence(),
        document.fingerprint()
    ));
    Ok(())
}

/// `lotse new-epoch`.
pub(crate) async fn new_epoch(
    config: &Config,
    recovery_key: &Path,
    without_journal: bool,
) -> Result<(), Failure> {
    let storage = open_existing(config).await?;
    let clock = http::Clock::new(crate::clock::now);
    let federation = Federation::new(storage, clock, config.federation(), Health::unwatched())?;
    let (document, repeated) = federation.new_epoch(recovery_key, without_journal).await?;
    console::say(format_args!(
        "epoch {}, identity document {}\nfingerprint  {}\ndeleted again {}, hidden {}",
        document.epoch(),
        document.sequence(),
        document.fingerprint(),
        repeated.deleted.len(),
        repeated.hidden.len()
    ));
    for id in repeated.hidden {
        console::say(format_args!(
            "hidden  {id}: fewer people could see it than this backup says; look at it"
        ));
    }
    Ok(())
}

/// `lotse journal`.
pub(crate) async fn journal(config: &Config, command: cli::Journal) -> Result<(), Failure> {
    let storage = open_existing(config).await?;
    let clock = http::Clock::new(crate::clock::now);
    let federation = Federation::new(storage, clock, config.federation(), Health::unwatched())?;
    let journal = federation.journal();
    match command {
        cli::Journal::Show => match journal.read().map_err(federation::FederationError::from)? {
            None => console::say(format_args!("{}: there is none", journal.path().display())),
            Some(written) => {
                for feed in FeedName::ALL {
                    if let Some(mark) = written.feeds.last(feed) {
                        console::say(format_args!(
                            "{feed}: epoch {}, number {}, {}",
                            mark.epoch,
                            mark.seq,
                            time(Some(mark.at))
                        ));
                    }
                }
                console::say(format_args!(
                    "deleted {}, identity documents {}, denied {}",
                    written.feeds.deleted().len(),
                    written.documents.len(),
                    written.denied.len()
                ));
            }
        },
        cli::Journal::Accept => match federation.accept_journal().await? {
            Accepted::Begun { deleted } => console::say(format_args!(
                "{} begins now; it knows of {deleted} deletions",
                journal.path().display()
            )),
            _ => console::say(format_args!(
                "{} is whole and belongs to the database: there is nothing to accept",
                journal.path().display()
            )),
        },
    }
    Ok(())
}
