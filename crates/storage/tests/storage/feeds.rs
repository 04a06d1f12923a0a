//! Feeds, state trees, peers, denials and leases, on both databases.

use domain::feed::{Bucket, Digest, FeedKey, FeedName, FeedState, Kept, StatementRow};
use domain::{Actor, Entry, EntryId, EntryKey, Origin};
use lotse_storage::feeds::{FeedWork, Follower, Following, Peer};
use lotse_storage::{Changed, Storage};
use uuid::Uuid;

use crate::support::{
    TestDatabase, apply, at, create, delete, new_id, offer_draft, on_both, organisation,
    organisation_draft,
};

on_both!(
    a_feed_holds_the_latest_statement_about_each_entry,
    a_step_that_fails_leaves_nothing,
    own_changes_come_in_order_and_those_of_others_do_not,
    entries_of_another_node_come_and_go_with_numbers_of_their_own,
    a_denied_node_leaves_no_trace_but_its_denial,
    what_was_deleted_is_deleted_again_and_what_was_narrowed_is_hidden,
    what_is_withheld_keeps_its_history_until_it_is_erased,
    work_is_done_by_one_until_its_time_is_over,
    a_peer_is_changed_by_one_at_a_time_and_strangers_are_few,
    a_node_is_one_peer_by_whichever_scheme,
    a_page_ends_where_its_bytes_are_enough_and_bytes_are_counted,
);

pub(crate) fn other() -> Origin {
    "https://other.example".parse().unwrap()
}

fn key(origin: &Origin) -> FeedKey {
    FeedKey {
        origin: origin.clone(),
        name: FeedName::Network,
    }
}

fn row(entry: EntryId, seq: u64, leaf: u16, live: bool) -> StatementRow {
    StatementRow {
        entry,
        leaf,
        seq,
        live,
        hash: Digest([u8::try_from(seq % 256).unwrap(); 32]),
        kept: Kept::Taken,
        pull: 1,
        at: at(1),
        body: Some(format!("{{\"seq\":{seq}}}")),
    }
}

/// One step on the feed of the other node.
async fn step<T: Send + 'static>(
    storage: &Storage,
    work: impl FnMut(&mut FeedWork<'_, '_>) -> lotse_storage::Result<T> + Send + 'static,
) -> T {
    storage.feeds.write(at(5), work).await.unwrap()
}

async fn a_feed_holds_the_latest_statement_about_each_entry(database: TestDatabase) {
    let storage = database.fresh().await;
    let ids: Vec<EntryId> = (0..4).map(|_| new_id()).collect();
    let [a, b, c, d] = ids[..] else { panic!() };
    let found = step(&storage, move |work| {
        let key = key(&other());
        assert!(work.state(&key)?.is_none());
        let mut state = FeedState::new(3, Digest([7; 32]));
        work.put_state(&key, &state)?;
        work.put_statements(
            &key,
            vec![row(a, 1, 5, true), row(b, 2, 5, true), row(c, 3, 700, true)],
        )?;
        work.put_statements(&key, vec![row(a, 9, 5, false), row(d, 10, 6, true)])?;
        state.seq = 10;
        state.head = Some("{}".to_owned());
        state.live = 3;
        work.put_state(&key, &state)?;
        assert_eq!(work.state(&key)?, Some(state));
        work.put_bucket(
            &key,
            &Bucket {
                number: 200,
                digest: Digest([1; 32]),
                leaves: vec![9; 8192],
            },
        )?;
        work.put_bucket(
            &key,
            &Bucket {
                number: 200,
                digest: Digest([2; 32]),
                leaves: vec![8; 8192],
            },
        )?;
        assert_eq!(work.bucket_digests(&key)?, [(200, Digest([2; 32]))]);
        assert_eq!(work.bucket(&key, 200)?.unwrap().leaves, vec![8; 8192]);
        assert!(work.bucket(&key, 1)?.is_none());
        assert_eq!(work.leaves_after(&key, 2)?, [5, 6, 700]);
        assert_eq!(work.leaves_after(&key, 9)?, [6]);
        let rows = work.rows_of_leaves(&key, &[5, 6])?;
        assert_eq!(rows.iter().map(|row| row.entry).collect::<Vec<_>>(), [b, d]);
        assert_eq!(work.rows_of_bucket(&key, 2)?.len(), 1);
        assert_eq!(work.counts(&key)?, [3, 0, 0]);
        let first = work.page(&key, 0, 10, (2, usize::MAX))?;
        assert!(first.more);
        let rest = work.page(&key, 3, 10, (9, usize::MAX))?;
        assert!(!rest.more);
        let seqs: Vec<u64> = first
            .rows
            .iter()
            .chain(&rest.rows)
            .map(|row| row.seq)
            .collect();
        assert_eq!(seqs, [2, 3, 9, 10]);
        assert_eq!(work.known(&key, &[a, new_id()])?.len(), 1);
        assert_eq!(work.count_unseen(&key, 2)?, 3);
        work.forget(&key, &[b])?;
        work.known(&key, &[a, b])
    })
    .await;
    let [left] = &found[..] else { panic!() };
    assert_eq!((left.entry, left.seq, left.live), (a, 9, false));
    assert_eq!(left.body, None, "bytes are read for pages only");
}

