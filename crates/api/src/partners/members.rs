//! Members: accounts that act for an organisation.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::{Actor, EntryId, Role};
use http::sign_in::{SignIn, SignedIn};
use http::{Caching, Code, Path, Problem, ValidJson};
use serde::{Deserialize, Serialize};
use storage::{Account, Conflict, Membership, NewAccount};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::passwords::{ResetLink, make_reset};
use super::{count_made, must_exist};
use crate::State;

/// A member of an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Its account.
    account: Uuid,
    /// The role mailbox with which it signs in.
    #[schema(example = "office@example.org")]
    email: String,
    /// What it is called: a function.
    #[schema(example = "Office")]
    display: String,
    /// What it may do here: `editor` or `org_admin`.
    role: Role,
    /// Whether it has set a password.
    has_password: bool,
    /// Whether it may no longer sign in.
    disabled: bool,
}

impl Member {
    fn of(account: Account, organisation: EntryId) -> Option<Self> {
        let role = role_of(&account, organisation)?;
        Some(Self {
            account: account.id,
            role,
            has_password: account.password.is_some(),
            disabled: account.disabled,
            email: account.email,
            display: account.display,
        })
    }
}

/// The highest role of an account in an organisation.
fn role_of(account: &Account, organisation: EntryId) -> Option<Role> {
    account
        .memberships
        .iter()
        .filter(|m| m.organisation == Some(organisation))
        .map(|m| m.role)
        .max()
}

/// Refuses roles that hold for the whole node.
pub(super) fn role_in_organisation(role: Role) -> Result<Role, Problem> {
    if role <= Role::OrgAdmin {
        return Ok(role);
    }
    Err(Problem::at(
        "/role",
        "not_allowed",
        "an organisation gives the roles editor and org_admin",
    ))
}

/// The members of an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberList {
    /// The members, oldest first.
    items: Vec<Member>,
    /// How many there are.
    total: usize,
}

/// List the members of an organisation.
#[utoipa::path(
    get, path = "/api/v1/organisations/{organisation}/members", tag = "partners", operation_id = "list_members",
    params(("organisation" = Uuid, Path, description = "The organisation")),
    responses((status = 200, description = "Its members", body = MemberList)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn list(
    state: web::Data<State>,
    signed_in: SignedIn,
    Path(organisation): Path<EntryId>,
) -> Result<HttpResponse, Problem> {
    signed_in.require_admin_of(organisation)?;
    let found = state
        .store
        .accounts
        .members(Some(organisation), None, storage::limits::LIST)
        .await?;
    let items: Vec<Member> = found
        .into_iter()
        .filter_map(|account| Member::of(account, organisation))
        .collect();
    let total = items.len();
    let mut response = HttpResponse::Ok().json(MemberList { items, total });
    Caching::Private.apply(response.headers_mut());
    Ok(response)
}

/// A member to be added.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "advice@example.org", "display": "Advice desk", "role": "editor"}))]
pub(crate) struct AddMember {
    /// The role mailbox with which it signs in, never a person's own address.
    #[validate(email, length(max = 254))]
    email: String,
    /// What it is called: a function, never a person's name.
    #[validate(length(min = 1, max = 200), custom(function = "http::one_line"))]
    display: String,
    /// What it may do: `editor` or `org_admin`.
    role: Role,
}

/// A new member.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedMember {
    /// The member.
    #[serde(flatten)]
    member: Member,
    /// With this it sets its password; absent where the account acts for the whole node.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_reset: Option<ResetLink>,
}

