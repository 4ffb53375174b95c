//! The program: its first line, its commands, its end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use eventstore::StreamState;
use serde_json::Value;

use crate::{append, client, event, read};

/// The double as a program of its own.
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub connection_string: String,
}

impl Program {
    pub fn start(arguments: &[&str]) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_eventstore-double"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut program = Program {
            child,
            input,
            output,
            connection_string: String::new(),
        };
        let ready = program.line();
        program.connection_string = ready["connection_string"].as_str().unwrap().to_owned();
        program
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub fn command(&mut self, command: &str) -> Value {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{command}").unwrap();
        self.line()
    }

    /// Ends the input and waits for the program to end by itself.
    pub fn end(mut self) -> bool {
        self.input = None;
        self.child.wait().unwrap().success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.input = None;
        // It ends with its input; a test that failed shall not leave it behind all the same.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn the_program_obeys_line_by_line_and_ends_with_its_input() {
    let mut program = Program::start(&["--nodes", "2", "--credentials", "hub:s3cret"]);
    assert!(
        program
            .connection_string
            .starts_with("esdb://hub:s3cret@127.0.0.1:")
    );
    let client = client(&program.connection_string);
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    assert_eq!(read(&client, "deal-1").await.unwrap().len(), 1);
    let seen = program.command("seen");
    assert_eq!((&seen["events"], &seen["leader"]), (&1.into(), &0.into()));
    for command in [
        "delay 1",
        "hang",
        "cut-before 1",
        "cut-after 1",
        "swallow 1",
        "false-conflict 1",
        "read-only",
        "fail-reads",
        "clear",
        "refuse 1",
        "accept 1",
        "cut 0",
        "lead 1",
        "end-subscriptions",
        "fail-subscriptions",
    ] {
        assert_eq!(program.command(command)["ok"], true, "{command}");
    }
    assert_eq!(program.command("seen")["leader"], 1);
    for wrong in ["lead", "lead 2", "delay soon", "dance"] {
        assert!(program.command(wrong)["error"].is_string(), "{wrong}");
    }
    assert!(program.end());
}
