//! Nobody is locked out by what others try: programs with their secret, people from a device that was signed in before, and
//! people from a new one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lotse_tests::{
    Answer, Database, Node, Party, TestNode, World, on_both,
    world::{ClientKey, PASSWORD, add_client, member_of},
};
use reqwest::Method;
use serde_json::json;

on_both!(
    a_program_with_its_secret_is_never_locked_out_by_guesses,
    guesses_at_an_account_stop_who_guesses_and_nobody_else,
    a_hundred_addresses_that_guess_lock_nobody_out,
    a_new_password_ends_what_devices_knew,
    tokens_that_work_once_work_whatever_is_guessed,
);

/// A node behind a proxy, with the limits that a node has where nothing is set.
fn node(database: Database) -> Node {
    Node::on(database)
        .with("TRUSTED_PROXIES", "[\"127.0.0.1/32\"]")
        .with("RATES__SIGN_IN__BURST", "10")
        .with("RATES__SIGN_IN__PER_MINUTE", "10")
        .with("RATES__REGISTRATION__BURST", "10")
        .with("RATES__REGISTRATION__PER_MINUTE", "5")
}

/// Asks for a token from an address.
fn token(node: &TestNode, from: &str, id: &str, secret: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
    ];
    Answer::of(
        node.request(Method::POST, "/api/v1/token")
            .header("X-Forwarded-For", from)
            .form(&form),
    )
}

/// Signs in from an address, with cookies or none.
fn sign_in(node: &TestNode, from: &str, email: &str, password: &str, cookie: &str) -> Answer {
    let mut request = node
        .request(Method::POST, "/api/v1/sessions")
        .header("X-Forwarded-For", from)
        .json(&json!({"email": email, "password": password}));
    if !cookie.is_empty() {
        request = request.header("Cookie", cookie);
    }
    Answer::of(request)
}

/// The device cookie that an answer sets, as a browser sends it back; with what the browser is told about it.
fn device(answer: &Answer) -> (String, String) {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|value| value.to_str().unwrap());
    let cookie = cookies.find(|cookie| cookie.starts_with("lotse-device-"));
    let (pair, about) = cookie.unwrap().split_once("; ").unwrap();
    (pair.to_owned(), about.to_owned())
}

/// An account, its password, and the cookie of a device that it was signed in from.
fn owner(node: &TestNode) -> (String, String) {
    let email = "owner@example.org";
    let party = node.account(email, "coordinator");
    let password = party.password().unwrap().to_owned();
    let answer = sign_in(node, "198.51.100.1", email, &password, "").expect(201);
    let (cookie, about) = device(&answer);
    assert_eq!(
        about,
        "HttpOnly; SameSite=Strict; Path=/api/v1/sessions; Max-Age=15552000"
    );
    (password, cookie)
}

fn a_program_with_its_secret_is_never_locked_out_by_guesses(database: Database) {
    let world = World::on(node(database));
    let ClientKey { id, secret } = add_client(&world.node, &world.coordinator, &world.organisation);
    let guess = |from: &str| token(&world.node, from, &id, "lotse_secret_wrong");
    let guesses: Vec<u16> = (0..40).map(|_| guess("192.0.2.1").status).collect();
    assert_eq!(guesses[..10], [401; 10], "{guesses:?}");
    assert_eq!(guesses[10..], [429; 30], "{guesses:?}");
    for n in 0..200 {
        let _ = guess(&format!("203.0.113.{n}"));
    }
    for from in ["192.0.2.1", "192.0.2.2", "203.0.113.7"] {
        let _ = token(&world.node, from, &id, &secret).expect(200);
    }
    // A program that asks with a secret that is no longer right keeps the people of its address out of nothing.
    let email = "people@example.org";
    let password = world.node.account(email, "coordinator");
    let password = password.password().unwrap();
    let _ = sign_in(&world.node, "192.0.2.1", email, password, "").expect(201);
}

fn guesses_at_an_account_stop_who_guesses_and_nobody_else(database: Database) {
    let node = node(database).start();
    let email = "owner@example.org";
    let (password, cookie) = owner(&node);
    let guesses: Vec<u16> = (0..30)
        .map(|_| sign_in(&node, "192.0.2.1", email, "a guess", "").status)
        .collect();
    assert_eq!(guesses[..10], [401; 10], "{guesses:?}");
    assert_eq!(guesses[10..], [429; 20], "{guesses:?}");
    let own = sign_in(&node, "192.0.2.1", email, &password, "").expect(429);
    assert_eq!(own.problem(), "rate_limited");
    assert!(own.header("retry-after").parse::<u32>().unwrap() > 0);
    let _ = sign_in(&node, "192.0.2.2", email, &password, "").expect(201);
    let known = sign_in(&node, "192.0.2.1", email, &password, &cookie).expect(201);
    assert_ne!(device(&known).0, cookie, "renewed");
    // The cookie stands in for no password, and not for that of another account.
    let _ = sign_in(&node, "192.0.2.3", email, "a guess", &cookie).expect(401);
    let _ = sign_in(&node, "192.0.2.1", "first@example.org", "a guess", &cookie).expect(429);
    // Nor does it let anybody guess on and on.
    let guesses = (0..30).map(|_| sign_in(&node, "192.0.2.3", email, "a guess", &cookie).status);
    assert_eq!(guesses.filter(|status| *status == 401).count(), 9);
    let bent = cookie.replace('=', "=x");
    let _ = sign_in(&node, "192.0.2.1", email, &password, &bent).expect(429);
}