async fn a_step_that_fails_leaves_nothing(database: TestDatabase) {
    let storage = database.fresh().await;
    let id = new_id();
    let failed = storage
        .feeds
        .write(at(1), move |work| {
            let key = key(&other());
            work.put_state(&key, &FeedState::new(1, Digest::EMPTY))?;
            work.put_statements(&key, vec![row(id, 1, 1, true)])?;
            Err::<(), _>(lotse_storage::StorageError::NotFound)
        })
        .await;
    assert!(failed.is_err());
    step(&storage, move |work| {
        work.put_state(&key(&other()), &FeedState::new(1, Digest::EMPTY))?;
        work.discard();
        Ok(())
    })
    .await;
    for table in ["feed", "statement"] {
        assert_eq!(database.number(&format!("SELECT count(*) FROM {table}")), 0);
    }
    assert_eq!(database.number("SELECT count(*) FROM origin"), 1);
}

async fn own_changes_come_in_order_and_those_of_others_do_not(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Owner").await;
    let offer = apply(
        &storage,
        create(new_id(), offer_draft(owner, "Offer", None)),
    )
    .await;
    take(&storage, &[new_id()]).await;
    apply(&storage, delete(domain::Kind::Offer, offer.key.id)).await;
    let (changes, through) = storage
        .feeds
        .read(at(9), |work| work.local_changes(0, 10))
        .await
        .unwrap();
    let ids: Vec<(EntryId, bool)> = changes
        .iter()
        .map(|change| (change.id, change.stored.is_some()))
        .collect();
    assert_eq!(ids, [(owner, true), (offer.key.id, false)]);
    assert_eq!(through, storage.directory.head().await.unwrap());
    let (first, part) = storage
        .feeds
        .read(at(9), |work| work.local_changes(0, 1))
        .await
        .unwrap();
    assert_eq!((first.len(), part), (1, first[0].arrival));
}

/// Entries of the other node.
pub(crate) async fn take(storage: &Storage, ids: &[EntryId]) {
    let origin = other();
    let entries: Vec<Box<Entry>> = ids.iter().map(|id| foreign(*id, &origin)).collect();
    step(storage, move |work| {
        let key = key(&other());
        if work.state(&key)?.is_none() {
            work.put_state(&key, &FeedState::new(1, Digest::EMPTY))?;
        }
        let rows = entries.iter().zip(1..);
        let rows = rows.map(|(taken, seq)| row(taken.id, seq, 3, true));
        work.put_statements(&key, rows.collect())?;
        work.take(&other(), entries.clone())
    })
    .await;
}

fn foreign(id: EntryId, origin: &Origin) -> Box<Entry> {
    let draft = organisation_draft("Elsewhere");
    let mut entry: Entry = serde_json::from_value::<serde_json::Value>(serde_json::json!({
        "id": id, "kind": "organisation", "origin": origin, "owner": id, "version": 1,
        "visibility": "public", "status": "active", "created": at(1), "modified": at(1),
        "last_verified": null, "license": "CC0-1.0", "external_id": "same-for-all",
        "content": serde_json::to_value(&draft.content).unwrap(),
    }))
    .map(|value| Entry::from_json(&value.to_string()).unwrap())
    .unwrap();
    entry.provenance = None;
    Box::new(entry)
}

