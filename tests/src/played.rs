//! An origin that a test plays: with keys and a public feed as a node has them, and answers as the test wants them.

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use domain::{
    EntryId,
    feed::{Digest, FeedKey, FeedName, FeedState, LeafRow},
};
use federation::protocol::{
    canonical,
    document::{First, NodeDocument},
    head,
    key::{SecretKey, Signer as _},
    page::{self, Part},
    proof, sha256, statement, tree,
};
use serde_json::{Map, Value, json};

/// How long one answer may take to be taken, or one question to be asked.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is answered in place of a page of changes after a number.
pub type Trick = Arc<dyn Fn(&Feed, u64, &mut TcpStream) + Send + Sync>;

/// The public feed of an origin that a test plays.
pub struct Feed {
    key: FeedKey,
    document: NodeDocument,
    statements: SecretKey,
    requests: SecretKey,
    rows: Mutex<Vec<Row>>,
}

#[derive(Clone)]
struct Row {
    entry: EntryId,
    seq: u64,
    line: String,
}

impl Feed {
    fn new(base_url: &str) -> Self {
        let [statements, requests, recovery] =
            [(); 3].map(|()| SecretKey::from_seed(rand::random()));
        let key = FeedKey {
            origin: base_url.parse().unwrap(),
            name: FeedName::Public,
        };
        let first = First {
            origin: &key.origin,
            name: Some("Played"),
            epoch: 1,
            requests: requests.public(),
            recovery: recovery.public(),
        };
        let document = NodeDocument::first(&first, now(), &statements).unwrap();
        Self {
            key,
            document,
            statements,
            requests,
            rows: Mutex::default(),
        }
    }

    fn rows(&self) -> Vec<Row> {
        self.rows.lock().unwrap().clone()
    }

