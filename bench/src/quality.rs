//! How fast assessments are scored, and how fast a coordinator sees how a network stands.

use std::{
    hint::black_box,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use domain::Kind;
use domain::kinds::{AssessedSubject, QualityStandard};
use domain::quality::{DimensionScore, Mark, Rule, Scope};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Options,
    load::{Requests, SERVER_CORE, drive, median},
    product::{Product, Writer},
    reads::{FIXED, MANY, drive_busy},
    report::Line,
    server::{Server, free_port},
};

/// Assessments that are scored in turn.
const SCORED: usize = 10_000;
/// Organisations that publish an assessment.
const ORGANISATIONS: usize = 10_000;
/// In a short round.
const FEW_ORGANISATIONS: usize = 200;
/// How many publish at once.
const AT_ONCE: usize = 4;
/// Seconds until distributions have to be made.
const MADE: u64 = 120;

/// Both.
pub(crate) fn measure(options: &Options) -> Result<Vec<Line>> {
    let folder = TempDir::with_prefix("lotse-bench-")?;
    let product = Product::new(&options.server, &folder.path().join("node"), None)?;
    product.prepare()?;
    let draft: Value = serde_json::from_str(&product.run(&["standard"])?)?;
    let standard: QualityStandard = serde_json::from_value(draft["content"].clone())?;
    let scoring = scoring(options, &standard)?;
    Ok(vec![
        scoring,
        distribution(options, &product, &folder, draft)?,
    ])
}

/// Assessments of an offer in all phases, scored one after the other on one core.
fn scoring(options: &Options, standard: &QualityStandard) -> Result<Line> {
    let rule = Rule::compile(standard).map_err(|found| anyhow::anyhow!("{found:?}"))?;
    let subject = AssessedSubject {
        kind: Kind::Offer,
        phases: Vec::new(),
    };
    let scope = Scope::of(&rule, &subject);
    ensure!(scope.count() == 27, "{} criteria in scope", scope.count());
    let assessments = marks(&rule);
    let mut scores = vec![DimensionScore::default(); rule.dimensions()];
    let mut rates = Vec::new();
    for _ in 0..options.rounds() {
        let (begun, mut scored) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_secs(u64::from(options.seconds())) {
            for assessment in &assessments {
                rule.score(&scope, black_box(assessment), &mut scores);
                black_box(&scores);
            }
            scored += u32::try_from(assessments.len())?;
        }
        rates.push(f64::from(scored) / begun.elapsed().as_secs_f64());
    }
    Ok(Line::new(
        "assessments of 27 criteria scored on one core",
        format!("{:.0}/s", median(&rates)),
        String::new(),
        "200,000/s",
    ))
}

/// Random answers: rated with and without evidence, not applicable, not answered.
fn marks(rule: &Rule) -> Vec<Vec<Mark>> {
    let mut random = StdRng::seed_from_u64(1);
    let criteria = rule.criterion_ids().count();
    let mut one = || match random.random_range(0..20) {
        0 => Mark::Unanswered,
        1 => Mark::NotApplicable,
        _ => Mark::Rated {
            rating: random.random_range(0..=4),
            evidence: random.random_range(0..=2),
        },
    };
    (0..SCORED)
        .map(|_| (0..criteria).map(|_| one()).collect())
        .collect()
}

