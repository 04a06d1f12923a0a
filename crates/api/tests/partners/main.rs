//! Partners over HTTP, on a real database: registration, members, clients, passwords, sessions.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "tokens expire by the real clock")]

mod node;

use chrono::Duration;
use node::{Node, PASSWORD, code, json_of};
use serde_json::{Value, json};

fn partner() -> Value {
    json!({
        "organisation": {"content": {
            "name": {"de": "Beratungsstelle Beispielstadt"}, "type": "ngo", "seat_country": "DE",
        }},
        "contact": "office@example.org",
        "license": "CC-BY-4.0",
    })
}

fn claiming(email: &str) -> Value {
    json!({"email": email, "display": "Office", "password": PASSWORD, "client_label": "Import"})
}

#[actix_web::test]
async fn an_organisation_registers_is_approved_and_takes_its_account_and_client_once() {
    let node = Node::start().await;
    let (id, token) = node.register(&partner()).await;
    let own = format!("/api/v1/registrations/{id}");

    let shown = json_of(node.get(&own).bearer_auth(&token), 200).await;
    assert_eq!(shown["state"], "pending");
    assert!(shown.get("draft").is_none() && shown.get("contact").is_none());
    assert_eq!(code(node.get(&own), 401).await, "sign_in_required");
    assert_eq!(
        code(node.get(&own).bearer_auth("lotse_claim_guess"), 404).await,
        "not_found"
    );
    let (other, _) = node.register(&partner()).await;
    assert_eq!(
        code(
            node.get(&format!("/api/v1/registrations/{other}"))
                .bearer_auth(&token),
            404
        )
        .await,
        "not_found"
    );

    let claim = |email: &str| {
        node.post(&format!("{own}/claim"))
            .bearer_auth(&token)
            .json(&claiming(email))
    };
    assert_eq!(code(claim("office@example.org"), 409).await, "not_approved");

    let coordinator = node.coordinator().await;
    let tasks = json_of(
        node.as_session(node.get("/api/v1/tasks"), &coordinator),
        200,
    )
    .await;
    assert_eq!(tasks["items"][0]["waiting"], 2);
    let waiting = json_of(
        node.as_session(
            node.get("/api/v1/registrations?state=pending"),
            &coordinator,
        ),
        200,
    )
    .await;
    assert_eq!(
        waiting["items"][0]["draft"]["content"]["seat_country"],
        "DE"
    );
    assert_eq!(waiting["items"][0]["contact"], "office@example.org");
    let approve = || node.as_session(node.post(&format!("{own}/approve")), &coordinator);
    let organisation = json_of(approve(), 200).await["organisation"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(code(approve(), 409).await, "already_decided");
    let shown = json_of(node.get(&own).bearer_auth(&token), 200).await;
    assert_eq!(
        (&shown["state"], &shown["organisation"]),
        (&json!("approved"), &json!(organisation))
    );

    assert_eq!(code(claim("not an address"), 422).await, "invalid");
    let claimed = json_of(claim("office@example.org"), 201).await;
    assert_eq!(claimed["organisation"], organisation);
    assert_eq!(
        code(claim("other@example.org"), 409).await,
        "already_claimed"
    );

    let session = node.sign_in("office@example.org", PASSWORD).await;
    let me = json_of(node.as_session(node.get("/api/v1/me"), &session), 200).await;
    assert_eq!(
        (&me["role"], &me["organisation"]),
        (&json!("org_admin"), &json!(organisation))
    );
    let bearer = node
        .token(&claimed["client_id"], &claimed["client_secret"])
        .await
        .unwrap();
    let me = json_of(node.get("/api/v1/me").bearer_auth(&bearer), 200).await;
    assert_eq!(
        (&me["type"], &me["role"]),
        (&json!("client"), &json!("editor"))
    );
}

#[actix_web::test]
async fn of_many_claims_at_once_one_succeeds() {
    let node = Node::start().await;
    let (id, token) = node.register(&partner()).await;
    let coordinator = node.coordinator().await;
    json_of(
        node.as_session(
            node.post(&format!("/api/v1/registrations/{id}/approve")),
            &coordinator,
        ),
        200,
    )
    .await;
    let claims = (0..6).map(|n| {
        let request = node
            .post(&format!("/api/v1/registrations/{id}/claim"))
            .bearer_auth(&token);
        request
            .json(&claiming(&format!("office{n}@example.org")))
            .send()
    });
    let answers = futures_util::future::join_all(claims).await;
    let statuses: Vec<u16> = answers
        .into_iter()
        .map(|answer| answer.unwrap().status().as_u16())
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 409).count(),
        5,
        "{statuses:?}"
    );
}

