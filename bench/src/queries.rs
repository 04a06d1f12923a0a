//! What readers ask for.

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::{
    entries::{one_of, skewed},
    words::{CITIES, Codes, LANGUAGES, SOUGHT},
};

/// Requests of one kind that are sent in turn.
const VARIETY: usize = 2_000;

/// One row of the table.
pub(crate) struct Scenario {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// What its file of requests is called.
    pub(crate) file: &'static str,
    /// The paths to ask for.
    pub(crate) paths: Vec<String>,
}

/// All kinds of requests, for the offers with these ids.
///
/// # Errors
/// When the code lists cannot be read.
pub(crate) fn scenarios(ids: &[String]) -> anyhow::Result<Vec<Scenario>> {
    let mut asker = Asker {
        codes: Codes::read()?,
        random: SmallRng::seed_from_u64(11),
    };
    let coverage = "/api/v1/coverage?rows=country&cols=topic".to_owned();
    Ok(vec![
        Scenario {
            name: "one entry by id",
            file: "entry",
            paths: asker.several(|asker| asker.entry(ids)),
        },
        Scenario {
            name: "filtered list, 20 full entries",
            file: "list",
            paths: asker.several(Asker::list),
        },
        Scenario {
            name: "coverage country × topic, unfiltered",
            file: "coverage",
            paths: vec![coverage],
        },
        Scenario {
            name: "coverage, filtered by language",
            file: "coverage-language",
            paths: asker.several(Asker::coverage),
        },
        Scenario {
            name: "text with two filters, 20 entries",
            file: "text",
            paths: asker.several(Asker::text),
        },
        Scenario {
            name: "nearest 20 within a radius",
            file: "near",
            paths: asker.several(Asker::near),
        },
    ])
}

struct Asker {
    codes: Codes,
    random: SmallRng,
}

impl Asker {
    fn several(&mut self, ask: impl Fn(&mut Self) -> String) -> Vec<String> {
        (0..VARIETY).map(|_| ask(self)).collect()
    }

    fn entry(&mut self, ids: &[String]) -> String {
        let id = one_of(&mut self.random, ids).map_or("", String::as_str);
        format!("/api/v1/offers/{id}")
    }

    fn list(&mut self) -> String {
        format!("/api/v1/offers?{}&limit=20", self.two_filters())
    }

    fn coverage(&mut self) -> String {
        let language = skewed(&mut self.random, LANGUAGES).unwrap_or("de");
        format!("/api/v1/coverage?rows=country&cols=topic&language={language}")
    }

    fn text(&mut self) -> String {
        let word = one_of(&mut self.random, SOUGHT)
            .copied()
            .unwrap_or("Beratung");
        let word = match self.random.random_range(0..10) {
            0..6 => word.to_owned(),
            6..8 => self.prefix(word),
            _ => self.typo(word),
        };
        format!(
            "/api/v1/offers?q={}&{}&limit=20",
            encode(&word),
            self.two_filters()
        )
    }

    fn near(&mut self) -> String {
        let (_, _, lat, lon) = skewed(&mut self.random, CITIES).unwrap_or(CITIES[0]);
        let lat = lat + self.random.random_range(-0.3..0.3);
        let lon = lon + self.random.random_range(-0.3..0.3);
        let radius = one_of(&mut self.random, &[10, 25, 50])
            .copied()
            .unwrap_or(25);
        format!("/api/v1/offers?near={lat:.4},{lon:.4}&radius={radius}&sort=distance&limit=20")
    }

    fn two_filters(&mut self) -> String {
        let country = skewed(&mut self.random, CITIES).unwrap_or(CITIES[0]).0;
        let topic = skewed(&mut self.random, &self.codes.of("topic")).unwrap_or("language");
        format!("country={country}&topic={topic}")
    }

    /// The first two thirds of a word, as it stands in a search field while one still types.
    fn prefix(&mut self, word: &str) -> String {
        let length = word.chars().count();
        word.chars().take((length * 2 / 3).max(3)).collect()
    }

    /// A word with one letter left out or replaced, never the first.
    fn typo(&mut self, word: &str) -> String {
        let mut letters: Vec<char> = word.chars().collect();
        let at = self.random.random_range(1..letters.len().max(2));
        if at < letters.len() {
            if self.random.random() {
                letters.remove(at);
            } else {
                letters[at] = 'x';
            }
        }
        letters.into_iter().collect()
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3).
fn encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_same_on_every_run_and_mixed_as_promised() {
        let ids = ["a".to_owned()];
        let (one, two) = (
            scenarios(&ids).expect("codes"),
            scenarios(&ids).expect("codes"),
        );
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one.paths, two.paths);
            assert!(
                one.paths
                    .iter()
                    .all(|path| path.starts_with("/api/v1/") && !path.contains(' '))
            );
        }
        let text = &one[4].paths;
        let whole = text.iter().filter(|path| {
            SOUGHT
                .iter()
                .any(|word| path.contains(&format!("q={}&", encode(word))))
        });
        let share = whole.count() * 100 / text.len();
        assert!((55..=65).contains(&share), "{share} % whole words");
    }

    #[test]
    fn letters_beyond_ascii_are_encoded() {
        assert_eq!(encode("Bü-1"), "B%C3%BC-1");
    }
}
