//! A node made of its parts: database, index, access, and the follower between them.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use chrono::{DateTime, Utc};
use domain::{Actor, Role, Rules};
use http::Clock;
use http::client::TrustedProxies;
use http::metrics::Metrics;
use http::rate::{Rate, RateLimits, Rates};
use http::sign_in::{Access, Keys, Passwords, SignIn, generate};
use http::surface::Surface;
use lotse_api::{Settings, State};
use reqwest::RequestBuilder;
use search::{Change, Index};
use serde_json::{Value, json};
use std::sync::Mutex;
use storage::{Changed, Membership, NewAccount, Storage};
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Node {
    base: String,
    http: reqwest::Client,
    time: Arc<Mutex<DateTime<Utc>>>,
    pub(crate) storage: Storage,
    server: actix_web::dev::ServerHandle,
    following: actix_web::rt::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.following.abort();
        drop(self.server.stop(false));
    }
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::start_with(10_000).await
    }

    /// With so many attempts to sign in at once.
    pub(crate) async fn start_with(attempts: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(Mutex::new(Utc::now()));
        let clock = Clock::new({
            let time = Arc::clone(&time);
            move || *time.lock().unwrap()
        });
        let origin: domain::Origin = "http://127.0.0.1:8080".parse().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.sqlite").display());
        Storage::migrate(&url).await.unwrap();
        let settings = storage::Settings {
            url,
            origin: origin.clone(),
            rules: Rules::default(),
            readers: 2,
            waits: storage::Waits::default(),
        };
        let storage = Storage::open(settings, clock.now()).await.unwrap();
        let index = Index::open(None, "test").unwrap();
        let access = Access::default();
        access.load(
            &storage.directory.access(clock.now()).await.unwrap(),
            clock.now(),
        );
        let following = actix_web::rt::spawn(follow(
            storage.clone(),
            index.clone(),
            access.clone(),
            clock.clone(),
        ));
        let state = State {
            store: storage.clone(),
            index,
            access: access.clone(),
            clock: clock.clone(),
            origin: origin.clone(),
            distributions: lotse_api::Distributions::default(),
            settings: Arc::new(Settings {
                data_license: "CC-BY-4.0".to_owned(),
                read_your_writes: Duration::from_secs(10),
            }),
        };
        let many = Rate {
            burst: 10_000,
            per_minute: 100_000,
        };
        let sign_in = Rate {
            burst: attempts,
            per_minute: 1,
        };
        let rates = Rates {
            read: many,
            write: many,
            sign_in,
            registration: many,
            correction: many,
            peer_message: many,
        };
        let limits = Arc::new(RateLimits::new(&rates));
        let sign_in = SignIn {
            access,
            keys: Arc::new(Keys::from_pem(&origin, [generate().unwrap().as_str()]).unwrap()),
            passwords: Passwords::default(),
            limits: Arc::clone(&limits),
            proxies: TrustedProxies::default(),
            clock,
            origin,
            https: false,
        };
        let surface = Surface::new(
            http::surface::Settings::default(),
            limits,
            Arc::new(Metrics::new(&[])),
        );
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(state.clone()))
                .app_data(web::Data::new(sign_in.clone()))
                .configure(lotse_api::routes)
                .default_service(web::to(http::problem::unmatched))
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
        let node = Self {
            base,
            http: reqwest::Client::new(),
            time,
            storage,
            server: handle,
            following,
            _folder: folder,
        };
        node.add_coordinator().await;
        node
    }

    async fn add_coordinator(&self) {
        let hash = Passwords::default()
            .hash(PASSWORD, "/password")
            .await
            .unwrap();
        let account = NewAccount {
            id: Uuid::now_v7(),
            email: "coordination@example.org".to_owned(),
            display: "Coordination".to_owned(),
            password: Some(hash),
            memberships: vec![Membership {
                organisation: None,
                role: Role::Coordinator,
            }],
        };
        self.storage
            .accounts
            .create(&Actor::system(), account, self.now())
            .await
            .unwrap();
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        *self.time.lock().unwrap()
    }

    pub(crate) fn pass(&self, time: chrono::Duration) {
        *self.time.lock().unwrap() += time;
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base))
    }

    pub(crate) fn put(&self, path: &str) -> RequestBuilder {
        self.http.put(format!("{}{path}", self.base))
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.http.delete(format!("{}{path}", self.base))
    }

    /// As a browser sends it from a page of this node.
    pub(crate) fn as_session(&self, request: RequestBuilder, cookie: &str) -> RequestBuilder {
        request
            .header("Cookie", cookie)
            .header("Sec-Fetch-Site", "same-origin")
    }

    pub(crate) async fn coordinator(&self) -> String {
        self.sign_in("coordination@example.org", PASSWORD).await
    }

    /// The session's cookie.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> String {
        let request = self
            .post("/api/v1/sessions")
            .json(&json!({"email": email, "password": password}));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{email}");
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(crate) async fn token(&self, id: &Value, secret: &Value) -> Option<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str().unwrap()),
            ("client_secret", secret.as_str().unwrap()),
        ];
        let answer = self.post("/api/v1/token").form(&form).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().map(str::to_owned)
    }

    /// Id and claim token.
    pub(crate) async fn register(&self, body: &Value) -> (String, String) {
        let taken = json_of(self.post("/api/v1/registrations").json(body), 201).await;
        let text = |name: &str| taken[name].as_str().unwrap().to_owned();
        (text("id"), text("claim_token"))
    }

    /// An organisation that takes part, and the session of its administrator.
    pub(crate) async fn partner(&self, email: &str) -> (String, String) {
        let (id, token) = self.register(&super::partner()).await;
        let (own, coordinator) = (
            format!("/api/v1/registrations/{id}"),
            self.coordinator().await,
        );
        json_of(
            self.as_session(self.post(&format!("{own}/approve")), &coordinator),
            200,
        )
        .await;
        let claim = self
            .post(&format!("{own}/claim"))
            .bearer_auth(token)
            .json(&super::claiming(email));
        let claimed = json_of(claim, 201).await;
        (
            claimed["organisation"].as_str().unwrap().to_owned(),
            self.sign_in(email, PASSWORD).await,
        )
    }

    pub(crate) async fn account(&self, email: &str) -> Uuid {
        self.storage
            .accounts
            .by_email(email)
            .await
            .unwrap()
            .unwrap()
            .id
    }
}