/// Add a member to an organisation.
///
/// The answer holds a one-time token with which the new member sets its password. An account that acts for another
/// organisation already can be added by a coordinator only, and gets a new password, too: who made it may know the old one.
#[utoipa::path(
    post, path = "/api/v1/organisations/{organisation}/members", tag = "partners", operation_id = "add_member",
    params(("organisation" = Uuid, Path, description = "The organisation")),
    request_body = AddMember,
    responses(
        (status = 201, description = "Added", body = AddedMember),
        (status = 409, description = "The address belongs to an account of somebody else",
            body = http::problem::Document, content_type = "application/problem+json"),
    ),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn add(
    state: web::Data<State>,
    signed_in: SignedIn,
    sign_in: web::Data<SignIn>,
    Path(organisation): Path<EntryId>,
    body: ValidJson<AddMember>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require_admin_of(organisation)?;
    must_exist(&state, organisation).await?;
    let AddMember {
        email,
        display,
        role,
    } = body.0;
    let membership = Membership {
        organisation: Some(organisation),
        role: role_in_organisation(role)?,
    };
    let members = state
        .store
        .accounts
        .members(Some(organisation), None, storage::limits::LIST)
        .await?;
    // Asked before anything of an existing account is changed. Storage asks again.
    if members.len() as i64 >= storage::limits::MEMBERS {
        return Err(Conflict::TooManyMembers.into());
    }
    count_made(&sign_in, &actor, organisation)?;
    let now = state.clock.now();
    let (account, fresh) = match state.store.accounts.by_email(&email).await? {
        None => {
            let new = NewAccount {
                id: Uuid::now_v7(),
                email,
                display,
                password: None,
                memberships: vec![membership],
            };
            (state.store.accounts.create(&actor, new, now).await?, true)
        }
        Some(account) => add_existing(&state, &actor, account, membership, now).await?,
    };
    state.access.reached(account.arrival).await?;
    let password_reset = if fresh {
        Some(make_reset(&state, &actor, account.id).await?)
    } else {
        None
    };
    let member = Member::of(account, organisation)
        .ok_or_else(|| Problem::internal("a new member has no role"))?;
    let mut response = HttpResponse::Created().json(AddedMember {
        member,
        password_reset,
    });
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}

/// Adds an account that exists. Says whether its password is to be set anew: whoever made it elsewhere, with an address that
/// need not be theirs, must not get in here with the password that they gave it. Accounts that act for the whole node were
/// made by those who run it.
async fn add_existing(
    state: &State,
    actor: &Actor,
    account: Account,
    membership: Membership,
    now: DateTime<Utc>,
) -> Result<(Account, bool), Problem> {
    let abandoned = account.memberships.is_empty();
    let elsewhere = account
        .memberships
        .iter()
        .any(|m| m.organisation != membership.organisation);
    if elsewhere && !actor.is_coordinator() {
        return Err(Problem::new(
            Code::EmailTaken,
            "this address belongs to an account of somebody else; a coordinator can add it here",
        ));
    }
    let acts_for_the_node = account.memberships.iter().any(|m| m.organisation.is_none());
    // One that has no role any more may be known to whoever it was taken from.
    let is_shared = (elsewhere || abandoned) && !acts_for_the_node;
    if is_shared {
        state
            .store
            .accounts
            .forget_password(actor, account.id, now)
            .await?;
    }
    // One role here: the new one takes the place of an earlier one.
    for earlier in account
        .memberships
        .iter()
        .filter(|m| m.organisation == membership.organisation && **m != membership)
    {
        state
            .store
            .accounts
            .withdraw(actor, account.id, *earlier, now)
            .await?;
    }
    let mut account = state
        .store
        .accounts
        .grant(actor, account.id, membership, now)
        .await?;
    if abandoned && account.disabled {
        account = state
            .store
            .accounts
            .set_disabled(actor, account.id, false, now)
            .await?;
    }
    Ok((account, is_shared))
}

/// Remove a member from an organisation.
///
/// An account that belongs to nobody any more can no longer sign in. The last `org_admin` can be removed by a
/// coordinator only.
#[utoipa::path(
    delete, path = "/api/v1/organisations/{organisation}/members/{account}", tag = "partners",
    operation_id = "remove_member",
    params(
        ("organisation" = Uuid, Path, description = "The organisation"),
        ("account" = Uuid, Path, description = "The member's account"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "The last org_admin", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn remove(
    state: web::Data<State>,
    signed_in: SignedIn,
    Path((organisation, account)): Path<(EntryId, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let actor = signed_in.require_admin_of(organisation)?;
    let members = state
        .store
        .accounts
        .members(Some(organisation), None, storage::limits::LIST)
        .await?;
    let member = members
        .iter()
        .find(|member| member.id == account)
        .ok_or_else(Problem::not_found)?;
    let admins = || {
        members
            .iter()
            .filter(|m| role_of(m, organisation) == Some(Role::OrgAdmin))
    };
    if !actor.is_coordinator() && admins().any(|m| m.id == account) && admins().count() == 1 {
        return Err(Problem::new(
            Code::Conflict,
            "this is the last org_admin; a coordinator can remove it",
        ));
    }
    let now = state.clock.now();
    let mut left = member.clone();
    for membership in member
        .memberships
        .iter()
        .filter(|m| m.organisation == Some(organisation))
    {
        left = state
            .store
            .accounts
            .withdraw(&actor, account, *membership, now)
            .await?;
    }
    if left.memberships.is_empty() {
        left = state
            .store
            .accounts
            .set_disabled(&actor, account, true, now)
            .await?;
    }
    state.access.reached(left.arrival).await?;
    Ok(HttpResponse::NoContent().finish())
}
