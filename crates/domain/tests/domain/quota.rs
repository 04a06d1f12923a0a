//! What one organisation may have and write.

use domain::{Actor, Quota, Reason, Role, Subject, Usage, VERSION_BYTES, Written};
use proptest::prelude::*;
use uuid::Uuid;

fn quota() -> Quota {
    Quota {
        entries: 10,
        bytes: 10_000,
        written_at_once: 50_000,
        written_per_minute: 600,
    }
}

fn with_role(role: Role) -> Actor {
    Actor {
        subject: Subject::Client(Uuid::from_u128(1)),
        organisation: None,
        role,
    }
}

proptest! {
    #[test]
    fn nobody_grows_beyond_the_quota_and_whoever_is_beyond_may_shrink(
        steps in proptest::collection::vec((0_usize..30, 0_u64..3_000), 1..400),
        beyond in 0_u64..3,
    ) {
        let (quota, editor) = (quota(), with_role(Role::Editor));
        // What a coordinator has written is there before, maybe too much already.
        let mut entries: Vec<Option<u64>> = vec![None; 30];
        for slot in entries.iter_mut().take(usize::try_from(beyond).unwrap() * 7) {
            *slot = Some(1_500);
        }
        let usage = |entries: &[Option<u64>]| Usage {
            entries: entries.iter().flatten().count() as u64,
            bytes: entries.iter().flatten().sum(),
        };
        for (slot, after) in steps {
            let used = usage(&entries);
            let written = Written { before: entries[slot], after };
            let admitted = quota.admit(&editor, written, used, 0);
            let grows = after > written.before.unwrap_or(0);
            if written.before.is_some() && !grows {
                prop_assert!(admitted.is_ok(), "what shrinks is always possible");
            }
            if admitted.is_ok() {
                entries[slot] = Some(after);
                let now = usage(&entries);
                prop_assert!(now.entries <= quota.entries.max(used.entries));
                prop_assert!(now.bytes <= quota.bytes.max(used.bytes));
            } else {
                let refusal = admitted.unwrap_err();
                prop_assert_eq!(refusal.reason, Reason::QuotaReached);
                let told = used.bytes.to_string();
                prop_assert!(refusal.detail.contains(&told) || refusal.detail.contains(" entries"));
            }
        }
    }
}

#[test]
fn coordinators_and_the_node_go_beyond_the_quota() {
    let used = Usage {
        entries: 1_000,
        bytes: 1_000_000,
    };
    let written = Written {
        before: None,
        after: 60_000,
    };
    for actor in [with_role(Role::Coordinator), Actor::system()] {
        assert_eq!(quota().admit(&actor, written, used, 1_000_000), Ok(()));
    }
    for role in [Role::Editor, Role::OrgAdmin] {
        assert!(
            quota()
                .admit(&with_role(role), written, used, 1_000_000)
                .is_err()
        );
    }
}

#[test]
fn who_wrote_too_much_hears_how_long_to_wait() {
    let quota = quota();
    assert_eq!(quota.admit_spent(49_999), Ok(()));
    let refusal = quota.admit_spent(50_600).unwrap_err();
    assert_eq!(refusal.reason, Reason::WrittenTooMuch { seconds: 61 });
    let off = Quota {
        written_at_once: 0,
        ..quota
    };
    assert_eq!(off.admit_spent(u64::MAX), Ok(()));
    let written = Written {
        before: Some(1),
        after: 1,
    };
    assert_eq!(written.cost(), 1 + VERSION_BYTES);
}