fn a_hundred_addresses_that_guess_lock_nobody_out(database: Database) {
    let node = node(database).start();
    let email = "owner@example.org";
    let (password, cookie) = owner(&node);
    let other = node.account("other@example.org", "coordinator");
    let (done, guessed) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..20 {
            let (node, done, guessed) = (&node, &done, &guessed);
            scope.spawn(move || {
                for round in 0..10_000 {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let from = format!("192.0.2.{}", 1 + thread * 5 + round % 5);
                    let name = if round % 3 == 0 {
                        "nobody@example.org"
                    } else {
                        email
                    };
                    let answer = sign_in(node, &from, name, "a guess", "");
                    assert!([401, 429, 503].contains(&answer.status), "{answer:?}");
                    guessed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while guessed.load(Ordering::Relaxed) < 300 {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            for n in 0..5 {
                let known = sign_in(&node, "198.51.100.1", email, &password, &cookie);
                assert_eq!(known.status, 201, "known device, time {n}: {known:?}");
                // Even from where they guess.
                let known = sign_in(&node, "192.0.2.7", email, &password, &cookie);
                assert_eq!(known.status, 201, "known device, time {n}: {known:?}");
            }
            for (n, (email, password)) in [
                (email, password.as_str()),
                ("other@example.org", other.password().unwrap()),
            ]
            .into_iter()
            .enumerate()
            {
                let from = format!("192.0.2.{}", 200 + n);
                let tries =
                    (1..=5).find(|_| sign_in(&node, &from, email, password, "").status == 201);
                assert!(tries.is_some(), "a new device of {email}");
            }
        }));
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    });
}

fn a_new_password_ends_what_devices_knew(database: Database) {
    let node = node(database).start();
    let email = "owner@example.org";
    let (password, cookie) = owner(&node);
    let session = Party::sign_in(&node, email, &password);
    let change = json!({"current": password, "password": "another long password"});
    let changed = session.send(&node, Method::PUT, "/api/v1/me/password", &change);
    let (renewed, _) = device(&changed.expect(204));
    for _ in 0..10 {
        let _ = sign_in(&node, "192.0.2.1", email, "a guess", "").expect(401);
    }
    let new = "another long password";
    let _ = sign_in(&node, "192.0.2.1", email, new, &cookie).expect(429);
    let _ = sign_in(&node, "192.0.2.1", email, new, &renewed).expect(201);
}

