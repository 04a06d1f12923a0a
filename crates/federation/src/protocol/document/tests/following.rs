//! Which document may follow which.

use super::*;

#[test]
fn documents_follow_one_another_by_the_statement_key() {
    let first = first();
    assert_eq!(check(&first, &first), Ok(Acceptance::Unchanged));
    let second = renamed(&first, "Diakonie", 1);
    assert_eq!(check(&first, &second), Ok(Acceptance::Updated));
    let third = rotated(&second, 1, 4, start(10, 10));
    assert_eq!(check(&second, &third), Ok(Acceptance::Rotated));
    assert_eq!((third.proofs().len(), third.name()), (2, Some("Diakonie")));
    let changes = Changes {
        name: Some(None),
        requests: Some(key(5).public()),
    };
    let fourth = third.updated(&changes, now(), &key(4)).unwrap();
    assert_eq!(check(&third, &fourth), Ok(Acceptance::Updated));
    assert_eq!(
        fourth.request_key("did:web:a.example#requests-2"),
        Some(&key(5).public())
    );
    assert_eq!(
        (
            fourth.request_key("did:web:a.example#requests-1"),
            fourth.name()
        ),
        (None, None)
    );
    assert_eq!(check(&first, &third), Err(DocumentError::Gap));
    assert_eq!(check(&third, &second), Err(DocumentError::Rollback));
    assert_eq!(
        check(&second, &renamed(&first, "Other", 1)),
        Err(DocumentError::Fork)
    );
}

#[test]
fn the_recovery_key_changes_epoch_and_keys() {
    let first = rotated(&first(), 1, 4, start(10, 10));
    let epoch = first.with_epoch(2, now(), &key(3), &key(4)).unwrap();
    assert_eq!(check(&first, &epoch), Ok(Acceptance::Recovered));
    assert_eq!((epoch.epoch(), epoch.verify_self(&Ed25519)), (2, Ok(())));
    // The key keeps its number; the one before belongs to the epoch before.
    let (name, found) = epoch.statement_key(FeedName::Public, 1).unwrap();
    assert_eq!(
        (name, found),
        ("did:web:a.example#statements-2", &key(4).public())
    );

    let lost = recovery(1, start(12, 15), None);
    let lost = first.recovered(&lost, now(), &key(3), &key(6)).unwrap();
    assert_eq!(check(&first, &lost), Ok(Acceptance::Recovered));
    assert_eq!(
        lost.statement_key(FeedName::Network, 14).unwrap().1,
        &key(4).public()
    );
    assert_eq!(
        lost.statement_key(FeedName::Network, 15).unwrap().1,
        &key(6).public()
    );

    let all = recovery(7, start(1, 1), Some(8));
    let all = first.recovered(&all, now(), &key(3), &key(6)).unwrap();
    assert_eq!(check(&first, &all), Ok(Acceptance::Recovered));
    assert_eq!(all.recovery_key(), Some(&key(8).public()));
    // The former recovery key stays in it, so that a stranger can verify it, and counts no more.
    assert_eq!(all.verify_self(&Ed25519), Ok(()));
    assert_eq!(
        all.with_epoch(8, now(), &key(3), &key(6)),
        Err(DocumentError::WrongKey)
    );
    let next = all.with_epoch(8, now(), &key(8), &key(6)).unwrap();
    assert_eq!(check(&all, &next), Ok(Acceptance::Recovered));
    for epoch in [0, 6, 7] {
        assert_eq!(
            all.with_epoch(epoch, now(), &key(8), &key(6)),
            Err(DocumentError::Epoch)
        );
    }
}

