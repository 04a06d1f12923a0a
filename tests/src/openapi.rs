//! The operations that a node's own document lists.

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