/// Brings every change to those that answer from memory, in order.
async fn follow(storage: Storage, index: Index, access: Access, clock: Clock) {
    let (mut committed, mut cursor) = (storage.directory.committed(), access.arrival());
    loop {
        let changes = storage
            .directory
            .changes_since(cursor, 1_000)
            .await
            .unwrap();
        cursor = changes.through;
        access.follow(&changes, clock.now());
        let entries = changes.items.iter().filter_map(|changed| match changed {
            Changed::Entry(stored) => Some(Change::put(
                &stored.entry().unwrap(),
                stored.arrival,
                clock.now().date_naive(),
            )),
            Changed::Removed { arrival, key, .. } => Some(Change::Remove {
                key: key.clone(),
                arrival: *arrival,
            }),
            _ => None,
        });
        index.apply(entries.collect(), cursor).unwrap();
        if !changes.more && committed.changed().await.is_err() {
            return;
        }
    }
}

/// The body of an answer with this status.
pub(crate) async fn json_of(request: RequestBuilder, status: u16) -> Value {
    let answer = request.send().await.unwrap();
    let (found, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The code of a problem with this status.
pub(crate) async fn code(request: RequestBuilder, status: u16) -> String {
    json_of(request, status).await["code"]
        .as_str()
        .unwrap()
        .to_owned()
}
