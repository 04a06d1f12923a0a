//! A small application behind the surface.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use chrono::{DateTime, Utc};
use domain::{EntryId, Role};
use lotse_http::metrics::Metrics;
use lotse_http::problem::{AllowedMethods, explain, unmatched};
use lotse_http::rate::{Rate, RateLimits, Rates};
use lotse_http::sign_in::{
    Access, Keys, Passwords, SignIn, SignedIn, Visitor, generate, jwks, secret, token,
};
use lotse_http::surface::{Settings, Surface};
use lotse_http::{Clock, Json, Path, Problem, Query, Reader};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use storage::{Account, Client, Membership, Session};
use uuid::Uuid;

pub(crate) struct Node {
    pub(crate) base: String,
    pub(crate) access: Access,
    pub(crate) keys: Arc<Keys>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) http: reqwest::Client,
    pub(crate) time: Arc<Mutex<DateTime<Utc>>>,
    server: actix_web::dev::ServerHandle,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    limit: Option<u16>,
}

async fn hello(Query(filter): Query<Filter>) -> String {
    format!("hello {}", filter.limit.unwrap_or(0))
}

async fn write(Json(note): Json<Note>) -> HttpResponse {
    HttpResponse::Created().json(note)
}

async fn by_id(Path(id): Path<EntryId>) -> String {
    id.to_string()
}

async fn slow() -> HttpResponse {
    tokio::time::sleep(Duration::from_secs(20)).await;
    HttpResponse::Ok().finish()
}

async fn broken() -> Result<HttpResponse, Problem> {
    Err(Problem::internal("the inside story"))
}

async fn framework() -> Result<HttpResponse, actix_web::Error> {
    Err(actix_web::error::ErrorBadRequest("text of the framework"))
}

async fn reader(reader: Reader) -> String {
    reader.actor().map_or("anonymous".to_owned(), |actor| {
        format!("{} {}", actor.subject.display(), actor.role.as_str())
    })
}

async fn visitor(Visitor(visitor): Visitor) -> String {
    reader(visitor).await
}

async fn signed_in(signed_in: SignedIn) -> Result<String, Problem> {
    signed_in.require(Role::Editor)?;
    Ok(signed_in.actor.subject.display())
}

async fn coordinator(signed_in: SignedIn) -> Result<String, Problem> {
    signed_in
        .require_coordinator()
        .map(|actor| actor.role.as_str().to_owned())
}

pub(crate) fn organisation() -> EntryId {
    EntryId(Uuid::from_u128(0x10))
}

pub(crate) fn generous() -> Rates {
    let rate = Rate {
        burst: 10_000,
        per_minute: 100_000,
    };
    Rates {
        read: rate,
        write: rate,
        sign_in: rate,
        registration: rate,
        correction: rate,
        peer_message: rate,
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        time_limit: Duration::from_millis(300),
        ..Settings::default()
    }
}

impl Node {
    pub(crate) fn start() -> Self {
        Self::start_with(&generous(), settings())
    }

    pub(crate) fn start_with(rates: &Rates, settings: Settings) -> Self {
        let origin: domain::Origin = "http://127.0.0.1:8080".parse().unwrap();
        let limits = Arc::new(RateLimits::new(rates));
        let metrics = Arc::new(Metrics::new(&["/hello", "/notes"]));
        let time = Arc::new(Mutex::new(Utc::now()));
        let sign_in = SignIn {
            access: Access::default(),
            keys: Arc::new(Keys::from_pem(&origin, [generate().unwrap().as_str()]).unwrap()),
            passwords: Passwords::default(),
            limits: Arc::clone(&limits),
            proxies: settings.proxies.clone(),
            clock: Clock::new({
                let time = Arc::clone(&time);
                move || *time.lock()
            }),
            origin,
            https: false,
        };
        let (access, keys) = (sign_in.access.clone(), Arc::clone(&sign_in.keys));
        let surface = Surface::new(settings, limits, Arc::clone(&metrics));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(sign_in.clone()))
                .app_data(web::Data::new(AllowedMethods::new([
                    ("/notes", "POST"),
                    ("/hello", "GET"),
                ])))
                .service(
                    web::resource("/hello")
                        .guard(actix_web::guard::Get())
                        .to(hello),
                )
                .service(
                    web::resource("/notes")
                        .guard(actix_web::guard::Post())
                        .to(write),
                )
                .service(web::resource("/entries/{id}").to(by_id))
                .service(web::resource("/slow").to(slow))
                .service(web::resource("/broken").to(broken))
                .service(web::resource("/framework").to(framework))
                .service(web::resource("/reader").to(reader))
                .service(web::resource("/visitor").to(visitor))
                .service(web::resource("/signed-in").to(signed_in))
                .service(web::resource("/coordinator").to(coordinator))
                .service(web::resource("/problems/{code}").to(explain))
                .service(web::resource("/.well-known/jwks.json").to(jwks))
                .service(web::resource("/token").to(token::issue))
                .default_service(web::to(unmatched))
                .wrap(surface.clone())
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let base = format!("http://{}", server.addrs().first().unwrap());
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            base,
            access,
            keys,
            metrics,
            http: reqwest::Client::new(),
            time,
            server: handle,
        }
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.base))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        *self.time.lock()
    }

    /// A client with the secret `plain`.
    pub(crate) fn add_client(&self, plain: &str, revoked: bool) -> Uuid {
        let id = Uuid::from_u128(0x20);
        self.access.put_client(&Client {
            id,
            organisation: organisation(),
            label: "importer".to_owned(),
            role: Role::Editor,
            secret: secret::hash(plain),
            created: self.now(),
            revoked: revoked.then(|| self.now()),
            arrival: 1,
        });
        id
    }

    /// An account with a session of the token `plain`.
    pub(crate) fn add_session(&self, plain: &str, memberships: Vec<Membership>) -> Uuid {
        let id = Uuid::from_u128(0x30);
        let now = self.now();
        self.access.put_account(&Account {
            id,
            email: "office@example.org".to_owned(),
            display: "office".to_owned(),
            password: None,
            disabled: false,
            created: now,
            modified: now,
            arrival: 1,
            memberships,
        });
        let session = Session {
            token: secret::hash(plain),
            account: id,
            created: now,
            expires: now + chrono::Duration::days(7),
            revoked: None,
            arrival: 2,
        };
        self.access.put_session(&session, now);
        id
    }
}

/// Status, code and the whole problem document.
pub(crate) async fn problem(request: reqwest::RequestBuilder) -> (u16, String, serde_json::Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(
        answer.headers()["content-type"],
        "application/problem+json",
        "{status}"
    );
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let document: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(document["status"], status);
    assert_eq!(document["request_id"], id);
    let code = document["code"].as_str().unwrap().to_owned();
    assert_eq!(document["type"], format!("/problems/{code}"));
    (status, code, document)
}