    /// The last number of the feed.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.rows().last().map_or(0, |row| row.seq)
    }

    /// A publication of this origin.
    #[must_use]
    pub fn publication(&self, id: EntryId, title: &str) -> Value {
        json!({
            "id": id, "kind": "publication", "origin": self.key.origin, "owner": id, "version": 1, "visibility": "public",
            "status": "active", "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z",
            "last_verified": null, "license": "CC-BY-4.0",
            "content": {
                "title": {"en": title}, "type": "report", "date": "2026", "language": "en", "publisher": id,
                "link": "https://example.org/report",
            },
        })
    }

    /// What the feed would say under a number about an entry of its own, not signed yet.
    #[must_use]
    pub fn statement(&self, seq: u64, id: EntryId, entry: &Value) -> Map<String, Value> {
        let uri = self.key.origin.uri(id);
        let statement = json!({
            "@context": statement::context(),
            "id": format!("{uri}#public-1-{seq}"),
            "actor": self.document.did().as_str(),
            "feed": "public",
            "epoch": 1,
            "seq": seq,
            "type": "Create",
            "object": {"id": uri, "type": "lotse:Publication", "entry": entry},
            "redistribution": "none",
            "salt": "AAAAAAAAAAAAAAAAAAAAAA",
        });
        members(statement)
    }

    /// A statement, signed as it should be.
    #[must_use]
    pub fn signed(&self, statement: Map<String, Value>) -> Map<String, Value> {
        let (method, _) = self.document.current_statement_key().unwrap();
        self.signed_by(statement, method, &self.statements)
    }

    /// A statement signed with the key for requests, under that key's own name.
    #[must_use]
    pub fn signed_for_requests(&self, statement: Map<String, Value>) -> Map<String, Value> {
        self.signed_by(statement, self.document.request_method(), &self.requests)
    }

    /// A statement signed by somebody else, who says to be this origin.
    #[must_use]
    pub fn signed_by_a_stranger(&self, statement: Map<String, Value>) -> Map<String, Value> {
        let (method, _) = self.document.current_statement_key().unwrap();
        self.signed_by(statement, method, &SecretKey::from_seed(rand::random()))
    }

    fn signed_by(
        &self,
        mut statement: Map<String, Value>,
        method: &str,
        key: &SecretKey,
    ) -> Map<String, Value> {
        proof::sign(&mut statement, method, now(), key).unwrap();
        statement
    }

    /// Says something, as an honest origin would. The number under which it does.
    pub fn say(&self, id: EntryId, entry: &Value) -> u64 {
        let seq = self.seq() + 1;
        let line = line(&self.signed(self.statement(seq, id, entry)));
        let mut rows = self.rows.lock().unwrap();
        rows.retain(|row| row.entry != id);
        rows.push(Row {
            entry: id,
            seq,
            line,
        });
        seq
    }

    /// The leaves that are not empty, with what they digest to.
    fn leaves(&self) -> BTreeMap<u16, Digest> {
        let mut leaves: BTreeMap<u16, Vec<LeafRow>> = BTreeMap::new();
        for row in self.rows() {
            let leaf = tree::leaf_of(&self.key.origin, row.entry);
            leaves.entry(leaf).or_default().push(LeafRow {
                leaf,
                entry: row.entry,
                seq: row.seq,
                hash: sha256(&row.line),
            });
        }
        for rows in leaves.values_mut() {
            rows.sort_unstable();
        }
        let digest = |(leaf, rows): (&u16, &Vec<LeafRow>)| (*leaf, tree::leaf_digest(rows));
        leaves.iter().map(digest).collect()
    }

    /// The digests of a bucket's leaves.
    fn bucket(&self, number: u8) -> Vec<Digest> {
        let leaves = self.leaves();
        let of = |leaf| u16::from_be_bytes([number, leaf]);
        let digest = |leaf| leaves.get(&of(leaf)).copied().unwrap_or(Digest::EMPTY);
        (0..=u8::MAX).map(digest).collect()
    }

    fn buckets(&self) -> Vec<(u8, Digest)> {
        let digest = |number| {
            let leaves: Vec<u8> = self.bucket(number).iter().flat_map(|leaf| leaf.0).collect();
            (number, tree::bucket_digest(&leaves))
        };
        (0..=u8::MAX).map(digest).collect()
    }

    /// The head of the feed as it stands.
    #[must_use]
    pub fn head(&self) -> String {
        self.head_with(self.seq(), tree::root(&self.buckets()), now())
    }

    /// A head that says something else.
    #[must_use]
    pub fn head_with(&self, seq: u64, root: Digest, at: DateTime<Utc>) -> String {
        let state = FeedState {
            seq,
            live: self.rows().len() as u64,
            root,
            ..FeedState::new(1, root)
        };
        let (actor, (method, by)) = (self.document.did().as_str(), self.author());
        head::write(&self.key, &state, actor, method, at, by).unwrap()
    }

    fn author(&self) -> (&str, &SecretKey) {
        let (method, _) = self.document.current_statement_key().unwrap();
        (method, &self.statements)
    }

    /// The page that an honest origin would answer with.
    #[must_use]
    pub fn page(&self, since: u64) -> String {
        let rows = self.rows();
        let rows = rows.iter().filter(|row| row.seq > since);
        let lines: Vec<String> = rows.map(|row| row.line.clone()).collect();
        self.page_of(since, &lines, self.seq(), &self.head())
    }

    /// A page of these rows, the last one of its feed, signed as it should be.
    #[must_use]
    pub fn page_of(&self, since: u64, rows: &[String], through: u64, head: &str) -> String {
        self.write(&Part::Changes { since }, rows, through, head)
    }

    fn write(&self, part: &Part, rows: &[String], through: u64, head: &str) -> String {
        let (method, by) = self.author();
        let (actor, rows) = (
            self.document.did().as_str(),
            rows.iter().map(String::as_str),
        );
        let by = (method, by as _, now());
        page::write(&self.key, part, rows, through, false, head, actor, by).unwrap()
    }

    fn leaf(&self, leaf: u16) -> String {
        let here = |row: &&Row| tree::leaf_of(&self.key.origin, row.entry) == leaf;
        let rows = self.rows();
        let mut rows: Vec<&Row> = rows.iter().filter(here).collect();
        rows.sort_unstable_by_key(|row| row.entry);
        let lines: Vec<String> = rows.iter().map(|row| row.line.clone()).collect();
        self.write(&Part::Leaf(leaf), &lines, self.seq(), &self.head())
    }

    /// What an honest origin answers.
    fn honest(&self, path: &str) -> Option<Vec<u8>> {
        let digests = |digests: Vec<Digest>| {
            let digests: Vec<String> = digests.iter().map(Digest::to_string).collect();
            json!({"digests": digests}).to_string().into_bytes()
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path == "/.well-known/did.json" {
            return Some(self.document.to_json().to_vec());
        }
        if path == "/fed/v1/documents" {
            return Some(json!({"documents": []}).to_string().into_bytes());
        }
        let part = path.strip_prefix("/fed/v1/feeds/public/")?;
        let mut places = part.split('/');
        match (places.next()?, places.next(), places.next()) {
            ("changes", None, None) => Some(self.page(since(query)).into_bytes()),
            ("state", None, None) => {
                let buckets = self.buckets().into_iter();
                Some(digests(buckets.map(|(_, digest)| digest).collect()))
            }
            ("state", Some(bucket), None) => Some(digests(self.bucket(bucket.parse().ok()?))),
            ("state", Some(bucket), Some(leaf)) => {
                let leaf = u16::from_be_bytes([bucket.parse().ok()?, leaf.parse().ok()?]);
                Some(self.leaf(leaf).into_bytes())
            }
            _ => None,
        }
    }
}

