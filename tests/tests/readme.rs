//! The tour of the README works as it stands there.

use lotse_tests::{Database, Node, blocks};

#[test]
fn every_example_of_the_readme_works_against_the_demo() {
    let readme = include_str!("../../README.md");
    let tour = blocks::marked(readme).unwrap();
    assert!(tour.len() >= 5, "the tour has become short: {}", tour.len());
    let node = Node::on(Database::Sqlite).demo().start();
    let log = node.log();
    let printed: Vec<(&str, &str)> = log
        .lines()
        .filter_map(|line| line.trim().strip_prefix("export ")?.split_once('='))
        .collect();
    let names: Vec<&str> = printed.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "NODE",
            "COORDINATOR",
            "PASSWORD",
            "CLIENT_ID",
            "CLIENT_SECRET"
        ]
    );
    let ran = blocks::run(&tour, &[], &printed);
    assert!(
        ran.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn three_nodes_are_peered_by_the_script_that_the_readme_names() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/three-nodes.sh");
    assert!(include_str!("../../README.md").contains("docker/three-nodes.sh"));
    let folder = tempfile::tempdir().unwrap();
    let first = lotse_tests::node::free_ports(3);
    let ran = std::process::Command::new("sh")
        .args([script, "--once"])
        .current_dir(folder.path())
        .env("LOTSE", lotse_tests::node::binary())
        .env("PORT", first.to_string())
        .env_remove("LOTSE_TEST_POSTGRES")
        .env_remove("LOTSE_TEST_POSTGRES_CERTIFICATE")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(
        said.matches("both sides hold the same").count(),
        3,
        "{said}"
    );
    for port in first..first + 3 {
        let still = std::net::TcpStream::connect(("127.0.0.1", port));
        assert!(still.is_err(), "the node on port {port} has not ended");
    }
}
