//! The operations that a node's own document lists, and whether answers are what it says.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::Value;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The path with its parameters in braces.
    pub path: String,
    /// `GET`, `POST` ...
    pub method: String,
}

/// All operations of an OpenAPI document, sorted.
///
/// # Panics
/// When it has no paths.
#[must_use]
pub fn operations(document: &Value) -> Vec<Operation> {
    const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            found.push(Operation {
                path: path.clone(),
                method: method.to_uppercase(),
            });
        }
    }
    found.sort();
    found
}

/// The committed document, against which every answer of the API is held. `cargo xtask test` checks that it is what the
/// program says.
static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let json = include_str!("../../openapi/openapi.json");
    Document::new(serde_json::from_str(json).unwrap())
});

/// Holds an answer against the document.
///
/// # Panics
/// When the document does not describe it.
pub fn check(method: &str, path: &str, status: u16, content_type: &str, body: &str) {
    let is_api = path.starts_with("/api/v1/");
    if is_api && let Err(why) = DOCUMENT.check(method, path, status, content_type, body) {
        panic!("not what openapi.json says: {method} {path} answered {status}: {why}\n{body}");
    }
}

struct Document {
    document: Value,
    /// Paths in their segments, those without parameters first: these are meant where both fit.
    paths: Vec<(Vec<String>, String)>,
    /// By the JSON pointer to the schema.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Document {
    fn new(document: Value) -> Self {
        let paths = document["paths"].as_object().unwrap().keys();
        let segments = |path: &String| path.split('/').map(str::to_owned).collect();
        let mut paths: Vec<(Vec<String>, String)> =
            paths.map(|path| (segments(path), path.clone())).collect();
        paths.sort_by_key(|(_, path)| path.matches('{').count());
        Self {
            document,
            paths,
            validators: Mutex::default(),
        }
    }

    fn check(
        &self,
        method: &str,
        path: &str,
        status: u16,
        content_type: &str,
        body: &str,
    ) -> Result<(), String> {
        let method = method.to_lowercase();
        let item = self.path(path, &method);
        let Some((path, responses)) = item else {
            // What is not there says so.
            return match (status, &*method) {
                (404 | 405, _) | (_, "head" | "options") => Ok(()),
                _ => Err("there is no such operation".to_owned()),
            };
        };
        let named = status.to_string();
        let name = match responses.get(&named) {
            Some(_) => &named,
            None if status >= 400 => "default",
            None if status == 304 => return Ok(()),
            None => return Err("no such status".to_owned()),
        };
        let kind = content_type.split(';').next().unwrap_or_default();
        if body.is_empty() || kind.is_empty() {
            return Ok(());
        }
        let pointer = ["paths", path, &method, "responses", name, "content", kind]
            .map(|part| part.replace('~', "~0").replace('/', "~1"))
            .join("/");
        let described = self.document.pointer(&format!("/{pointer}"));
        let described = described.ok_or_else(|| format!("{kind} is not described"))?;
        match described.get("schema") {
            Some(schema) if kind == "application/json" || kind.ends_with("+json") => {
                self.validate(&pointer, schema, body)
            }
            _ => Ok(()),
        }
    }

    /// The path that is meant, with the answers that are described for the method.
    fn path(&self, path: &str, method: &str) -> Option<(&str, &Value)> {
        let asked: Vec<&str> = path.split('/').collect();
        let fits = |segments: &[String]| {
            segments.len() == asked.len()
                && segments
                    .iter()
                    .zip(&asked)
                    .all(|(segment, asked)| segment.starts_with('{') || segment == asked)
        };
        self.paths
            .iter()
            .filter(|(segments, _)| fits(segments))
            .find_map(|(_, path)| {
                let operation = self.document["paths"][path].get(method)?;
                Some((path.as_str(), &operation["responses"]))
            })
    }

    fn validate(&self, pointer: &str, schema: &Value, body: &str) -> Result<(), String> {
        let body: Value = serde_json::from_str(body).map_err(|why| why.to_string())?;
        let validator = {
            let mut validators = self.validators.lock().unwrap();
            let made = || Arc::new(self.validator(schema));
            Arc::clone(validators.entry(pointer.to_owned()).or_insert_with(made))
        };
        let errors: Vec<String> = validator
            .iter_errors(&body)
            .take(5)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors.join("\n"))
        }
    }

    /// A schema with everything that it refers to. Members that it does not know are errors: nobody would find them.
    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = schema.clone();
        whole["components"] = self.document["components"].clone();
        whole["unevaluatedProperties"] = false.into();
        jsonschema::draft202012::new(&whole).unwrap_or_else(|why| panic!("{why}: {schema}"))
    }
}
