//! The examples of the documentation work when pasted.

use lotse_tests::blocks::{Block, MARK, marked, run};

fn block(text: &str) -> Block {
    Block {
        line: 1,
        text: text.to_owned(),
    }
}

#[test]
fn only_marked_blocks_are_taken_in_order_and_without_their_fences() {
    let document = format!(
        "Text\n\n{MARK}\n```sh\none\ntwo\n```\n\n```sh\nnot this\n```\n{MARK}\n\n```sh\nthree\n```\n"
    );
    let found = marked(&document).unwrap();
    let texts: Vec<_> = found.iter().map(|block| block.text.as_str()).collect();
    assert_eq!(texts, ["one\ntwo\n", "three\n"]);
    assert_eq!(found[0].line, 4);
}

#[test]
fn a_mark_without_a_complete_block_is_an_error() {
    for rest in ["", "text\n", "```json\n{}\n```\n", "```sh\nno end\n"] {
        assert!(marked(&format!("{MARK}\n{rest}")).is_err(), "{rest:?}");
    }
}

#[test]
fn blocks_share_one_shell_and_the_first_failure_ends_the_run() {
    let shared = run(
        &[
            block("X=1\n"),
            block("test \"$X\" = 1 && echo good PLACE\n"),
        ],
        &[("PLACE", "there")],
        &[],
    );
    assert!(shared.status.success());
    assert!(
        String::from_utf8(shared.stdout)
            .unwrap()
            .contains("good there")
    );

    let failing = run(&[block("false\n"), block("echo reached\n")], &[], &[]);
    assert!(!failing.status.success());
    assert!(
        !String::from_utf8(failing.stdout)
            .unwrap()
            .contains("reached")
    );
}
