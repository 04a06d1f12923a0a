//! Measures the index without any server around it: `measure 100000` makes so many synthetic entries and prints what
//! each kind of query costs, how long changes take, and how much memory it all needs.
#![expect(clippy::print_stdout, reason = "this is a command that prints figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{EntryId, EntryKey, Origin, Visibility};
use lotse_search::{Change, Document, Facet, Form, Index, Near, Passage, Query, Snapshot, Viewer};
use uuid::Uuid;

type Failure = Box<dyn std::error::Error>;

/// A small generator of numbers: the same figures each time (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n.max(1)
    }

    /// Small numbers more often than large ones, as words and countries are.
    fn skewed(&mut self, n: usize) -> usize {
        let unit = self.below(1 << 20) as f64 / f64::from(1 << 20);
        ((n as f64).powf(unit) - 1.0) as usize % n.max(1)
    }
}

const COUNTRIES: usize = 60;
const TOPICS: usize = 24;
const LANGUAGES: usize = 40;
const WORDS: usize = 30_000;
const SYLLABLES: &[&str] = &[
    "ba", "be", "da", "fo", "ge", "ha", "ir", "ka", "lo", "mi", "nu", "or", "pa", "ra", "se", "ti",
    "ul", "ver", "wa", "zen", "stel", "kur", "beg", "lan", "men", "tor", "ling", "fel", "gra",
    "sch", "ast", "ein",
];

fn word(i: usize) -> String {
    let mut dice = Dice(i as u64 * 0x9E37_79B9 + 77);
    (0..3 + dice.below(3))
        .map(|_| SYLLABLES[dice.below(SYLLABLES.len())])
        .collect()
}

struct Maker {
    words: Vec<String>,
    origin: Origin,
    values: Vec<(Facet, Vec<Arc<str>>, usize)>,
    organisations: Vec<Arc<str>>,
}

impl Maker {
    fn new(entries: usize) -> Result<Self, Failure> {
        let origin: Origin = "https://lotse.example.org".parse()?;
        let codes = |name: &str, n: usize| {
            (0..n)
                .map(|i| Arc::from(format!("{name}{i}")))
                .collect::<Vec<Arc<str>>>()
        };
        Ok(Self {
            words: (0..WORDS).map(word).collect(),
            values: vec![
                (Facet::Country, codes("C", COUNTRIES), 1),
                (Facet::Region, codes("R", 400), 4),
                (Facet::Topic, codes("topic", TOPICS), 2),
                (Facet::Language, codes("l", LANGUAGES), 3),
                (Facet::Phase, codes("phase", 4), 2),
                (Facet::TargetGroup, codes("group", 12), 2),
                (Facet::Purpose, codes("purpose", 8), 1),
                (Facet::OfferType, codes("type", 14), 1),
                (Facet::Mode, codes("mode", 5), 2),
                (Facet::Cost, codes("cost", 3), 1),
            ],
            organisations: (0..entries.div_ceil(10))
                .map(|i| Arc::from(origin.uri(EntryId(Uuid::from_u128(i as u128)))))
                .collect(),
            origin,
        })
    }

    fn text(&self, dice: &mut Dice, words: usize) -> String {
        let words: Vec<&str> = (0..words)
            .map(|_| self.words[dice.skewed(WORDS)].as_str())
            .collect();
        words.join(" ")
    }

    fn key(&self, i: usize) -> EntryKey {
        EntryKey {
            origin: self.origin.clone(),
            id: EntryId(Uuid::from_u128(0x019a << 112 | i as u128)),
        }
    }

