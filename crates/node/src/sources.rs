//! Where settings come from: defaults, then the file, then variables, then flags, each kept with its origin.

use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, error::Kind};

use crate::cli::Flags;
use crate::config::{Config, Defaults};
use crate::failure::{self, Failure};

/// The file that is read where no other is named.
const FILE: &str = "lotse.toml";
/// Bytes of the largest file that is read.
const FILE_BYTES: u64 = 1024 * 1024;
/// What the name of every variable starts with.
const PREFIX: &str = "LOTSE_";
/// Names the file and so is no setting itself.
const FILE_VARIABLE: &str = "LOTSE_CONFIG";

/// The settings as they were read, with where each comes from.
pub(crate) struct Sources {
    figment: Figment,
    /// The file, where there is one.
    file: Option<PathBuf>,
}

/// One setting from outside the file.
struct Given {
    /// As it is shown: `variable LOTSE_LISTEN`, `flag --listen`.
    name: String,
    key: String,
    value: Value,
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict = figment::util::nest(&self.key, self.value.clone()).into_dict();
        Ok(Profile::Default.collect(dict.unwrap_or_default()))
    }
}

/// The file of settings, which was read already.
struct Written {
    path: PathBuf,
    text: String,
}

impl Provider for Written {
    fn metadata(&self) -> Metadata {
        Metadata::from("TOML file", self.path.as_path())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Toml::string(&self.text).data()
    }
}

impl Sources {
    /// Reads file, variables and flags.
    pub(crate) fn read(flags: &Flags) -> Result<Self, Failure> {
        let named = flags.config.is_some();
        let path = flags.config.clone().unwrap_or_else(|| PathBuf::from(FILE));
        let mut figment = Figment::from(Serialized::defaults(Defaults::default()));
        let mut file = None;
        if let Some(text) = settings_file(&path, named)? {
            figment = figment.merge(Written {
                path: path.clone(),
                text,
            });
            file = Some(path);
        }
        for given in variables()?.into_iter().chain(given(flags)) {
            figment = figment.merge(given);
        }
        Ok(Self { figment, file })
    }

    /// The settings.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let read: Result<Config, _> = self.figment.extract();
        let mut config = read.map_err(|error| Failure::new(explain(&error)))?;
        config.file.clone_from(&self.file);
        config.data = spelled_out(&config.data)?;
        config.check()?;
        Ok(config)
    }

    /// Every setting, its value and where it comes from; secrets are not shown.
    pub(crate) fn show(&self, config: &Config) -> Vec<String> {
        let mut lines = Vec::new();
        if let Ok(dict) = self
            .figment
            .data()
            .map(|mut data| data.remove(&Profile::Default).unwrap_or_default())
        {
            for (key, value) in &dict {
                self.show_value(key, value, &mut lines);
            }
        }
        for (key, value) in [
            (
                "base_url",
                config
                    .origin()
                    .map_or_else(|_| "not usable".to_owned(), |origin| origin.to_string()),
            ),
            ("database", config.database_url()),
            ("index", config.index_folder().display().to_string()),
            ("journal", config.journal_folder().display().to_string()),
            ("workers", config.workers().to_string()),
        ] {
            if !lines
                .iter()
                .any(|line: &String| line.starts_with(&format!("{key} =")))
            {
                lines.push(format!("{key} = {:?}  # derived", redact(key, &value)));
            }
        }
        lines.sort();
        lines
    }

    fn show_value(&self, key: &str, value: &Value, lines: &mut Vec<String>) {
        if let Some(dict) = value.as_dict() {
            for (inner, value) in dict {
                self.show_value(&format!("{key}.{inner}"), value, lines);
            }
            return;
        }
        let text = match value.as_str() {
            Some(text) => format!("{:?}", redact(key, text)),
            None => serde_json::to_string(value).unwrap_or_default(),
        };
        let source = self
            .figment
            .find_metadata(key)
            .map_or_else(|| "unknown".to_owned(), source);
        lines.push(format!("{key} = {text}  # {source}"));
    }
}

