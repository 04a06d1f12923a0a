//! Asking to take part, and asking how it stands.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use domain::{Actor, AnyDraft, Command, Current, EntryId, Facts, Kind, Known, Rules};
use http::rate::{Bucket, Room};
use http::sign_in::secret::{self, Secret};
use http::sign_in::{SignIn, SignedIn, bearer};
use http::{Caching, Path, Problem, ValidJson};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use storage::limits::PENDING_REGISTRATIONS;
use storage::{Conflict, NewRegistration, Registration, StorageError};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::{CLAIM_PREFIX, Shown};
use crate::State;

/// An organisation that asks to take part.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "organisation": {"content": {
        "name": {"de": "Beratungsstelle Beispielstadt", "en": "Advice Centre Exampletown"},
        "type": "ngo",
        "seat_country": "DE",
        "website": "https://www.example.org"
    }},
    "contact": "office@example.org",
    "license": "CC-BY-4.0"
}))]
pub(crate) struct NewPartner {
    /// The organisation, as it will stand in the directory.
    #[schema(value_type = domain::Draft<domain::kinds::Organisation>)]
    organisation: Box<RawValue>,
    /// A role mailbox for questions, never a person's own address.
    #[validate(email, length(max = 254))]
    #[schema(example = "office@example.org")]
    contact: String,
    /// The licence under which this node passes data on. Naming it accepts it.
    #[validate(length(min = 1, max = 100), custom(function = "http::one_line"))]
    #[schema(example = "CC-BY-4.0")]
    license: String,
}

/// A registration that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistrationTaken {
    /// Its id.
    id: Uuid,
    /// Shown this once: with it the decision is read and the first account taken.
    #[schema(example = "lotse_claim_7mZ0...")]
    claim_token: String,
    /// Until when the token works, unless a decision comes before: then 30 days from that.
    expires: DateTime<Utc>,
}

