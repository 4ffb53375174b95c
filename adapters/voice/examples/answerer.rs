//! A voice channel by itself, for trying real peers against it: answers every call, or with `bridge USER` connects
//! it to that registered phone. Phones `alice` and `bob` have the password `secret`.
//!
//! `cargo run -p rapport-voice --example answerer -- 127.0.0.1:5060 [sha256] [bridge USER] [seconds]`

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{DialTarget, Sound, VoiceCommand, VoiceEvent};
use rapport_domain::private::Private;
use rapport_voice::{Algorithm, Credential, PhoneBook, Trunk, VoiceChannel, VoiceConfig};
use uuid::Uuid;

struct Book;

impl PhoneBook for Book {
    fn credential(&self, user: &str) -> Option<Credential> {
        ["alice", "bob"]
            .contains(&user)
            .then(|| Credential::Password(Private::new("secret".to_owned())))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let bind = words
        .first()
        .map_or("127.0.0.1:5060", String::as_str)
        .parse()?;
    let bridge = words
        .iter()
        .position(|word| word == "bridge")
        .and_then(|at| words.get(at + 1))
        .cloned();
    let seconds = words
        .last()
        .and_then(|word| word.parse().ok())
        .unwrap_or(60);
    let mut config = VoiceConfig::at(bind);
    config.trunks.push(Trunk {
        name: "local".to_owned(),
        address: "127.0.0.1".to_owned(),
    });
    if words.iter().any(|word| word == "sha256") {
        config.digest_algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
    }
    let (voice, mut events, handle) = VoiceChannel::start(config, Arc::new(Book))?;
    let mut partners: HashMap<LegId, LegId> = HashMap::new();
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while let Ok(Some(event)) = tokio::time::timeout_at(until, events.recv()).await {
        match event {
            VoiceEvent::Incoming { leg, from_user, .. } => {
                voice.send(VoiceCommand::Answer {
                    leg,
                    sound: Sound::QueueMusic,
                })?;
                if let Some(user) = &bridge {
                    let onward = LegId::from_uuid(Uuid::new_v4());
                    partners.insert(leg, onward);
                    partners.insert(onward, leg);
                    voice.send(VoiceCommand::Dial {
                        leg: onward,
                        target: DialTarget::RegisteredPhone {
                            user: user.clone(),
                            via: None,
                        },
                        from_user,
                        ring_for: Duration::from_secs(20),
                        sound: Sound::Silence,
                    })?;
                }
            }
            VoiceEvent::Answered { leg } => {
                if let Some(&partner) = partners.get(&leg) {
                    voice.send(VoiceCommand::Bridge { a: leg, b: partner })?;
                }
            }
            VoiceEvent::Ended { leg, .. } => {
                if let Some(partner) = partners.remove(&leg) {
                    partners.remove(&partner);
                    voice.send(VoiceCommand::HangUp { leg: partner })?;
                }
            }
            VoiceEvent::Ringing { .. }
            | VoiceEvent::PhoneRegistered { .. }
            | VoiceEvent::PhoneGone { .. } => {}
        }
    }
    for (name, value) in handle.counters().read() {
        println!("{name} {value}");
    }
    println!("{:?}", handle.media_stats());
    handle.shutdown().await;
    Ok(())
}