#[test]
fn who_does_not_hold_the_key_makes_no_document() {
    let document = first();
    let none = Changes::default();
    assert_eq!(
        document.updated(&none, now(), &key(9)),
        Err(DocumentError::WrongKey)
    );
    assert_eq!(
        document.rotated(start(5, 5), &none, now(), &key(9), &key(4)),
        Err(DocumentError::WrongKey)
    );
    assert_eq!(
        document.with_epoch(2, now(), &key(1), &key(1)),
        Err(DocumentError::WrongKey)
    );
    // The same key for two tasks, or before the key before it.
    assert_eq!(
        document.rotated(start(5, 5), &none, now(), &key(1), &key(2)),
        Err(DocumentError::KeyTwice)
    );
    let second = rotated(&document, 1, 4, start(10, 10));
    let earlier = second.rotated(start(11, 9), &none, now(), &key(4), &key(5));
    assert_eq!(earlier, Err(DocumentError::Member("lotse.statements")));
}

#[test]
fn a_document_that_no_pinned_key_signed_is_refused() {
    let pinned = first();
    let bump = |value: &mut Value| value["lotse"]["sequence"] = json!(2);
    // A stranger's keys in our names.
    let stranger = |value: &mut Value| {
        bump(value);
        value["verificationMethod"][0]["publicKeyMultibase"] = json!(key(9).public().to_multikey());
    };
    let next = forged(&pinned, stranger, &[("statements-1", 9)]).unwrap();
    assert_eq!(next.verify_self(&Ed25519), Ok(()));
    assert_eq!(check(&pinned, &next), Err(DocumentError::Unauthorised));
    // With the same number it is no fork either: nothing says that it is from the node.
    let same = forged(
        &pinned,
        |value| {
            stranger(value);
            value["lotse"]["sequence"] = json!(1);
        },
        &[("statements-1", 9)],
    )
    .unwrap();
    assert_eq!(check(&pinned, &same), Err(DocumentError::Unauthorised));
    // A proof by another key than it names, and by one that is not there.
    let next = forged(&pinned, bump, &[("statements-1", 9)]).unwrap();
    assert_eq!(
        check(&pinned, &next),
        Err(DocumentError::Proof(ProofError::Signature))
    );
    let next = forged(&pinned, bump, &[("statements-1", 1), ("statements-2", 9)]).unwrap();
    assert_eq!(check(&pinned, &next), Err(DocumentError::UnknownMethod));
    let next = forged(&pinned, bump, &[("statements-1", 1), ("requests-1", 2)]).unwrap();
    assert_eq!(check(&pinned, &next), Err(DocumentError::UnknownMethod));
    let next = forged(&pinned, bump, &[("recovery-1", 3)]).unwrap();
    assert_eq!(check(&pinned, &next), Err(DocumentError::NotSelfSigned));
    // A new statement key that only signed for itself.
    let rotated = rotated(&pinned, 1, 4, start(2, 2));
    let alone = forged(&rotated, |_| {}, &[("statements-2", 4)]).unwrap();
    assert_eq!(check(&pinned, &alone), Err(DocumentError::Unauthorised));
    let old_only = forged(&rotated, |_| {}, &[("statements-1", 1)]).unwrap();
    assert_eq!(check(&pinned, &old_only), Err(DocumentError::NotSelfSigned));
}

#[test]
fn the_statement_key_may_not_change_what_is_the_recovery_keys() {
    let pinned = rotated(&first(), 1, 4, start(10, 10));
    let by = [("statements-2", 4)];
    let recovery_key = json!(key(9).public().to_multikey());
    let next = |change: &dyn Fn(&mut Value)| {
        let bumped = |value: &mut Value| {
            value["lotse"]["sequence"] = json!(3);
            change(value);
        };
        check(&pinned, &forged(&pinned, bumped, &by).unwrap())
    };
    assert_eq!(next(&|_| {}), Ok(Acceptance::Updated));
    let epoch = next(&|value| value["lotse"]["epoch"] = json!(2));
    assert_eq!(epoch, Err(DocumentError::NeedsRecovery));
    let from = next(&|value| value["lotse"]["statements"][1]["from"]["public"] = json!(9));
    assert_eq!(from, Err(DocumentError::History));
    let from = next(&|value| value["lotse"]["statements"][0]["from"]["public"] = json!(2));
    assert_eq!(from, Err(DocumentError::History));
    // The methods stand as: statements 1 and 2, requests, recovery.
    let number =
        next(&|value| value["verificationMethod"][3]["publicKeyMultibase"] = recovery_key.clone());
    assert_eq!(number, Err(DocumentError::History));
    let number =
        next(&|value| value["verificationMethod"][2]["publicKeyMultibase"] = recovery_key.clone());
    assert_eq!(number, Err(DocumentError::History));
    let recovery =
        next(&|value| value["verificationMethod"][3]["id"] = json!("did:web:a.example#recovery-2"));
    assert_eq!(recovery, Err(DocumentError::NeedsRecovery));
}

