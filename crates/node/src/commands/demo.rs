//! `lotse demo`: a node with the demo directory, and credentials to try it with.

use domain::{Actor, Command, EntryId, Role};
use http::sign_in::{Passwords, secret::Secret};
use storage::{BatchMode, Membership, NewAccount, NewClient, Storage};
use uuid::Uuid;

use crate::config::Config;
use crate::demo::{self, OPERATOR, entry_id};
use crate::failure::Failure;
use crate::node::make_storage;
use crate::{console, keys, serve, signals};

/// The coordinator of the demo: a mailbox that cannot exist (RFC 2606).
const COORDINATOR: &str = "coordination@example.org";

pub(crate) async fn run(config: &Config) -> Result<(), Failure> {
    let listener = serve::listen(config)?;
    let storage = signals::or_leave_well(make_storage(config)).await?;
    keys::load(&config.key_folder(), &config.origin()?)?;
    if is_empty(&storage).await? {
        load(&storage).await?;
        introduce(config, &storage).await?;
    } else {
        console::note(
            "The demo directory is there already; its credentials were printed at the first start.",
        );
    }
    serve::serve(config, listener, storage).await
}

/// Whether the demo is still to be loaded. A node that holds something else is left alone.
async fn is_empty(storage: &Storage) -> Result<bool, Failure> {
    match storage.operator().await? {
        None => Ok(true),
        Some(operator) if operator == entry_id(OPERATOR) => Ok(false),
        Some(_) => Err(Failure::new(
            "this folder holds another node's directory: run `lotse demo` in an empty folder, or with --data",
        )),
    }
}

async fn load(storage: &Storage) -> Result<(), Failure> {
    let now = crate::clock::now();
    let system = Actor::system();
    let entries = demo::entries(now).map_err(|error| Failure::new(error.to_string()))?;
    let commands = entries
        .into_iter()
        .map(|(id, draft)| Command::Create { id, draft })
        .collect();
    let outcome = storage
        .directory
        .apply_batch(&system, commands, BatchMode::AllOrNothing, false, now)
        .await?;
    if let Some(refusal) = outcome
        .results
        .iter()
        .find_map(|result| result.as_ref().err())
    {
        return Err(Failure::new(format!(
            "the demo directory does not fit this program: {refusal}"
        )));
    }
    Ok(())
}

/// Makes the accounts, names the operator last (so that a start that was cut off is taken up again), and says what to try.
async fn introduce(config: &Config, storage: &Storage) -> Result<(), Failure> {
    let now = crate::clock::now();
    let system = Actor::system();
    let operator: EntryId = entry_id(OPERATOR);
    let password = Secret::mint("")?;
    let hash = Passwords::default()
        .hash(&password.plain, "/password")
        .await?;
    let account = NewAccount {
        id: Uuid::now_v7(),
        email: COORDINATOR.to_owned(),
        display: "Coordination of the demo".to_owned(),
        password: Some(hash),
        memberships: vec![Membership {
            organisation: None,
            role: Role::NodeAdmin,
        }],
    };
    storage.accounts.create(&system, account, now).await?;
    let secret = Secret::mint("lotse_secret_")?;
    let client = NewClient {
        id: Uuid::now_v7(),
        label: "demo".to_owned(),
        role: Role::Editor,
        secret: secret.hash,
    };
    let client = storage
        .clients
        .create(&system, operator, client, now)
        .await?;
    storage.set_operator(&system, operator, now).await?;
    let url = config.origin()?;
    let said = format!(
        "\
The demo directory is loaded. These credentials are shown once:

  export NODE={url}
  export COORDINATOR={COORDINATOR}
  export PASSWORD={password}
  export CLIENT_ID={client}
  export CLIENT_SECRET={secret}

  Pages      {url}/
  API        {url}/api/v1/offers
  Try it     {url}/docs/
",
        password = password.plain,
        client = client.id,
        secret = secret.plain,
    );
    let remedy = format!("remove {} and start the demo again", config.data.display());
    console::say_once(said, &remedy)
}
