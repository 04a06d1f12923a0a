//! `lotse account`: accounts at the console.

use domain::{Actor, Role};
use http::sign_in::{Passwords, secret::Secret};
use storage::{Account, Membership, NewAccount, Storage};
use uuid::Uuid;

use super::{check_mailbox, organisation_exists};
use crate::cli;
use crate::config::Config;
use crate::console;
use crate::failure::Failure;
use crate::node::open_existing;

/// What to do where nobody has read a password.
pub(super) const NEW_PASSWORD: &str = "`lotse account password MAILBOX` makes a new one";
/// Accounts that are read at once.
const PAGE: i64 = 500;

pub(crate) async fn run(config: &Config, command: cli::Account) -> Result<(), Failure> {
    let storage = open_existing(config).await?;
    let (system, now) = (Actor::system(), crate::clock::now());
    match command {
        cli::Account::Add {
            email,
            role,
            organisation,
        } => {
            let role = Role::parse(&role).ok_or_else(|| {
                Failure::new("the role is one of editor, org_admin, coordinator, node_admin")
            })?;
            if (role >= Role::Coordinator) == organisation.is_some() {
                return Err(Failure::new(
                    "editor and org_admin need --organisation, coordinator and node_admin have none",
                ));
            }
            check_mailbox(config, &email)?;
            if let Some(id) = organisation {
                organisation_exists(config, &storage, id).await?;
            }
            let password = Secret::mint("")?;
            let account = NewAccount {
                id: Uuid::now_v7(),
                email: email.clone(),
                display: role.as_str().to_owned(),
                password: Some(
                    Passwords::default()
                        .hash(&password.plain, "/password")
                        .await?,
                ),
                memberships: vec![Membership { organisation, role }],
            };
            let account = storage.accounts.create(&system, account, now).await?;
            let said = format!(
                "account  {}\nemail    {email}\npassword {}  (shown once)",
                account.id, password.plain
            );
            console::say_once(said, NEW_PASSWORD)?;
        }
        cli::Account::List => list(&storage).await?,
        cli::Account::Password { email } => {
            let account = find(&storage, &email).await?;
            let password = Secret::mint("")?;
            let hash = Passwords::default()
                .hash(&password.plain, "/password")
                .await?;
            storage
                .accounts
                .set_password(&system, account.id, &hash, None, now)
                .await?;
            let said = format!("password {}  (shown once)", password.plain);
            console::say_once(said, NEW_PASSWORD)?;
        }
        cli::Account::Disable { email } => disable(&storage, &email, true).await?,
        cli::Account::Enable { email } => disable(&storage, &email, false).await?,
        cli::Account::Erase { email } => {
            let account = find(&storage, &email).await?;
            if !account.disabled {
                return Err(Failure::new(format!(
                    "{email} can still sign in: disable it first"
                )));
            }
            storage.accounts.erase(&system, account.id, now).await?;
            console::say(format_args!("{email} is erased"));
        }
    }
    Ok(())
}

async fn disable(storage: &Storage, email: &str, disabled: bool) -> Result<(), Failure> {
    let account = find(storage, email).await?;
    storage
        .accounts
        .set_disabled(&Actor::system(), account.id, disabled, crate::clock::now())
        .await?;
    console::say(format_args!(
        "{email} is {}",
        if disabled { "disabled" } else { "enabled" }
    ));
    Ok(())
}

async fn find(storage: &Storage, email: &str) -> Result<Account, Failure> {
    let found = storage.accounts.by_email(email).await?;
    found.ok_or_else(|| Failure::new(format!("there is no account with the mailbox {email}")))
}

async fn list(storage: &Storage) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let accounts = storage.accounts.list(after, PAGE).await?;
        for account in &accounts {
            let roles: Vec<String> = account
                .memberships
                .iter()
                .map(|membership| match membership.organisation {
                    Some(organisation) => format!("{}@{organisation}", membership.role.as_str()),
                    None => membership.role.as_str().to_owned(),
                })
                .collect();
            let state = match (account.email.is_empty(), account.disabled) {
                (true, _) => "erased",
                (false, true) => "disabled",
                (false, false) => "enabled",
            };
            console::say_row(format_args!(
                "{}  {}  {state}  {}",
                account.id,
                account.email,
                roles.join(" ")
            ));
        }
        match accounts.last() {
            Some(last) if accounts.len() as i64 == PAGE => after = Some(last.id),
            _ => return Ok(()),
        }
    }
}