fn tokens_that_work_once_work_whatever_is_guessed(database: Database) {
    let world = World::on(node(database));
    let node = &world.node;
    let from = |method, path: &str, body: &serde_json::Value, bearer: &str| {
        let mut request = node
            .request(method, path)
            .header("X-Forwarded-For", "192.0.2.1");
        if !bearer.is_empty() {
            request = request.bearer_auth(bearer);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        Answer::of(request)
    };
    let post =
        |path: &str, body: &serde_json::Value, bearer: &str| from(Method::POST, path, body, bearer);

    // Reset links: a wrong one costs no hash, which would take far longer than this loop.
    let members = format!("/api/v1/organisations/{}/members", world.organisation);
    let member = json!({"email": "desk@example.org", "display": "Desk", "role": "editor"});
    let added = world.coordinator.post(node, &members, &member).expect(201);
    let wrong = json!({"token": "lotse_reset_wrong", "password": "a long password here"});
    let statuses: Vec<u16> = (0..100)
        .map(|_| post("/api/v1/password-resets", &wrong, "").status)
        .collect();
    assert_eq!(statuses[..10], [404; 10], "{statuses:?}");
    assert_eq!(statuses[99], 429, "{statuses:?}");
    let added = added.json();
    let token = &added["password_reset"]["token"];
    let right = json!({"token": token, "password": "a long password here"});
    let _ = post("/api/v1/password-resets", &right, "").expect(204);

    // Claims, read and redeemed.
    let partner = json!({
        "organisation": {"content": {"name": {"en": "New"}, "type": "ngo", "seat_country": "DE"}},
        "contact": "office@example.org", "license": "CC-BY-4.0",
    });
    let taken = post("/api/v1/registrations", &partner, "")
        .expect(201)
        .json();
    let (own, claim) = (
        format!("/api/v1/registrations/{}", taken["id"].as_str().unwrap()),
        taken["claim_token"].as_str().unwrap(),
    );
    let nothing = serde_json::Value::Null;
    for _ in 0..50 {
        let answer = from(Method::GET, &own, &nothing, "lotse_claim_wrong");
        assert!([404, 429].contains(&answer.status), "{answer:?}");
    }
    let shown = from(Method::GET, &own, &nothing, claim).expect(200);
    assert_eq!(shown.json()["state"], "pending");
    let approve = format!("{own}/approve");
    let _ = world
        .coordinator
        .post(node, &approve, &json!({}))
        .expect(200);
    let claiming = json!({
        "email": "new@example.org", "display": "Office",
        "password": "a long password here", "client_label": "Import",
    });
    let redeem = format!("{own}/claim");
    for _ in 0..50 {
        let answer = post(&redeem, &claiming, "lotse_claim_wrong");
        assert!([404, 429].contains(&answer.status), "{answer:?}");
    }
    let _ = post(&redeem, &claiming, claim).expect(201);
}

#[test]
fn who_made_an_account_elsewhere_does_not_come_in_with_its_password() {
    let world = World::on(Node::on(Database::Sqlite));
    // Nothing says that this mailbox is theirs.
    let squatted = "office@victim.example";
    let squatter = member_of(
        &world.node,
        &world.coordinator,
        &world.other_organisation,
        squatted,
        "editor",
    );
    let members = format!("/api/v1/organisations/{}/members", world.organisation);
    let member = json!({"email": squatted, "display": "Office", "role": "org_admin"});
    let by_org_admin = world.org_admin.post(&world.node, &members, &member);
    let _ = by_org_admin.expect(409);
    let added = world
        .coordinator
        .post(&world.node, &members, &member)
        .expect(201)
        .json();
    // What they gave it opens nothing any more, and they cannot set it anew.
    let _ = squatter.get(&world.node, &members).expect(401);
    let session = json!({"email": squatted, "password": PASSWORD});
    let again = Party::anonymous().post(&world.node, "/api/v1/sessions", &session);
    let _ = again.expect(401);
    let id = added["account"].as_str().unwrap();
    let reset = format!("/api/v1/accounts/{id}/password-resets");
    let other_admin = member_of(
        &world.node,
        &world.coordinator,
        &world.other_organisation,
        "other-admin@example.org",
        "org_admin",
    );
    let _ = other_admin
        .post(&world.node, &reset, &json!({}))
        .expect(403);
    // Whoever holds the mailbox sets one with the link.
    let link =
        json!({"token": added["password_reset"]["token"], "password": "another long pass phrase"});
    let set = Party::anonymous().post(&world.node, "/api/v1/password-resets", &link);
    let _ = set.expect(204);
    let owner = Party::sign_in(&world.node, squatted, "another long pass phrase");
    let _ = owner.get(&world.node, &members).expect(200);
}

/// Whoever gave an account its password still knows it after the account was taken out of their organisation.
#[test]
fn whoever_gave_up_an_account_does_not_come_in_elsewhere_with_its_password() {
    let world = World::on(Node::on(Database::Sqlite));
    let squatted = "desk@victim.example";
    let _squatter = member_of(
        &world.node,
        &world.coordinator,
        &world.other_organisation,
        squatted,
        "editor",
    );
    let before = format!("/api/v1/organisations/{}/members", world.other_organisation);
    let listed = world
        .coordinator
        .get(&world.node, &before)
        .expect(200)
        .json();
    let members = listed["items"].as_array().unwrap();
    let id = members.iter().find(|it| it["email"] == squatted).unwrap()["account"].as_str();
    let member = format!("{before}/{}", id.unwrap());
    let _ = world.coordinator.delete(&world.node, &member).expect(204);
    let members = format!("/api/v1/organisations/{}/members", world.organisation);
    let new = json!({"email": squatted, "display": "Desk", "role": "org_admin"});
    let added = world
        .org_admin
        .post(&world.node, &members, &new)
        .expect(201);
    assert_eq!(added.json()["has_password"], false);
    let session = json!({"email": squatted, "password": PASSWORD});
    let again = Party::anonymous().post(&world.node, "/api/v1/sessions", &session);
    let _ = again.expect(401);
}

#[test]
fn an_organisation_that_is_deleted_takes_its_accounts_and_clients_with_it() {
    let world = World::on(Node::on(Database::Sqlite));
    let organisation = format!("/api/v1/organisations/{}", world.other_organisation);
    let editor = member_of(
        &world.node,
        &world.coordinator,
        &world.other_organisation,
        "editor@two.example.org",
        "editor",
    );
    let key = add_client(&world.node, &world.coordinator, &world.other_organisation);
    assert_eq!(
        token(&world.node, "192.0.2.1", &key.id, &key.secret).status,
        200
    );
    let _ = world
        .coordinator
        .delete(&world.node, &organisation)
        .expect(204);
    lotse_tests::wait_for("nobody reads on in its name", 20, || {
        let refused = [
            editor.get(&world.node, "/api/v1/me").status,
            world.stranger.get(&world.node, "/api/v1/offers").status,
            token(&world.node, "192.0.2.1", &key.id, &key.secret).status,
        ];
        (refused == [401; 3]).then_some(())
    });
    let session = json!({"email": "editor@two.example.org", "password": PASSWORD});
    let again = Party::anonymous().post(&world.node, "/api/v1/sessions", &session);
    let _ = again.expect(401);
}