#[actix_web::test]
async fn a_refusal_has_a_reason_and_is_erased_after_thirty_days() {
    let node = Node::start().await;
    let (id, token) = node.register(&partner()).await;
    let own = format!("/api/v1/registrations/{id}");
    let coordinator = node.coordinator().await;
    let refuse = |body: Value| {
        node.as_session(node.post(&format!("{own}/refuse")), &coordinator)
            .json(&body)
    };
    assert_eq!(code(refuse(json!({"reason": ""})), 422).await, "invalid");
    assert_eq!(
        refuse(json!({"reason": "It is here already."}))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        204
    );
    let shown = json_of(node.get(&own).bearer_auth(&token), 200).await;
    assert_eq!(
        (&shown["state"], &shown["reason"]),
        (&json!("refused"), &json!("It is here already."))
    );
    node.pass(Duration::days(31));
    assert_eq!(
        code(node.get(&own).bearer_auth(&token), 410).await,
        "expired"
    );
    let cleaned = node.storage.clean(node.now()).await.unwrap();
    assert_eq!(cleaned.registrations, 1);
    assert_eq!(
        code(node.get(&own).bearer_auth(&token), 404).await,
        "not_found"
    );
}

#[actix_web::test]
async fn what_cannot_be_approved_is_refused_when_it_is_submitted() {
    let node = Node::start().await;
    let with = |pointer: &str, value: Value| {
        let mut body = partner();
        *body.pointer_mut(pointer).unwrap() = value;
        node.post("/api/v1/registrations").json(&body)
    };
    for (pointer, value, status, place) in [
        ("/license", json!("CC0-1.0"), 422, "/license"),
        ("/contact", json!("nobody"), 422, "/contact"),
        (
            "/organisation/content/seat_country",
            json!("ZZ"),
            422,
            "/organisation/content/seat_country",
        ),
        (
            "/organisation/content/type",
            json!(7),
            400,
            "/organisation/content/type",
        ),
        (
            "/organisation",
            json!({"content": {}, "colour": "red"}),
            400,
            "/organisation",
        ),
    ] {
        let problem = json_of(with(pointer, value), status).await;
        let found = problem["errors"][0]["pointer"].as_str().unwrap();
        assert!(
            found.starts_with(place),
            "{found} instead of {place}: {problem}"
        );
    }
    let mut body = partner();
    body["extra"] = json!(1);
    assert_eq!(
        code(node.post("/api/v1/registrations").json(&body), 400).await,
        "malformed"
    );
}

