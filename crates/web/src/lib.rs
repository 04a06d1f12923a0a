//! The pages of a node, for people without an account: rendered here, without scripts, cookies or third parties.
//!
//! Everything is read from the search index, in the public form. Which language a page is in, [`Reader`] decides; what it
//! says stands in `messages`, how it looks in `assets/lotse.css`.

mod assets;
mod directory;
mod facts;
mod language;
mod page;
mod pages;
mod settings;
mod shown;
#[cfg(test)]
mod tests;

pub use directory::Directory;
pub use language::Reader;
pub use settings::{Settings, Site};

use actix_web::web;

/// Registers the pages. The application needs [`Directory`] as `web::Data`.
pub fn routes(config: &mut web::ServiceConfig) {
    assets::routes(config);
    pages::routes(config);
}
