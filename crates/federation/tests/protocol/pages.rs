//! Pages.

use chrono::TimeDelta;
use lotse_federation::protocol::head::LIFE;
use lotse_federation::protocol::page::{MAX_BYTES, Part, write};
use lotse_federation::protocol::tree::leaf_of;

use crate::table::{FIRST, NOBODY, Node, REQUESTS, SECOND, id, key, now};

#[test]
fn what_is_written_is_read_again() {
    let node = Node::new();
    let rows = node.rows();
    let page = node
        .read(node.page(0, &rows, 5, false).as_bytes(), 0)
        .unwrap();
    assert_eq!((page.through, page.more, page.head.seq), (5, false, 5));
    let lines: Vec<_> = page.statements.iter().map(|row| row.line.clone()).collect();
    assert_eq!(lines, rows);
    assert_eq!(node.code(&node.page(0, &rows[..2], 2, true), 0), "accepted");
    assert_eq!(node.code(&node.page(5, &[], 5, false), 5), "accepted");
}

#[test]
fn every_change_of_one_byte_is_refused() {
    let node = Node::new();
    let page = node.page(4, &[node.row(5, 5)], 5, false).into_bytes();
    assert!(node.read(&page, 4).is_ok());
    for at in 0..page.len() {
        for change in [1, 0x20] {
            let mut other = page.clone();
            other[at] ^= change;
            assert!(
                node.read(&other, 4).is_err(),
                "byte {at}: {}",
                String::from_utf8_lossy(&other)
            );
        }
    }
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    let node = Node::new();
    let page = node.page(3, &[node.row(4, 4), node.row(5, 5)], 5, false);
    for end in 0..page.len() {
        assert!(node.read(&page.as_bytes()[..end], 3).is_err(), "{end}");
    }
    let rows_only: String = page.split_inclusive('\n').take(2).collect();
    assert_eq!(node.code(&rows_only, 3), "truncated");
    assert_eq!(node.code("<html>Back soon</html>\n", 3), "truncated");
    let without_first: String = page.split_inclusive('\n').skip(1).collect();
    assert_eq!(node.code(&without_first, 3), "page_digest");
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let node = Node::new();
    let page = node.page(3, &[node.row(4, 4), node.row(5, 5)], 5, false);
    assert_eq!(node.code(&page, 3), "accepted");
    assert_eq!(node.code(&page, 2), "other_page");
    let leaf = node.read_at(page.as_bytes(), &Part::Leaf(3), 100, now());
    assert_eq!(leaf.unwrap_err().code(), "other_page");
    let few = node.read_at(page.as_bytes(), &Part::Changes { since: 3 }, 1, now());
    assert_eq!(few.unwrap_err().code(), "too_large");
    let late = now() + LIFE + TimeDelta::seconds(1);
    let late = node.read_at(page.as_bytes(), &Part::Changes { since: 3 }, 100, late);
    assert_eq!(late.unwrap_err().code(), "expired_head");
    let vast = vec![b'\n'; MAX_BYTES + 1];
    assert_eq!(node.read(&vast, 0).unwrap_err().code(), "too_large");
}

#[test]
fn rows_stand_once_in_order_and_within_the_page() {
    let node = Node::new();
    let rows = node.rows();
    let pick = |at: &[usize]| -> Vec<String> { at.iter().map(|at| rows[*at].clone()).collect() };
    for (rows, through, more, expected) in [
        (pick(&[0, 2, 1]), 5, false, "order"),
        (pick(&[0, 0]), 5, false, "twice"),
        (vec![node.row(1, 1), node.row(2, 1)], 5, false, "twice"),
        (pick(&[0, 1]), 1, true, "order"),
        (pick(&[0, 1]), 4, true, "order"),
        (pick(&[]), 0, true, "order"),
        (pick(&[0, 1]), 4, false, "order"),
        (vec![node.row(6, 6)], 6, true, "order"),
    ] {
        assert_eq!(
            node.code(&node.page(0, &rows, through, more), 0),
            expected,
            "{through} {more}"
        );
    }
    assert_eq!(
        node.code(&node.page(1, &pick(&[0]), 5, false), 1),
        "order",
        "from before the page"
    );
}

