//! Who depends on whom.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::tree::{nothing, read, root};

fn table(file: &str) -> Table {
    read(file)
        .parse()
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Folder of every crate of the workspace, with its manifest.
fn members() -> BTreeMap<String, Table> {
    let workspace = table("Cargo.toml");
    let members = workspace["workspace"]["members"]
        .as_array()
        .expect("members");
    let folder = |member: &Value| member.as_str().expect("a folder").to_owned();
    members
        .iter()
        .map(folder)
        .map(|member| (member.clone(), table(&format!("{member}/Cargo.toml"))))
        .collect()
}

fn keys(manifest: &Table, section: &str) -> BTreeSet<String> {
    manifest
        .get(section)
        .and_then(Value::as_table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}

/// Dependencies that become part of the program, those of single platforms included.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    let mut all = keys(manifest, "dependencies");
    all.extend(keys(manifest, "build-dependencies"));
    for (_, target) in manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
    {
        all.extend(
            target
                .as_table()
                .map(|target| keys(target, "dependencies"))
                .unwrap_or_default(),
        );
    }
    all
}

fn ours(dependencies: &BTreeSet<String>) -> BTreeSet<&str> {
    dependencies
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with("rapport"))
        .collect()
}

#[test]
fn the_domain_depends_on_nothing_of_ours_and_on_no_runtime_socket_clock_or_random_source() {
    let members = members();
    let domain = dependencies(&members["domain"]);
    assert_eq!(ours(&domain), BTreeSet::new());
    let pure = [
        "chrono",
        "chrono-tz",
        "futures-core",
        "futures-util",
        "serde",
        "serde_json",
        "thiserror",
        "uuid",
        "proptest",
    ];
    let other: Vec<String> = domain
        .into_iter()
        .filter(|name| !pure.contains(&name.as_str()))
        .collect();
    nothing(
        "the domain may depend on these only after a look at what they do (add them to the list here)",
        &other,
    );
    let workspace = table("Cargo.toml");
    let chrono = &workspace["workspace"]["dependencies"]["chrono"];
    let features = chrono["features"].as_array().expect("features");
    assert_eq!(chrono["default-features"].as_bool(), Some(false));
    assert!(
        !features
            .iter()
            .any(|feature| ["clock", "now"].contains(&feature.as_str().unwrap_or_default())),
        "chrono has no clock"
    );
}

#[test]
fn adapters_and_the_engine_depend_on_the_domain_alone() {
    for (folder, manifest) in members() {
        if folder.starts_with("adapters/") || folder == "services/engine" {
            assert_eq!(
                ours(&dependencies(&manifest)),
                BTreeSet::from(["rapport-domain"]),
                "{folder}"
            );
        }
    }
}

#[test]
fn the_journeys_link_nothing_of_the_product() {
    let manifest = &members()["tests"];
    assert_eq!(ours(&dependencies(manifest)), BTreeSet::new());
    // A pretended server is nothing of the product.
    let mut beside = keys(manifest, "dev-dependencies");
    beside.remove("rapport-eventstore-double");
    assert_eq!(ours(&beside), BTreeSet::new());
}

#[test]
fn the_double_of_the_event_store_is_for_tests_alone() {
    let double = "rapport-eventstore-double";
    let testers = ["adapters/event-log", "tests"];
    for (folder, manifest) in members() {
        assert!(!dependencies(&manifest).contains(double), "{folder}");
        let tests_with_it = keys(&manifest, "dev-dependencies").contains(double);
        assert!(
            !tests_with_it || testers.contains(&folder.as_str()),
            "{folder}"
        );
    }
    let manifest = &members()["tests/eventstore-double"];
    assert_eq!(ours(&dependencies(manifest)), BTreeSet::new());
    assert_eq!(ours(&keys(manifest, "dev-dependencies")), BTreeSet::new());
}