#[test]
fn the_recovery_key_may_not_rewrite_the_history_of_an_epoch() {
    let pinned = rotated(&first(), 1, 4, start(10, 10));
    let next = pinned
        .recovered(&recovery(1, start(12, 12), None), now(), &key(3), &key(6))
        .unwrap();
    let by = [("recovery-1", 3), ("statements-3", 6)];
    let change = |value: &mut Value| value["lotse"]["statements"][1]["from"]["public"] = json!(9);
    assert_eq!(
        check(&pinned, &forged(&next, change, &by).unwrap()),
        Err(DocumentError::History)
    );
    let later = pinned.with_epoch(5, now(), &key(3), &key(4)).unwrap();
    let change = |value: &mut Value| {
        value["lotse"]["epoch"] = json!(4);
        value["lotse"]["sequence"] = json!(4);
    };
    let lower = forged(&later, change, &[("recovery-1", 3), ("statements-2", 4)]).unwrap();
    assert_eq!(check(&later, &lower), Err(DocumentError::Epoch));
}

#[test]
fn the_document_of_another_node_is_refused() {
    let other = first_at("https://b.example");
    assert_eq!(check(&first(), &other), Err(DocumentError::OtherNode));
    // The identifier is the same without TLS; the base URL is not.
    let plain = first_at("http://a.example");
    assert_eq!(plain.did(), first().did());
    assert_eq!(check(&first(), &plain), Err(DocumentError::OtherNode));
}

#[test]
fn a_document_goes_one_step_at_a_time() {
    let pinned = rotated(&first(), 1, 4, start(10, 10));
    let pinned = pinned
        .recovered(&recovery(1, start(1, 1), Some(7)), now(), &key(3), &key(4))
        .unwrap();
    let next = |change: &dyn Fn(&mut Content), by: u8| {
        let mut content = pinned.content.next(&Changes::default()).unwrap();
        change(&mut content);
        let current = content.current().unwrap().method.clone();
        let recovery = format!("{DID}#recovery-2");
        let signers: [(&str, &dyn Signer); 2] = [(&recovery, &key(7)), (&current, &key(by))];
        check(&pinned, &wire::write(&content, now(), &signers).unwrap())
    };
    let new_epoch = |content: &mut Content| content.epoch = 2;
    let append = |content: &mut Content, n| content.append(key(n).public(), start(20, 20)).unwrap();
    let append_recovery = |content: &mut Content, number: u64, n| {
        let named = Task::Recovery.named(&content.did, number, key(n).public());
        content.recovery.push(named);
    };
    assert_eq!(next(&|c| append(c, 5), 5), Ok(Acceptance::Recovered));
    assert_eq!(
        next(&|c| append_recovery(c, 3, 8), 4),
        Ok(Acceptance::Recovered)
    );
    for (what, by, change) in [
        (
            "two new statement keys",
            6,
            &(|c: &mut Content| {
                append(c, 5);
                append(c, 6);
            }) as &dyn Fn(&mut Content),
        ),
        ("an epoch that begins with more than one key", 4, &new_epoch),
        ("an epoch that begins with a former key", 1, &|c| {
            new_epoch(c);
            c.statements.truncate(1);
        }),
        ("two new recovery keys", 4, &|c| {
            append_recovery(c, 3, 8);
            append_recovery(c, 4, 9);
        }),
        ("a former recovery key that is gone", 4, &|c| {
            c.recovery.remove(0);
        }),
        ("a former statement key that is gone", 4, &|c| {
            c.statements.remove(0);
        }),
    ] {
        assert_eq!(next(change, by), Err(DocumentError::History), "{what}");
    }
}
