//! `rapport user`.

use std::io::{BufRead, IsTerminal};
use std::process::Command as Process;

use clap::{Subcommand, ValueEnum};

use super::Failure;
use crate::config::schema::is_name;
use crate::password;

/// What a person may do at the desk.
#[derive(Clone, Copy, ValueEnum)]
pub enum UserRole {
    /// Serve customers
    Agent,
    /// Also watch the floor and change set-up
    Supervisor,
}

/// Help with people.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Ask for a password and print a table for the configuration file that holds its hash
    Add {
        /// The name to log in with
        name: String,
        /// The name others see
        #[arg(long)]
        display_name: Option<String>,
        /// What they may do
        #[arg(long, value_enum, default_value = "agent")]
        role: UserRole,
    },
}

/// Runs one of them.
pub fn run(command: UserCommand) -> Result<(), Failure> {
    let UserCommand::Add {
        name,
        display_name,
        role,
    } = command;
    if !is_name(&name) {
        return Err(Failure::new(format!(
            "{name:?} is no name: use a-z, digits, `-`, `_` and `.`, at most 64"
        )));
    }
    let password = ask().map_err(Failure::new)?;
    let least = crate::config::LEAST_PASSWORD;
    if password.chars().count() < least {
        return Err(Failure::new(format!(
            "the password is too short: use at least {least} letters"
        )));
    }
    let hash = password::hash(&password).map_err(Failure::new)?;
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    println!("[[tenant.agent]]");
    println!("name = {}", text(&name));
    if let Some(display_name) = display_name {
        println!("display_name = {}", text(&display_name));
    }
    if matches!(role, UserRole::Supervisor) {
        println!("role = \"supervisor\"");
    }
    println!("password_hash = {}", text(&hash));
    Ok(())
}

/// One line of standard input; on a terminal it is not shown.
fn ask() -> std::io::Result<String> {
    let terminal = std::io::stdin().is_terminal();
    let echo = |state: &str| {
        terminal
            && Process::new("stty")
                .arg(state)
                .status()
                .is_ok_and(|status| status.success())
    };
    if terminal {
        eprint!("Password: ");
    }
    let hidden = echo("-echo");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    if hidden {
        echo("echo");
        eprintln!();
    }
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
