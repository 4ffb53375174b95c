//! What the person at the terminal sees.

use std::fmt::Write;
use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::accounts::Accounts;
use super::cast::{DEPARTMENTS, HOTLINE, ORDERS, PERSON, SUPERVISOR, TENANT, YOUR_NUMBER};
use super::tally::{Counts, Now};
use crate::wiring::Addresses;

/// Progress on standard error: moving on a terminal, calm lines elsewhere.
pub struct Show {
    bar: ProgressBar,
    terminal: bool,
}

impl Show {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner:.green} {msg}") {
            bar.set_style(style);
        }
        if terminal {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, terminal }
    }

    /// What is done now.
    pub fn step(&self, what: &str) {
        if self.terminal {
            self.bar.set_message(what.to_owned());
        } else {
            eprintln!("{what}");
        }
    }

    /// Something worth keeping on the screen.
    pub fn say(&self, what: &str) {
        self.bar.suspend(|| eprintln!("{what}"));
    }

    /// What the person reads first, on standard output.
    pub fn say_to_reader(&self, what: &str) {
        self.bar.suspend(|| {
            // Whoever closed our output reads nothing; that is no reason to stop.
            let _ = writeln!(std::io::stdout(), "{what}");
        });
    }

    /// How it goes, on a terminal.
    pub fn live(&self, counts: &Counts, now: Now) {
        if self.terminal {
            self.bar.set_message(format!(
                "waiting {}  in service {}  wrap-up {}  |  served {}  abandoned {}  planned {}  outcomes {}   (Ctrl-C ends)",
                now.waiting, now.in_service, now.wrap_up, counts.served, counts.abandoned, counts.contacts_planned, counts.outcomes,
            ));
        }
    }

    /// No more to show.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}

/// Where everything is and how to get in.
#[must_use]
pub fn welcome(addresses: &Addresses, accounts: &Accounts, data: &str, seed: u64) -> String {
    let Addresses { http, chat, sip } = addresses;
    let mut text = format!(
        "\nRapport is running, with simulated customers and agents.\n\n\
         \x20 Desk        http://{http}/            tenant {TENANT}, user {PERSON}, password {you}\n\
         \x20 Wallboard   http://{http}/wallboard   tenant {TENANT}, user {SUPERVISOR}, password {lin} (supervisor)\n\
         \x20 Chat page   http://{http}/chat.html   be a customer: your own desk is asked first\n\
         \x20 Chat socket ws://{chat}/\n",
        you = accounts.password(PERSON),
        lin = accounts.password(SUPERVISOR),
    );
    // Writing into a String does not fail.
    if let Some(sip) = sip {
        let _ = write!(
            text,
            "  SIP         {sip} (UDP)\n\
             \x20             Call in from any softphone on this computer, no account needed:\n\
             \x20               sip:{YOUR_NUMBER}@{sip}   your own line: rings at your desk first\n\
             \x20               sip:{HOTLINE}@{sip}   service      sip:{ORDERS}@{sip}   orders\n\
             \x20             Your desk phone: user {PERSON}, password {secret}, registrar {sip}\n",
            secret = accounts.phone(PERSON),
        );
    }
    let department = DEPARTMENTS[0].name;
    let _ = write!(
        text,
        "  API         http://{http}/api/v1   e.g. key of {department}: {key}\n\
         \x20 Data        {data} (all accounts: {data}/demo-accounts.txt; the log: rapport log tail --data {data})\n\
         \x20 Seed        {seed}\n\n\
         Log in at the desk, press Ready, open the chat page beside it and write. Ctrl-C ends the demonstration.\n",
        key = accounts.key(department),
    );
    text
}

/// What happened, in words.
#[must_use]
pub fn farewell(counts: &Counts, errors: u64) -> String {
    let Counts {
        contacts_in,
        calls_in,
        chats_in,
        served,
        abandoned,
        wishes_filed,
        contacts_planned,
        contacts_out,
        ..
    } = counts;
    let Counts {
        contacts_out_reached,
        preempted,
        outcomes,
        events,
        ..
    } = counts;
    format!(
        "{contacts_in} contacts came in ({calls_in} calls, {chats_in} chats): {served} served, {abandoned} abandoned.\n\
         {wishes_filed} wishes became {contacts_planned} planned contacts; {contacts_out} calls went out, {contacts_out_reached} reached \
         somebody, {preempted} plans gave way to customers who called first; {outcomes} outcomes.\n\
         {events} events were appended; {errors} errors in the simulation."
    )
}
