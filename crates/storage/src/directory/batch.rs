//! Many commands in one transaction, with few statements.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{Actor, Command, EntryId, Prepared, Refusal, Target};

use crate::database::Transaction;
use crate::directory::apply::Applied;
use crate::directory::facts::{load_needs, load_targets};
use crate::directory::save::save;
use crate::directory::work::Work;
use crate::directory::{Directory, Node};
use crate::{Result, StorageError, limits};

/// What happens to the other commands of a batch when one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchMode {
    /// None of them is applied.
    AllOrNothing,
    /// They are applied.
    PerLine,
}

/// What a batch did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOutcome {
    /// For each command, in order, what it did or would have done, or why it was refused.
    pub results: Vec<std::result::Result<Applied, Refusal>>,
    /// Whether it was done: not in a dry run, and not where one of all was refused.
    pub committed: bool,
}

impl Directory {
    /// Applies up to [`limits::BATCH`] commands of one actor in one transaction. Each sees what those before it did.
    ///
    /// # Errors
    /// Those of the database; then nothing was applied. Refusals stand in the results.
    pub async fn apply_batch(
        &self,
        actor: &Actor,
        commands: Vec<Command>,
        mode: BatchMode,
        dry_run: bool,
        now: DateTime<Utc>,
    ) -> Result<BatchOutcome> {
        if commands.len() > limits::BATCH {
            return Err(StorageError::Internal {
                log: format!("a batch of {} commands", commands.len()),
            });
        }
        let (node, actor) = (self.node.clone(), actor.clone());
        // Taken by the first attempt that reaches the data. Copies for further ones would cost more than they are
        // worth: the lock is what attempts wait for, and they have it by then.
        let mut commands = Some(commands);
        self.database
            .write(move |t| {
                let commands = commands.take().ok_or_else(|| StorageError::Unavailable {
                    log: "the connection was lost in the middle of a batch".to_owned(),
                })?;
                run(t, &node, &actor, commands, mode, dry_run, now)
            })
            .await
    }
}

fn run(
    t: &mut Transaction<'_>,
    node: &Node,
    actor: &Actor,
    commands: Vec<Command>,
    mode: BatchMode,
    dry_run: bool,
    now: DateTime<Utc>,
) -> Result<BatchOutcome> {
    let mut work = Work::new(t, node, actor, now)?;
    work.dry = dry_run;
    let mut results = Vec::with_capacity(commands.len());
    let mut lines = targets(actor, commands);
    let all: Vec<&Target> = lines
        .iter()
        .filter_map(|line| line.target.as_ref().ok())
        .collect();
    load_targets(work.t.connection(), node, &mut work.set, all.into_iter())?;
    while !lines.is_empty() {
        wave(&mut work, &mut lines, &mut results)?;
    }
    let refused = results.iter().any(std::result::Result::is_err);
    let committed = !dry_run && (!refused || mode == BatchMode::PerLine);
    if committed {
        save(work.t, node, &mut work.set)?;
    } else {
        work.t.discard();
    }
    Ok(BatchOutcome { results, committed })
}

/// A command that waits for its turn.
struct Line {
    target: std::result::Result<Target, Refusal>,
    command: Command,
}

fn targets(actor: &Actor, commands: Vec<Command>) -> std::collections::VecDeque<Line> {
    commands
        .into_iter()
        .map(|command| Line {
            target: command.target(actor),
            command,
        })
        .collect()
}

/// Prepares as many commands as can be prepared before those ahead of them are decided, looks up what all of them need
/// at once, and decides them in order. Usually that is all of them.
fn wave(
    work: &mut Work<'_, '_>,
    lines: &mut std::collections::VecDeque<Line>,
    results: &mut Vec<std::result::Result<Applied, Refusal>>,
) -> Result<()> {
    let mut touched = Touched::default();
    let mut prepared: Vec<std::result::Result<Prepared, Refusal>> = Vec::new();
    while let Some(line) = lines.front() {
        if let Ok(target) = &line.target {
            if touched.affects(target, work.id_of(target)) {
                break;
            }
            touched.note(
                target,
                work.id_of(target),
                &line.command,
                &work.external_of(target),
            );
        }
        let Some(Line { target, command }) = lines.pop_front() else {
            break;
        };
        prepared.push(match target {
            Ok(target) => work.prepare(&target, command)?,
            Err(refusal) => Err(refusal),
        });
    }
    let needs = prepared
        .iter()
        .filter_map(|prepared| prepared.as_ref().ok())
        .map(Prepared::needs);
    load_needs(work.t.connection(), work.node, &mut work.set, needs)?;
    for prepared in prepared {
        results.push(match prepared {
            Ok(prepared) => work.decide(prepared)?,
            Err(refusal) => Err(refusal),
        });
    }
    Ok(())
}

/// What the undecided commands of a wave may change, seen wide: too wide costs a few statements, too narrow would let
/// a command see what is no longer so.
#[derive(Default)]
struct Touched {
    ids: HashSet<EntryId>,
    keys: HashSet<String>,
    /// A command that may give any key to its entry.
    any_key: bool,
}

impl Touched {
    fn affects(&self, target: &Target, id: Option<EntryId>) -> bool {
        id.is_some_and(|id| self.ids.contains(&id))
            || match target {
                Target::Id(_) => false,
                Target::External {
                    external_id,
                    new_id,
                    ..
                } => self.any_key || self.keys.contains(external_id) || self.ids.contains(new_id),
            }
    }

    fn note(
        &mut self,
        target: &Target,
        id: Option<EntryId>,
        command: &Command,
        current_key: &Option<String>,
    ) {
        self.ids.extend(id);
        self.keys.extend(current_key.clone());
        match command {
            Command::Create { draft, .. } | Command::Replace { draft, .. } => {
                self.keys.extend(draft.external_id.clone());
            }
            Command::Upsert { new_id, .. } => {
                self.ids.insert(*new_id);
            }
            Command::Patch { .. } => self.any_key = true,
            Command::Delete { .. }
            | Command::Purge { .. }
            | Command::Assess { .. }
            | Command::HandOver { .. } => {}
        }
        if let Target::External { external_id, .. } = target {
            self.keys.insert(external_id.clone());
        }
    }
}

impl Work<'_, '_> {
    /// The owner's own key of the entry that a target stands for, as it is now.
    fn external_of(&self, target: &Target) -> Option<String> {
        let state = self.set.states.get(&self.id_of(target)?)?.as_ref()?;
        state.row.external_id.clone()
    }
}
