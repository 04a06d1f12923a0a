//! Identity documents as JSON: one spelling for each member of ours, and room for those of newer nodes.

use chrono::{DateTime, Utc};
use domain::Origin;
use serde_json::{Map, Value, json};

use super::content::{Content, Numbered, StatementKey, Task};
use super::{
    DocumentError, MAX_BYTES, MAX_METHODS, MAX_NAME, MAX_RECOVERY_KEYS, MAX_STATEMENT_KEYS,
    NodeDocument, Start,
};
use crate::protocol::canonical;
use crate::protocol::did::DidWeb;
use crate::protocol::key::{PublicKey, Signer};
use crate::protocol::proof;

const CONTEXT: [&str; 3] = [
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
    "https://w3id.org/security/data-integrity/v2",
];
const METHOD_TYPE: &str = "Multikey";
const SERVICE_TYPE: &str = "LotseFeeds";

type Object = Map<String, Value>;

/// [`NodeDocument::parse`].
pub(super) fn parse(bytes: &[u8]) -> Result<NodeDocument, DocumentError> {
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let Value::Object(document) = canonical::read(bytes)? else {
        return Err(DocumentError::Member("the document"));
    };
    let json = canonical::write_object(&document)?;
    // A canonical form may be longer than what was read.
    if json.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge);
    }
    let (document, proofs) = proof::open_set(document)?.into_parts();
    Ok(NodeDocument {
        content: read(&document)?,
        proofs,
        json,
    })
}

/// Writes a document, signs it with each of these keys under these names, and reads it again: what is written is held to
/// the same rules.
pub(super) fn write(
    content: &Content,
    created: DateTime<Utc>,
    signers: &[(&str, &dyn Signer)],
) -> Result<NodeDocument, DocumentError> {
    let Value::Object(mut document) = to_value(content) else {
        return Err(DocumentError::Member("the document"));
    };
    for (method, signer) in signers {
        proof::add_proof(&mut document, method, created, *signer)?;
    }
    parse(&canonical::write_object(&document)?)
}

fn to_value(content: &Content) -> Value {
    let did = content.did.as_str();
    let statements = content.statements.iter();
    let signing: Vec<_> = statements.clone().map(|key| &key.named.method).collect();
    let from: Vec<_> = statements
        .map(|key| {
            json!({
                "key": format!("#{}{}", Task::Statements.prefix(), key.named.number),
                "from": {"public": key.from.public, "network": key.from.network},
            })
        })
        .collect();
    let methods: Vec<_> = content
        .keys()
        .map(|(_, named)| {
            json!({
                "id": named.method,
                "type": METHOD_TYPE,
                "controller": did,
                "publicKeyMultibase": named.key.to_multikey(),
            })
        })
        .collect();
    let mut lotse = json!({
        "sequence": content.sequence,
        "epoch": content.epoch,
        "statements": from,
    });
    if let (Some(name), Some(lotse)) = (&content.name, lotse.as_object_mut()) {
        lotse.insert("name".to_owned(), Value::from(name.as_str()));
    }
    json!({
        "@context": CONTEXT,
        "id": did,
        "alsoKnownAs": [content.origin.as_str()],
        "verificationMethod": methods,
        "assertionMethod": signing,
        "authentication": [content.requests.method],
        "service": [{
            "id": format!("{did}#feeds"),
            "type": SERVICE_TYPE,
            "serviceEndpoint": endpoint(&content.origin),
        }],
        "lotse": lotse,
    })
}

fn endpoint(origin: &Origin) -> String {
    format!("{origin}/fed/v1")
}

