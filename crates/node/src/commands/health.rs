//! `lotse health`: asks a running node, for containers and supervisors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use health::Ability;

use crate::config::Config;
use crate::console;
use crate::failure::Failure;

/// How long the answer may take.
const WAIT: Duration = Duration::from_secs(5);

pub(crate) async fn run(config: &Config, abilities: &[String]) -> Result<ExitCode, Failure> {
    for name in abilities {
        if Ability::of(name).is_none() {
            let known = Ability::ALL.map(Ability::name).join(", ");
            return Err(Failure::new(format!("--for {name}: one of {known}")));
        }
    }
    let query: Vec<String> = abilities.iter().map(|name| format!("for={name}")).collect();
    let url = format!(
        "http://{}/health/ready?{}",
        reachable(config.listen),
        query.join("&")
    );
    let http = reqwest::Client::builder().no_proxy().timeout(WAIT).build();
    let http = http.map_err(|error| Failure::new(error.to_string()))?;
    let answer = http.get(&url).send().await;
    let answer =
        answer.map_err(|error| Failure::new(format!("no answer from {url}: {}", cause(&error))))?;
    let ready = answer.status().is_success();
    console::say(answer.text().await.unwrap_or_default());
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The innermost reason: `connection refused` says more than that a request could not be sent.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A node that listens on all addresses is asked on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