    fn document(&self, i: usize, arrival: i64) -> Document {
        let mut dice = Dice(i as u64 * 0x1234_5677 + arrival as u64 + 99);
        let (title, summary, body) = (
            self.text(&mut dice, 4),
            self.text(&mut dice, 18),
            self.text(&mut dice, 60),
        );
        let organisation = &self.organisations[dice.below(self.organisations.len())];
        let mut facets: Vec<(Facet, smol_str::SmolStr)> = vec![
            (
                Facet::Kind,
                if dice.below(10) < 7 {
                    "offer"
                } else {
                    "contact-point"
                }
                .into(),
            ),
            (Facet::Status, "active".into()),
            (Facet::Origin, self.origin.as_str().into()),
            (Facet::Owner, (&**organisation).into()),
            (Facet::Organisation, (&**organisation).into()),
        ];
        for (facet, values, most) in &self.values {
            for _ in 0..*most {
                facets.push((*facet, (&*values[dice.skewed(values.len())]).into()));
            }
        }
        let codes: Vec<&str> = facets.iter().map(|(_, value)| &**value).collect();
        let key = self.key(i);
        let json = serde_json::json!({"id": key.id.to_string(), "name": title, "summary": summary, "text": body, "codes": codes});
        let mut json = json.to_string();
        while json.len() < 1_300 {
            json.push(' ');
        }
        let passage = |text: String, weight: u8| Passage {
            lang: "de".into(),
            text,
            weight,
        };
        Document {
            key,
            arrival,
            version: 1,
            content_hash: i as u64,
            visibility: Visibility::Public,
            name: title.clone(),
            modified: arrival,
            verified: Some(20_000 + dice.below(500) as i32),
            available_from: None,
            available_until: None,
            facets,
            organisation: Some(Arc::clone(organisation)),
            points: vec![(
                47.0 + dice.below(8_000) as f32 / 1_000.0,
                6.0 + dice.below(9_000) as f32 / 1_000.0,
            )],
            form: Form {
                json: Bytes::from(json),
                passages: vec![passage(title, 3), passage(summary, 2), passage(body, 1)],
            },
            wider: Vec::new(),
        }
    }
}

fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    line("VmRSS").unwrap_or(0.0) / 1_024.0
}

/// Nanoseconds that this thread has had a processor (Linux, proc(5)): other load on the machine does not count.
fn on_processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ')
        .next()
        .and_then(|field| field.parse().ok())
        .unwrap_or(0.0)
}

/// Runs `f` for about two seconds and prints processor time, elapsed time and its 99th percentile.
fn measure(what: &str, mut f: impl FnMut(usize) -> u64) {
    let mut times: Vec<Duration> = Vec::new();
    let mut sum = 0;
    let (start, processor) = (Instant::now(), on_processor());
    while start.elapsed() < Duration::from_secs(2) && times.len() < 200_000 {
        let one = Instant::now();
        sum += black_box(f(times.len()));
        times.push(one.elapsed());
    }
    let processor = (on_processor() - processor) / 1e3 / times.len() as f64;
    times.sort_unstable();
    let mean = times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64;
    let high = times[times.len() * 99 / 100];
    let per = sum as f64 / times.len() as f64;
    println!(
        "{what:<46} {processor:>9.2} µs of processor   {:>9.2} µs elapsed   p99 {:>10.2} µs   ({per:.0} answers each)",
        mean * 1e6,
        high.as_secs_f64() * 1e6
    );
}

fn copied(snapshot: &Snapshot, query: &Query, out: &mut Vec<u8>) -> u64 {
    out.clear();
    let Ok(page) = snapshot.search(query, &Viewer::Public) else {
        return 0;
    };
    for hit in &page.hits {
        out.extend_from_slice(&hit.json);
    }
    page.total
}

fn main() -> Result<(), Failure> {
    let entries: usize = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "100000".into())
        .parse()?;
    let maker = Maker::new(entries)?;
    let folder = tempfile::tempdir()?;
    let index = Index::open(Some(folder.path()), "measure")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    println!("{:.0} MB before", resident_megabytes());

    let start = Instant::now();
    let mut making = Duration::ZERO;
    let mut loader = index.load()?;
    for i in 0..entries {
        let one = Instant::now();
        let document = maker.document(i, i as i64 + 1);
        making += one.elapsed();
        loader.push(Change::Put(Box::new(document)))?;
    }
    loader.finish(entries as i64)?;
    println!(
        "loaded {entries} in {:.1?}, of which {making:.1?} went into making them up",
        start.elapsed()
    );
    runtime.block_on(index.text_reached(entries as i64));
    println!("text ready after {:.1?}", start.elapsed());
    index.settle();
    let wait = Instant::now();
    while index.snapshot().segments() > 1
        || wait.elapsed() < Duration::from_secs(5 + entries as u64 / 20_000)
    {
        std::thread::sleep(Duration::from_millis(200));
    }
    report(&index);
    reads(&index, &maker, entries);
    writes(&index, &maker, entries, &runtime)?;
    report(&index);
    Ok(())
}

fn report(index: &Index) {
    let snapshot = index.snapshot();
    println!(
        "{:.0} MB resident; {} entries, {:.0} MB of JSON, {} column segments, {} text documents",
        resident_megabytes(),
        snapshot.len(),
        snapshot.json_bytes() as f64 / 1e6,
        snapshot.segments(),
        snapshot.text_len(),
    );
}

