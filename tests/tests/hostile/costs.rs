//! What one anonymous request may cost stands in a table, and is held against it.

use lotse_tests::openapi::operations;
use lotse_tests::raw::{forget_peak_memory, peak_memory};
use lotse_tests::{Answer, Database, Node, Party};
use serde_json::Value;

use super::readers::large;

/// By how much memory may grow while one request is answered: four of the largest answers.
const GROWTH: u64 = 48 * 1024 * 1024;
/// Processor time of one request, in hundredths of a second: an order of magnitude above what is seen in a debug build.
const TICKS: u64 = 1_000;

/// One row of the table.
struct Row {
    path: String,
    query: String,
    /// None where it is as much as there is.
    most: Option<usize>,
}

fn rows() -> Vec<Row> {
    let table = include_str!("../../../docs/costs.md");
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let path = cells.get(1)?.strip_prefix("`/")?.strip_suffix('`')?;
        let most = *cells.get(4)?;
        Some(Row {
            path: format!("/{path}"),
            query: cells.get(2)?.trim_matches('`').to_owned(),
            most: (most != "*").then(|| bytes(most)),
        })
    });
    rows.collect()
}

fn bytes(text: &str) -> usize {
    let (number, unit) = match text.strip_suffix('M') {
        Some(number) => (number, 1 << 20),
        None => (text.strip_suffix('K').unwrap(), 1 << 10),
    };
    number.parse::<usize>().unwrap() * unit
}

/// Processor time of a process so far, in ticks (proc_pid_stat(5)).
fn ticks(node: &lotse_tests::TestNode) -> u64 {
    let pid = node.process().unwrap().as_raw_nonzero();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<u64> = rest
        .split(' ')
        .skip(11)
        .take(2)
        .map(|it| it.parse().unwrap())
        .collect();
    fields.iter().sum()
}

#[test]
fn no_anonymous_request_costs_more_than_its_row_says() {
    let world = large(Node::on(Database::Sqlite).federated());
    let node = &world.node;
    let one = Party::anonymous()
        .get(node, "/api/v1/offers?limit=1")
        .expect(200)
        .json();
    let id = one["items"][0]["id"].as_str().unwrap().to_owned();
    let mut asked = Vec::new();
    for row in rows() {
        let collections: &[&str] =
            if row.path.contains("{collection}") && !row.path.contains("{id}") {
                &["offers", "entries", "quality-standards"]
            } else {
                &["offers"]
            };
        for collection in collections {
            let path = row
                .path
                .replace("{collection}", collection)
                .replace("{id}", &id)
                .replace("{scheme}", "topic")
                .replace("{code}", "busy");
            let path = path.split('?').next().unwrap();
            let before = ticks(node);
            forget_peak_memory(node);
            let memory = peak_memory(node);
            for accept in ["identity", "gzip", "br"] {
                let request = node.get(&format!("{path}{}", row.query));
                let answer = request.header("Accept-Encoding", accept).send().unwrap();
                let status = answer.status().as_u16();
                assert!(
                    status < 400 || [401, 404].contains(&status),
                    "{path}: {status}"
                );
                let length = answer.bytes().unwrap().len();
                if let Some(most) = row.most {
                    assert!(
                        length <= most,
                        "{path}{}: {length} bytes of {most}",
                        row.query
                    );
                }
            }
            let grown = peak_memory(node).saturating_sub(memory);
            assert!(
                grown <= GROWTH,
                "{path}{}: {grown} bytes of memory",
                row.query
            );
            let work = ticks(node) - before;
            assert!(work <= TICKS, "{path}{}: {work} ticks", row.query);
        }
        asked.push(row.path.split('?').next().unwrap().to_owned());
    }
    assert!(asked.len() > 25, "the table has {} rows", asked.len());
    // Whatever anybody may read has a row.
    let document: Value =
        serde_json::from_str(include_str!("../../../openapi/openapi.json")).unwrap();
    let collections: Vec<String> = domain::Kind::ALL
        .iter()
        .map(|kind| format!("/api/v1/{}", kind.collection()))
        .chain(["/api/v1/entries".to_owned()])
        .collect();
    for operation in operations(&document) {
        let item = &document["paths"][&operation.path][operation.method.to_lowercase()];
        let anonymous = item["security"].as_array().is_none_or(Vec::is_empty);
        if operation.method != "GET" || !anonymous {
            continue;
        }
        let general = collections.iter().find_map(|collection| {
            let rest = operation.path.strip_prefix(collection.as_str())?;
            (rest.is_empty() || rest.starts_with('/'))
                .then(|| format!("/api/v1/{{collection}}{rest}"))
        });
        let path = general.unwrap_or(operation.path);
        assert!(asked.contains(&path), "{path} has no row in docs/costs.md");
    }
}

#[test]
fn a_page_of_large_entries_is_cut_short_and_goes_on() {
    let world = large(Node::on(Database::Sqlite));
    let mut seen = Vec::new();
    let mut cursor = String::new();
    let mut pages = 0;
    loop {
        let page: Answer = Party::anonymous()
            .get(&world.node, &format!("/api/v1/offers?limit=200{cursor}"))
            .expect(200);
        assert!(page.text.len() < 3 << 20, "{}", page.text.len());
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page["total"].as_u64().unwrap() as usize, seen.len());
                break;
            }
        }
    }
    assert!(pages > 1, "one page was enough for {} entries", seen.len());
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}
