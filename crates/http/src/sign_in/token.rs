//! The token endpoint: OAuth 2.0 client credentials (RFC 6749 section 4.4). Its errors have the shape of that RFC
//! (section 5.2) and not of a problem document, because OAuth libraries expect it so.

use std::collections::HashMap;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{SignIn, secret};
use crate::body::{Extracting, read};
use crate::consts;
use crate::problem::Problem;

/// A successful answer (RFC 6749 section 5.1).
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenAnswer {
    /// The access token: a JWT, to be sent as `Authorization: Bearer`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until it expires.
    #[schema(example = 600)]
    pub expires_in: i64,
}

/// A refusal (RFC 6749 section 5.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenError {
    /// The code of RFC 6749.
    #[schema(example = "invalid_client")]
    pub error: &'static str,
    /// The same in words.
    #[schema(example = "unknown client or wrong secret")]
    pub error_description: &'static str,
}

/// What a client sends to the token endpoint (RFC 6749 sections 2.3.1 and 4.4.2).
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form for the OpenAPI document; fields are read by name"
)]
pub struct TokenRequest {
    /// Always `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The client's id, unless it stands in `Authorization: Basic`.
    client_id: Option<Uuid>,
    /// The client's secret, unless it stands in `Authorization: Basic`.
    client_secret: Option<String>,
}

/// The form body of the token endpoint, of at most [`consts::FORM_BYTES`].
#[derive(Debug)]
pub struct TokenForm(Result<Bytes, Problem>);

impl FromRequest for TokenForm {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form =
            |media_type: &str| media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let body = read(request, payload, consts::FORM_BYTES, is_form);
        Box::pin(async move { Ok(Self(body.await)) })
    }
}

/// Answers one request at the token endpoint.
///
/// # Errors
/// 429 where too many secrets were wrong; all else is answered as RFC 6749 says.
pub async fn issue(
    request: HttpRequest,
    form: TokenForm,
    sign_in: web::Data<SignIn>,
) -> Result<HttpResponse, Problem> {
    let (id, secret) = match credentials(&request, &form) {
        Ok(credentials) => credentials,
        Err(refusal) => return Ok(refusal.response()),
    };
    let client = id
        .parse::<Uuid>()
        .ok()
        .and_then(|id| Some((id, sign_in.access.client(id)?)));
    let stored = client
        .as_ref()
        .map_or("", |(_, client)| client.secret.as_str());
    let right = secret::matches(&secret, stored);
    let Some((id, client)) = client.filter(|_| right) else {
        // Only now: whoever has the secret gets its token, whatever others try under its name.
        let address = sign_in.client_address(&request);
        sign_in.limits.wrong_secret(Some(&id), address)?;
        return Ok(Refused::Client("unknown client or wrong secret").response());
    };
    let access_token =
        sign_in
            .keys
            .issue(id, client.organisation, client.role, sign_in.clock.now())?;
    let answer = TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: consts::TOKEN_SECONDS,
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(answer))
}

enum Refused {
    Request(&'static str),
    Grant,
    Client(&'static str),
}

impl Refused {
    fn response(&self) -> HttpResponse {
        let (status, error, error_description) = match self {
            Self::Request(why) => (StatusCode::BAD_REQUEST, "invalid_request", *why),
            Self::Grant => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "the only grant type here is client_credentials",
            ),
            Self::Client(why) => (StatusCode::UNAUTHORIZED, "invalid_client", *why),
        };
        let mut response = HttpResponse::build(status)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(TokenError {
                error,
                error_description,
            });
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"lotse\", charset=\"UTF-8\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The client's id and secret, from the header or from the form, never from both.
fn credentials(request: &HttpRequest, form: &TokenForm) -> Result<(String, String), Refused> {
    let form = form.0.as_ref().map_err(|_| {
        Refused::Request("send a short body of the type application/x-www-form-urlencoded, without a content coding")
    })?;
    let mut fields = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(form) {
        // RFC 6749 section 3.2: parameters may not stand there twice; unknown ones are ignored.
        if fields
            .insert(name.into_owned(), value.into_owned())
            .is_some()
        {
            return Err(Refused::Request("a parameter stands there twice"));
        }
    }
    match fields.get("grant_type").map(String::as_str) {
        None | Some("") => return Err(Refused::Request("grant_type is missing")),
        Some("client_credentials") => {}
        Some(_) => return Err(Refused::Grant),
    }
    match (
        request.headers().get(header::AUTHORIZATION),
        fields.remove("client_secret"),
    ) {
        (Some(_), Some(_)) => Err(Refused::Request(
            "send the secret once: in the header or in the form",
        )),
        (Some(header), None) => {
            basic(header).ok_or(Refused::Client("the Authorization header cannot be read"))
        }
        (None, Some(secret)) => {
            let id = fields
                .remove("client_id")
                .ok_or(Refused::Request("client_id is missing"))?;
            Ok((id, secret))
        }
        (None, None) => Err(Refused::Client("send the client's id and secret")),
    }
}

/// Id and secret of `Authorization: Basic` (RFC 7617). Neither holds a character that form encoding would change.
fn basic(header: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > consts::TOKEN_BYTES {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
