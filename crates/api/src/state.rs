//! What the handlers share.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use domain::{Actor, EntryId, EntryKey, Origin};
use http::sign_in::Access;
use http::{Clock, Code, Problem};
use search::{Index, Viewer};
use storage::{Directory, Storage};
use uuid::Uuid;

use crate::Distributions;

/// With this header a reader asks for an answer that holds at least the change of this number.
pub(crate) const AT_LEAST: HeaderName = HeaderName::from_static("lotse-at-least");
/// How long a write of one entry waits until full-text search sees it.
const FIND_YOUR_WRITES: Duration = Duration::from_millis(250);

/// What the handlers share. Registered as `web::Data<State>`.
#[derive(Debug, Clone)]
pub struct State {
    /// The database.
    pub store: Storage,
    /// The read model.
    pub index: Index,
    /// Accounts, clients and sessions in memory.
    pub access: Access,
    /// Tells the time.
    pub clock: Clock,
    /// This node.
    pub origin: Origin,
    /// How organisations stand by each standard, made ready by the node.
    pub distributions: Distributions,
    /// Settings.
    pub settings: Arc<Settings>,
}

/// Settings of the API.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The licence under which partners give their data.
    pub data_license: String,
    /// How long a write waits until readers here see it.
    pub read_your_writes: Duration,
}

impl State {
    /// A new id: a UUIDv7, so that ids sort by the time at which they were made.
    #[must_use]
    pub fn mint(&self) -> EntryId {
        EntryId(Uuid::now_v7())
    }

    /// The name of a local entry.
    #[must_use]
    pub fn key(&self, id: EntryId) -> EntryKey {
        EntryKey {
            origin: self.origin.clone(),
            id,
        }
    }

    /// The directory in the database.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.store.directory
    }

    /// What the reader may see, as the index asks it.
    #[must_use]
    pub fn viewer(&self, reader: &http::sign_in::Reader) -> Viewer {
        self.viewer_for(reader.actor())
    }

    /// What somebody, or nobody in particular, may see, as the index asks it.
    #[must_use]
    pub fn viewer_for(&self, actor: Option<&Actor>) -> Viewer {
        match actor {
            None => Viewer::Public,
            Some(actor) if actor.is_coordinator() => Viewer::Coordinator,
            Some(actor) => Viewer::Network {
                organisation: actor.organisation.map(|id| Arc::from(self.origin.uri(id))),
            },
        }
    }

    /// Waits for the change that a reader says it has seen (`Lotse-At-Least`), maybe at another process.
    ///
    /// # Errors
    /// 400 for a header that is no number, 503 `behind` where it takes too long.
    pub async fn at_least(&self, request: &HttpRequest) -> Result<(), Problem> {
        let Some(number) = request.headers().get(AT_LEAST) else {
            return Ok(());
        };
        let number = number.to_str().ok().and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| {
            Problem::new(Code::InvalidHeader, "Lotse-At-Least: expected a number")
        })?;
        if self.index.arrival() >= number {
            return Ok(());
        }
        let reached = self.index.reached(number);
        tokio::time::timeout(self.settings.read_your_writes, reached)
            .await
            .map(drop)
            .map_err(|_| {
                Problem::new(
                    Code::Behind,
                    "this process has not heard of that change yet",
                )
                .with_retry_after(2)
            })
    }

    /// Waits until readers of this process see the change `arrival`, and searchers too where that takes no longer than a
    /// moment: whoever writes one entry looks for it next.
    ///
    /// # Errors
    /// As [`State::reached`].
    pub async fn found(&self, arrival: i64) -> Result<(), Problem> {
        self.reached(arrival).await?;
        // Text that comes later is no failure of the write.
        let _ =
            tokio::time::timeout(FIND_YOUR_WRITES, self.index.text_reached_or_away(arrival)).await;
        Ok(())
    }

    /// Waits until readers of this process see the change `arrival`.
    ///
    /// # Errors
    /// 503 `behind` where that takes too long; the change is saved all the same.
    pub async fn reached(&self, arrival: i64) -> Result<(), Problem> {
        let reached = self.index.reached(arrival);
        tokio::time::timeout(self.settings.read_your_writes, reached)
            .await
            .map(drop)
            .map_err(|_| {
                Problem::new(
                    Code::Behind,
                    "the change is saved, but this process does not show it yet",
                )
                .with_retry_after(2)
            })
    }
}