fn reads(index: &Index, maker: &Maker, entries: usize) {
    let mut dice = Dice(4_711);
    let mut out = Vec::with_capacity(64 << 10);
    let value = |facet: Facet, i: usize| {
        maker
            .values
            .iter()
            .find(|(of, ..)| *of == facet)
            .map(|(_, v, _)| Arc::clone(&v[i]))
    };
    let filtered = |dice: &mut Dice| {
        let country = value(Facet::Country, dice.skewed(COUNTRIES));
        let topic = value(Facet::Topic, dice.skewed(TOPICS));
        Query::default()
            .filter(Facet::Country, country)
            .filter(Facet::Topic, topic)
    };
    measure("get", |_| {
        let id = maker.key(dice.below(entries)).id;
        u64::from(
            index
                .snapshot()
                .get_by(maker.origin.as_str(), id, &Viewer::Public)
                .is_some(),
        )
    });
    measure("list, two filters, 20 copied", |_| {
        copied(&index.snapshot(), &filtered(&mut dice), &mut out)
    });
    measure("near 25 km, 20 copied", |_| {
        let (lat, lon) = (
            47.5 + dice.below(70) as f64 / 10.0,
            6.5 + dice.below(80) as f64 / 10.0,
        );
        let query = Query {
            near: Some(Near {
                lat,
                lon,
                radius_km: 25.0,
            }),
            ..Query::default()
        };
        copied(&index.snapshot(), &query, &mut out)
    });
    measure("coverage, unfiltered", |_| {
        let matrix = index.snapshot().coverage(
            &Query::default(),
            Facet::Country,
            Facet::Topic,
            &Viewer::Public,
        );
        matrix.map_or(0, |matrix| {
            matrix.offers.iter().map(|n| u64::from(*n)).sum()
        })
    });
    measure("coverage, by language", |_| {
        let query = Query::default().filter(
            Facet::Language,
            value(Facet::Language, dice.skewed(LANGUAGES)),
        );
        let matrix =
            index
                .snapshot()
                .coverage(&query, Facet::Country, Facet::Topic, &Viewer::Public);
        matrix.map_or(0, |matrix| {
            matrix.offers.iter().map(|n| u64::from(*n)).sum()
        })
    });
    measure("facets topic, country, language, unfiltered", |_| {
        let query = Query {
            facets: vec![Facet::Topic, Facet::Country, Facet::Language],
            ..Query::default()
        };
        copied(&index.snapshot(), &query, &mut out)
    });
    let text = |dice: &mut Dice, shape: usize| {
        let mut word = maker.words[dice.skewed(WORDS)].clone();
        match shape {
            0 => {}
            1 => word.truncate(word.len() - 2),
            _ => {
                let at = 1 + dice.below(word.len() - 2);
                word.replace_range(at..=at, "q");
            }
        }
        Query {
            q: Some(word),
            ..filtered(dice)
        }
    };
    for (shape, what) in [
        "text, whole word, two filters",
        "text, prefix, two filters",
        "text, typo, two filters",
    ]
    .iter()
    .enumerate()
    {
        measure(what, |_| {
            copied(&index.snapshot(), &text(&mut dice, shape), &mut out)
        });
    }
    measure("text, 60 whole 20 prefix 20 typo, two filters", |i| {
        let shape = [0, 0, 0, 1, 2][i % 5];
        copied(&index.snapshot(), &text(&mut dice, shape), &mut out)
    });
}

fn writes(
    index: &Index,
    maker: &Maker,
    entries: usize,
    runtime: &tokio::runtime::Runtime,
) -> Result<(), Failure> {
    let mut dice = Dice(815);
    for size in [1, 20, 1_000] {
        let mut times = Vec::new();
        for _ in 0..if size == 1_000 { 30 } else { 300 } {
            let through = index.arrival() + size;
            let changes: Vec<Change> = (0..size)
                .map(|_| Change::Put(Box::new(maker.document(dice.below(entries), through))))
                .collect();
            let start = Instant::now();
            index.apply(changes, through)?;
            times.push(start.elapsed());
            std::thread::sleep(Duration::from_millis(2));
        }
        times.sort_unstable();
        println!(
            "apply {size}: median {:.0?}, p99 {:.0?}",
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }
    let mut found = Vec::new();
    for _ in 0..50 {
        let through = index.arrival() + 1;
        std::thread::sleep(Duration::from_millis(60));
        let start = Instant::now();
        index.apply(
            vec![Change::Put(Box::new(
                maker.document(dice.below(entries), through),
            ))],
            through,
        )?;
        runtime.block_on(index.text_reached(through));
        found.push(start.elapsed());
    }
    found.sort_unstable();
    println!(
        "written until found by text: median {:.1?}, longest {:.1?}",
        found[25], found[49]
    );
    Ok(())
}