/// A folder as it is called: without a slash at its end, and by its name where it is `.` or ends in `..`. The journal stands
/// beside it, under the same name.
fn spelled_out(folder: &Path) -> Result<PathBuf, Failure> {
    if folder.as_os_str().is_empty() {
        return Err(Failure::new("data: an empty name is no folder"));
    }
    let plain: PathBuf = folder.components().collect();
    if plain.file_name().is_some() {
        return Ok(plain);
    }
    std::fs::canonicalize(folder).map_err(|error| failure::file(folder, &error))
}

/// What the file of settings says, where there is one. One that was `named` must be there.
///
/// Something else under its name is refused, and not passed over: whoever put it there means it to count.
fn settings_file(path: &Path, named: bool) -> Result<Option<String>, Failure> {
    let shown = path.display();
    let refuse = |why: &str| Err(Failure::new(format!("{shown}: {why}")));
    // Not following links: one that leads nowhere is there as well.
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return if named {
                refuse("there is no such configuration file")
            } else {
                Ok(None)
            };
        }
        Err(error) => return Err(failure::file(path, &error)),
        Ok(_) => {}
    }
    let there = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return refuse("this link leads to no configuration file");
        }
        Err(error) => return Err(failure::file(path, &error)),
        Ok(there) => there,
    };
    if there.is_dir() {
        return refuse("this is a folder, and no configuration file");
    }
    files::refuse_what_is_no_file(path).map_err(|error| failure::file(path, &error))?;
    if there.len() > FILE_BYTES {
        return refuse("this is too large to be a configuration file");
    }
    let bytes = files::read(path).map_err(|error| failure::file(path, &error))?;
    match String::from_utf8(bytes) {
        // Some editors begin every file with a mark of the order of bytes, which is no part of its text.
        Ok(text) => Ok(Some(
            text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned(),
        )),
        Err(_) => refuse("this is no configuration file: it is not UTF-8"),
    }
}

/// Where a setting comes from, in words.
fn source(metadata: &Metadata) -> String {
    match metadata
        .source
        .as_ref()
        .and_then(|source| source.file_path())
    {
        Some(path) => path.display().to_string(),
        None if metadata.name.contains("Defaults") => "default".to_owned(),
        None => metadata.name.to_string(),
    }
}

/// All variables `LOTSE_...`. Two underscores go one level down: `LOTSE_RATES__READ__PER_MINUTE`.
fn variables() -> Result<Vec<Given>, Failure> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name
            .to_str()
            .filter(|name| name.starts_with(PREFIX) && *name != FILE_VARIABLE)
        else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| Failure::new(format!("{name}: the value is not UTF-8")))?;
        let key = name
            .trim_start_matches(PREFIX)
            .to_ascii_lowercase()
            .replace("__", ".");
        if key.split('.').any(str::is_empty) {
            return Err(Failure::new(format!("{name}: there is no such setting")));
        }
        let value = if is_text(&key) {
            Value::from(value)
        } else {
            parsed(&value)
        };
        variables.push(Given {
            name: format!("variable {name}"),
            key,
            value,
        });
    }
    // The environment has no order of its own; without one, a mistake would be told of differently each time.
    variables.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(variables)
}

/// Whether a setting is text, whatever a value looks like: a token `007` is no number.
fn is_text(key: &str) -> bool {
    matches!(
        key,
        "listen"
            | "base_url"
            | "data"
            | "database"
            | "index"
            | "log"
            | "log_format"
            | "forwarded_header"
            | "metrics_listen"
            | "metrics_token"
            | "data_license"
            | "site.data_protection"
            | "site.default_language"
    ) || ["site.name.", "site.imprint.", "site.privacy."]
        .iter()
        .any(|texts| key.starts_with(texts))
}

fn parsed(text: &str) -> Value {
    match text.parse() {
        Ok(value) => value,
    }
}