#[actix_web::test]
async fn an_org_admin_looks_after_its_own_members_and_nobody_else() {
    let node = Node::start().await;
    let (organisation, admin) = node.partner("a@example.org").await;
    let (elsewhere, _) = node.partner("b@example.org").await;
    let members = format!("/api/v1/organisations/{organisation}/members");
    let add = |email: &str, role: &str| {
        let body = json!({"email": email, "display": "Desk", "role": role});
        node.as_session(node.post(&members), &admin).json(&body)
    };
    let added = json_of(add("desk@example.org", "editor"), 201).await;
    let account = added["account"].as_str().unwrap();
    let reset = |token: &Value, password: &str| {
        node.post("/api/v1/password-resets")
            .json(&json!({"token": token, "password": password}))
    };
    let link = &added["password_reset"]["token"];
    assert_eq!(code(reset(link, "short"), 422).await, "invalid");
    assert_eq!(
        reset(link, PASSWORD)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        204
    );
    assert_eq!(code(reset(link, PASSWORD), 409).await, "already_used");
    assert_eq!(
        code(reset(&json!("lotse_reset_guess"), PASSWORD), 404).await,
        "not_found"
    );

    let desk = node.sign_in("desk@example.org", PASSWORD).await;
    assert_eq!(
        code(node.as_session(node.get(&members), &desk), 403).await,
        "role_required"
    );
    let listed = json_of(node.as_session(node.get(&members), &admin), 200).await;
    assert_eq!(listed["total"], 2);
    let foreign = format!("/api/v1/organisations/{elsewhere}/members");
    assert_eq!(
        code(node.as_session(node.get(&foreign), &admin), 403).await,
        "role_required"
    );
    assert_eq!(
        code(add("b@example.org", "editor"), 409).await,
        "email_taken"
    );
    assert_eq!(
        code(add("coordination@example.org", "editor"), 409).await,
        "email_taken"
    );
    assert_eq!(
        code(add("boss@example.org", "node_admin"), 422).await,
        "invalid"
    );

    // Who may not act as an account may not set its password either.
    let offer = |account: &str| {
        node.as_session(
            node.post(&format!("/api/v1/accounts/{account}/password-resets")),
            &admin,
        )
    };
    let stranger = node.account("b@example.org").await.to_string();
    assert_eq!(code(offer(&stranger), 403).await, "role_required");
    let coordinator = node.account("coordination@example.org").await.to_string();
    assert_eq!(code(offer(&coordinator), 403).await, "role_required");
    let link = json_of(offer(account), 201).await;
    assert_eq!(
        reset(&link["token"], "another long password")
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        204
    );
    assert_eq!(
        code(node.as_session(node.get("/api/v1/me"), &desk), 401).await,
        "session_ended"
    );

    let desk = node
        .sign_in("desk@example.org", "another long password")
        .await;
    let remove =
        |account: &str| node.as_session(node.delete(&format!("{members}/{account}")), &admin);
    assert_eq!(remove(account).send().await.unwrap().status().as_u16(), 204);
    assert_eq!(
        code(node.as_session(node.get("/api/v1/me"), &desk), 401).await,
        "session_ended"
    );
    let own = node.account("a@example.org").await.to_string();
    assert_eq!(code(remove(&own), 409).await, "conflict");
    assert_eq!(code(remove(account), 404).await, "not_found");
}

#[actix_web::test]
async fn a_reset_link_expires() {
    let node = Node::start().await;
    let (organisation, admin) = node.partner("a@example.org").await;
    let body = json!({"email": "desk@example.org", "display": "Desk", "role": "editor"});
    let path = format!("/api/v1/organisations/{organisation}/members");
    let added = json_of(node.as_session(node.post(&path), &admin).json(&body), 201).await;
    node.pass(Duration::hours(25));
    let reset = json!({"token": added["password_reset"]["token"], "password": PASSWORD});
    assert_eq!(
        code(node.post("/api/v1/password-resets").json(&reset), 410).await,
        "expired"
    );
}