/// The distribution over many organisations, of a fixed answer.
fn distribution(
    options: &Options,
    product: &Product,
    folder: &TempDir,
    mut draft: Value,
) -> Result<Line> {
    let organisations = if options.quick {
        FEW_ORGANISATIONS
    } else {
        ORGANISATIONS
    };
    let node = product.serve()?;
    let writer = product.writer(node.url())?;
    let owner = writer.ask(Method::POST, "/organisations", &organisation(0))?;
    draft["owner"] = owner["id"].clone();
    let standard = writer.ask(Method::POST, "/quality-standards", &draft)?;
    let standard = standard["id"]
        .as_str()
        .context("a standard without an id")?;
    eprintln!("{organisations} organisations publish assessments");
    publish(&writer, node.url(), standard, organisations)?;
    // Distributions are made at each start.
    node.stop()?;
    let node = product.serve()?;
    let writer = product.writer(node.url())?;
    let path = format!("/quality-standards/{standard}/distribution");
    wait_until_made(&writer, &path, organisations)?;
    let requests = Requests::new(folder.path(), "distribution", &[format!("/api/v1{path}")])?
        .with(&format!("Cookie: {}", writer.cookie()));
    let fixed = Requests::new(folder.path(), "fixed", &[format!("/bytes/{FIXED}")])?;
    let yardstick = yardstick(folder)?;
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    drive(node.url(), &requests, MANY, 1)?;
    for _ in 0..options.rounds() {
        let (_, of_fixed) = drive_busy(&yardstick, &fixed, options.seconds())?;
        let (rate, own) = drive_busy(&node, &requests, options.seconds())?;
        ratios.push(own / of_fixed);
        rates.push(rate);
    }
    Ok(Line::new(
        &format!("distribution over {organisations} assessments, for a coordinator"),
        format!("{:.0}/s", median(&rates)),
        format!("{:.3}", median(&ratios)),
        "0.3",
    ))
}

fn yardstick(folder: &TempDir) -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("yardstick")
        .args(["--port", &port.to_string()])
        .args(["--sizes", &FIXED.to_string()]);
    let log = folder.path().join("yardstick.log");
    Server::start(
        &command,
        SERVER_CORE,
        port,
        &format!("/bytes/{FIXED}"),
        &log,
    )
}

fn organisation(number: usize) -> Value {
    json!({"content": {"name": {"en": format!("Organisation {number}")}, "type": "ngo", "seat_country": "DE"}})
}

/// Each organisation by itself, as partners do: with its own client, through the API.
fn publish(writer: &Writer, url: &str, standard: &str, organisations: usize) -> Result<()> {
    thread::scope(|scope| {
        let part = |first: usize| {
            move || {
                let numbers = (first..organisations).step_by(AT_ONCE);
                numbers
                    .map(|number| publish_one(writer, url, standard, number))
                    .collect::<Result<Vec<()>>>()
            }
        };
        let parts: Vec<_> = (0..AT_ONCE).map(|first| scope.spawn(part(first))).collect();
        for done in parts {
            match done.join() {
                Ok(done) => drop(done?),
                Err(_) => bail!("a writer has panicked"),
            }
        }
        Ok(())
    })
}

fn publish_one(writer: &Writer, url: &str, standard: &str, number: usize) -> Result<()> {
    let made = writer.ask(Method::POST, "/organisations", &organisation(number + 1))?;
    let id = made["id"]
        .as_str()
        .context("an organisation without an id")?;
    // 15 criteria are asked of an organisation; which, its standard says.
    let draft =
        json!({"owner": id, "content": {"subject": id, "standard": standard, "state": "draft"}});
    let assessment = writer.ask(Method::POST, "/self-assessments", &draft)?;
    let path = format!(
        "/self-assessments/{}",
        assessment["id"]
            .as_str()
            .context("an assessment without an id")?
    );
    let preview = writer.ask(Method::GET, &format!("{path}/preview"), &Value::Null)?;
    let asked = preview["criteria_in_scope"]
        .as_array()
        .context("no criteria")?;
    let answers: serde_json::Map<String, Value> = asked
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
        .map(|(at, criterion)| (criterion.to_owned(), json!({"rating": (number + at) % 5})))
        .collect();
    let patch = json!({"content": {"answers": answers}});
    let _ = writer.ask(Method::PATCH, &path, &patch)?;
    let key = writer.ask(
        Method::POST,
        &format!("/organisations/{id}/clients"),
        &json!({"label": "Bench", "role": "editor"}),
    )?;
    let partner = writer.partner(url, &key)?;
    for step in ["submit", "publish"] {
        partner.step(&format!("{path}/steps/{step}"))?;
    }
    Ok(())
}

fn wait_until_made(writer: &Writer, path: &str, organisations: usize) -> Result<()> {
    let begun = Instant::now();
    loop {
        let shown = writer.ask(Method::GET, path, &Value::Null)?;
        if shown["distribution"]["organisations"] == organisations {
            return Ok(());
        }
        ensure!(begun.elapsed().as_secs() < MADE, "no distribution: {shown}");
        thread::sleep(Duration::from_millis(200));
    }
}