#[test]
fn heavy_parts_stay_where_they_belong() {
    let homes: [(&[&str], &[&str]); 5] = [
        (
            &["actix-web", "actix-ws", "actix-http", "actix-rt"],
            &["services/hub", "adapters/web-chat"],
        ),
        (
            &["rusqlite", "libsqlite3-sys", "sqlx"],
            &["adapters/event-log", "adapters/read-model"],
        ),
        (&["lettre"], &["adapters/email"]),
        (
            &["eventstore", "kurrentdb"],
            &["adapters/event-log", "tests/eventstore-double"],
        ),
        (&["rsipstack", "str0m", "audio-codec"], &["adapters/voice"]),
    ];
    let mut findings = Vec::new();
    for (folder, manifest) in members() {
        let mut all = dependencies(&manifest);
        all.extend(keys(&manifest, "dev-dependencies"));
        for (parts, home) in homes {
            let strays = parts
                .iter()
                .filter(|part| all.contains(**part) && !home.contains(&folder.as_str()));
            findings.extend(strays.map(|part| {
                format!(
                    "{folder} depends on {part}, which belongs to {}",
                    home.join(", ")
                )
            }));
        }
    }
    nothing("a part has left its home", &findings);
}

#[test]
fn forbidden_parts_are_not_in_the_lock_file() {
    let lock = table("Cargo.lock");
    let packages = lock["package"].as_array().expect("packages");
    let name = |package: &Value| package["name"].as_str().expect("a name").to_owned();
    let forbidden = ["openssl", "openssl-sys", "actix-governor", "native-tls"];
    let found: Vec<String> = packages
        .iter()
        .map(name)
        .filter(|name| forbidden.contains(&name.as_str()))
        .collect();
    nothing("not wanted in this project", &found);
    // The client of the event store brings it, by features of these that it switches on; nobody else may.
    let forced = ["quinn-proto", "rustls", "rustls-webpki"];
    let needs_ring = |package: &&Value| {
        let needed = package.get("dependencies").and_then(Value::as_array);
        needed
            .into_iter()
            .flatten()
            .any(|needed| needed.as_str() == Some("ring"))
    };
    let strays: Vec<String> = packages
        .iter()
        .filter(needs_ring)
        .map(name)
        .filter(|name| !forced.contains(&name.as_str()))
        .collect();
    nothing("use aws-lc-rs instead of ring", &strays);
}

#[test]
fn the_lock_file_is_committed_and_names_the_public_registry_only() {
    let ignored = read(".gitignore");
    assert!(
        !ignored
            .lines()
            .any(|line| line.trim().ends_with("Cargo.lock")),
        "Cargo.lock is ignored"
    );
    let lock = table("Cargo.lock");
    let packages = lock["package"].as_array().expect("packages");
    let sources = packages
        .iter()
        .filter_map(|package| package.get("source")?.as_str());
    let other: Vec<String> = sources
        .filter(|source| *source != "registry+https://github.com/rust-lang/crates.io-index")
        .map(str::to_owned)
        .collect();
    nothing("packages come from one place", &other);
    for folder in ["services/web", "tests/browser"] {
        let lock = read(&format!("{folder}/package-lock.json"));
        assert!(
            !lock.contains("\"resolved\""),
            "{folder}/package-lock.json names hosts: set omit-lockfile-registry-resolved"
        );
    }
    assert!(
        !root().join(".cargo").exists(),
        "settings of one machine do not belong into the repository"
    );
}

#[test]
fn every_manifest_names_the_licence() {
    let workspace = table("Cargo.toml");
    assert_eq!(
        workspace["workspace"]["package"]["license"].as_str(),
        Some("Apache-2.0")
    );
    for (folder, manifest) in members() {
        let package = &manifest["package"];
        let inherited = package
            .get("license")
            .and_then(|license| license.get("workspace"))
            .and_then(Value::as_bool);
        assert_eq!(
            inherited,
            Some(true),
            "{folder}/Cargo.toml: license.workspace = true"
        );
        assert_eq!(
            manifest["lints"]["workspace"].as_bool(),
            Some(true),
            "{folder}/Cargo.toml: the workspace's lints"
        );
    }
    for file in crate::tree::files(&["package.json"]) {
        let package: serde_json::Value = serde_json::from_str(&read(&file)).expect("JSON");
        assert_eq!(package["license"], "Apache-2.0", "{file}");
    }
    assert!(read("LICENSE").contains("Apache License"));
}

#[test]
fn every_target_that_a_manifest_names_is_there() {
    for (folder, manifest) in members() {
        for section in ["test", "bench", "example", "bin"] {
            for target in manifest
                .get(section)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                if let Some(path) = target.get("path").and_then(Value::as_str) {
                    assert!(
                        root().join(&folder).join(path).is_file(),
                        "{folder}: {section} {path}"
                    );
                }
            }
        }
    }
}