/// The flags that were given.
fn given(flags: &Flags) -> Vec<Given> {
    let path = |path: &Option<PathBuf>| {
        path.as_ref()
            .map(|path| Value::from(path.display().to_string()))
    };
    let text = |text: &Option<String>| text.as_ref().map(|text| Value::from(text.as_str()));
    [
        ("data", path(&flags.data)),
        ("listen", text(&flags.listen)),
        ("base_url", text(&flags.base_url)),
        ("database", text(&flags.database)),
        ("workers", flags.workers.map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(key, value)| {
        Some(Given {
            name: format!("flag --{}", key.replace('_', "-")),
            key: key.to_owned(),
            value: value?,
        })
    })
    .collect()
}

/// What is wrong with the settings: where, which one, and why.
fn explain(error: &figment::Error) -> String {
    let why = match &error.kind {
        // The parser of the file draws a picture of many lines; the first says where, the last says what.
        Kind::Message(message) if message.trim().contains('\n') => {
            let mut lines = message.trim().lines();
            let first = lines.next().unwrap_or_default();
            format!("{first}: {}", lines.next_back().unwrap_or_default())
        }
        Kind::Message(message) => message.clone(),
        Kind::UnknownField(..) => "there is no such setting; `lotse config` shows all".to_owned(),
        Kind::UnknownVariant(found, known) => format!("{found:?} is none of {}", known.join(", ")),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let expected = match expected.as_str() {
                "usize" | "u16" | "u32" | "u64" => "a whole number",
                other => other,
            };
            format!("expected {expected}, found {found}")
        }
        other => other.to_string(),
    };
    let setting = error.path.join(".");
    let place = match &error.metadata {
        Some(metadata) => {
            let from = source(metadata);
            // A variable or flag names its setting itself.
            let named = from.starts_with("variable ") || from.starts_with("flag ");
            if named || setting.is_empty() {
                from
            } else {
                format!("{from}: {setting}")
            }
        }
        None => setting,
    };
    if place.is_empty() {
        format!("the settings cannot be used: {why}")
    } else {
        format!("{place}: {why}")
    }
}

/// What may be shown of a value: no passwords, no tokens.
fn redact(key: &str, text: &str) -> String {
    match key {
        "metrics_token" => HIDDEN.to_owned(),
        "database" => without_password(text),
        _ => text.to_owned(),
    }
}

const HIDDEN: &str = "not-shown";

/// A database's URL without the passwords that may stand in it. What is no URL is not shown at all.
pub(crate) fn without_password(text: &str) -> String {
    if text.starts_with("sqlite://") {
        return text.to_owned();
    }
    let Ok(mut url) = url::Url::parse(text) else {
        return HIDDEN.to_owned();
    };
    if url.password().is_some() {
        let _ = url.set_password(Some(HIDDEN));
    }
    // libpq takes `password` and `sslpassword` as parameters too.
    let is_secret = |name: &str| name.to_ascii_lowercase().contains("password");
    if url.query_pairs().any(|(name, _)| is_secret(&name)) {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if is_secret(&name) {
                    HIDDEN.to_owned()
                } else {
                    value.into_owned()
                };
                (name.into_owned(), value)
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_database_is_shown() {
        for (url, shown) in [
            (
                "sqlite://lotse-data/lotse.sqlite",
                "sqlite://lotse-data/lotse.sqlite",
            ),
            (
                "postgres://u@db.example/x?sslmode=require",
                "postgres://u@db.example/x?sslmode=require",
            ),
            (
                "postgres://u:secret@db.example/x",
                "postgres://u:not-shown@db.example/x",
            ),
            (
                "postgres://db.example/x?user=u&password=secret",
                "postgres://db.example/x?user=u&password=not-shown",
            ),
            (
                "postgres://db.example/x?sslpassword=secret",
                "postgres://db.example/x?sslpassword=not-shown",
            ),
            ("host=db user=u password=secret", "not-shown"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn a_text_stays_as_it_is_written() {
        assert!(is_text("metrics_token") && is_text("site.imprint.de"));
        assert!(!is_text("rates.read.burst") && !is_text("trusted_proxies"));
    }
}
