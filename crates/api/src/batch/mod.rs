//! Many writes in one request: JSON lines in, one result line per input line out, both streamed.

mod line;
mod lines;

use std::time::Instant;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use domain::{Actor, Command, Refusal, limits};
use futures_util::stream;
use http::body::BodyStream;
use http::consts::WHOLE_BATCH_BYTES;
use http::sign_in::SignedIn;
use http::{Code, JsonLines, Problem, Query};
use serde::Deserialize;
use storage::{Applied, BatchMode};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::State;
pub use line::Line;
use line::Written;
use lines::Lines;

/// Lines that are written in one transaction, where each line stands for itself.
const CHUNK: usize = 500;
/// Bytes of such lines: one chunk is written while the next is read.
const CHUNK_BYTES: usize = 768 * 1024;
/// Bytes for which a batch needs room that is written line by line: two chunks as text and as what they say.
const LINEWISE_BYTES: usize = 4 * CHUNK_BYTES;

/// How a batch is applied.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchParams {
    /// What happens to the other lines when one is refused: `per_line` (unless given) applies them, `all_or_nothing`
    /// applies none.
    #[serde(default)]
    mode: Mode,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// What happens to the other lines when one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// They are applied.
    #[default]
    PerLine,
    /// None is applied.
    AllOrNothing,
}

/// `POST /batch`.
#[utoipa::path(
    post, path = "/api/v1/batch", tag = "entries", operation_id = "batch",
    summary = "Write many entries: JSON lines in, one result line per input line out",
    description = "Each line is an object with `op` (`upsert` unless given, `create`, `replace`, `patch`, `delete`), \
        `kind`, and `entry` (a draft), `patch`, `id` and `if_match` as the operation needs them. At most 10,000 lines of \
        64 KB, and 16 MB where they are applied as a whole. Results are in the order of the lines and are sent while \
        the body is still being read; a line is in the database before its result is sent.",
    params(BatchParams),
    request_body(content = line::Line, content_type = "application/x-ndjson"),
    responses((status = 200, description = "One line per line", body = line::ResultLine, content_type = "application/x-ndjson")),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn batch(
    state: web::Data<State>,
    signed_in: SignedIn,
    params: Query<BatchParams>,
    JsonLines(mut body): JsonLines,
) -> Result<HttpResponse, Problem> {
    let Query(params) = params;
    let whole = params.dry_run || params.mode == Mode::AllOrNothing;
    if !whole {
        body.keep(LINEWISE_BYTES)?;
    }
    // Results wait here while the caller is still sending. There are no more of them than lines.
    let (results, answer) = mpsc::unbounded_channel();
    let run = Run {
        state: state.get_ref().clone(),
        signed_in,
        results,
        begun: Instant::now(),
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with its request, which tells what came of it"
    )]
    actix_web::rt::spawn(async move {
        if whole {
            run.all_at_once(body, params).await
        } else {
            run.line_by_line(body).await
        }
    });
    let answer = stream::unfold(answer, |mut answer| async move {
        answer
            .recv()
            .await
            .map(|bytes: Bytes| (Ok::<_, std::convert::Infallible>(bytes), answer))
    });
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .streaming(answer))
}

/// One batch on its way.
struct Run {
    state: State,
    signed_in: SignedIn,
    results: mpsc::UnboundedSender<Bytes>,
    begun: Instant,
}

/// A line, read: its number, and what it asks for or why it cannot be read.
type Asked = (usize, Result<(Actor, Command), Problem>);

impl Run {
    /// Applies each line for itself, a few hundred in one transaction, and reads on while they are written.
    async fn line_by_line(self, body: BodyStream) {
        let mut lines = Lines::new(body);
        let mut chunk = self.read(&mut lines, CHUNK).await;
        while let Some(asked) = chunk {
            let write = self.write(asked, BatchMode::PerLine, false);
            let (results, next) = futures_util::join!(write, self.read(&mut lines, CHUNK));
            if self.send(results).is_err() {
                break;
            }
            chunk = next;
        }
        tracing::info!(
            lines = lines.count(),
            millis = self.begun.elapsed().as_millis() as u64,
            "batch done"
        );
    }

    /// Applies all lines in one transaction or none of them.
    async fn all_at_once(self, body: BodyStream, params: BatchParams) {
        let mut lines = Lines::new(body);
        let mut asked: Vec<Asked> = Vec::new();
        let mut kept = 0;
        while let Some(chunk) = self.read(&mut lines, CHUNK).await {
            asked.extend(chunk);
            let room = fits_whole(lines.bytes()).and_then(|()| lines.keep(lines.bytes() - kept));
            kept = lines.bytes();
            if let Err(problem) = room {
                let _ = self.send(vec![line::refused(lines.count(), &problem)]);
                return;
            }
        }
        let mode = match params.mode {
            Mode::AllOrNothing => BatchMode::AllOrNothing,
            Mode::PerLine => BatchMode::PerLine,
        };
        let unreadable = asked.iter().any(|(_, command)| command.is_err());
        let dry_run = params.dry_run || (unreadable && mode == BatchMode::AllOrNothing);
        let results = self.write(asked, mode, dry_run).await;
        let results = if dry_run && !params.dry_run {
            line::undone(results)
        } else {
            results
        };
        let _ = self.send(results);
    }