async fn entries_of_another_node_come_and_go_with_numbers_of_their_own(database: TestDatabase) {
    let storage = database.fresh().await;
    let ids = [new_id(), new_id()];
    let before = storage.directory.head().await.unwrap();
    take(&storage, &ids).await;
    let changes = storage.directory.changes_since(before, 10).await.unwrap();
    assert_eq!(changes.items.len(), 2);
    let gone = ids[0];
    step(&storage, move |work| {
        work.let_go(&other(), &[gone, new_id()])
    })
    .await;
    let changes = storage
        .directory
        .changes_since(changes.through, 10)
        .await
        .unwrap();
    let [Changed::Removed { key, .. }] = &changes.items[..] else {
        panic!("{changes:?}")
    };
    assert_eq!(
        key,
        &EntryKey {
            origin: other(),
            id: gone
        }
    );
    let kept = storage.directory.get(key).await.unwrap().unwrap();
    assert_eq!(
        (kept.deleted, kept.json),
        (true, None),
        "nothing of it stays"
    );
    assert_eq!(storage.directory.count().await.unwrap(), 1);
    assert!(storage.check_integrity().await.unwrap().is_sound());
}

async fn a_denied_node_leaves_no_trace_but_its_denial(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Owner").await;
    take(&storage, &[new_id(), new_id()]).await;
    peer(&storage, &other(), Follower::Approved).await;
    let before = storage.directory.head().await.unwrap();
    assert!(step(&storage, |work| work.deny(&other())).await);
    assert!(
        !step(&storage, |work| work.deny(&other())).await,
        "once only"
    );
    for table in ["statement", "feed", "bucket", "peer"] {
        assert_eq!(
            database.number(&format!("SELECT count(*) FROM {table}")),
            0,
            "{table}"
        );
    }
    assert_eq!(database.number("SELECT count(*) FROM origin"), 1);
    assert_eq!(database.number("SELECT count(*) FROM entry"), 1);
    let named = "SELECT count(*) FROM audit WHERE subject LIKE '%other%' OR actor LIKE 'peer:%'";
    assert_eq!(database.number(named), 0);
    let changes = storage.directory.changes_since(before, 10).await.unwrap();
    assert!(
        matches!(&changes.items[..], [Changed::Denied { origin, .. }] if *origin == other()),
        "every process hears of it: {changes:?}"
    );
    assert!(step(&storage, |work| work.is_denied(&other())).await);
    assert!(storage.check_integrity().await.unwrap().is_sound());
    let key = EntryKey {
        origin: storage.origin().clone(),
        id: owner,
    };
    assert!(storage.directory.get(&key).await.unwrap().is_some());
    assert!(step(&storage, |work| work.undeny(&other())).await);
    assert!(!step(&storage, |work| work.is_denied(&other())).await);
}