#[actix_web::test]
async fn people_change_their_own_password_and_stay_signed_in_where_they_did() {
    let node = Node::start_with(12).await;
    let (_, here) = node.partner("a@example.org").await;
    let there = node.sign_in("a@example.org", PASSWORD).await;
    let new = "another long pass phrase";
    let change = |current: &str, password: &str| {
        let body = json!({"current": current, "password": password});
        node.as_session(node.put("/api/v1/me/password"), &here)
            .json(&body)
    };
    let wrong = json_of(change("a wrong password", new), 422).await;
    assert_eq!(
        (&wrong["errors"][0]["pointer"], &wrong["errors"][0]["code"]),
        (&json!("/current"), &json!("wrong"))
    );
    let short = json_of(change(PASSWORD, "short"), 422).await;
    assert_eq!(short["errors"][0]["pointer"], "/password");
    let me = |session: &str| node.as_session(node.get("/api/v1/me"), session);
    json_of(me(&there), 200).await;

    let changed = change(PASSWORD, new).send().await.unwrap();
    assert_eq!(changed.status().as_u16(), 204);
    json_of(me(&here), 200).await;
    assert_eq!(code(me(&there), 401).await, "session_ended");
    let old = json!({"email": "a@example.org", "password": PASSWORD});
    assert_eq!(
        code(node.post("/api/v1/sessions").json(&old), 401).await,
        "sign_in_failed"
    );
    node.sign_in("a@example.org", new).await;

    // Whoever finds an open session cannot guess on and on.
    let mut guesses = 0;
    loop {
        let status = change("a guess", new)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16();
        if status == 429 {
            break;
        }
        assert_eq!(status, 422);
        guesses += 1;
        assert!(guesses < 12, "no limit");
    }
    let new = json!({"email": "a@example.org", "password": new});
    assert_eq!(
        code(node.post("/api/v1/sessions").json(&new), 429).await,
        "rate_limited",
        "guesses count where one signs in, too"
    );
}

#[actix_web::test]
async fn everybody_sees_what_waits_in_their_own_organisation() {
    let node = Node::start().await;
    let (one, one_admin) = node.partner("a@example.org").await;
    let (two, two_admin) = node.partner("b@example.org").await;
    let waiting = async |session: &str| {
        let tasks = json_of(node.as_session(node.get("/api/v1/tasks"), session), 200).await;
        let items = tasks["items"].as_array().unwrap().clone();
        let found: Vec<(String, u64)> = items
            .iter()
            .map(|item| {
                assert_eq!(item["more"], false);
                let sort = item["type"].as_str().unwrap().to_owned();
                (sort, item["waiting"].as_u64().unwrap())
            })
            .collect();
        assert_eq!(tasks["total"], found.iter().map(|(_, n)| n).sum::<u64>());
        found
    };
    let counts = |counts: &[(&str, u64)]| -> Vec<(String, u64)> {
        counts
            .iter()
            .map(|(sort, n)| ((*sort).to_owned(), *n))
            .collect()
    };
    let own = counts(&[("corrections", 0), ("reviews", 0), ("never_verified", 1)]);
    assert_eq!(waiting(&one_admin).await, own);
    assert_eq!(waiting(&two_admin).await, own);

    let today = node.now().date_naive();
    let verified = json!({
        "last_verified": today, "verification_method": "phone_email",
        "content": {"title": {"en": "Open day"}, "type": "public_info", "start": node.now(),
            "time_zone": "Europe/Berlin", "organiser": one},
    });
    let write = node.as_session(node.post("/api/v1/events"), &one_admin);
    let event = json_of(write.json(&verified), 201).await;
    assert_eq!(waiting(&one_admin).await, own);
    node.pass(Duration::days(181));
    let (one_admin, two_admin) = (
        node.sign_in("a@example.org", PASSWORD).await,
        node.sign_in("b@example.org", PASSWORD).await,
    );
    let due = counts(&[("corrections", 0), ("reviews", 1), ("never_verified", 1)]);
    assert_eq!(waiting(&one_admin).await, due);
    assert_eq!(waiting(&two_admin).await, own);
    let coordinator = node.coordinator().await;
    let all = waiting(&coordinator).await;
    assert_eq!(all[0], ("registrations".to_owned(), 0));
    assert_eq!(all[2..], counts(&[("reviews", 1), ("never_verified", 2)]));

    let reviews = |query: &str| node.get(&format!("/api/v1/tasks/reviews{query}"));
    let listed = json_of(node.as_session(reviews(""), &one_admin), 200).await;
    let item = &listed["items"][0];
    assert_eq!(
        (&item["id"], &item["kind"]),
        (&event["id"], &json!("event"))
    );
    assert_eq!(item["last_verified"], json!(today));
    assert_eq!(item["review_due"], event["review_due"]);
    assert_eq!(
        (&listed["total"], &listed["more"], &listed["next"]),
        (&json!(1), &json!(false), &json!(null))
    );
    let never = reviews("?state=never_verified");
    let listed = json_of(node.as_session(never, &two_admin), 200).await;
    assert_eq!(listed["items"][0]["id"], two);
    assert_eq!(listed["items"][0]["last_verified"], json!(null));
    assert_eq!(listed["total"], 1);
    for bad in ["?state=old", "?after=x", "?state=due&after=2026-01-01"] {
        let answer = node.as_session(reviews(bad), &one_admin);
        assert_eq!(code(answer, 400).await, "invalid_parameter", "{bad}");
    }
}