fn read(document: &Object) -> Result<Content, DocumentError> {
    let context = array(document, "@context")?;
    let begins = context.iter().take(CONTEXT.len()).eq(CONTEXT.iter());
    if !begins {
        return Err(DocumentError::Member("@context"));
    }
    let did: DidWeb = text(document, "id")?.parse()?;
    let origin = read_origin(document, &did)?;
    check_service(document, &did, &origin)?;
    let [statements, requests, recovery] = read_methods(document, &did)?;
    check_relation(document, "assertionMethod", &did, &statements)?;
    check_relation(document, "authentication", &did, &requests)?;
    let lotse = document.get("lotse").and_then(Value::as_object);
    let lotse = lotse.ok_or(DocumentError::Member("lotse"))?;
    let requests = <[Numbered; 1]>::try_from(requests);
    let [requests] = requests.map_err(|_| DocumentError::Member("authentication"))?;
    if recovery.is_empty() {
        return Err(DocumentError::Member("verificationMethod"));
    }
    let content = Content {
        did,
        origin,
        name: read_name(lotse)?,
        sequence: number(lotse, "sequence")?,
        epoch: number(lotse, "epoch")?,
        statements: read_statements(lotse, statements)?,
        requests,
        recovery,
    };
    check_distinct(&content)?;
    Ok(content)
}

fn read_origin(document: &Object, did: &DidWeb) -> Result<Origin, DocumentError> {
    let member = DocumentError::Member("alsoKnownAs");
    let first = array(document, "alsoKnownAs")?.first();
    let text = first.and_then(Value::as_str).ok_or(member.clone())?;
    let origin: Origin = text.parse().map_err(|_| member.clone())?;
    if origin.as_str() != text {
        return Err(member);
    }
    if DidWeb::of(&origin)? != *did {
        return Err(DocumentError::Origin);
    }
    Ok(origin)
}

fn check_service(document: &Object, did: &DidWeb, origin: &Origin) -> Result<(), DocumentError> {
    let id = format!("{did}#feeds");
    let services = array(document, "service")?;
    let ours = services.iter().find(|service| service["id"] == id.as_str());
    let fits = ours.is_some_and(|service| {
        service["type"] == SERVICE_TYPE && service["serviceEndpoint"] == endpoint(origin).as_str()
    });
    if fits {
        Ok(())
    } else {
        Err(DocumentError::Member("service"))
    }
}

/// The task and number that a name stands for, if it is one of ours: the node's identifier, `#`, task, `-`, number.
fn read_name_of_key(id: &str, did: &DidWeb) -> Result<Option<(Task, u64)>, DocumentError> {
    let fragment = id
        .strip_prefix(did.as_str())
        .and_then(|rest| rest.strip_prefix('#'));
    let Some(fragment) = fragment else {
        return Ok(None);
    };
    for task in Task::ALL {
        if let Some(digits) = fragment.strip_prefix(task.prefix()) {
            let number = digits.parse::<u64>().ok().filter(|number| {
                (1..=canonical::MAX_INTEGER).contains(number) && number.to_string() == digits
            });
            let number = number.ok_or(DocumentError::Member("verificationMethod"))?;
            return Ok(Some((task, number)));
        }
    }
    Ok(None)
}

/// Reads the keys of ours, by task, each with numbers going up. Other verification methods are for others.
fn read_methods(document: &Object, did: &DidWeb) -> Result<[Vec<Numbered>; 3], DocumentError> {
    let member = || DocumentError::Member("verificationMethod");
    let methods = array(document, "verificationMethod")?;
    if methods.len() > MAX_METHODS {
        return Err(DocumentError::TooLarge);
    }
    let mut statements: Vec<Numbered> = Vec::new();
    let mut requests = Vec::new();
    let mut recovery = Vec::new();
    for method in methods {
        let method = method.as_object().ok_or_else(member)?;
        let id = text(method, "id").map_err(|_| member())?;
        let Some((task, number)) = read_name_of_key(id, did)? else {
            continue;
        };
        if text(method, "type") != Ok(METHOD_TYPE) || text(method, "controller") != Ok(did.as_str())
        {
            return Err(member());
        }
        let key = text(method, "publicKeyMultibase").map_err(|_| member())?;
        let named = task.named(did, number, PublicKey::from_multikey(key)?);
        let list = match task {
            Task::Statements => &mut statements,
            Task::Requests => &mut requests,
            Task::Recovery => &mut recovery,
        };
        if list.last().is_some_and(|last| last.number >= number) {
            return Err(member());
        }
        list.push(named);
    }
    if statements.len() > MAX_STATEMENT_KEYS || recovery.len() > MAX_RECOVERY_KEYS {
        return Err(DocumentError::TooLarge);
    }
    Ok([statements, requests, recovery])
}

