//! Who may do what: every command for every role, to what is its own and what is not, seen and unseen.

use domain::{Actor, Command, EntryId, Kind, Precondition, Reason, Role, Visibility};
use serde_json::json;

use crate::store::{
    NEW, OTHER_ORGANISATION, PARTNER, SPARE, Store, actor, coordinator, example, example_with,
    other_editor, parse, reason,
};

const OWN: Option<Reason> = None;
const FORBIDDEN: Option<Reason> = Some(Reason::Forbidden);
const NOT_FOUND: Option<Reason> = Some(Reason::NotFound);

#[derive(Debug, Clone, Copy)]
enum Deed {
    Replace,
    Patch,
    Upsert,
    Delete,
    Purge,
    HandOver,
}

fn command(deed: Deed) -> Command {
    let draft = || {
        let change = json!({"owner": PARTNER, "content": {"waiting_days": 3}});
        parse(Kind::Offer, &example_with(Kind::Offer, &change)).unwrap()
    };
    let expected = Precondition::None;
    let (kind, id) = (Kind::Offer, NEW);
    match deed {
        Deed::Replace => Command::Replace {
            id,
            draft: draft(),
            expected,
        },
        Deed::Patch => Command::Patch {
            kind,
            id,
            patch: json!({"content": {"waiting_days": 3}}),
            expected,
        },
        Deed::Upsert => Command::Upsert {
            new_id: SPARE,
            draft: draft(),
        },
        Deed::Delete => Command::Delete { kind, id, expected },
        Deed::Purge => Command::Purge { kind, id },
        Deed::HandOver => Command::HandOver {
            kind,
            id,
            to: OTHER_ORGANISATION,
        },
    }
}

/// A directory with an offer of the partner's under `NEW`.
fn store(visibility: Visibility) -> Store {
    let mut store = Store::new();
    let draft = example_with(
        Kind::Offer,
        &json!({"owner": PARTNER, "visibility": visibility}),
    );
    store
        .create(NEW, Kind::Offer, &draft, &coordinator())
        .unwrap();
    store
}

#[test]
fn every_deed_for_every_role_and_visibility() {
    use Deed::{Delete, HandOver, Patch, Purge, Replace, Upsert};
    let own = Some(PARTNER);
    let other = Some(OTHER_ORGANISATION);
    type Line<'a> = (
        Option<EntryId>,
        Role,
        &'a [Deed],
        Option<Reason>,
        Option<Reason>,
    );
    // Who, for which deeds, what happens to what everybody sees, and to what is internal.
    let table: &[Line<'_>] = &[
        (
            own,
            Role::Editor,
            &[Replace, Patch, Upsert, Delete],
            OWN,
            OWN,
        ),
        (own, Role::Editor, &[Purge, HandOver], FORBIDDEN, FORBIDDEN),
        (
            own,
            Role::OrgAdmin,
            &[Replace, Patch, Upsert, Delete, Purge],
            OWN,
            OWN,
        ),
        (own, Role::OrgAdmin, &[HandOver], FORBIDDEN, FORBIDDEN),
        (
            other,
            Role::Editor,
            &[Replace, Patch, Delete, Purge, HandOver],
            FORBIDDEN,
            NOT_FOUND,
        ),
        (
            other,
            Role::OrgAdmin,
            &[Replace, Patch, Delete, Purge, HandOver],
            FORBIDDEN,
            NOT_FOUND,
        ),
        // An upsert names the owner itself: the same answer whether there is something or not.
        (other, Role::Editor, &[Upsert], FORBIDDEN, FORBIDDEN),
        (other, Role::OrgAdmin, &[Upsert], FORBIDDEN, FORBIDDEN),
        (
            None,
            Role::Editor,
            &[Replace, Patch, Delete, Purge, HandOver],
            FORBIDDEN,
            NOT_FOUND,
        ),
        (
            None,
            Role::OrgAdmin,
            &[Replace, Patch, Delete, Purge, HandOver],
            FORBIDDEN,
            NOT_FOUND,
        ),
        (None, Role::Editor, &[Upsert], FORBIDDEN, FORBIDDEN),
        (
            None,
            Role::Coordinator,
            &[Replace, Patch, Upsert, Delete, Purge, HandOver],
            OWN,
            OWN,
        ),
        (
            other,
            Role::Coordinator,
            &[Replace, Patch, Upsert, Delete, Purge, HandOver],
            OWN,
            OWN,
        ),
        (
            None,
            Role::NodeAdmin,
            &[Replace, Patch, Upsert, Delete, Purge, HandOver],
            OWN,
            OWN,
        ),
    ];
    for (organisation, role, deeds, seen, unseen) in table {
        for deed in *deeds {
            for (visibility, expected) in [
                (Visibility::Public, seen),
                (Visibility::Network, seen),
                (Visibility::Internal, unseen),
            ] {
                let mut store = store(visibility);
                let result = store.apply(&actor(*organisation, *role), command(*deed));
                assert_eq!(
                    reason(result),
                    *expected,
                    "{role:?} of {organisation:?}: {deed:?} of what is {visibility:?}"
                );
            }
        }
    }
}

#[test]
fn an_upsert_tells_nothing_of_what_others_keep_to_themselves() {
    let there = store(Visibility::Internal).apply(&other_editor(), command(Deed::Upsert));
    let not_there = Store::new().apply(&other_editor(), command(Deed::Upsert));
    assert_eq!(there, not_there);
}

