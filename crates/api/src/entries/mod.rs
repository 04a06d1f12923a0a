//! Entries of all kinds by one path: list, read, write, history.

pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod shown;
pub(crate) mod write;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::{EntryId, Kind, Origin};
use http::{Code, Problem};
use std::future::{Ready, ready};

/// The kind of the collection that a request is about, or none for `/entries`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Collection(pub(crate) Option<Kind>);

impl FromRequest for Collection {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.match_info().get("collection").unwrap_or_default();
        ready(match (name, Kind::from_collection(name)) {
            ("entries", _) => Ok(Self(None)),
            (_, Some(kind)) => Ok(Self(Some(kind))),
            _ => Err(Problem::not_found()),
        })
    }
}

impl Collection {
    /// The kind, where writing needs one.
    pub(crate) fn kind(self) -> Result<Kind, Problem> {
        self.0.ok_or_else(|| {
            Problem::new(
                Code::MethodNotAllowed,
                "entries are written in the collection of their kind",
            )
        })
    }
}

/// The names of all collections, as a pattern of paths.
pub(crate) fn pattern() -> String {
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.collection()).collect();
    format!("{{collection:{}|entries}}", names.join("|"))
}

/// The id in the path: bare for a local entry, `{id}@{host}` for one of another node.
#[derive(Debug, Clone)]
pub(crate) struct PathId {
    pub(crate) id: EntryId,
    pub(crate) host: Option<String>,
}

impl FromRequest for PathId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        // As base URLs have it, so that a host has one spelling here as well.
        let host_of = |host: &str| {
            let origin: Origin = format!("https://{host}").parse().ok()?;
            Some(origin.host().to_owned()).filter(|host| host == origin.node())
        };
        let read = match text.split_once('@') {
            Some((id, host)) => id.parse().ok().zip(host_of(host).map(Some)),
            None => text.parse().ok().map(|id| (id, None)),
        };
        ready(read.map(|(id, host)| Self { id, host }).ok_or_else(|| {
            Problem::new(
                Code::InvalidId,
                "expected an id such as 019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10, with @ and its node's host for a foreign entry",
            )
        }))
    }
}

impl PathId {
    /// The local id: entries of other nodes are changed there.
    pub(crate) fn local(self, origin: &Origin) -> Result<EntryId, Problem> {
        match self.host {
            Some(host) if host != origin.host() => Err(Problem::new(
                Code::ForeignEntry,
                format!("this entry belongs to {host}: it is changed there"),
            )),
            _ => Ok(self.id),
        }
    }
}