/// Whether a relation (DID Core section 5.3) names exactly these keys of ours, in their order.
fn check_relation(
    document: &Object,
    relation: &'static str,
    did: &DidWeb,
    keys: &[Numbered],
) -> Result<(), DocumentError> {
    let mut expected = keys.iter().map(|named| named.method.as_str());
    for named in array(document, relation)? {
        // A method that is embedded here is not one of ours.
        let Some(named) = named.as_str() else {
            continue;
        };
        if read_name_of_key(named, did)?.is_some() && expected.next() != Some(named) {
            return Err(DocumentError::Member(relation));
        }
    }
    if expected.next().is_some() {
        return Err(DocumentError::Member(relation));
    }
    Ok(())
}

fn read_statements(
    lotse: &Object,
    keys: Vec<Numbered>,
) -> Result<Vec<StatementKey>, DocumentError> {
    let member = || DocumentError::Member("lotse.statements");
    let listed = array(lotse, "statements").map_err(|_| member())?;
    if keys.is_empty() || listed.len() != keys.len() {
        return Err(member());
    }
    let mut statements: Vec<StatementKey> = Vec::with_capacity(keys.len());
    for (listed, named) in listed.iter().zip(keys) {
        let name = format!("#{}{}", Task::Statements.prefix(), named.number);
        let from = listed["from"].as_object().ok_or_else(member)?;
        let from = Start {
            public: number(from, "public").map_err(|_| member())?,
            network: number(from, "network").map_err(|_| member())?,
        };
        let after = |last: &StatementKey| from.is_at_or_after(last.from);
        if listed["key"] != name.as_str() || !statements.last().is_none_or(after) {
            return Err(member());
        }
        statements.push(StatementKey { named, from });
    }
    Ok(statements)
}

fn read_name(lotse: &Object) -> Result<Option<String>, DocumentError> {
    let Some(name) = lotse.get("name") else {
        return Ok(None);
    };
    let name = name.as_str().filter(|name| {
        let length = name.chars().take(MAX_NAME + 1).count();
        (1..=MAX_NAME).contains(&length) && !name.chars().any(char::is_control)
    });
    let name = name.ok_or(DocumentError::Member("lotse.name"))?;
    Ok(Some(name.to_owned()))
}

/// Refuses a key with two tasks or two numbers: what it signs for one could be taken for the other.
fn check_distinct(content: &Content) -> Result<(), DocumentError> {
    let mut keys: Vec<_> = content
        .keys()
        .map(|(_, named)| named.key.as_bytes())
        .collect();
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    if keys.len() == all {
        Ok(())
    } else {
        Err(DocumentError::KeyTwice)
    }
}

fn array<'a>(object: &'a Object, name: &'static str) -> Result<&'a Vec<Value>, DocumentError> {
    let value = object.get(name).and_then(Value::as_array);
    value.ok_or(DocumentError::Member(name))
}

fn text<'a>(object: &'a Object, name: &'static str) -> Result<&'a str, DocumentError> {
    let value = object.get(name).and_then(Value::as_str);
    value.ok_or(DocumentError::Member(name))
}

/// A whole number from 1.
fn number(object: &Object, name: &'static str) -> Result<u64, DocumentError> {
    let value = object.get(name).and_then(Value::as_u64);
    value.filter(|n| *n >= 1).ok_or(DocumentError::Member(name))
}
