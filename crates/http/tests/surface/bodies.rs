//! What bad input gets.

use crate::node::{Node, problem};

fn json(node: &Node, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    node.post("/notes")
        .header("Content-Type", "application/json")
        .body(body)
}

#[actix_web::test]
async fn malformed_bodies_are_refused_with_the_place() {
    let node = Node::start();
    let deep = format!(r#"{{"text":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    for (body, pointer, code) in [
        ("{", "", "not_json"),
        ("", "", "not_json"),
        (r#"{"text":"a","text":"b"}"#, "", "duplicate_name"),
        (r#"{"text":"a\u0000"}"#, "", "control_character"),
        (r#"{"text":"a\u001b"}"#, "", "control_character"),
        (r#"{"text":"a","colour":1}"#, "/colour", "unknown_field"),
        (r#"{"text":7}"#, "/text", "wrong_type"),
        (r#"{}"#, "/text", "required"),
        (deep.as_str(), "", "too_deep"),
        (r#"{"text":"a"} {"text":"b"}"#, "", "not_json"),
    ] {
        let (status, problem_code, document) = problem(json(&node, body.to_owned())).await;
        assert_eq!(
            (status, problem_code.as_str()),
            (400, "malformed"),
            "{body}"
        );
        assert_eq!(document["errors"][0]["pointer"], pointer, "{body}");
        assert_eq!(document["errors"][0]["code"], code, "{body}");
    }
    assert_eq!(
        json(&node, "{\"text\":\"a\\nb\"}")
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        201
    );
}

#[actix_web::test]
async fn bodies_that_are_too_large_are_refused_early_and_late() {
    let node = Node::start();
    let large = format!(r#"{{"text":"{}"}}"#, "a".repeat(10_000_000));
    let (status, code, _) = problem(json(&node, large.clone())).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
    // Without a Content-Length, it is counted while it arrives.
    let chunks =
        futures_util::stream::iter((0..40).map(|_| Ok::<_, std::io::Error>(vec![b' '; 4_096])));
    let (status, code, _) = problem(json(&node, reqwest::Body::wrap_stream(chunks))).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
}

#[actix_web::test]
async fn other_content_types_and_codings_are_refused() {
    let node = Node::start();
    let body = r#"{"text":"a"}"#;
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "multipart/form-data",
    ] {
        let request = node
            .post("/notes")
            .header("Content-Type", media_type)
            .body(body);
        assert_eq!(problem(request).await.0, 415, "{media_type}");
    }
    assert_eq!(problem(node.post("/notes").body(body)).await.0, 415, "none");
    assert_eq!(
        problem(json(&node, body).header("Content-Encoding", "gzip"))
            .await
            .0,
        415,
        "gzip"
    );
    let request = node
        .post("/notes")
        .header("Content-Type", "application/json; charset=utf-8")
        .body(body);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 201);
}

#[actix_web::test]
async fn unknown_and_unusable_parameters_are_refused() {
    let node = Node::start();
    assert_eq!(
        node.get("/hello?limit=7")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "hello 7"
    );
    for (query, expected, named) in [
        ("limt=7", "unknown_parameter", "limt"),
        ("limit=x", "invalid_parameter", "limit"),
        ("limit=1&limit=2", "invalid_parameter", "limit"),
        ("limit=70000", "invalid_parameter", "limit"),
        ("limit=%00", "invalid_parameter", "limit"),
    ] {
        let (status, code, document) = problem(node.get(&format!("/hello?{query}"))).await;
        assert_eq!((status, code.as_str()), (400, expected), "{query}");
        assert!(
            document["detail"].as_str().unwrap().contains(named),
            "{query}: {document}"
        );
    }
}
