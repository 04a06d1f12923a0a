//! What the middleware adds to every answer.

use lotse_http::client::{ForwardedHeader, TrustedProxies};
use lotse_http::rate::{Rate, Rates};
use lotse_http::surface::Settings;

use crate::node::{Node, generous, problem, settings};

#[actix_web::test]
async fn every_answer_has_the_security_headers() {
    let node = Node::start();
    for path in ["/hello", "/nothing", "/broken", "/framework", "/slow"] {
        let answer = node.get(path).send().await.unwrap();
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header("x-content-type-options").as_deref(),
            Some("nosniff"),
            "{path}"
        );
        // What a browser shows as a page must not tell the next site where its reader was.
        let shown = (path == "/hello").then_some("no-referrer");
        assert_eq!(header("referrer-policy").as_deref(), shown, "{path}");
        let policy = header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(
            header("access-control-allow-origin").as_deref(),
            Some("*"),
            "{path}"
        );
        assert_eq!(header("access-control-allow-credentials"), None, "{path}");
        assert_eq!(
            header("strict-transport-security"),
            None,
            "{path}: plain http"
        );
        assert_eq!(header("x-request-id").unwrap().len(), 16, "{path}");
    }
    let node = Node::start_with(
        &generous(),
        Settings {
            https: true,
            ..settings()
        },
    );
    let answer = node.get("/hello").send().await.unwrap();
    assert!(answer.headers().contains_key("strict-transport-security"));
}

#[actix_web::test]
async fn what_is_not_there_is_a_problem_document() {
    let node = Node::start();
    let (status, code, _) = problem(node.get("/nothing")).await;
    assert_eq!((status, code.as_str()), (404, "not_found"));

    let answer = node
        .http
        .delete(format!("{}/notes", node.base))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["allow"].to_str().unwrap()
        ),
        (405, "POST")
    );
    let answer = node.post("/hello").send().await.unwrap();
    assert_eq!(answer.headers()["allow"], "GET, HEAD");

    let (status, code, _) = problem(node.get("/entries/seven")).await;
    assert_eq!((status, code.as_str()), (400, "invalid_id"));

    let meaning: serde_json::Value = node
        .get("/problems/in_use")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(meaning["status"], 409);
    assert_eq!(problem(node.get("/problems/unheard_of")).await.0, 404);
}

#[actix_web::test]
async fn errors_keep_the_inside_to_themselves() {
    let node = Node::start();
    let (status, code, document) = problem(node.get("/broken")).await;
    assert_eq!((status, code.as_str()), (500, "internal"));
    assert!(!document.to_string().contains("inside story"));
    let (status, code, document) = problem(node.get("/framework")).await;
    assert_eq!((status, code.as_str()), (400, "bad_request"));
    assert!(!document.to_string().contains("framework"));
}

#[actix_web::test]
async fn what_takes_too_long_is_given_up() {
    let node = Node::start();
    let started = std::time::Instant::now();
    let (status, code, _) = problem(node.get("/slow")).await;
    assert_eq!((status, code.as_str()), (503, "time_limit"));
    assert!(started.elapsed().as_secs() < 10);
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let node = Node::start();
    let answer = node
        .http
        .head(format!("{}/hello", node.base))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["content-length"], "7");
    assert_eq!(answer.text().await.unwrap(), "");
    // The connection still works: nothing was left behind on it.
    assert_eq!(
        node.get("/hello")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "hello 0"
    );
}