    /// The next lines, parsed; none at the end.
    async fn read(&self, lines: &mut Lines, most: usize) -> Option<Vec<Asked>> {
        let mut read = Vec::new();
        let full = lines.bytes() + CHUNK_BYTES;
        while read.len() < most && lines.bytes() < full {
            match lines.next().await {
                None => break,
                Some((number, _)) if number > limits::BATCH_LINES => {
                    let problem = Problem::new(
                        Code::BodyTooLarge,
                        format!(
                            "a batch has at most {} lines; this one and those after it were not read",
                            limits::BATCH_LINES
                        ),
                    );
                    read.push((number, Err(problem)));
                    lines.stop();
                    break;
                }
                Some(line) => read.push(line),
            }
        }
        if read.is_empty() {
            return None;
        }
        let (state, signed_in) = (self.state.clone(), self.signed_in.clone());
        // Reading and checking thousands of entries would keep this worker from answering others.
        web::block(move || {
            read.into_iter()
                .map(|(number, line)| {
                    (
                        number,
                        line.and_then(|line| line::command(&state, &signed_in, &line)),
                    )
                })
                .collect()
        })
        .await
        .ok()
    }

    /// Writes what can be written and says for each line what came of it, in order.
    async fn write(&self, asked: Vec<Asked>, mode: BatchMode, dry_run: bool) -> Vec<Written> {
        let mut written: Vec<Written> = Vec::with_capacity(asked.len());
        // One transaction has one actor. Only an account of several organisations acts as more than one.
        let mut runs: Vec<(Actor, Vec<usize>, Vec<Command>)> = Vec::new();
        for (number, command) in asked {
            match command {
                Ok((actor, command)) => match runs.last_mut() {
                    Some((same, numbers, commands)) if *same == actor => {
                        numbers.push(number);
                        commands.push(command);
                    }
                    _ => runs.push((actor, vec![number], vec![command])),
                },
                Err(problem) => written.push(line::refused(number, &problem)),
            }
        }
        if runs.len() > 1 && mode == BatchMode::AllOrNothing {
            let problem = Problem::new(
                Code::BadRequest,
                "a batch that is applied as a whole acts for one organisation",
            );
            let numbers = runs.into_iter().flat_map(|(_, numbers, _)| numbers);
            written.extend(numbers.map(|number| line::refused(number, &problem)));
        } else {
            for (actor, numbers, commands) in runs {
                written.extend(
                    self.write_as(&actor, numbers, commands, mode, dry_run)
                        .await,
                );
            }
        }
        written.sort_by_key(|line| line.number);
        written
    }

    /// Writes the commands of one actor in one transaction.
    async fn write_as(
        &self,
        actor: &Actor,
        numbers: Vec<usize>,
        commands: Vec<Command>,
        mode: BatchMode,
        dry_run: bool,
    ) -> Vec<Written> {
        let (directory, now) = (self.state.directory(), self.state.clock.now());
        let outcome = directory
            .apply_batch(actor, commands, mode, dry_run, now)
            .await;
        match outcome {
            Ok(outcome) => {
                let applied = outcome.results.iter().flatten();
                let arrival = applied.map(|applied| applied.arrival).max();
                if let (Some(arrival), true) = (arrival, outcome.committed)
                    && let Err(problem) = self.state.reached(arrival).await
                {
                    tracing::warn!(%problem, "a batch is saved but not yet readable");
                }
                let undone = !outcome.committed && !dry_run;
                let each = numbers.into_iter().zip(outcome.results);
                each.map(|(number, result)| describe(number, result, undone))
                    .collect()
            }
            Err(error) => {
                let problem = Problem::from(error);
                numbers
                    .into_iter()
                    .map(|number| line::refused(number, &problem))
                    .collect()
            }
        }
    }

    fn send(&self, results: Vec<Written>) -> Result<(), ()> {
        let mut bytes = Vec::with_capacity(results.len() * 160);
        for result in &results {
            bytes.extend_from_slice(&result.json);
            bytes.push(b'\n');
        }
        self.results.send(Bytes::from(bytes)).map_err(drop)
    }
}

fn fits_whole(bytes: usize) -> Result<(), Problem> {
    if bytes <= WHOLE_BATCH_BYTES {
        return Ok(());
    }
    Err(Problem::new(
        Code::BodyTooLarge,
        format!(
            "a batch that is applied as a whole has at most {WHOLE_BATCH_BYTES} bytes; nothing was applied"
        ),
    ))
}

fn describe(number: usize, result: Result<Applied, Refusal>, undone: bool) -> Written {
    match result {
        Ok(applied) if !undone => line::applied(number, &applied),
        Ok(_) => line::not_applied(number),
        Err(refusal) => line::refused(number, &Problem::from(refusal)),
    }
}
