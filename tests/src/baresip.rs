//! baresip as an agent's phone: registers with digest, answers by itself, plays a tone, and counts packets.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use crate::ports;
use crate::process::Process;
use crate::setup::PHONE_SECRET;
use crate::wait;

/// A running baresip.
#[derive(Debug)]
pub struct Baresip {
    process: Process,
    input: ChildStdin,
}

/// What it says of a call that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// RTP packets sent.
    pub sent: u64,
    /// RTP packets received.
    pub received: u64,
}

impl Baresip {
    /// A phone of this user, registering at a hub with this secret.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(user: &str, secret: &str, hub: SocketAddr, folder: &Path) -> Self {
        let home = folder.join(format!("baresip-{user}"));
        std::fs::create_dir_all(&home).expect("a folder");
        std::fs::write(home.join("tone.wav"), wav()).expect("a file");
        let tone = home.join("tone.wav").display().to_string();
        let config = format!(
            "sip_listen 127.0.0.1:{}\nnet_interface 127.0.0.1\nmodule_path /usr/lib/baresip/modules\nmodule g711.so\n\
             module aufile.so\nmodule uuid.so\nmodule stdio.so\nmodule_tmp account.so\nmodule_app menu.so\n\
             audio_source aufile,{tone}\naudio_player aufile,{}\naudio_alert aufile,{}\nrtp_stats yes\n",
            ports::udp(),
            home.join("heard.wav").display(),
            home.join("alert.wav").display(),
        );
        std::fs::write(home.join("config"), config).expect("a file");
        std::fs::write(home.join("contacts"), "").expect("a file");
        let account = format!(
            "<sip:{user}@{hub};transport=udp>;auth_user={user};auth_pass={secret};regint=60;answermode=auto;audio_codecs=PCMU/8000/1\n"
        );
        std::fs::write(home.join("accounts"), account).expect("a file");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(&home).stdin(Stdio::piped());
        let mut process = Process::start(&format!("baresip-{user}"), &mut command, folder);
        let input = process.input().expect("a pipe");
        Self { process, input }
    }

    /// A phone of this user with the right secret, once it is registered.
    ///
    /// # Panics
    /// When it does not register.
    pub async fn registered(user: &str, hub: SocketAddr, folder: &Path) -> Self {
        let phone = Self::start(user, PHONE_SECRET, hub, folder);
        phone.says("200 OK").await;
        phone
    }

    /// Waits until it has written this.
    ///
    /// # Panics
    /// When it does not.
    pub async fn says(&self, text: &str) {
        let said = || self.process.output().contains(text) || self.process.errors().contains(text);
        wait::until(&format!("{text:?} from baresip"), || async {
            said().then_some(())
        })
        .await;
    }

    /// Hangs up the call in hand.
    ///
    /// # Panics
    /// When it is gone.
    pub fn hang_up(&mut self) {
        self.input
            .write_all(b"b\n")
            .and_then(|()| self.input.flush())
            .expect("a running baresip");
    }

    /// Waits for its statistics of the first call.
    ///
    /// # Panics
    /// When there are none.
    pub async fn stats(&self) -> CallStats {
        self.stats_of(0).await
    }

    /// Waits for its statistics of a call, the first one being 0.
    ///
    /// # Panics
    /// When there are none.
    pub async fn stats_of(&self, call: usize) -> CallStats {
        wait::until("statistics of baresip", || async {
            stats(&self.process.output()).nth(call)
        })
        .await
    }
}

/// The lines `packets: SENT RECEIVED` of the tables that follow calls.
fn stats(output: &str) -> impl Iterator<Item = CallStats> {
    let lines = output
        .lines()
        .filter_map(|line| line.trim().strip_prefix("packets:"));
    lines.filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse().ok());
        Some(CallStats {
            sent: numbers.next()??,
            received: numbers.next()??,
        })
    })
}

/// Two minutes of a low square tone, 8 kHz, 16 bit, mono.
fn wav() -> Vec<u8> {
    const RATE: u32 = 8_000;
    let samples = RATE * 120;
    let mut file = Vec::with_capacity(44 + samples as usize * 2);
    file.extend(b"RIFF");
    file.extend((36 + samples * 2).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((samples * 2).to_le_bytes());
    for sample in 0..samples {
        let level: i16 = if sample / 10 % 2 == 0 { 4_000 } else { -4_000 };
        file.extend(level.to_le_bytes());
    }
    file
}
