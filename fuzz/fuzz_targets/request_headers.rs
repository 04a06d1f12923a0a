//! Headers of requests: entity tags, and whose request it is behind proxies.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{ETAG, HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use http::client::{ForwardedHeader, TrustedProxies};
use http::conditional::{IfMatch, not_modified, strong, weak};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<&[u8]>, &str)| {
    let (values, opaque) = input;
    let values: Vec<_> = values
        .into_iter()
        .filter_map(|value| HeaderValue::from_bytes(value).ok())
        .collect();
    tags(&values, opaque);
    addresses(&values);
});

fn tags(values: &[HeaderValue], opaque: &str) {
    let with = |name: &'static str| {
        let mut request = TestRequest::get();
        for value in values {
            request = request.append_header((name, value.clone()));
        }
        request.to_http_request()
    };
    let etag = strong(opaque);
    let _ = not_modified(&with("if-none-match"), &etag);
    if let Ok(asked) = IfMatch::of(&with("if-match")) {
        let _ = asked.check(opaque);
    }
    // What the node itself gave out fits, and only as strong as it was.
    for (tag, fits) in [(etag, true), (weak(opaque), false)] {
        let plain = !opaque.contains([',', '"']) && !opaque.is_empty() && tag.to_str().is_ok_and(|tag| tag.len() > 4);
        if plain && opaque.trim() == opaque {
            let request = TestRequest::get().insert_header((ETAG, tag.clone()));
            let request = request.insert_header(("if-match", tag.clone())).to_http_request();
            let asked = IfMatch::of(&request).expect("it was given out");
            assert_eq!(asked.check(opaque).is_ok(), fits);
            let request = TestRequest::get().insert_header(("if-none-match", tag.clone()));
            assert!(not_modified(&request.to_http_request(), &tag));
        }
    }
}

fn addresses(values: &[HeaderValue]) {
    let proxy: SocketAddr = "127.0.0.1:1".parse().expect("a constant");
    let stranger: SocketAddr = "192.0.2.1:1".parse().expect("a constant");
    for (name, header) in [
        ("x-forwarded-for", ForwardedHeader::XForwardedFor),
        ("forwarded", ForwardedHeader::Forwarded),
    ] {
        let proxies = TrustedProxies {
            networks: vec!["127.0.0.0/8".parse().expect("a constant")],
            header,
        };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::from_static(name), value.clone());
        }
        let _ = proxies.client(Some(proxy), &headers);
        assert_eq!(proxies.client(Some(stranger), &headers), stranger.ip(), "only proxies are believed");
        // Whatever stands before it, what the proxy wrote last counts.
        let last: IpAddr = "198.51.100.7".parse().expect("a constant");
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(if name == "forwarded" { "for=198.51.100.7" } else { "198.51.100.7" }),
        );
        assert_eq!(proxies.client(Some(proxy), &headers), last);
    }
}
