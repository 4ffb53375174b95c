//! The file, its errors, and the reference.

use std::path::{Path, PathBuf};

use rapport_domain::node::Role;

use super::file::File;
use super::keys::{ALL, FILE};
use super::schema::{Absent, Kind, Section};
use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::read(text, Path::new("test.toml"), &|name| {
        (name == "SET").then(|| "value-of-the-variable".to_owned())
    })
}

/// The problems of a file as lines.
fn problems(text: &str) -> Vec<String> {
    match read(text) {
        Err(ConfigError::Wrong { problems, .. }) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => panic!("expected problems, got {other:?}"),
    }
}

/// A section as an inline table, with the value of each key chosen by `value`.
fn inline(section: &Section, value: &dyn Fn(&super::schema::Key) -> Option<String>) -> String {
    let keys = section.keys.iter().filter_map(|key| {
        let text = match key.kind {
            Kind::Table(inner) => inline(inner, value),
            Kind::Tables(inner) => format!("[{}]", inline(inner, value)),
            _ => value(key)?,
        };
        Some(format!("{} = {text}", key.name))
    });
    format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
}

fn whole_file(value: &dyn Fn(&super::schema::Key) -> Option<String>) -> toml::Table {
    let text = format!("file = {}", inline(&FILE, value));
    let table: toml::Table = text
        .parse()
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    table["file"].as_table().unwrap().clone()
}

#[test]
fn every_described_key_is_one_the_file_takes() {
    let table = whole_file(&|key| Some(key.example.to_owned()));
    let mut problems = Problems::default();
    FILE.check(
        serde_json::to_value(&table).unwrap().as_object().unwrap(),
        "",
        &mut problems,
    );
    assert!(
        problems.is_empty(),
        "an example breaks its own rule:\n{problems}"
    );
    File::deserialize_all(table);
}

#[test]
fn every_key_the_file_takes_is_described() {
    // serde names the fields it knows when it meets one it does not.
    for section in ALL {
        let known = super::file::known_fields(section.name);
        let mut described: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
        described.sort_unstable();
        assert_eq!(known, described, "{}", section.name);
    }
}

#[test]
fn the_described_defaults_are_the_ones_that_hold() {
    let required = |key: &super::schema::Key| {
        matches!(key.absent, Absent::Required).then(|| key.example.to_owned())
    };
    let stated = |key: &super::schema::Key| match key.absent {
        Absent::Is(value) => Some(value.to_owned()),
        _ => required(key),
    };
    let short = File::deserialize_all(whole_file(&required));
    let long = File::deserialize_all(whole_file(&stated));
    assert_eq!(short, long);
}

#[test]
fn the_configuration_reference_is_up_to_date() {
    let file = root().join("docs/CONFIGURATION.md");
    let text = reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == text,
        "docs/CONFIGURATION.md is out of date: UPDATE=1 cargo test -p rapport configuration"
    );
}

#[test]
fn the_example_file_can_be_used_and_warns_of_nothing() {
    let config = Config::load(&root().join("rapport.example.toml")).unwrap();
    let text = explain(&config);
    assert!(!text.contains("Warning"), "{text}");
    for words in [
        "Agent anna: serves service, sales, outreach",
        "calls to 4000100100 wait in service",
        "on any page",
    ] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
}

#[test]
fn the_smallest_file_is_empty() {
    let config = read("").unwrap();
    assert_eq!(
        (config.http.bind.port(), config.data),
        (8080, PathBuf::from("rapport-data"))
    );
    assert!(explain(&read("").unwrap()).contains("nobody can log in"));
}