/// Ask to take part.
///
/// Public and rate limited. The answer holds a claim token, shown once: with it the organisation reads the decision and,
/// once approved, takes its first account and client.
#[utoipa::path(
    post, path = "/api/v1/registrations", tag = "registration", operation_id = "register",
    request_body = NewPartner,
    responses(
        (status = 201, description = "Taken; a coordinator decides", body = RegistrationTaken,
            headers(("Location" = String, description = "Where to read the decision"))),
        (status = 403, description = "As many registrations wait as somebody can look at: what to do stands in the answer", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    body: ValidJson<NewPartner>,
) -> Result<HttpResponse, Problem> {
    sign_in
        .limits
        .check(Bucket::Registration, sign_in.client_address(&request))?;
    let now = state.clock.now();
    let NewPartner {
        organisation,
        contact,
        license,
    } = body.0;
    if license != state.settings.data_license {
        let message = format!(
            "data here is passed on under {}",
            state.settings.data_license
        );
        return Err(Problem::at("/license", "license_not_accepted", message));
    }
    check_draft(&state, organisation.get(), now).await?;
    let registrations = &state.store.registrations;
    let (most, waiting) = (PENDING_REGISTRATIONS, registrations.waiting().await?);
    // So that whoever finds all taken hears that, and not of a rate. Storage asks again as it writes.
    if waiting >= most {
        return Err(Conflict::TooManyWaiting.into());
    }
    let (address, room) = (sign_in.client_address(&request), Room::of(most, waiting));
    sign_in
        .limits
        .take_place(Bucket::Registration, address, room)?;
    let claim = Secret::mint(CLAIM_PREFIX)?;
    let new = NewRegistration {
        id: Uuid::now_v7(),
        claim: claim.hash,
        draft: organisation.get().to_owned(),
        contact,
        license_accepted: now,
    };
    let id = registrations
        .submit(new, None, now)
        .await
        .inspect_err(|_| {
            sign_in
                .limits
                .give_place_back(Bucket::Registration, address, room);
        })?;
    let expires = registrations.get(id).await?.expires;
    let mut response = HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/registrations/{id}")))
        .json(RegistrationTaken {
            id,
            claim_token: claim.plain,
            expires,
        });
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}

/// Reads a submitted organisation.
pub(super) fn read_draft(json: &str) -> Result<AnyDraft, Problem> {
    AnyDraft::parse(Kind::Organisation, json.as_bytes()).map_err(|mut refusal| {
        refusal
            .violations
            .iter_mut()
            .for_each(|v| v.pointer.insert_str(0, "/organisation"));
        refusal.into()
    })
}

/// Refuses now what would be refused at the approval, so that whoever submits it can mend it.
async fn check_draft(state: &State, json: &str, now: DateTime<Utc>) -> Result<(), Problem> {
    let draft = read_draft(json)?;
    if draft.owner.is_some() {
        return Err(Problem::at(
            "/organisation/owner",
            "not_allowed",
            "an organisation that registers owns itself",
        ));
    }
    let command = Command::Create {
        id: state.mint(),
        draft,
    };
    let prepared = domain::prepare(Current::Missing, &Actor::system(), command)?;
    let rules = Rules {
        default_license: state.settings.data_license.clone(),
        ..Rules::default()
    };
    let facts = Facts {
        entries: known(state, &prepared.needs().entries).await?,
        ..Facts::new(&state.origin, &rules)
    };
    prepared
        .decide(&facts, now)
        .map(drop)
        .map_err(|mut refusal| {
            refusal
                .violations
                .iter_mut()
                .for_each(|v| v.pointer.insert_str(0, "/organisation"));
            refusal.into()
        })
}

/// What there is of the entries that a draft refers to.
async fn known(state: &State, ids: &[EntryId]) -> Result<HashMap<EntryId, Known>, Problem> {
    let mut entries = HashMap::new();
    for id in ids {
        if let Some(stored) = state
            .store
            .directory
            .get(&state.key(*id))
            .await?
            .filter(|stored| !stored.deleted)
        {
            entries.insert(
                *id,
                Known {
                    kind: stored.kind,
                    visibility: stored.visibility,
                    owner: stored.owner,
                },
            );
        }
    }
    Ok(entries)
}

/// Read how a registration stands.
///
/// For whoever holds the claim token (sent as `Authorization: Bearer`), and for coordinators.
#[utoipa::path(
    get, path = "/api/v1/registrations/{id}", tag = "registration", operation_id = "show_registration",
    params(("id" = Uuid, Path, description = "The registration")),
    responses(
        (status = 200, description = "How it stands", body = Shown),
        (status = 410, description = "The claim token has expired", body = http::problem::Document,
            content_type = "application/problem+json"),
    ),
    security(("claim" = []), ("client" = []), ("session" = [])),
)]
pub(crate) async fn show(
    request: HttpRequest,
    state: web::Data<State>,
    sign_in: web::Data<SignIn>,
    Path(id): Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let shown = match claim_token(&request) {
        Some(token) => {
            let registration = by_claim(&request, &state, &sign_in, &secret::hash(token)).await?;
            if registration.id != id {
                return Err(Problem::not_found());
            }
            Shown::to_submitter(registration)
        }
        None => {
            SignedIn::extract(&request).await?.require_coordinator()?;
            Shown::to_coordinator(state.store.registrations.get(id).await?)
        }
    };
    let mut response = HttpResponse::Ok().json(shown);
    Caching::Never.apply(response.headers_mut());
    Ok(response)
}

/// The claim token that a request carries.
pub(super) fn claim_token(request: &HttpRequest) -> Option<&str> {
    let token = bearer(request.headers().get(header::AUTHORIZATION)?)?;
    token.starts_with(CLAIM_PREFIX).then_some(token)
}

/// The registration of a claim token, by its hash. Whoever holds one is let in whatever others try; wrong ones are counted.
pub(super) async fn by_claim(
    request: &HttpRequest,
    state: &State,
    sign_in: &SignIn,
    claim: &str,
) -> Result<Registration, Problem> {
    let found = state
        .store
        .registrations
        .by_claim(claim, state.clock.now())
        .await;
    if matches!(found, Err(StorageError::NotFound)) {
        let address = sign_in.client_address(request);
        sign_in.limits.wrong_secret(None, address)?;
    }
    Ok(found?)
}
