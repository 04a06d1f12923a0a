//! Who asks: what handlers take as an argument.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use domain::{Actor, EntryId, Role, Subject};
use storage::Membership;

use super::{SignIn, secret, session};
use crate::conditional::Caching;
use crate::consts;
use crate::problem::{Code, Problem};
use crate::surface::Known;

/// With this header somebody who belongs to several organisations says for which one they act.
pub const ORGANISATION_HEADER: &str = "Lotse-Organisation";

/// Somebody who is signed in. As an argument it refuses everybody else with 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who it is, for whom it acts, what it may do.
    pub actor: Actor,
    /// All roles of the account; one for a client.
    pub memberships: Vec<Membership>,
    /// The hash of the session's token, when it is signed in by cookie.
    pub session: Option<String>,
}

impl SignedIn {
    /// The actor, when its role reaches.
    ///
    /// # Errors
    /// 403 `role_required`.
    pub fn require(&self, role: Role) -> Result<&Actor, Problem> {
        if self.actor.role >= role {
            return Ok(&self.actor);
        }
        Err(Problem::new(
            Code::RoleRequired,
            format!("this needs the role {}", role.as_str()),
        ))
    }

    /// The actor, when it looks after all of the node.
    ///
    /// # Errors
    /// 403 `role_required`.
    pub fn require_coordinator(&self) -> Result<&Actor, Problem> {
        self.require(Role::Coordinator)
    }

    /// The actor, when it administers `organisation`.
    ///
    /// # Errors
    /// 403 `role_required`.
    pub fn require_admin_of(&self, organisation: EntryId) -> Result<Actor, Problem> {
        let actor = self.acting_for(organisation);
        if actor.may_administer(organisation) {
            return Ok(actor);
        }
        Err(Problem::new(
            Code::RoleRequired,
            "this needs the role org_admin of this organisation, or coordinator",
        ))
    }

    /// The actor as a member of `organisation`, when it is one; else as it is.
    #[must_use]
    pub fn acting_for(&self, organisation: EntryId) -> Actor {
        let own = self
            .memberships
            .iter()
            .filter(|m| m.organisation == Some(organisation))
            .map(|m| m.role)
            .max();
        match own {
            Some(role) if !self.actor.is_coordinator() => Actor {
                subject: self.actor.subject,
                organisation: Some(organisation),
                role,
            },
            _ => self.actor.clone(),
        }
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identify(request).and_then(|found| {
            found.ok_or_else(|| {
                Problem::new(Code::SignInRequired, "send an access token, or sign in")
            })
        }))
    }
}

/// Anybody who may read: anonymous or signed in. A token or session that does not count (any more) is 401, so that
/// nobody takes the public view for their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// Nobody in particular.
    Anonymous,
    /// Somebody.
    SignedIn(Box<SignedIn>),
}

impl Reader {
    /// The actor, if somebody is signed in.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Anonymous => None,
            Self::SignedIn(signed_in) => Some(&signed_in.actor),
        }
    }

    /// Who may keep the answer that this reader gets.
    #[must_use]
    pub fn caching(&self) -> Caching {
        match self {
            Self::Anonymous => Caching::Public,
            Self::SignedIn(_) => Caching::Private,
        }
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = identify(request);
        ready(found.map(|found| {
            found.map_or(Self::Anonymous, |signed_in| {
                Self::SignedIn(Box::new(signed_in))
            })
        }))
    }
}

/// Like [`Reader`], for pages that a browser shows: a session that has ended makes its reader anonymous instead of 401,
/// because the browser would send it again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor(pub Reader);

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match identify(request) {
            Ok(Some(signed_in)) => Ok(Self(Reader::SignedIn(Box::new(signed_in)))),
            Ok(None) => Ok(Self(Reader::Anonymous)),
            Err(problem) if problem.code() == Code::SessionEnded => Ok(Self(Reader::Anonymous)),
            Err(problem) => Err(problem),
        })
    }
}

/// Who sent this request: a client by token, an account by cookie, or nobody.
fn identify(request: &HttpRequest) -> Result<Option<SignedIn>, Problem> {
    let headers = request.headers();
    let authorization = headers.get(header::AUTHORIZATION);
    if authorization.is_none() && !headers.contains_key(header::COOKIE) {
        return Ok(None);
    }
    let sign_in = request
        .app_data::<web::Data<SignIn>>()
        .ok_or_else(|| Problem::internal("sign-in is not part of this application"))?;
    let found = look_up(request, sign_in, authorization);
    if matches!(found, Ok(Some(_))) {
        request.extensions_mut().insert(Known);
    }
    found
}