#[test]
fn an_unknown_key_is_named_with_the_one_that_was_meant() {
    let found = problems(
        "[[tenant]]\nname = \"demo\"\n[[tenant.queue]]\nname = \"a\"\n[[tenant.queue]]\nname = \"b\"\ntarget_second = 3",
    );
    assert_eq!(
        found,
        [
            "tenant.demo.queue[2].target_second is not a key of this table: did you mean `target_seconds`?"
        ]
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    let found = problems(
        "datta = \"x\"\n[http]\nbind = \"localhost\"\n[voice]\nmax_legs = \"many\"\n[[tenant]]\nname = \"Demo!\"\n\
         [[tenant.queue]]\ntarget_seconds = -3\nskills = { german = 11 }\nchoice = \"random\"",
    );
    let starts = [
        "datta is not a key",
        "http.bind is \"localhost\": use",
        "tenant[1].name is \"Demo!\"",
        "tenant[1].queue[1].choice is \"random\"",
        "tenant[1].queue[1].skills says german = 11",
        "tenant[1].queue[1].target_seconds is -3: use whole number, 1 to 86400",
        "tenant[1].queue[1].name is missing",
        "voice.max_legs is a text",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for start in starts {
        assert!(
            found.iter().any(|line| line.starts_with(start)),
            "{start} is missing in {found:#?}"
        );
    }
}

#[test]
fn references_to_nothing_are_named_with_what_there_is() {
    let found = problems(
        "[[tenant]]\nname = \"demo\"\noutbound_trunk = \"line\"\nzone = \"Berlin\"\n[[tenant.queue]]\nname = \"service\"\n\
         [[tenant.access_point]]\nname = \"web\"\nchannel = \"chat\"\naddress = \"shop\"\nqueue = \"sales\"\n[tenant.policy]\nqueue = \"out\"",
    );
    assert_eq!(
        found,
        [
            "tenant.demo.zone is \"Berlin\": `Berlin` is not a time zone; use a name such as `Europe/Berlin` or `Asia/Shanghai`",
            "tenant.demo.outbound_trunk names the unknown trunk \"line\": declare it as [[voice.trunk]]",
            "tenant.demo.access_point[1].queue names the unknown queue \"sales\": use one of service, or declare it as [[tenant.queue]]",
            "tenant.demo.policy.queue names the unknown queue \"out\": use one of service, or declare it as [[tenant.queue]]",
        ]
    );
}

#[test]
fn names_and_addresses_are_given_once() {
    let tenant = |name: &str| {
        format!(
            "[[tenant]]\nname = \"{name}\"\n[[tenant.queue]]\nname = \"q\"\n[[tenant.queue]]\nname = \"q\"\n\
             [[tenant.agent]]\nname = \"anna\"\nphone = \"register\"\n\
             [[tenant.access_point]]\nname = \"web\"\nchannel = \"chat\"\naddress = \"shop\"\nqueue = \"q\"\n\
             [[tenant.api_key]]\nname = \"k\"\nkey = \"0123456789abcdef\"\n"
        )
    };
    let found = problems(&(tenant("a") + &tenant("b")));
    assert_eq!(
        found,
        [
            "tenant.a.queue[2].name is \"q\", the name of entry 1 too: give every queue a name of its own",
            "tenant.b.queue[2].name is \"q\", the name of entry 1 too: give every queue a name of its own",
            "tenant.b.access_point[1].address is used by tenant.a.access_point[1].address already: one address leads to one access point",
            "tenant.b.api_key[1].key is used by tenant.a.api_key[1].key already: give every department a key of its own",
            "tenant.b.agent[1].phone_user is used by tenant.a.agent[1].phone_user already: set phone_user to a user nobody else has",
        ]
    );
}

#[test]
fn a_door_leads_to_a_public_address_of_a_known_department_and_is_signed() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let door = |name: &str, url: &str, more: &str| {
        format!(
            "[[tenant.webhook]]\nname = \"{name}\"\ndepartment = \"finance\"\nurl = \"{url}\"\nsecret = \"{secret}\"\n{more}\n"
        )
    };
    let key = "[[tenant]]\nname = \"demo\"\n[[tenant.api_key]]\nname = \"finance\"\nkey = \"0123456789abcdef\"\n";
    let good = [
        key.to_owned(),
        door("a", "https://crm.example/x", ""),
        door("b", "http://10.0.0.7/x", "private = true"),
        format!("[[tenant.hook]]\ndepartment = \"finance\"\nsecret = \"{secret}\"\n"),
    ];
    let config = read(&good.concat()).unwrap();
    let said = explain(&config);
    assert!(said.contains("finance is told at https://crm.example of wishes"));
    assert!(!said.contains(secret));
    assert!(!format!("{config:?}").contains("MfKQ9r8G"));
    let wrong = [
        key.to_owned(),
        door("a", "http://crm.example/x", "next_secret = \"short\""),
        door("a", "https://192.168.0.4/x", "events = []"),
        "[[tenant.hook]]\ndepartment = \"sales\"\nsecret = { env = \"NO_SUCH\" }\n".to_owned(),
    ];
    let found = problems(&wrong.concat());
    let starts = [
        "tenant.demo.webhook[2].name is \"a\", the name of entry 1 too",
        "tenant.demo.webhook[1].next_secret is no secret for signing",
        "tenant.demo.webhook[1].url is not https",
        "tenant.demo.webhook[2].events is empty",
        "tenant.demo.webhook[2].url lies inside a private network",
        "tenant.demo.hook[1].department names the unknown department \"sales\": use one of finance",
        "tenant.demo.hook[1].secret is to come from the environment variable NO_SUCH",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{start} is missing in {found:#?}");
    }
}

#[test]
fn secrets_come_from_the_environment_and_are_not_printed() {
    let with = |variable: &str| {
        format!(
            "[[tenant]]\nname = \"demo\"\n[[tenant.agent]]\nname = \"anna\"\npassword = {{ env = \"{variable}\" }}"
        )
    };
    let config = read(&with("SET")).unwrap();
    assert_eq!(
        config.tenants[0].passwords["anna"].0,
        "value-of-the-variable"
    );
    assert!(!format!("{config:?}").contains("value-of-the-variable"));
    assert_eq!(
        problems(&with("UNSET")),
        [
            "tenant.demo.agent[1].password is to come from the environment variable UNSET, which is not set: set UNSET, or write the value into the file"
        ]
    );
}

#[test]
fn a_log_that_cannot_be_is_refused_without_showing_a_password() {
    for (text, words) in [
        (
            "log = \"kurrentdb://admin:secret@node1:2113\"",
            "holds a user or a password",
        ),
        (
            "log = \"postgres://secret\"",
            "names a log this program does not have (postgres)",
        ),
        ("log = \"esdb://\"", "must name hosts"),
        (
            "log = \"esdb://node1\"\n[log_cluster]\nca_file = \"/nowhere/ca.pem\"",
            "/nowhere/ca.pem",
        ),
        ("[log_cluster]\nuser = \"rapport\"", "there is no cluster"),
        (
            "log = \"esdb://node1\"\n[log_cluster]\npassword = \"secret\"",
            "a password without a user",
        ),
    ] {
        let found = problems(text).join("\n");
        assert!(
            found.contains(words) && !found.contains("secret"),
            "{text}: {found}"
        );
    }
}

#[test]
fn a_log_in_a_cluster_is_told_with_its_nodes_and_without_its_password() {
    let text = "log = \"esdb://node1,node2:2114?tls=false\"\n[log_cluster]\nuser = \"rapport\"\npassword = { env = \"SET\" }";
    let config = read(text).unwrap();
    let LogConfig::Cluster(cluster) = &config.log else {
        panic!("{:?}", config.log);
    };
    let credentials = cluster.credentials.as_ref().unwrap();
    assert_eq!(
        (credentials.user.as_str(), credentials.password.as_str()),
        ("rapport", "value-of-the-variable")
    );
    assert!(!format!("{config:?}").contains("value-of-the-variable"));
    let told = explain(&config);
    assert!(
        told.contains(
            "cluster of EventStoreDB/KurrentDB at node1,node2:2114, as rapport, without TLS"
        ),
        "{told}"
    );
}

#[test]
fn a_line_that_is_not_toml_is_named_and_not_shown() {
    let text = "[[tenant]]\nname = \"a\"\npassword = \"hunter2-hunter2\n";
    let error = Config::read(text, Path::new("test.toml"), &|_| None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 3: "), "{error}");
    assert!(
        !error.contains("hunter2") && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn what_is_not_toml_is_said_with_its_place() {
    let error = read("[http\nbind = 1").unwrap_err().to_string();
    assert!(
        error.contains("test.toml is not TOML") && error.contains("line 1"),
        "{error}"
    );
}

#[test]
fn a_queue_nobody_can_serve_is_warned_of() {
    let config = read("[[tenant]]\nname = \"demo\"\n[[tenant.queue]]\nname = \"q\"\nskills = { x = 2 }\n[[tenant.agent]]\nname = \"a\"\nskills = { x = 1 }").unwrap();
    assert!(explain(&config).contains("Warning: No agent of demo can serve the queue q."));
}

#[test]
fn bodies_of_the_set_up_interface_follow_the_same_rules() {
    let body = serde_json::json!({ "target_seconds": 0, "targt": 1 });
    let problems = queue_from("service", body).unwrap_err();
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(paths, ["target_seconds", "targt"]);
    let queue = queue_from(
        "service",
        serde_json::json!({ "target_seconds": 30, "display_name": null }),
    )
    .unwrap();
    assert_eq!(
        (
            queue.name.as_str(),
            queue.display_name.as_str(),
            queue.target_seconds
        ),
        ("service", "service", 30)
    );
}

#[test]
fn a_node_among_several_does_what_its_roles_say_and_a_hub_by_itself_does_everything() {
    let alone = read("").unwrap();
    assert!(alone.node.is_none() && Role::ALL.into_iter().all(|role| alone.has(role)));
    let edge = read("[node]\nname = \"hub-1\"\nroles = [\"edge\"]\nlease_seconds = 3").unwrap();
    assert!(edge.has(Role::Edge) && !edge.has(Role::Engine) && !edge.has(Role::Api));
    assert_eq!(edge.node.unwrap().lease, std::time::Duration::from_secs(3));
    assert!(problems("[node]\nname = \"hub-1\"\nroles = []")[0].contains("node.roles"));
    assert!(problems("[node]\nroles = [\"edge\"]")[0].contains("name"));
}
