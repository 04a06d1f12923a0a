//! Databases for tests, and entries to put into them.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use domain::{Actor, AnyDraft, Command, EntryId, Kind, Precondition, Role, Rules, Subject};
use lotse_storage::{Applied, Settings, Storage};
use tempfile::TempDir;
use uuid::Uuid;

/// Runs the named tests on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::support::TestDatabase::sqlite()).await;
                }
            )+
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::support::TestDatabase::postgres()).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;

/// The base URL of the node under test.
pub(crate) const ORIGIN: &str = "http://127.0.0.1:8080";

/// A database of its own, removed in the end.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    server: Option<(String, String)>,
}

impl TestDatabase {
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("a b.sqlite").display());
        Self {
            url,
            folder,
            server: None,
        }
    }

    pub(crate) fn postgres() -> Self {
        let server = postgres_server();
        let name = format!("storage_{}", Uuid::new_v4().simple());
        execute_postgres(&server, &format!("CREATE DATABASE {name}"));
        let (before, _) = server.rsplit_once('/').unwrap();
        Self {
            url: format!("{before}/{name}"),
            folder: TempDir::new().unwrap(),
            server: Some((server, name)),
        }
    }

    /// Runs SQL as the superuser of the PostgreSQL server for tests.
    pub(crate) fn administer(sql: &str) {
        execute_postgres(&postgres_server(), sql);
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.server.is_none()
    }

    /// Another empty database of the same kind.
    pub(crate) fn sibling(&self) -> Self {
        if self.is_sqlite() {
            Self::sqlite()
        } else {
            Self::postgres()
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        PathBuf::from(self.url.strip_prefix("sqlite://").unwrap())
    }

    pub(crate) async fn migrate(&self) {
        Storage::migrate(&self.url).await.unwrap();
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            url: self.url.clone(),
            origin: ORIGIN.parse().unwrap(),
            rules: Rules::default(),
            readers: 4,
            waits: lotse_storage::Waits::default(),
        }
    }

    /// Opens the migrated database.
    pub(crate) async fn open(&self) -> Storage {
        Storage::open(self.settings(), at(0)).await.unwrap()
    }

    pub(crate) async fn fresh(&self) -> Storage {
        self.migrate().await;
        self.open().await
    }

    /// Runs SQL behind storage's back.
    pub(crate) fn execute(&self, sql: &str) {
        match &self.server {
            None => SqliteConnection::establish(self.file().to_str().unwrap())
                .unwrap()
                .batch_execute(sql)
                .unwrap(),
            Some(_) => execute_postgres(&self.url, sql),
        }
    }

    /// Asks for one number behind storage's back.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let sql = diesel::sql_query(format!("SELECT ({sql}) AS n"));
        let number: Number = match &self.server {
            None => sql.get_result(
                &mut SqliteConnection::establish(self.file().to_str().unwrap()).unwrap(),
            ),
            Some(_) => sql.get_result(&mut PgConnection::establish(&self.url).unwrap()),
        }
        .unwrap();
        number.n
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server {
            execute_postgres(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// The URL of the server for tests.
fn postgres_server() -> String {
    std::env::var("LOTSE_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("LOTSE_TEST_POSTGRES is not set: run `cargo xtask test`, or `cargo xtask postgres cargo test`")
    })
}

fn execute_postgres(url: &str, sql: &str) {
    PgConnection::establish(url)
        .unwrap()
        .batch_execute(sql)
        .unwrap();
}

/// A moment, so many seconds after the first.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn new_id() -> EntryId {
    EntryId(Uuid::now_v7())
}

/// A coordinator.
pub(crate) static ANY_COORDINATOR: Actor = Actor {
    subject: Subject::Account(Uuid::from_u128(7)),
    organisation: None,
    role: Role::Coordinator,
};

pub(crate) fn coordinator() -> Actor {
    ANY_COORDINATOR.clone()
}

pub(crate) fn editor(organisation: EntryId) -> Actor {
    Actor {
        subject: Subject::Client(Uuid::from_u128(8)),
        organisation: Some(organisation),
        role: Role::Editor,
    }
}

pub(crate) fn organisation_draft(name: &str) -> AnyDraft {
    draft(
        Kind::Organisation,
        serde_json::json!({ "content": { "name": { "en": name }, "type": "ngo", "seat_country": "DE" } }),
    )
}

pub(crate) fn offer_draft(
    organisation: EntryId,
    title: &str,
    external_id: Option<&str>,
) -> AnyDraft {
    let mut value = serde_json::json!({
        "owner": organisation,
        "content": { "title": { "en": title }, "organisation": organisation },
    });
    if let Some(key) = external_id {
        value["external_id"] = key.into();
    }
    draft(Kind::Offer, value)
}

pub(crate) fn pathway_draft(owner: EntryId, from: EntryId, to: EntryId) -> AnyDraft {
    draft(
        Kind::Pathway,
        serde_json::json!({
            "owner": owner,
            "content": {
                "from_offer": from, "to_offer": to,
                "type": "continues_with", "handover": "information", "basis": "suggested",
            },
        }),
    )
}

pub(crate) fn draft(kind: Kind, value: serde_json::Value) -> AnyDraft {
    AnyDraft::parse(kind, value.to_string().as_bytes()).unwrap()
}

pub(crate) fn create(id: EntryId, draft: AnyDraft) -> Command {
    Command::Create { id, draft }
}

pub(crate) fn upsert(draft: AnyDraft) -> Command {
    Command::Upsert {
        new_id: new_id(),
        draft,
    }
}

pub(crate) fn replace(id: EntryId, draft: AnyDraft) -> Command {
    Command::Replace {
        id,
        draft,
        expected: Precondition::None,
    }
}

pub(crate) fn delete(kind: Kind, id: EntryId) -> Command {
    Command::Delete {
        kind,
        id,
        expected: Precondition::None,
    }
}

/// Makes an organisation.
pub(crate) async fn organisation(storage: &Storage, name: &str) -> EntryId {
    apply(storage, create(new_id(), organisation_draft(name)))
        .await
        .key
        .id
}

/// Applies a command as a coordinator.
pub(crate) async fn apply(storage: &Storage, command: Command) -> Applied {
    storage
        .directory
        .apply(&coordinator(), command, None, at(1))
        .await
        .unwrap()
}
