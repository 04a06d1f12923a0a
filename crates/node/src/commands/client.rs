//! `lotse client`: clients of organisations at the console.

use domain::{Actor, Role};
use http::sign_in::secret::Secret;
use storage::{NewClient, StorageError};
use uuid::Uuid;

use super::organisation_exists;
use crate::cli;
use crate::config::Config;
use crate::console;
use crate::failure::Failure;
use crate::node::open_existing;

/// Clients that are read at once.
const PAGE: i64 = 500;

pub(crate) async fn run(config: &Config, command: cli::Client) -> Result<(), Failure> {
    let storage = open_existing(config).await?;
    let (system, now) = (Actor::system(), crate::clock::now());
    match command {
        cli::Client::Add {
            organisation,
            label,
        } => {
            organisation_exists(config, &storage, organisation).await?;
            let secret = Secret::mint("lotse_secret_")?;
            let client = NewClient {
                id: Uuid::now_v7(),
                label,
                role: Role::Editor,
                secret: secret.hash,
            };
            let client = storage
                .clients
                .create(&system, organisation, client, now)
                .await?;
            let said = format!(
                "client {}\nsecret {}  (shown once)",
                client.id, secret.plain
            );
            let remedy = format!("`lotse client revoke {}`, then make another", client.id);
            console::say_once(said, &remedy)?;
        }
        cli::Client::List { organisation } => {
            organisation_exists(config, &storage, organisation).await?;
            let mut after = None;
            loop {
                let clients = storage
                    .clients
                    .list(Some(organisation), after, PAGE)
                    .await?;
                for client in &clients {
                    let state = if client.revoked.is_some() {
                        "revoked"
                    } else {
                        "active"
                    };
                    console::say_row(format_args!("{}  {state}  {}", client.id, client.label));
                }
                match clients.last() {
                    Some(last) if clients.len() as i64 == PAGE => after = Some(last.id),
                    _ => break,
                }
            }
        }
        cli::Client::Revoke { id } => {
            storage
                .clients
                .revoke(&system, id, now)
                .await
                .map_err(|error| match error {
                    StorageError::NotFound => Failure::new(format!("there is no client {id}")),
                    other => other.into(),
                })?;
            console::say(format_args!("{id} is revoked"));
        }
    }
    Ok(())
}