async fn what_was_deleted_is_deleted_again_and_what_was_narrowed_is_hidden(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Owner").await;
    let offer = apply(
        &storage,
        create(new_id(), offer_draft(owner, "Offer", None)),
    )
    .await;
    let mut narrow = offer_draft(owner, "For the network", None);
    narrow.visibility = Some(domain::Visibility::Network);
    let narrow = apply(&storage, create(new_id(), narrow)).await.key.id;
    let (offer, unknown) = (offer.key.id, new_id());
    let gone = step(&storage, move |work| work.erase_again(&[owner, unknown])).await;
    assert_eq!(gone, [owner], "although the offer refers to it");
    let withdrawn = [offer, owner, narrow].map(|id| (FeedName::Public, id));
    let hidden = step(&storage, move |work| work.hide(&withdrawn)).await;
    assert_eq!(
        hidden,
        [offer],
        "the other stands in the feed for the network only"
    );
    let again = step(&storage, move |work| work.hide(&withdrawn)).await;
    assert!(again.is_empty());
    let key = |id| EntryKey {
        origin: storage.origin().clone(),
        id,
    };
    let erased = storage.directory.get(&key(owner)).await.unwrap().unwrap();
    assert_eq!((erased.deleted, erased.json), (true, None));
    assert!(
        storage
            .directory
            .history(owner, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let stored = storage.directory.get(&key(offer)).await.unwrap().unwrap();
    assert_eq!(stored.visibility, domain::Visibility::Internal);
    assert_eq!(
        stored.entry().unwrap().visibility,
        domain::Visibility::Internal
    );
    assert_eq!(
        storage
            .directory
            .history(offer, None, 10)
            .await
            .unwrap()
            .len(),
        2
    );
}

async fn work_is_done_by_one_until_its_time_is_over(database: TestDatabase) {
    let storage = database.fresh().await;
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let lease = async |holder, until, now| {
        storage
            .feeds
            .lease("publish", holder, at(until), at(now))
            .await
            .unwrap()
    };
    assert!(lease(one, 10, 0).await);
    assert!(!lease(two, 11, 1).await);
    assert!(lease(one, 16, 6).await, "renewed");
    assert!(!lease(two, 22, 12).await);
    assert!(lease(two, 30, 17).await, "it ran out");
    assert!(!lease(one, 31, 18).await);
}

async fn peer(storage: &Storage, origin: &Origin, follower: Follower) -> Peer {
    let base = origin.clone();
    let actor = Actor::system();
    storage
        .feeds
        .peers()
        .change(origin, Some((&actor, "peer.added")), at(1), move |known| {
            let did = format!("did:web:{}", base.host());
            let mut peer = known.unwrap_or_else(|| {
                Peer::new(base.clone(), did, FeedName::Network, "{}".to_owned(), at(1))
            });
            peer.follower = follower;
            Ok(Some(peer))
        })
        .await
        .unwrap()
        .unwrap()
}

async fn a_peer_is_changed_by_one_at_a_time_and_strangers_are_few(database: TestDatabase) {
    let storage = database.fresh().await;
    let peers = storage.feeds.peers();
    let first = peer(&storage, &other(), Follower::Pending).await;
    assert_eq!(first.following, Following::No);
    let third: Origin = "https://third.example".parse().unwrap();
    let second = peer(&storage, &third, Follower::Pending).await;
    assert_ne!(first.id, second.id);
    assert_eq!(
        peers
            .by_did("did:web:third.example")
            .await
            .unwrap()
            .unwrap(),
        second
    );
    let strangers = async || step(&storage, |work| work.strangers()).await;
    assert_eq!(strangers().await, [first.clone(), second.clone()]);
    peers.mark_seen(vec![first.id], at(7)).await.unwrap();
    peers.mark_seen(vec![first.id], at(9)).await.unwrap();
    peers.mark_contested(first.id, 3, at(8)).await.unwrap();
    peers.mark_contested(first.id, 2, at(9)).await.unwrap();
    let seen = peers.get(&other()).await.unwrap().unwrap();
    assert_eq!((seen.seen, seen.contested), (Some(at(7)), Some(at(9))));
    assert_eq!(seen.contests, 5);
    peer(&storage, &third, Follower::Approved).await;
    assert_eq!(strangers().await, [seen], "who was approved is none");
    step(&storage, move |work| work.forget_peer(first.id)).await;
    let left = peers.list().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].base_url, third);
}

async fn a_node_is_one_peer_by_whichever_scheme(database: TestDatabase) {
    let storage = database.fresh().await;
    let peers = storage.feeds.peers();
    let known = peer(&storage, &other(), Follower::Approved).await;
    let http: Origin = "http://other.example".parse().unwrap();
    assert_eq!(peers.get(&http).await.unwrap(), Some(known.clone()));
    // Changed, not doubled.
    peer(&storage, &http, Follower::Rejected).await;
    let all = peers.list().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].id, &all[0].base_url), (known.id, &other()));
    // Nor can the database hold a second one.
    let (base, did) = (http.clone(), known.did.clone());
    let second = storage.feeds.write(at(5), move |work| {
        let (base, did) = (base.clone(), did.clone());
        work.put_peer(Peer::new(
            base,
            did,
            FeedName::Network,
            "{}".to_owned(),
            at(5),
        ))
    });
    assert!(second.await.is_err());
    // Denied by one name, it is by the other; allowed as well.
    let denied = async |node: Origin| step(&storage, move |work| work.is_denied(&node)).await;
    assert!(step(&storage, move |work| work.deny(&http)).await);
    assert!(denied(other()).await && peers.list().await.unwrap().is_empty());
    assert!(step(&storage, |work| work.undeny(&other())).await);
    assert!(!denied("http://other.example".parse().unwrap()).await);
}

