//! `lotse init`: a new node with its operator and first admin.

use domain::kinds::Organisation;
use domain::{Actor, Code, Command, Draft, EntryId, Role, Text};
use http::sign_in::{Passwords, secret::Secret};
use storage::{Membership, NewAccount};
use uuid::Uuid;

use super::check_mailbox;
use crate::cli::Init;
use crate::config::Config;
use crate::failure::Failure;
use crate::node::make_storage;
use crate::{belonging, console, keys};

pub(crate) async fn run(config: &Config, init: &Init) -> Result<(), Failure> {
    check_mailbox(config, &init.email)?;
    let storage = make_storage(config).await?;
    if storage.operator().await?.is_some() {
        return Err(Failure::new(
            "this node is set up already; `lotse account add` makes further accounts",
        ));
    }
    keys::load(&config.key_folder(), &config.origin()?)?;
    belonging::note(&config.key_folder(), &config.origin()?, storage.made())?;
    let now = crate::clock::now();
    let system = Actor::system();
    let id = EntryId(Uuid::now_v7());
    let operator = Organisation {
        name: Text::new("und", &init.operator),
        organisation_type: Code::new(&*init.organisation_type),
        seat_country: init.country.clone(),
        parent: None,
        identifiers: Vec::new(),
        website: None,
        logo: None,
        description: None,
    };
    let draft = Draft::new(operator.into());
    storage
        .directory
        .apply(&system, Command::Create { id, draft }, None, now)
        .await?;
    let password = Secret::mint("")?;
    let account = NewAccount {
        id: Uuid::now_v7(),
        email: init.email.clone(),
        display: "First admin".to_owned(),
        password: Some(
            Passwords::default()
                .hash(&password.plain, "/password")
                .await?,
        ),
        memberships: vec![
            Membership {
                organisation: None,
                role: Role::NodeAdmin,
            },
            Membership {
                organisation: Some(id),
                role: Role::OrgAdmin,
            },
        ],
    };
    storage.accounts.create(&system, account, now).await?;
    storage.set_operator(&system, id, now).await?;
    console::say_once(
        format!(
            "operator {id}\naccount  {}\npassword {}  (shown once)",
            init.email, password.plain
        ),
        super::account::NEW_PASSWORD,
    )?;
    Ok(())
}