#[actix_web::test]
async fn a_revoked_client_is_out_at_once() {
    let node = Node::start().await;
    let (organisation, admin) = node.partner("a@example.org").await;
    let (_, stranger) = node.partner("b@example.org").await;
    let clients = format!("/api/v1/organisations/{organisation}/clients");
    let made = json_of(
        node.as_session(node.post(&clients), &admin)
            .json(&json!({"label": "Import"})),
        201,
    )
    .await;
    let bearer = node.token(&made["id"], &made["secret"]).await.unwrap();
    json_of(node.get("/api/v1/me").bearer_auth(&bearer), 200).await;
    let listed = json_of(node.as_session(node.get(&clients), &admin), 200).await;
    assert!(
        !listed.to_string().contains("secret"),
        "a secret is shown once"
    );
    assert_eq!(
        code(node.get(&clients).bearer_auth(&bearer), 403).await,
        "role_required"
    );
    let path = format!("{clients}/{}", made["id"].as_str().unwrap());
    assert_eq!(
        code(node.as_session(node.delete(&path), &stranger), 403).await,
        "role_required"
    );
    assert_eq!(
        node.as_session(node.delete(&path), &admin)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        204
    );
    assert_eq!(
        code(node.get("/api/v1/me").bearer_auth(&bearer), 401).await,
        "invalid_token"
    );
    assert_eq!(node.token(&made["id"], &made["secret"]).await, None);
}

#[actix_web::test]
async fn signing_in_fails_alike_for_all_and_is_limited() {
    let node = Node::start_with(5).await;
    let attempt = |email: &str| {
        let body = json!({"email": email, "password": "a wrong password"});
        json_of(node.post("/api/v1/sessions").json(&body), 401)
    };
    let (mut known, mut unknown) = (
        attempt("coordination@example.org").await,
        attempt("nobody@example.org").await,
    );
    known["request_id"].take();
    unknown["request_id"].take();
    assert_eq!(known, unknown);
    assert_eq!(known["code"], "sign_in_failed");
    for _ in 0..3 {
        attempt("coordination@example.org").await;
    }
    let body = json!({"email": "coordination@example.org", "password": PASSWORD});
    assert_eq!(
        code(node.post("/api/v1/sessions").json(&body), 429).await,
        "rate_limited"
    );
}

#[actix_web::test]
async fn a_session_ends_when_its_account_signs_out() {
    let node = Node::start().await;
    let session = node.coordinator().await;
    let out = node
        .delete("/api/v1/sessions/current")
        .header("Cookie", &session);
    assert_eq!(code(out, 403).await, "cross_site");
    let out = node
        .as_session(node.delete("/api/v1/sessions/current"), &session)
        .send()
        .await
        .unwrap();
    assert_eq!(out.status().as_u16(), 204);
    assert!(
        out.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(
        code(node.as_session(node.get("/api/v1/me"), &session), 401).await,
        "session_ended"
    );
}
