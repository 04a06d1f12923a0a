//! Feeds, their heads and state trees.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::feed::{Digest, FeedKey, FeedName};
use http::load::Share;
use http::{Code, Path, Problem, Query};
use serde::Deserialize;
use serde_json::json;
use storage::feeds::FeedWork;

use super::sender::{client, follower, place, problem};
use crate::error::FederationError;
use crate::federation::Federation;
use crate::identity::Identity;
use crate::protocol::canonical::MAX_INTEGER;
use crate::protocol::journal::Remembered;
use crate::protocol::page::{self, Part};
use crate::protocol::{publish, tree};
use crate::standing::{self, NOTHING_YET};

/// Rows of a page unless the reader says how many.
const ROWS: usize = 500;
/// How often, and after which pauses, a page is tried while the feed is between two heads.
const ATTEMPTS: usize = 60;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// What `GET changes` understands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
    /// Whether this belongs to a pull of everything, which needs no deletions: what is not told is not there.
    #[serde(default)]
    all: bool,
}

/// Which feed, if the sender may read it, and a place among those that are answered at the same time: what is read here is
/// dear, and anybody may ask for it.
async fn feed(
    federation: &Federation,
    request: &HttpRequest,
    name: &str,
) -> Result<(FeedKey, Share), Problem> {
    let name: FeedName = name.parse().map_err(|_| Problem::not_found())?;
    let places = federation.places();
    let place = if name == FeedName::Network {
        let peer = follower(federation, request).await?;
        let places = places.of_network_reads();
        place(|| places.take_named(peer.id.unsigned_abs(), 1)).await?
    } else {
        let (places, client) = (places.of_public_reads(), client(request));
        place(|| places.take(client, 1)).await?
    };
    Ok((federation.own(name), place))
}

/// `GET /fed/v1/feeds/{feed}/changes?since=&limit=&all=`: statements after a number, in order, with a trailer.
pub(super) async fn changes(
    federation: web::Data<Federation>,
    request: HttpRequest,
    Path(name): Path<String>,
    Query(Since { since, limit, all }): Query<Since>,
) -> Result<HttpResponse, Problem> {
    let (key, _place) = feed(&federation, &request, &name).await?;
    let limit = limit.unwrap_or(ROWS).clamp(1, page::MAX_ROWS);
    let part = Part::Changes {
        since: since.min(MAX_INTEGER),
    };
    page_of(&federation, key, Wanted { part, limit, all }).await
}

/// `GET /fed/v1/feeds/{feed}/state/{bucket}/{leaf}`: the live statements of one leaf, with a trailer.
pub(super) async fn leaf(
    federation: web::Data<Federation>,
    request: HttpRequest,
    Path((name, bucket, leaf)): Path<(String, u8, u8)>,
) -> Result<HttpResponse, Problem> {
    let (key, _place) = feed(&federation, &request, &name).await?;
    let part = Part::Leaf(u16::from_be_bytes([bucket, leaf]));
    let wanted = Wanted {
        part,
        limit: page::MAX_ROWS,
        all: false,
    };
    page_of(&federation, key, wanted).await
}

/// What a snapshot gives for a page.
struct Read {
    rows: Vec<String>,
    through: u64,
    more: bool,
    head: String,
}

/// Why there is no page.
enum NoPage {
    Nothing,
    /// Nothing may be told.
    Silent(FederationError),
    BelowHorizon,
    /// The node has another identity document by now.
    OtherIdentity(u64),
}

/// What somebody asks for.
#[derive(Clone)]
struct Wanted {
    part: Part,
    /// Rows at most.
    limit: usize,
    /// Whether it belongs to a pull of everything.
    all: bool,
}

