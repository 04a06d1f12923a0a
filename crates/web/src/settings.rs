//! What an operator says about the pages of a node.

use domain::{Origin, Text};
use serde::Deserialize;

/// The texts and names that the pages show. All but the origin are the operator's to write.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The node's own base URL: tells its own entries from those of others.
    pub origin: Origin,
    /// What only the operator can say.
    pub site: Site,
}

/// The part of the settings that comes from the configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// The name in the head of every page; "Lotse" where none is set.
    pub name: Option<Text>,
    /// The imprint, in plain text by language; blank lines divide paragraphs. Not set: the page says so.
    pub imprint: Option<Text>,
    /// The privacy notice, in plain text by language; blank lines divide paragraphs. Not set: the page says so.
    pub privacy: Option<Text>,
    /// The data protection law that the operator is under, such as `GDPR`, `DSG-EKD` or `KDG`.
    pub data_protection: Option<String>,
    /// The language of pages for readers whose browser asks for none that there is: `de`, `en` or `ar`.
    pub default_language: Option<String>,
}