fn look_up(
    request: &HttpRequest,
    sign_in: &SignIn,
    authorization: Option<&HeaderValue>,
) -> Result<Option<SignedIn>, Problem> {
    if let Some(value) = authorization {
        return by_token(sign_in, value).map(Some);
    }
    let Some(token) = session::token(request, sign_in.https) else {
        return Ok(None);
    };
    if token.len() > consts::TOKEN_BYTES {
        return Err(ended(sign_in));
    }
    let hash = secret::hash(token);
    let identity = sign_in
        .access
        .session(&hash, sign_in.clock.now())
        .ok_or_else(|| ended(sign_in))?;
    session::check_same_site(request, &sign_in.origin)?;
    let actor = choose(
        request,
        Subject::Account(identity.account),
        &identity.memberships,
    )?;
    Ok(Some(SignedIn {
        actor,
        memberships: identity.memberships,
        session: Some(hash),
    }))
}

fn by_token(sign_in: &SignIn, authorization: &HeaderValue) -> Result<SignedIn, Problem> {
    let token = bearer(authorization)
        .ok_or_else(|| invalid_token("send Authorization: Bearer and an access token"))?;
    let now = sign_in.clock.now();
    let claims = sign_in.keys.verify(token, now).map_err(|problem| {
        let challenge = HeaderValue::from_static("Bearer realm=\"lotse\", error=\"invalid_token\"");
        problem.with_header(header::WWW_AUTHENTICATE, challenge)
    })?;
    // What the token says was true when it was issued; what counts is what is true now.
    let client = sign_in
        .access
        .client(claims.client_id)
        .filter(|client| client.organisation == claims.org)
        .ok_or_else(|| invalid_token("the client may no longer sign in"))?;
    let membership = Membership {
        organisation: Some(client.organisation),
        role: client.role,
    };
    Ok(SignedIn {
        actor: Actor {
            subject: Subject::Client(claims.client_id),
            organisation: Some(client.organisation),
            role: client.role,
        },
        memberships: vec![membership],
        session: None,
    })
}

/// The token of `Authorization: Bearer ...` (RFC 6750 section 2.1).
#[must_use]
pub fn bearer(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer")
        && !token.is_empty()
        && token.len() <= consts::TOKEN_BYTES)
        .then_some(token)
}

/// What an account acts as: the role for the whole node, if it has one, and the organisation that it names, or the only
/// one, or the first.
fn choose(
    request: &HttpRequest,
    subject: Subject,
    memberships: &[Membership],
) -> Result<Actor, Problem> {
    let asked = match request.headers().get(ORGANISATION_HEADER) {
        None => None,
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .and_then(|text| text.parse::<EntryId>().ok())
                .ok_or_else(|| {
                    Problem::new(
                        Code::InvalidHeader,
                        format!("{ORGANISATION_HEADER}: expected the id of an organisation"),
                    )
                })?,
        ),
    };
    let of_node = memberships
        .iter()
        .filter(|m| m.organisation.is_none())
        .map(|m| m.role)
        .max();
    let own = memberships.iter().filter(|m| m.organisation.is_some());
    let own = own
        .filter(|m| asked.is_none_or(|asked| m.organisation == Some(asked)))
        .max_by_key(|m| m.role);
    match (own, of_node) {
        (None, Some(role)) => Ok(Actor {
            subject,
            organisation: asked,
            role,
        }),
        (Some(own), of_node) => Ok(Actor {
            subject,
            organisation: own.organisation,
            role: of_node.unwrap_or(own.role).max(own.role),
        }),
        (None, None) => Err(Problem::new(
            Code::Forbidden,
            "this account has no role here",
        )),
    }
}

fn invalid_token(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidToken, detail).with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"lotse\", error=\"invalid_token\""),
    )
}

/// Also tells the browser to forget the cookie.
fn ended(sign_in: &SignIn) -> Problem {
    let problem = Problem::new(Code::SessionEnded, "sign in again");
    match HeaderValue::from_str(&session::removal(sign_in.https).to_string()) {
        Ok(removal) => problem.with_header(header::SET_COOKIE, removal),
        Err(_) => problem,
    }
}