async fn page_of(
    federation: &Federation,
    key: FeedKey,
    wanted: Wanted,
) -> Result<HttpResponse, Problem> {
    let now = federation.now();
    let said = |error: FederationError| problem(&error);
    let mut identity = federation.identity().map_err(said)?;
    let mut attempt = 0;
    let read = loop {
        let (of, asked, this) = (key.clone(), wanted.clone(), Arc::clone(&identity));
        let told = told(federation).await?;
        let read = federation
            .feeds()
            .read(now, {
                let journal = federation.journal().clone();
                move |work| {
                    if let Err(silent) = standing::look(work, &journal, &told)? {
                        return Ok(Err(NoPage::Silent(silent)));
                    }
                    rows(work, &this, &of, &asked)
                }
            })
            .await?;
        match read {
            Err(NoPage::OtherIdentity(document)) if attempt < ATTEMPTS => {
                attempt += 1;
                identity = federation.identity_of(document).await.map_err(said)?;
            }
            // In the middle of a long batch rows stand under numbers that no head speaks of yet.
            Err(NoPage::Nothing) if attempt < ATTEMPTS => {
                attempt += 1;
                actix_web::rt::time::sleep(PAUSE).await;
            }
            read => break read,
        }
    };
    let read = match read {
        Ok(read) => read,
        Err(NoPage::Nothing | NoPage::OtherIdentity(_)) => {
            return Err(nothing_yet());
        }
        Err(NoPage::Silent(why)) => return Err(silent(federation, &why)),
        Err(NoPage::BelowHorizon) => {
            return Err(Problem::new(
                Code::BelowHorizon,
                "deletions since then are no longer told: pull everything again",
            ));
        }
    };
    let written = web::block(move || write(&identity, &key, &wanted.part, &read, now)).await;
    let body = written
        .map_err(Problem::internal)?
        .map_err(|error| problem(&error))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/jsonl"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}

/// What the journal says was told last. To be read before the database: what was written down after that may not be
/// committed yet.
async fn told(federation: &Federation) -> Result<Arc<Remembered>, Problem> {
    let journal = federation.journal().clone();
    let told = web::block(move || journal.feeds()).await;
    let told = told.map_err(Problem::internal)?;
    let told = told.map_err(|error| silent(federation, &error.into()))?;
    Ok(told.unwrap_or_default())
}

/// A database that was put back, or whose journal is lost, says nothing: whoever follows would take it for a fraud.
/// Readiness says so from this moment on.
fn silent(federation: &Federation, why: &FederationError) -> Problem {
    federation.note_silence(why);
    Problem::new(
        Code::Unavailable,
        "this node was put back to an older state, or has lost its journal, and waits for its admin",
    )
    .with_retry_after(60)
}

fn rows(
    work: &mut FeedWork<'_, '_>,
    identity: &Identity,
    key: &FeedKey,
    wanted: &Wanted,
) -> storage::Result<Result<Read, NoPage>> {
    let document = Federation::sequence_in(work)?;
    let current = identity.document.current_statement_key();
    let Some((method, _)) = current.filter(|_| document == identity.document.sequence()) else {
        return Ok(Err(NoPage::OtherIdentity(document)));
    };
    let Some(state) = work.state(key)? else {
        return Ok(Err(NoPage::Nothing));
    };
    let current = publish::is_current(&state, method);
    let Some(head) = state.head.clone().filter(|_| current) else {
        return Ok(Err(NoPage::Nothing));
    };
    let through = state.seq;
    let limit = wanted.limit;
    let page = match &wanted.part {
        Part::Changes { since } if !wanted.all && *since > 0 && *since < state.horizon => {
            return Ok(Err(NoPage::BelowHorizon));
        }
        Part::Changes { since } => work.page(key, *since, through, (limit, page::FULL_BYTES))?,
        Part::Leaf(leaf) => work.leaf(key, *leaf, (limit, page::FULL_BYTES))?,
    };
    let more = page.more;
    let last = page.rows.last().map_or(0, |row| row.seq);
    // What one said was purged, and its deletion is about to take its place.
    let rows: Option<Vec<String>> = page.rows.into_iter().map(|row| row.body).collect();
    let Some(rows) = rows else {
        return Ok(Err(NoPage::Nothing));
    };
    Ok(Ok(Read {
        rows,
        through: match &wanted.part {
            Part::Changes { .. } if more => last,
            _ => through,
        },
        more,
        head,
    }))
}

fn write(
    identity: &Arc<Identity>,
    key: &FeedKey,
    part: &Part,
    read: &Read,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<String, FederationError> {
    let (method, _) = identity
        .document
        .current_statement_key()
        .ok_or(FederationError::NoIdentity)?;
    Ok(page::write(
        key,
        part,
        read.rows.iter().map(String::as_str),
        read.through,
        read.more,
        &read.head,
        identity.document.did().as_str(),
        (method, &identity.statements, now),
    )?)
}

/// Reads something of a feed, if this node may tell anything.
async fn read<T: Send + 'static>(
    federation: &Federation,
    mut read: impl FnMut(&mut FeedWork<'_, '_>) -> storage::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let (told, journal) = (told(federation).await?, federation.journal().clone());
    let read = federation.feeds().read(federation.now(), move |work| {
        Ok(match standing::look(work, &journal, &told)? {
            Ok(()) => Ok(read(work)?),
            Err(why) => Err(why),
        })
    });
    read.await?.map_err(|why| silent(federation, &why))
}

/// `GET /fed/v1/feeds/{feed}/head`: the latest head.
pub(super) async fn head(
    federation: web::Data<Federation>,
    request: HttpRequest,
    Path(name): Path<String>,
) -> Result<HttpResponse, Problem> {
    let (key, _place) = feed(&federation, &request, &name).await?;
    let head = read(&federation, move |work| {
        let epoch = standing::epoch_of(work.document()?.as_deref());
        let state = work.state(&key)?.filter(|state| state.epoch == epoch);
        Ok(state.and_then(|state| state.head))
    });
    let head = head.await?.ok_or_else(nothing_yet)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(head))
}

