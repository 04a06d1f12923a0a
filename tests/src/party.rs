//! Somebody who talks to a node: how they sign in, and what they are answered.

use reqwest::{Method, blocking::RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

use crate::{TestNode, openapi};

/// Somebody who talks to a node.
#[derive(Debug, Clone)]
pub struct Party {
    credentials: Credentials,
}

#[derive(Debug, Clone)]
enum Credentials {
    None,
    Token(String),
    Session {
        cookie: String,
        email: String,
        password: String,
    },
}

/// What was answered, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub text: String,
}

impl Party {
    /// Somebody without an account.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            credentials: Credentials::None,
        }
    }

    /// A program with an access token.
    #[must_use]
    pub fn with_token(token: &str) -> Self {
        Self {
            credentials: Credentials::Token(token.to_owned()),
        }
    }

    /// A person with a session.
    ///
    /// # Panics
    /// When the sign-in is refused.
    #[must_use]
    pub fn sign_in(node: &TestNode, email: &str, password: &str) -> Self {
        let credentials = json!({"email": email, "password": password});
        let answer = Self::anonymous()
            .post(node, "/api/v1/sessions", &credentials)
            .expect(201);
        let cookie = answer.header("set-cookie").split(';').next().unwrap();
        Self {
            credentials: Credentials::Session {
                cookie: cookie.to_owned(),
                email: email.to_owned(),
                password: password.to_owned(),
            },
        }
    }

    /// The same party, signed in once more: people get another session, programs keep their token.
    #[must_use]
    pub fn again(&self, node: &TestNode) -> Self {
        match &self.credentials {
            Credentials::Session {
                email, password, ..
            } => Self::sign_in(node, email, password),
            _ => self.clone(),
        }
    }

    /// The password with which a person signed in.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Session { password, .. } => Some(password),
            _ => None,
        }
    }

    /// A request as this party.
    pub fn request(&self, node: &TestNode, method: Method, path: &str) -> RequestBuilder {
        let request = node.request(method, path);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Token(token) => request.bearer_auth(token),
            Credentials::Session { cookie, .. } => {
                // As a browser does from a page of the node itself.
                request
                    .header("Cookie", cookie)
                    .header("Origin", node.base_url())
            }
        }
    }

    /// Reads.
    pub fn get(&self, node: &TestNode, path: &str) -> Answer {
        Answer::of(self.request(node, Method::GET, path))
    }

    /// Sends JSON.
    pub fn send(&self, node: &TestNode, method: Method, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(node, method, path).json(body))
    }

    /// Sends JSON with `POST`.
    pub fn post(&self, node: &TestNode, path: &str, body: &Value) -> Answer {
        self.send(node, Method::POST, path, body)
    }

    /// Deletes.
    pub fn delete(&self, node: &TestNode, path: &str) -> Answer {
        Answer::of(self.request(node, Method::DELETE, path))
    }
}

impl Answer {
    /// Sends a request and reads the answer, which has to be what the API's document says.
    ///
    /// # Panics
    /// When there is no answer at all, or the document does not describe it.
    #[must_use]
    pub fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).unwrap()
    }

    /// Sends a request and reads the answer, if there is one.
    ///
    /// # Errors
    /// As the client says: refused, broken off, timed out.
    pub fn try_of(request: RequestBuilder) -> reqwest::Result<Self> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = client.execute(request)?;
        let answer = Self {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text()?,
        };
        let kind = answer.headers.get("content-type");
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        openapi::check(method.as_str(), &path, answer.status, kind, &answer.text);
        Ok(answer)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The same answer, if it has this status.
    ///
    /// # Panics
    /// When it has another.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The code of a problem document (RFC 9457), after checking that it is one and tells nothing of the inside.
    ///
    /// # Panics
    /// When it is not a problem document that fits its status.
    #[must_use]
    pub fn problem(&self) -> String {
        let kind = self
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        assert!(kind.starts_with("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{self:?}");
        for word in ["diesel", "SQLITE", "postgres", "panicked", ".rs:", "/src/"] {
            assert!(
                !self.text.contains(word),
                "{word:?} shows the inside: {}",
                self.text
            );
        }
        document["code"].as_str().unwrap().to_owned()
    }

    /// A header as text.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self
            .headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"));
        value.to_str().unwrap()
    }
}
