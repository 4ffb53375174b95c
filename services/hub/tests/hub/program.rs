//! The program itself: what it prints, refuses and leaves behind.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn rapport(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
    command
        .current_dir(folder)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    rapport(folder).args(arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with a configuration file.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("rapport.toml"),
        crate::support::config_text(folder.path()),
    )
    .unwrap();
    folder
}

struct Serving(Child);

impl Serving {
    /// Starts the hub and waits until it says that it is ready; answers what it said.
    fn start(folder: &Path) -> (Self, Value) {
        let mut child = rapport(folder)
            .args(["serve", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let serving = Self(child);
        let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        (serving, said)
    }

    /// Stops it as an operator would; answers whether it ended well.
    fn stop(mut self) -> bool {
        let pid = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.0.wait().unwrap().success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

#[test]
fn a_hub_says_where_it_is_guards_its_folder_and_stops_when_told() {
    let folder = folder();
    let at = folder.path();
    let (serving, said) = Serving::start(at);
    assert_eq!(said["ready"], true);
    assert!(said["http"].as_str().unwrap().starts_with("127.0.0.1:") && said["sip"].is_null());

    let second = output(at, &["serve"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(
        errors(&second).contains("is in use by another running hub"),
        "{}",
        errors(&second)
    );
    // A read model is built anew beside the one that answers.
    let rebuild = output(at, &["projection", "rebuild", "customers", "--wait"]);
    assert!(rebuild.status.success(), "{}", errors(&rebuild));
    assert_eq!(
        String::from_utf8(rebuild.stdout).unwrap(),
        "customers: built anew; it answers now\n"
    );
    let list = |words: &str| {
        let list = output(at, &["projection", "list"]);
        let text = String::from_utf8(list.stdout).unwrap();
        assert!(text.contains(words), "{words} is missing in {text}");
    };
    list("kept for the way back: customers.v");
    for (command, said) in [
        ("discard", "customers: the file before is deleted\n"),
        ("discard", "customers: there was no file before\n"),
        (
            "retry",
            "customers: 0 streams are followed again, 0 stay parked\n",
        ),
    ] {
        let done = output(at, &["projection", command, "customers"]);
        assert!(done.status.success(), "{}", errors(&done));
        assert_eq!(String::from_utf8(done.stdout).unwrap(), said);
    }
    for (command, why) in [
        ("cancel", "nothing is being built"),
        ("back", "no earlier file is kept"),
    ] {
        let refused = output(at, &["projection", command, "customers"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(errors(&refused).contains(why), "{}", errors(&refused));
    }

    let tail = output(at, &["log", "tail", "--json", "--from", "0"]);
    let text = String::from_utf8(tail.stdout).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (first["type"].as_str(), first["data"]["name"].as_str()),
        (Some("tenant.defined.v1"), Some("acme"))
    );
    assert!(serving.stop(), "stopped by SIGTERM, it ends with 0");

    let count = text.lines().count();
    let (serving, _) = Serving::start(at);
    assert!(serving.stop());
    let again = output(at, &["log", "tail", "--from", "0"]);
    let again = String::from_utf8(again.stdout).unwrap();
    assert_eq!(
        again.lines().count(),
        count,
        "a file that says what the log knows appends nothing:\n{again}"
    );

    let rebuild = output(at, &["projection", "rebuild", "customers"]);
    assert!(rebuild.status.success(), "{}", errors(&rebuild));
    let said = String::from_utf8(rebuild.stdout).unwrap();
    assert_eq!(said, format!("customers: rebuilt from {count} events\n"));
    list("no hub runs on this folder");
    let nobody = output(at, &["projection", "retry", "customers"]);
    assert!(errors(&nobody).contains("no hub runs on"));
    let wrong = output(at, &["projection", "rebuild", "wishes"]);
    assert!(errors(&wrong).contains("there is no read model `wishes`"));
}

#[test]
fn a_port_that_is_taken_is_named_with_its_key_and_nothing_is_touched() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let file = folder.path().join("rapport.toml");
    for key in ["http", "chat"] {
        let text = crate::support::config_text(folder.path());
        let text = text.replace(
            &format!("[{key}]\nbind = \"127.0.0.1:0\""),
            &format!("[{key}]\nbind = {address:?}"),
        );
        fs::write(&file, text).unwrap();
        let refused = output(folder.path(), &["serve"]);
        assert_eq!(refused.status.code(), Some(1));
        let line = errors(&refused);
        assert!(
            line.contains(&format!("{key}.bind: cannot listen on {address}"))
                && line.lines().count() == 1,
            "{line}"
        );
        assert!(!folder.path().join("data").exists());
    }
}

#[test]
fn a_wrong_file_is_explained_and_nothing_is_touched() {
    let folder = folder();
    fs::write(
        folder.path().join("rapport.toml"),
        "data = \"data\"\n[http]\nport = 80\n[[tenant]]\nzone = 3\n",
    )
    .unwrap();
    for arguments in [&["serve"][..], &["check-config"]] {
        let refused = output(folder.path(), arguments);
        assert_eq!(refused.status.code(), Some(2));
        let text = errors(&refused);
        for words in [
            "http.port is not a key",
            "tenant[1].zone is a number",
            "tenant[1].name is missing",
        ] {
            assert!(text.contains(words), "{words} is missing in {text}");
        }
    }
    assert!(!folder.path().join("data").exists());
    let nowhere = output(folder.path(), &["serve", "--config", "nowhere.toml"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(errors(&nowhere).contains("cannot read nowhere.toml"));
}

#[test]
fn a_log_that_is_not_there_is_not_made_by_looking() {
    let folder = folder();
    for arguments in [
        &["log", "tail"][..],
        &["projection", "rebuild", "customers"],
    ] {
        let refused = output(folder.path(), arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            errors(&refused).contains("there is no log at"),
            "{}",
            errors(&refused)
        );
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_user_is_added_by_a_table_that_the_file_takes() {
    let folder = folder();
    let mut child = rapport(folder.path())
        .args([
            "user",
            "add",
            "dora",
            "--display-name",
            "Dora \"D\"",
            "--role",
            "supervisor",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"a long password\n")
        .unwrap();
    let mut table = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut table)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!table.contains("a long password") && table.contains("$argon2id$"));
    fs::write(
        folder.path().join("rapport.toml"),
        format!("[[tenant]]\nname = \"demo\"\n{table}"),
    )
    .unwrap();
    let checked = output(folder.path(), &["check-config"]);
    assert!(checked.status.success(), "{}", errors(&checked));
    assert!(
        String::from_utf8(checked.stdout)
            .unwrap()
            .contains("Agent dora")
    );
}

#[test]
fn a_data_folder_that_others_can_enter_is_warned_of_and_left_as_it_is() {
    let folder = folder();
    let data = folder.path().join("data");
    let (serving, _) = Serving::start(folder.path());
    assert!(serving.stop());
    let made = fs::metadata(&data).unwrap().permissions().mode() & 0o777;
    assert_eq!(made, 0o700);
    for (mode, warned) in [(0o755, true), (0o700, false)] {
        fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
        let rebuild = output(folder.path(), &["projection", "rebuild", "customers"]);
        assert!(rebuild.status.success(), "{}", errors(&rebuild));
        // The program may write its lines to either.
        let said = errors(&rebuild) + &String::from_utf8(rebuild.stdout).unwrap();
        assert_eq!(said.contains("chmod 700"), warned, "{said}");
        assert_eq!(
            fs::metadata(&data).unwrap().permissions().mode() & 0o777,
            mode
        );
    }
}