async fn a_page_ends_where_its_bytes_are_enough_and_bytes_are_counted(database: TestDatabase) {
    let storage = database.fresh().await;
    let large = "x".repeat(1_000);
    let pages = step(&storage, move |work| {
        let key = key(&other());
        work.put_state(&key, &FeedState::new(1, Digest([7; 32])))?;
        let ids: Vec<EntryId> = (0..200).map(|_| new_id()).collect();
        let rows = (1..).zip(&ids).map(|(seq, id)| StatementRow {
            body: Some(large.clone()),
            ..row(*id, seq, 5, true)
        });
        work.put_statements(&key, rows.collect())?;
        let bytes = work.kept_bytes(&key, &ids)?;
        let few = work.page(&key, 0, 200, (150, 100_000))?;
        let some = work.page(&key, 0, 200, (150, usize::MAX))?;
        let all = work.page(&key, 0, 200, (200, usize::MAX))?;
        let leaf = work.leaf(&key, 5, (1_000, usize::MAX))?;
        let ordered = leaf.rows.is_sorted_by_key(|row| row.entry);
        let lengths = [few, some, all, leaf].map(|page| (page.rows.len(), page.more));
        Ok((bytes, lengths, ordered))
    })
    .await;
    let lengths = [(100, true), (150, true), (200, false), (200, false)];
    assert_eq!(pages, (200_000, lengths, true));
}

async fn what_is_withheld_keeps_its_history_until_it_is_erased(database: TestDatabase) {
    let storage = database.fresh().await;
    let owner = organisation(&storage, "Owner").await;
    let mut ids = Vec::new();
    for title in ["Deleted", "Narrowed", "Untouched"] {
        let made = create(new_id(), offer_draft(owner, title, None));
        ids.push(apply(&storage, made).await.key.id);
    }
    let [deleted, narrowed, untouched] = ids[..] else {
        panic!()
    };
    let all = [deleted, narrowed, untouched];
    let gone = step(&storage, move |work| work.withhold(&[deleted, new_id()])).await;
    assert_eq!(gone, [deleted]);
    let hidden = step(&storage, move |work| {
        work.hide(&[(FeedName::Network, narrowed)])
    })
    .await;
    assert_eq!(hidden, [narrowed]);
    let withheld = step(&storage, move |work| work.withheld_among(&all)).await;
    let mut expected = [deleted, narrowed];
    expected.sort_unstable();
    assert_eq!(withheld, expected);
    let again = step(&storage, move |work| work.withhold(&[deleted])).await;
    assert!(again.is_empty());
    let history = storage.directory.history(deleted, None, 10).await.unwrap();
    let actions: Vec<&str> = history.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(actions, ["withheld", "created"]);
    assert!(history[0].json.is_none() && history[1].json.is_some());
    // Noted until something is published in a newer epoch.
    let put_back = |epoch| {
        let storage = &storage;
        async move {
            step(storage, move |work| {
                if let Some(epoch) = epoch {
                    work.put_back(epoch, None)?;
                }
                Ok(work.journal()?.and_then(|noted| noted.put_back))
            })
            .await
        }
    };
    assert_eq!(put_back(None).await, None);
    assert_eq!(put_back(Some(3)).await, Some(3));
    let settled = step(&storage, |work| {
        let noted = work.journal()?.unwrap();
        work.put_journal(noted.position, false)?;
        let kept = work.journal()?.unwrap().put_back;
        work.put_journal(noted.position, true)?;
        Ok((kept, work.journal()?.unwrap().put_back))
    })
    .await;
    assert_eq!(settled, (Some(3), None));
    let erased = step(&storage, move |work| {
        work.erase_again(&[deleted, untouched])
    })
    .await;
    let mut expected = [deleted, untouched];
    expected.sort_unstable();
    assert_eq!(erased, expected);
    let history = storage.directory.history(deleted, None, 10).await.unwrap();
    assert!(history.is_empty());
}