/// An origin that listens on loopback until it is dropped.
pub struct Played {
    state: Arc<State>,
    address: String,
    base_url: String,
}

struct State {
    feed: Feed,
    trick: Mutex<Option<Trick>>,
    tricked: AtomicUsize,
    is_over: AtomicBool,
}

impl Played {
    /// Starts to listen on a free port.
    ///
    /// # Panics
    /// When no port is to be had.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let base_url = format!("http://localhost:{}", address.port());
        let state = Arc::new(State {
            feed: Feed::new(&base_url),
            trick: Mutex::default(),
            tricked: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || state.serve(stream));
            }
        });
        Self {
            state,
            address: address.to_string(),
            base_url,
        }
    }

    /// Its base URL.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it is called by nodes.
    ///
    /// # Panics
    /// Never: its base URL has a host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.base_url.rsplit_once('/').unwrap().1
    }

    /// Its feed.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.state.feed
    }

    /// The fingerprint that an admin compares.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.state.feed.document.fingerprint()
    }

    /// From now on answers like this to whoever asks for changes; `None` makes it honest again.
    ///
    /// # Panics
    /// Never, unless a thread did while it held the trick.
    pub fn play(&self, trick: Option<Trick>) {
        *self.state.trick.lock().unwrap() = trick;
        self.state.tricked.store(0, Ordering::SeqCst);
    }

    /// How often the trick was played.
    #[must_use]
    pub fn tricked(&self) -> usize {
        self.state.tricked.load(Ordering::SeqCst)
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        let _ = (
            stream.set_read_timeout(Some(PATIENCE)),
            stream.set_write_timeout(Some(PATIENCE)),
            stream.set_nodelay(true),
        );
        let Some((method, path)) = read_request(&mut stream) else {
            return;
        };
        if method == "POST" {
            return answer(&mut stream, "200 OK", "", br#"{"state":"approved"}"#);
        }
        let trick = self.trick.lock().unwrap().clone();
        match (trick, path.split_once("/changes?")) {
            (Some(trick), Some((_, query))) => {
                self.tricked.fetch_add(1, Ordering::SeqCst);
                trick(&self.feed, since(query), &mut stream);
            }
            _ => match self.feed.honest(&path) {
                Some(body) => answer(&mut stream, "200 OK", "", &body),
                None => answer(&mut stream, "404 Not Found", "", b"{}"),
            },
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // Wakes the listening thread, so that it sees the end.
        let _ = TcpStream::connect(&self.address);
    }
}

/// Method and path of a request, whose body is read and dropped.
fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    let end = loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let fields: HashMap<String, &str> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let length: usize = fields
        .get("content-length")
        .map_or(Some(0), |length| length.parse().ok())?;
    let mut missing = (end + 4 + length).saturating_sub(bytes.len());
    while missing > 0 {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        missing = missing.saturating_sub(count);
    }
    let mut words = head.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

/// Sends a whole answer, the last one on its connection.
pub fn answer(stream: &mut TcpStream, status: &str, fields: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    // Whoever has hung up needs no answer.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
}

/// The canonical form of a statement, without its line feed.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn line(statement: &Map<String, Value>) -> String {
    String::from_utf8(canonical::write_object(statement).unwrap()).unwrap()
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn since(query: &str) -> u64 {
    let mut parameters = query.split('&');
    let since = parameters.find_map(|parameter| parameter.strip_prefix("since="));
    since.map_or(0, |since| since.parse().unwrap())
}

/// This moment.
#[must_use]
pub fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}
