#![expect(clippy::unwrap_used, reason = "a test may end with a panic")]

use proptest::prelude::*;

use super::super::{OutboundError, Settings};
use super::url;

const STRICT: Settings = Settings {
    allow_insecure: false,
};
const LAX: Settings = Settings {
    allow_insecure: true,
};

fn asked(settings: Settings, base: &str, path: &str) -> Result<String, &'static str> {
    url(settings, &base.parse().unwrap(), path)
        .map(String::from)
        .map_err(|error| error.code())
}

#[test]
fn a_path_is_put_behind_the_base_url_as_it_is() {
    for (base, path, whole) in [
        ("https://a.example", "/fed/v1", "https://a.example/fed/v1"),
        ("https://a.example/", "/", "https://a.example/"),
        (
            "https://a.example:8443/lotse",
            "/fed?since=3&limit=2",
            "https://a.example:8443/lotse/fed?since=3&limit=2",
        ),
        (
            "https://bücher.example",
            "/%C3%A4",
            "https://xn--bcher-kva.example/%C3%A4",
        ),
    ] {
        assert_eq!(asked(STRICT, base, path).as_deref(), Ok(whole));
    }
}

#[test]
fn a_path_that_would_change_when_read_as_a_url_is_refused() {
    for path in [
        "",
        "fed",
        "@b.example/",
        ".b.example/",
        ":1/",
        "?q",
        "//b.example/",
        "/\\b.example/",
        "/../admin",
        "/a/../../b",
        "/./a",
        "/a/..",
        "/%2e%2e/admin",
        "/.%2E/admin",
        "/a#b",
        "/a\r\nHost: b.example",
        "/a\nb",
        "/a\tb",
        "/a b",
        "/ä",
        "/a\0",
        "/a ",
    ] {
        assert_eq!(
            asked(STRICT, "https://a.example/lotse", path),
            Err("unusable_path"),
            "{path:?}"
        );
    }
}

#[test]
fn plain_http_needs_the_development_switch() {
    assert_eq!(asked(STRICT, "http://a.example", "/"), Err("not_https"));
    assert_eq!(
        asked(LAX, "http://a.example", "/").as_deref(),
        Ok("http://a.example/")
    );
}

#[test]
fn a_host_that_is_an_address_must_be_a_global_one_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.01",
        "１２７.0.0.1",
        "0",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "10.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        assert_eq!(
            asked(STRICT, &format!("https://{host}"), "/"),
            Err("address_refused"),
            "{host}"
        );
    }
    assert_eq!(
        asked(STRICT, "https://1.1.1.1", "/").as_deref(),
        Ok("https://1.1.1.1/")
    );
    assert!(asked(STRICT, "https://[2606:4700:4700::1111]", "/").is_ok());
}

#[test]
fn the_development_switch_allows_loopback_but_not_metadata_addresses() {
    assert!(asked(LAX, "http://127.0.0.1:1", "/").is_ok());
    assert!(asked(LAX, "http://[::1]:1", "/").is_ok());
    for host in [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(
            asked(LAX, &format!("http://{host}"), "/"),
            Err("address_refused"),
            "{host}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_the_path_the_request_stays_below_the_base_url(path in "(?s)[/a.@:%25eE#?\\\\ \r\n\t-]{0,12}|.{0,12}") {
        let base = "https://a.example:8443/lotse".parse().unwrap();
        match url(STRICT, &base, &path) {
            Ok(url) => {
                prop_assert_eq!(url.host_str(), Some("a.example"));
                prop_assert_eq!(url.port(), Some(8443));
                prop_assert!(url.path().starts_with("/lotse/"));
                prop_assert!(url.fragment().is_none() && url.username().is_empty());
            }
            Err(OutboundError::UnusablePath { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