#[test]
fn what_is_not_there_or_of_another_kind_is_not_found_for_anybody() {
    for actor in [other_editor(), coordinator(), Actor::system()] {
        for deed in [
            Deed::Replace,
            Deed::Patch,
            Deed::Delete,
            Deed::Purge,
            Deed::HandOver,
        ] {
            assert_eq!(
                reason(Store::new().apply(&actor, command(deed))),
                NOT_FOUND,
                "{deed:?} of nothing"
            );
        }
        let of_another_kind = [
            Command::Patch {
                kind: Kind::Event,
                id: NEW,
                patch: json!({}),
                expected: Precondition::None,
            },
            Command::Replace {
                id: NEW,
                draft: parse(Kind::Event, &example(Kind::Event)).unwrap(),
                expected: Precondition::None,
            },
            Command::Delete {
                kind: Kind::Event,
                id: NEW,
                expected: Precondition::None,
            },
            Command::Purge {
                kind: Kind::Event,
                id: NEW,
            },
            Command::HandOver {
                kind: Kind::Event,
                id: NEW,
                to: OTHER_ORGANISATION,
            },
        ];
        for command in of_another_kind {
            assert_eq!(
                reason(store(Visibility::Public).apply(&actor, command.clone())),
                NOT_FOUND,
                "{command:?}"
            );
        }
    }
}

#[test]
fn one_creates_for_ones_own_organisation_only() {
    let own = Some(PARTNER);
    let other = Some(OTHER_ORGANISATION);
    for (organisation, role, owner, expected) in [
        (own, Role::Editor, None, OWN),
        (own, Role::Editor, own, OWN),
        (own, Role::OrgAdmin, own, OWN),
        (own, Role::Editor, other, FORBIDDEN),
        (own, Role::OrgAdmin, other, FORBIDDEN),
        (None, Role::Editor, own, FORBIDDEN),
        (other, Role::Coordinator, own, OWN),
        (None, Role::Coordinator, own, OWN),
        (None, Role::Coordinator, None, Some(Reason::Invalid)),
        (None, Role::Editor, None, Some(Reason::Invalid)),
        (None, Role::Coordinator, Some(NEW), Some(Reason::Invalid)),
    ] {
        let draft = example_with(Kind::Need, &json!({"owner": owner}));
        let result = Store::new().create(NEW, Kind::Need, &draft, &actor(organisation, role));
        assert_eq!(
            reason(result),
            expected,
            "{role:?} of {organisation:?} for {owner:?}"
        );
    }
}

#[test]
fn organisations_and_standards_are_the_coordinators() {
    for kind in [Kind::Organisation, Kind::QualityStandard] {
        for (organisation, role, expected) in [
            (Some(PARTNER), Role::Editor, FORBIDDEN),
            (Some(PARTNER), Role::OrgAdmin, FORBIDDEN),
            (Some(PARTNER), Role::Coordinator, OWN),
            (Some(PARTNER), Role::NodeAdmin, OWN),
        ] {
            let result = Store::new().create(NEW, kind, &example(kind), &actor(organisation, role));
            assert_eq!(reason(result), expected, "{kind} by {role:?}");
        }
    }
    // An organisation's people write what it says of itself, but do not take it out.
    let patch = |name: &str| Command::Patch {
        kind: Kind::Organisation,
        id: PARTNER,
        patch: json!({"content": {"name": {"en": name}}}),
        expected: Precondition::None,
    };
    let delete = Command::Delete {
        kind: Kind::Organisation,
        id: NEW,
        expected: Precondition::None,
    };
    let purge = Command::Purge {
        kind: Kind::Organisation,
        id: NEW,
    };
    let mut store = Store::new();
    store
        .create(
            NEW,
            Kind::Organisation,
            &example(Kind::Organisation),
            &coordinator(),
        )
        .unwrap();
    let admin = actor(Some(NEW), Role::OrgAdmin);
    assert_eq!(
        reason(store.apply(&actor(Some(PARTNER), Role::Editor), patch("A"))),
        OWN
    );
    assert_eq!(reason(store.apply(&other_editor(), patch("B"))), FORBIDDEN);
    assert_eq!(reason(store.apply(&admin, delete.clone())), FORBIDDEN);
    assert_eq!(reason(store.apply(&admin, purge)), FORBIDDEN);
    assert_eq!(reason(store.apply(&coordinator(), delete)), OWN);
}

#[test]
fn what_is_deleted_exists_only_for_who_may_purge_it() {
    for (organisation, role, expected) in [
        (Some(PARTNER), Role::Editor, FORBIDDEN),
        (Some(PARTNER), Role::OrgAdmin, OWN),
        (Some(OTHER_ORGANISATION), Role::OrgAdmin, NOT_FOUND),
        (None, Role::Coordinator, OWN),
    ] {
        let mut store = store(Visibility::Public);
        store.apply(&coordinator(), command(Deed::Delete)).unwrap();
        for deed in [Deed::Replace, Deed::Patch, Deed::Delete, Deed::HandOver] {
            assert_eq!(
                reason(store.apply(&coordinator(), command(deed))),
                NOT_FOUND
            );
        }
        let result = store.apply(&actor(organisation, role), command(Deed::Purge));
        assert_eq!(reason(result), expected, "{role:?} of {organisation:?}");
    }
}