fn nothing_yet() -> Problem {
    Problem::new(Code::Unavailable, NOTHING_YET).with_retry_after(5)
}

/// `GET /fed/v1/feeds/{feed}/state`: the digests of all buckets.
pub(super) async fn buckets(
    federation: web::Data<Federation>,
    request: HttpRequest,
    Path(name): Path<String>,
) -> Result<HttpResponse, Problem> {
    let (key, _place) = feed(&federation, &request, &name).await?;
    let read = read(&federation, move |work| {
        if work.state(&key)?.is_none() {
            return Ok(Vec::new());
        }
        work.bucket_digests(&key)
    });
    let known: std::collections::BTreeMap<u8, _> = read.await?.into_iter().collect();
    let empty = tree::bucket_digest(&[0; tree::BUCKET_BYTES]);
    let digests: Vec<String> = (0..=u8::MAX)
        .map(|number| known.get(&number).unwrap_or(&empty).to_string())
        .collect();
    Ok(digests_of(&digests))
}

/// `GET /fed/v1/feeds/{feed}/state/{bucket}`: the digests of a bucket's leaves.
pub(super) async fn leaves(
    federation: web::Data<Federation>,
    request: HttpRequest,
    Path((name, bucket)): Path<(String, u8)>,
) -> Result<HttpResponse, Problem> {
    let (key, _place) = feed(&federation, &request, &name).await?;
    let read = read(&federation, move |work| {
        if work.state(&key)?.is_none() {
            return Ok(None);
        }
        work.bucket(&key, bucket)
    });
    let leaves = read
        .await?
        .map_or_else(|| vec![0; tree::BUCKET_BYTES], |bucket| bucket.leaves);
    let (leaves, _) = leaves.as_chunks::<32>();
    let digests: Vec<String> = leaves
        .iter()
        .map(|leaf| Digest(*leaf).to_string())
        .collect();
    Ok(digests_of(&digests))
}

fn digests_of(digests: &[String]) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({"digests": digests}))
}
