//! scratch
#![allow(warnings)]
use std::time::Instant;
use chrono::DateTime;
use diesel::prelude::*;
use diesel::connection::SimpleConnection;
use domain::{Actor, AnyDraft, Command, EntryId, Kind, Rules};
use lotse_storage::{BatchMode, Settings, Storage};
use uuid::Uuid;
mod t {
    diesel::table! { entry (origin, id) { origin -> BigInt, id -> Text, kind -> Text, owner -> Text, version -> BigInt, arrival -> BigInt, visibility -> Text, deleted -> Bool, external_id -> Nullable<Text>, hash -> BigInt, created -> BigInt, modified -> BigInt, body -> Nullable<Text>, } }
    diesel::table! { entry_reference (source, target) { source -> Text, target -> Text, } }
    diesel::table! { revision (arrival) { arrival -> BigInt, entry -> Text, version -> BigInt, at -> BigInt, actor -> Text, action -> Text, body -> Nullable<Text>, } }
    diesel::table! { audit (arrival) { arrival -> BigInt, at -> BigInt, actor -> Text, action -> Text, subject -> Text, } }
}
use t::*;
#[derive(Insertable)] #[diesel(table_name = entry, treat_none_as_default_value = false)]
struct E<'a>{origin:i64,id:&'a str,kind:&'a str,owner:&'a str,version:i64,arrival:i64,visibility:&'a str,deleted:bool,external_id:Option<&'a str>,hash:i64,created:i64,modified:i64,body:Option<&'a str>}
#[derive(Insertable)] #[diesel(table_name = entry_reference)]
struct R<'a>{source:&'a str,target:&'a str}
#[derive(Insertable)] #[diesel(table_name = revision, treat_none_as_default_value = false)]
struct V<'a>{arrival:i64,entry:&'a str,version:i64,at:i64,actor:&'a str,action:&'a str,body:Option<&'a str>}
#[derive(Insertable)] #[diesel(table_name = audit)]
struct A<'a>{arrival:i64,at:i64,actor:&'a str,action:&'a str,subject:&'a str}
fn json(owner: EntryId, n: usize, v: &str) -> String {
    serde_json::json!({"owner": owner, "external_id": format!("key-{n}"), "content": {
        "title": {"en": format!("Advice for people who plan to move {n} {v}"), "de": format!("Beratung für Menschen, die einen Umzug planen {n}")},
        "summary": {"en": "Individual advice before departure on visas, recognition of qualifications, language courses and looking for work; also for families who want to join somebody. ".repeat(2), "de": "Einzelberatung vor der Ausreise zu Visum, Anerkennung von Abschlüssen, Sprachkursen und Arbeitssuche; auch für Familien, die nachziehen wollen.".to_string()},
        "organisation": owner, "phases": ["orient","prepare"], "offer_types": ["information"], "topics": ["visa_entry","recognition","job_search"], "target_groups": ["workers"],
        "languages": [{"language":"de"},{"language":"en"}], "area_served": ["XK"], "destination_countries": ["DE"], "website": format!("https://www.example.org/offers/{n}") }}).to_string()
}
macro_rules! raw { ($c:expr, $bodies:expr, $per:expr) => {{
    let begun = Instant::now(); let mut arrival = 1_000_000_i64;
    for tx in $bodies.chunks($per) { $c.transaction(|c| -> QueryResult<()> {
        for rows in tx.chunks(500) {
            let first = arrival; arrival += rows.len() as i64;
            let es: Vec<_> = (first..).zip(rows).map(|(a,(id,key,owner,b))| E{origin:1,id,kind:"offer",owner,version:1,arrival:a,visibility:"public",deleted:false,external_id:Some(key),hash:a,created:1,modified:1,body:Some(b)}).collect();
            diesel::insert_into(entry::table).values(&es).execute(c)?;
            let rs: Vec<_> = rows.iter().map(|(id,_,owner,_)| R{source:id,target:owner}).collect();
            diesel::insert_into(entry_reference::table).values(&rs).execute(c)?;
            let vs: Vec<_> = (first..).zip(rows).map(|(a,(id,_,_,b))| V{arrival:a,entry:id,version:1,at:1,actor:"client:01980000-0000-7000-8000-000000000000",action:"created",body:Some(b)}).collect();
            diesel::insert_into(revision::table).values(&vs).execute(c)?;
            let aa: Vec<_> = (first..).zip(rows).map(|(a,(id,_,_,b))| A{arrival:a,at:1,actor:"client:01980000-0000-7000-8000-000000000000",action:"created",subject:id}).collect();
            diesel::insert_into(audit::table).values(&aa).execute(c)?;
        } Ok(()) }).unwrap(); }
    begun.elapsed() }} }
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let (rawurl, url) = (&a[0], &a[1]); let n: usize = a[2].parse().unwrap(); let per: usize = a[3].parse().unwrap();
    for u in [rawurl, url] { Storage::migrate(u).await.unwrap(); }
    let now = DateTime::from_timestamp(1_770_000_000, 0).unwrap();
    let open = |u: &String| Storage::open(Settings{url:u.clone(),origin:"http://127.0.0.1:8080".parse().unwrap(),rules:Rules::default(),readers:2}, now);
    drop(open(rawurl).await.unwrap());
    let s = open(url).await.unwrap();
    let owner = EntryId(Uuid::now_v7());
    let org = AnyDraft::parse(Kind::Organisation, br#"{"content":{"name":{"en":"O"},"type":"ngo","seat_country":"DE"}}"#).unwrap();
    s.directory.apply(&Actor::system(), Command::Create{id:owner,draft:org}, None, now).await.unwrap();
    let texts: Vec<String> = (0..n).map(|i| json(owner, i, "")).collect();
    println!("body {} bytes", texts[0].len());
    let begun = Instant::now();
    let drafts: Vec<AnyDraft> = texts.iter().map(|t| AnyDraft::parse(Kind::Offer, t.as_bytes()).unwrap()).collect();
    let parse = begun.elapsed();
    let rows: Vec<_> = (0..n).map(|i| (Uuid::now_v7().to_string(), format!("key-{i}"), owner.to_string(), format!("{}{}", texts[i], " ".repeat(350)))).collect();
    let raw = if rawurl.starts_with("sqlite") {
        let mut c = SqliteConnection::establish(rawurl.strip_prefix("sqlite://").unwrap()).unwrap();
        c.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;").unwrap();
        raw!(&mut c, rows, per)
    } else { let mut c = PgConnection::establish(rawurl).unwrap(); raw!(&mut c, rows, per) };
    let begun = Instant::now();
    for chunk in drafts.chunks(per) {
        let commands: Vec<_> = chunk.iter().cloned().map(|draft| Command::Upsert{new_id: EntryId(Uuid::now_v7()), draft}).collect();
        s.directory.apply_batch(&Actor::system(), commands, BatchMode::PerLine, true, now).await.unwrap();
    }
    println!("dry {:.0}/s", n as f64 / begun.elapsed().as_secs_f64());
    let mut it = drafts.into_iter();
    let begun = Instant::now();
    loop {
        let commands: Vec<_> = it.by_ref().take(per).map(|draft| Command::Upsert{new_id: EntryId(Uuid::now_v7()), draft}).collect();
        if commands.is_empty() { break; }
        let o = s.directory.apply_batch(&Actor::system(), commands, BatchMode::PerLine, false, now).await.unwrap();
        assert!(o.results.iter().all(|r| r.is_ok()));
    }
    let new = begun.elapsed();
    let changed: Vec<AnyDraft> = (0..n).map(|i| AnyDraft::parse(Kind::Offer, json(owner, i, "x").as_bytes()).unwrap()).collect();
    let mut it = changed.into_iter();
    let begun = Instant::now();
    loop {
        let commands: Vec<_> = it.by_ref().take(per).map(|draft| Command::Upsert{new_id: EntryId(Uuid::now_v7()), draft}).collect();
        if commands.is_empty() { break; }
        let o = s.directory.apply_batch(&Actor::system(), commands, BatchMode::PerLine, false, now).await.unwrap();
        assert!(o.results.iter().all(|r| r.is_ok()));
    }
    let upd = begun.elapsed();
    let begun = Instant::now();
    let st = s.directory.scan(2000, |c| { std::hint::black_box(&c); std::ops::ControlFlow::Continue(()) }).await.unwrap();
    let scan = begun.elapsed();
    let begun = Instant::now();
    s.directory.scan(2000, |c| { for x in &c { std::hint::black_box(x.entry().unwrap()); } std::ops::ControlFlow::Continue(()) }).await.unwrap();
    let scanparse = begun.elapsed();
    let begun = Instant::now();
    for i in 0..200 { s.directory.apply(&Actor::system(), Command::Upsert{new_id: EntryId(Uuid::now_v7()), draft: AnyDraft::parse(Kind::Offer, json(owner, i, "single").as_bytes()).unwrap()}, None, now).await.unwrap(); }
    let single = begun.elapsed() / 200;
    let r = |d: std::time::Duration| n as f64 / d.as_secs_f64();
    println!("parse {:.0}/s raw {:.0}/s new {:.0}/s ({:.2}) changed {:.0}/s ({:.2}) scan {:.0}/s scan+parse {:.0}/s single {:?}", r(parse), r(raw), r(new), raw.as_secs_f64()/new.as_secs_f64(), r(upd), raw.as_secs_f64()/upd.as_secs_f64(), r(scan), r(scanparse), single);
}