#[actix_web::test]
async fn other_sites_may_read_and_not_write() {
    let node = Node::start();
    let preflight = |method: &'static str| {
        let request = node
            .http
            .request(reqwest::Method::OPTIONS, format!("{}/notes", node.base));
        request
            .header("Origin", "https://elsewhere.example")
            .header("Access-Control-Request-Method", method)
            .send()
    };
    let answer = preflight("POST").await.unwrap();
    assert_eq!(answer.status().as_u16(), 204);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        answer.headers()["access-control-allow-methods"],
        "GET, HEAD"
    );
    let allowed = answer.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap()
        .to_lowercase();
    assert!(!allowed.contains("authorization") && !allowed.contains("content-type"));
    let answer = node
        .get("/hello")
        .header("Origin", "https://elsewhere.example")
        .send()
        .await
        .unwrap();
    let exposed = answer.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap();
    assert!(exposed.contains("ETag") && exposed.contains("Retry-After"));
    let answer = node
        .post("/notes")
        .json(&serde_json::json!({"text": "x"}))
        .send()
        .await
        .unwrap();
    assert!(
        answer
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
}

#[actix_web::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let rates = Rates {
        read: Rate {
            burst: 3,
            per_minute: 6,
        },
        ..generous()
    };
    let node = Node::start_with(&rates, settings());
    for _ in 0..3 {
        assert_eq!(
            node.get("/hello").send().await.unwrap().status().as_u16(),
            200
        );
    }
    let answer = node.get("/hello").send().await.unwrap();
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((9..=10).contains(&wait), "{wait}");
    let (status, code, _) = problem(node.get("/hello")).await;
    assert_eq!((status, code.as_str()), (429, "rate_limited"));
    // Writing is counted apart.
    assert_eq!(
        node.post("/notes")
            .json(&serde_json::json!({"text": "x"}))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        201
    );
    assert!(
        node.metrics
            .render()
            .contains("lotse_http_rate_limited_total 2")
    );
}

#[actix_web::test]
async fn clients_behind_a_trusted_proxy_are_counted_apart_and_nobody_else_is_believed() {
    let rates = Rates {
        read: Rate {
            burst: 1,
            per_minute: 1,
        },
        ..generous()
    };
    let ask =
        |node: &Node, client: &str| node.get("/hello").header("X-Forwarded-For", client).send();
    let proxies = TrustedProxies {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        header: ForwardedHeader::XForwardedFor,
    };
    let node = Node::start_with(
        &rates,
        Settings {
            proxies,
            ..settings()
        },
    );
    for (client, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
        ("192.0.2.9, 192.0.2.2", 429),
    ] {
        assert_eq!(
            ask(&node, client).await.unwrap().status().as_u16(),
            status,
            "{client}"
        );
    }
    let node = Node::start_with(&rates, settings());
    for (client, status) in [("192.0.2.1", 200), ("192.0.2.2", 429)] {
        assert_eq!(
            ask(&node, client).await.unwrap().status().as_u16(),
            status,
            "{client}"
        );
    }
}

#[actix_web::test]
async fn only_a_trusted_proxy_names_requests() {
    let ask = |node: &Node| {
        node.get("/hello")
            .header("X-Request-Id", "trace-me-12345")
            .send()
    };
    let node = Node::start();
    assert_ne!(
        ask(&node).await.unwrap().headers()["x-request-id"],
        "trace-me-12345"
    );
    let proxies = TrustedProxies {
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        ..TrustedProxies::default()
    };
    let node = Node::start_with(
        &generous(),
        Settings {
            proxies,
            ..settings()
        },
    );
    assert_eq!(
        ask(&node).await.unwrap().headers()["x-request-id"],
        "trace-me-12345"
    );
}

#[actix_web::test]
async fn answers_are_counted() {
    let node = Node::start();
    for _ in 0..3 {
        node.get("/hello").send().await.unwrap();
    }
    node.get("/hello?nonsense=1").send().await.unwrap();
    node.get("/slow").send().await.unwrap();
    let text = node.metrics.render();
    for line in [
        r#"lotse_http_requests_total{route="/hello",method="GET",status="2xx"} 3"#,
        r#"lotse_http_requests_total{route="/hello",method="GET",status="4xx"} 1"#,
        r#"lotse_http_requests_total{route="other",method="GET",status="5xx"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
