//! A process that writes into a database that others write into as well: `writer URL OWNER BATCHES SIZE PREFIX`.
//!
//! Makes the given number of batches of offers of an organisation that is there, and says on standard output which are
//! committed, one number a line. Batches of one go the way of single commands.
#![expect(
    clippy::unwrap_used,
    reason = "it runs in tests, where failing loudly is right"
)]

use std::io::Write as _;

use chrono::DateTime;
use domain::{Actor, AnyDraft, Command, EntryId, Kind, Rules};
use lotse_storage::{BatchMode, Settings, Storage};
use uuid::Uuid;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, owner, batches, size, prefix] = &arguments[..] else {
        std::process::exit(2)
    };
    let (owner, batches, size): (EntryId, u32, u32) = (
        owner.parse().unwrap(),
        batches.parse().unwrap(),
        size.parse().unwrap(),
    );
    let settings = Settings {
        url: url.clone(),
        origin: "http://127.0.0.1:8080".parse().unwrap(),
        rules: Rules::default(),
        readers: 1,
        waits: lotse_storage::Waits::default(),
    };
    let now = DateTime::from_timestamp(1_770_000_000, 0).unwrap();
    let storage = Storage::open(settings, now).await.unwrap();
    let actor = Actor::system();
    for batch in 0..batches {
        let mut commands: Vec<Command> = (0..size)
            .map(|line| offer(owner, &format!("{prefix}-{batch}-{line}")))
            .collect();
        if size == 1 {
            storage
                .directory
                .apply(&actor, commands.remove(0), None, now)
                .await
                .unwrap();
        } else {
            let mode = BatchMode::AllOrNothing;
            assert!(
                storage
                    .directory
                    .apply_batch(&actor, commands, mode, false, now)
                    .await
                    .unwrap()
                    .committed
            );
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "this is no node: it has no console"
        )]
        let mut out = std::io::stdout().lock();
        writeln!(out, "{batch}").unwrap();
        out.flush().unwrap();
    }
}

fn offer(owner: EntryId, key: &str) -> Command {
    let draft = serde_json::json!({
        "owner": owner,
        "external_id": key,
        "content": { "title": { "en": key }, "organisation": owner },
    });
    let draft = AnyDraft::parse(Kind::Offer, draft.to_string().as_bytes()).unwrap();
    Command::Upsert {
        new_id: EntryId(Uuid::now_v7()),
        draft,
    }
}
