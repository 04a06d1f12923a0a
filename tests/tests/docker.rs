//! The container files hold together, as far as that can be said without a container engine.

use std::{fs, path::Path};

use serde_yaml_ng::Value;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docker")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn compose(name: &str) -> Value {
    serde_yaml_ng::from_str(&read(name)).unwrap()
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_mapping()
        .unwrap()
        .keys()
        .map(|key| key.as_str().unwrap())
        .collect()
}

/// The names of all settings, as the node itself shows them.
fn known_settings() -> Vec<String> {
    let output = std::process::Command::new(lotse_tests::node::binary())
        .arg("config")
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_service_runs_unprivileged_on_a_read_only_file_system() {
    for (file, services) in [
        ("compose.yaml", vec!["lotse"]),
        ("compose.postgres.yaml", vec!["postgres", "lotse"]),
        ("compose.federation.yaml", vec!["a", "b", "c"]),
    ] {
        let mut document = compose(file);
        document.apply_merge().unwrap();
        assert_eq!(names(&document["services"]), services, "{file}");
        let node = &document["services"][*services.last().unwrap()];
        assert_eq!(node["read_only"], Value::from(true), "{file}");
        assert_eq!(node["cap_drop"][0], Value::from("ALL"), "{file}");
        assert_eq!(
            node["security_opt"][0],
            Value::from("no-new-privileges:true"),
            "{file}"
        );
        assert_eq!(
            node["build"]["dockerfile"],
            Value::from("docker/Dockerfile"),
            "{file}"
        );
    }
}

#[test]
fn every_volume_that_a_service_mounts_is_declared_and_every_declared_one_is_used() {
    for file in [
        "compose.yaml",
        "compose.postgres.yaml",
        "compose.federation.yaml",
    ] {
        let mut document = compose(file);
        document.apply_merge().unwrap();
        let mut used: Vec<String> = Vec::new();
        for service in document["services"].as_mapping().unwrap().values() {
            for mount in service["volumes"].as_sequence().unwrap() {
                used.push(
                    mount
                        .as_str()
                        .unwrap()
                        .split(':')
                        .next()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
        used.sort();
        let mut declared = names(&document["volumes"]);
        declared.sort_unstable();
        assert_eq!(used, declared, "{file}");
    }
}

#[test]
fn the_node_waits_for_a_healthy_database_and_uses_it() {
    let document = compose("compose.postgres.yaml");
    let node = &document["services"]["lotse"];
    assert_eq!(
        node["depends_on"]["postgres"]["condition"],
        Value::from("service_healthy")
    );
    assert!(document["services"]["postgres"]["healthcheck"]["test"].is_sequence());
    let url = node["environment"]["LOTSE_DATABASE"].as_str().unwrap();
    assert!(
        url.starts_with("postgres://") && url.contains("@postgres:5432/"),
        "{url}"
    );
}

#[test]
fn every_setting_in_the_container_files_is_one_that_the_node_knows() {
    let known = known_settings();
    let text = [
        "Dockerfile",
        "compose.yaml",
        "compose.postgres.yaml",
        "compose.federation.yaml",
    ]
    .map(read)
    .concat();
    let word = |c: char| !(c.is_ascii_uppercase() || c == '_');
    let used: Vec<_> = text
        .split(word)
        .filter(|word| word.starts_with("LOTSE_"))
        .collect();
    assert!(used.len() >= 3);
    for name in used {
        let setting = name
            .trim_start_matches("LOTSE_")
            .to_lowercase()
            .replace("__", ".");
        assert!(
            known.contains(&setting),
            "{name} is not a setting of `lotse config`"
        );
    }
}

#[test]
fn the_image_is_built_in_stages_runs_as_nobody_in_particular_and_says_how_it_is() {
    let text = read("Dockerfile");
    let instructions: Vec<_> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let of = |word: &str| {
        instructions
            .iter()
            .filter(|line| line.starts_with(word))
            .copied()
            .collect::<Vec<_>>()
    };
    assert!(of("FROM ").len() >= 2);
    let user = of("USER ")
        .last()
        .unwrap()
        .trim_start_matches("USER ")
        .to_owned();
    assert!(
        user.split(':')
            .all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)),
        "{user}"
    );
    assert!(text.contains("lotse\", \"health\"]") && !of("HEALTHCHECK ").is_empty());
    // The toolchain of the image is the one that the workspace asks for.
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    let line = manifest
        .lines()
        .find(|line| line.starts_with("rust-version"))
        .unwrap();
    let version = line.split('"').nth(1).unwrap();
    assert!(
        of("FROM ")
            .iter()
            .any(|line| line.contains(&format!("rust:{version}-"))),
        "{version}"
    );
}