#[test]
fn only_the_key_that_counts_signs() {
    let node = Node::new();
    let page = |seq, by| node.page(seq - 1, &[node.row_by(seq, 9, by)], 5, false);
    assert_eq!(node.code(&page(2, FIRST), 1), "accepted");
    assert_eq!(node.code(&page(3, SECOND), 2), "accepted");
    assert_eq!(
        node.code(&page(3, FIRST), 2),
        "wrong_key",
        "a former key beyond its range"
    );
    assert_eq!(
        node.code(&page(2, SECOND), 1),
        "wrong_key",
        "the new key before its range"
    );
    assert_eq!(node.code(&page(3, REQUESTS), 2), "wrong_key");
    assert_eq!(
        node.code(&page(3, NOBODY), 2),
        "proof_signature",
        "another node's"
    );
    let trailer = |by| node.page_with(4, &[node.row(5, 5)], 5, false, &node.head(5), by);
    assert_eq!(node.code(&trailer(FIRST), 4), "wrong_key");
    assert_eq!(node.code(&trailer(REQUESTS), 4), "wrong_key");
    assert_eq!(node.code(&trailer(NOBODY), 4), "proof_signature");
}

#[test]
fn a_trailer_has_one_form_and_no_more_than_its_own() {
    let node = Node::new();
    let page = node.page(5, &[], 5, false);
    assert_eq!(node.code(&page.replacen(':', ": ", 1), 5), "not_canonical");
    assert_eq!(node.code(&page.replace('\n', "\r\n"), 5), "not_canonical");
    let twice = page.replacen("\"more\":false", "\"more\":false,\"more\":false", 1);
    assert_eq!(node.code(&twice, 5), "truncated");
    let option = page.replacen("\"proofPurpose\"", "\"nonce\":\"x\",\"proofPurpose\"", 1);
    assert_ne!(node.code(&option, 5), "accepted");
    let rows = page.replacen("\"rows\":0", "\"rows\":1", 1);
    assert_eq!(node.code(&rows, 5), "proof_signature");
    assert_eq!(node.code(&format!("\n{page}"), 5), "page_digest");
}

#[test]
fn a_leaf_holds_its_own_live_rows_and_all_of_them() {
    let node = Node::new();
    let leaf = |number: u128| leaf_of(&node.feed.origin, id(number));
    let code = |of: u16, rows: &[String], through: u64, more: bool| {
        let rows = rows.iter().map(String::as_str);
        let method = node.method(SECOND);
        let by = (method.as_str(), &key(SECOND) as _, now());
        let part = Part::Leaf(of);
        let page = write(
            &node.feed,
            &part,
            rows,
            through,
            more,
            &node.head(5),
            &node.actor,
            by,
        )
        .unwrap();
        let read = node.read_at(page.as_bytes(), &part, 100, now());
        read.map_or_else(|refused| refused.code(), |_| "accepted")
    };
    assert_eq!(code(leaf(5), &[node.row(5, 5)], 5, false), "accepted");
    assert_eq!(code(leaf(5), &[], 5, false), "accepted");
    assert_eq!(code(leaf(5), &[node.row(5, 5)], 5, true), "truncated");
    assert_eq!(code(leaf(5), &[node.row(5, 5)], 4, false), "truncated");
    assert_eq!(
        code(leaf(1), &[node.row(5, 5)], 5, false),
        "order",
        "of another leaf"
    );
    assert_eq!(
        code(leaf(4), &[node.row(4, 4)], 5, false),
        "order",
        "a deletion"
    );
    assert_eq!(
        code(leaf(6), &[node.row(6, 6)], 5, false),
        "order",
        "beyond the head"
    );
}
