//! The whole channel with soft phones as its peers, over loopback.

use std::sync::Arc;
use std::time::Duration;

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{
    DialTarget, LegEnd, Refusal, Sound, Voice, VoiceCommand, VoiceEvent,
};
use rapport_domain::private::Private;
use rapport_voice::phone::{
    Answering, PhoneCall, PhoneEnd, PhoneEvent, Softphone, SoftphoneConfig,
};
use rapport_voice::{
    Algorithm, Credential, PhoneBook, StartError, Trunk, VoiceChannel, VoiceConfig, VoiceHandle,
};
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(10);

struct Book;

impl PhoneBook for Book {
    fn credential(&self, user: &str) -> Option<Credential> {
        (user == "anna").then(|| Credential::Password(Private::new("right".to_owned())))
    }
}

struct Hub {
    voice: Arc<dyn Voice>,
    events: Receiver<VoiceEvent>,
    handle: VoiceHandle,
}

impl Hub {
    async fn next(&mut self) -> VoiceEvent {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .expect("an event in time")
            .expect("a running channel")
    }

    fn send(&self, command: VoiceCommand) {
        self.voice.send(command).expect("room for a command");
    }

    fn number(&self, number: &str) -> String {
        format!("sip:{number}@{}", self.handle.local_addr())
    }

    fn count(&self, name: &str) -> u64 {
        let all = self.handle.counters().read();
        all.iter()
            .find(|(known, _)| *known == name)
            .expect("a known counter")
            .1
    }
}

fn local() -> std::net::SocketAddr {
    (std::net::Ipv4Addr::LOCALHOST, 0).into()
}

fn ports() -> std::ops::RangeInclusive<u16> {
    // Tests of this file run at the same time; media skips ports that are taken.
    30_000..=39_999
}

fn hub_with(change: impl FnOnce(&mut VoiceConfig)) -> Hub {
    let mut config = VoiceConfig::at(local());
    config.rtp_ports = ports();
    change(&mut config);
    let (voice, events, handle) = VoiceChannel::start(config, Arc::new(Book)).expect("a channel");
    Hub {
        voice,
        events,
        handle,
    }
}

/// A hub that trusts this phone as its trunk.
fn hub_for(trunk: &Softphone) -> Hub {
    let address = trunk.local_addr().to_string();
    hub_with(|config| {
        config.trunks.push(Trunk {
            name: "world".to_owned(),
            address,
        })
    })
}

async fn phone(config: SoftphoneConfig) -> (Softphone, Receiver<PhoneEvent>) {
    Softphone::start(config).await.expect("a phone")
}

async fn heard(events: &mut Receiver<PhoneEvent>) -> PhoneEvent {
    tokio::time::timeout(PATIENCE, events.recv())
        .await
        .expect("an event in time")
        .expect("a running phone")
}

/// Waits until the phone has heard at least this many packets more on a call.
async fn hears(phone: &Softphone, call: PhoneCall, packets: u64) {
    let before = phone.stats(call).await.expect("media").received;
    tokio::time::timeout(PATIENCE, async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while phone
            .stats(call)
            .await
            .is_none_or(|stats| stats.received < before + packets)
        {
            tick.tick().await;
        }
    })
    .await
    .expect("packets in time");
}

fn new_leg() -> LegId {
    LegId::from_uuid(Uuid::new_v4())
}

#[tokio::test]
async fn a_caller_and_an_agent_hear_each_other_and_the_hang_up_reaches_both() {
    let (caller, mut caller_events) = phone(SoftphoneConfig::at(local(), "world")).await;
    let mut hub = hub_for(&caller);
    let config = SoftphoneConfig::at(local(), "anna").registering(hub.handle.local_addr(), "right");
    let (agent, mut agent_events) =
        phone(config.answering(Answering::After(Duration::from_millis(50)))).await;
    assert_eq!(heard(&mut agent_events).await, PhoneEvent::Registered);
    assert_eq!(
        hub.next().await,
        VoiceEvent::PhoneRegistered {
            user: "anna".to_owned()
        }
    );

    let call = caller.call(&hub.number("4930"), "+49170").unwrap();
    let VoiceEvent::Incoming {
        leg,
        trunk,
        from_user,
        to_user,
    } = hub.next().await
    else {
        panic!("no call")
    };
    assert_eq!(
        (trunk.as_str(), from_user.as_str(), to_user.as_str()),
        ("world", "+49170", "4930")
    );
    hub.send(VoiceCommand::Answer {
        leg,
        sound: Sound::QueueMusic,
    });
    assert_eq!(
        heard(&mut caller_events).await,
        PhoneEvent::Answered { id: call }
    );
    hears(&caller, call, 10).await; // music

    let onward = new_leg();
    hub.send(VoiceCommand::Dial {
        leg: onward,
        target: DialTarget::RegisteredPhone {
            user: "anna".to_owned(),
            via: None,
        },
        from_user: "+49170".to_owned(),
        ring_for: PATIENCE,
        sound: Sound::Silence,
    });
    let PhoneEvent::Incoming {
        id: agent_call,
        from_user,
    } = heard(&mut agent_events).await
    else {
        panic!()
    };
    assert_eq!(from_user, "+49170");
    assert_eq!(hub.next().await, VoiceEvent::Ringing { leg: onward });
    assert_eq!(hub.next().await, VoiceEvent::Answered { leg: onward });
    assert_eq!(
        heard(&mut agent_events).await,
        PhoneEvent::Answered { id: agent_call }
    );
    hub.send(VoiceCommand::Bridge { a: leg, b: onward });
    let (sent, _) = tokio::join!(hears(&caller, call, 20), hears(&agent, agent_call, 20));
    let () = sent;
    assert!(
        hub.handle.media_stats().packets_in > 0,
        "packets go from leg to leg"
    );

    caller.hang_up(call).unwrap();
    assert_eq!(
        hub.next().await,
        VoiceEvent::Ended {
            leg,
            why: LegEnd::PeerHungUp
        }
    );
    hub.send(VoiceCommand::HangUp { leg: onward });
    assert_eq!(
        hub.next().await,
        VoiceEvent::Ended {
            leg: onward,
            why: LegEnd::HungUp
        }
    );
    let PhoneEvent::Ended { why, stats, .. } = heard(&mut agent_events).await else {
        panic!("still up")
    };
    assert_eq!((why, stats.lost), (PhoneEnd::ByPeer, 0));
    assert_eq!(hub.count("rapport_voice_legs"), 0);
    agent.stop().await;
    assert_eq!(
        hub.next().await,
        VoiceEvent::PhoneGone {
            user: "anna".to_owned()
        }
    );
}

#[tokio::test]
async fn a_stranger_is_forbidden_and_counted_and_no_event_tells_of_it() {
    let (trunk, mut trunk_events) = phone(SoftphoneConfig::at(local(), "world")).await;
    let mut hub = hub_for(&trunk);
    let (stranger, mut events) = phone(SoftphoneConfig::at(local(), "x")).await;
    let call = stranger.call(&hub.number("100"), "100").unwrap();
    let PhoneEvent::Ended { id, why, .. } = heard(&mut events).await else {
        panic!("let in")
    };
    assert_eq!((id, why), (call, PhoneEnd::Refused(403)));
    assert_eq!(hub.count("rapport_voice_refused_unknown_source_total"), 1);
    // The first thing the hub hears of is the trunk's call.
    trunk.call(&hub.number("200"), "1").unwrap();
    let VoiceEvent::Incoming { leg, to_user, .. } = hub.next().await else {
        panic!()
    };
    assert_eq!(to_user, "200");
    hub.send(VoiceCommand::Refuse {
        leg,
        reason: Refusal::UnknownAccessPoint,
    });
    assert_eq!(
        hub.next().await,
        VoiceEvent::Ended {
            leg,
            why: LegEnd::HungUp
        }
    );
    let PhoneEvent::Ended { why, .. } = heard(&mut trunk_events).await else {
        panic!()
    };
    assert_eq!(why, PhoneEnd::Refused(404));
}

#[tokio::test]
async fn a_phone_with_a_wrong_password_is_not_registered_and_in_the_end_not_even_challenged() {
    let hub = hub_with(|config| config.limits.auth_failures = 2);
    for (user, secret, status) in [
        ("anna", "wrong", 401),
        ("nobody", "right", 401),
        ("anna", "right", 403),
    ] {
        let config =
            SoftphoneConfig::at(local(), user).registering(hub.handle.local_addr(), secret);
        let (_phone, mut events) = phone(config).await;
        assert_eq!(
            heard(&mut events).await,
            PhoneEvent::NotRegistered {
                status: Some(status)
            }
        );
    }
    assert_eq!(hub.count("rapport_voice_auth_failures_total"), 2);
}

#[tokio::test]
async fn a_registered_phone_may_call_and_is_challenged_for_it() {
    let mut hub =
        hub_with(|config| config.digest_algorithms = vec![Algorithm::Sha256, Algorithm::Md5]);
    let config = SoftphoneConfig::at(local(), "anna").registering(hub.handle.local_addr(), "right");
    let (agent, mut events) = phone(config).await;
    assert_eq!(heard(&mut events).await, PhoneEvent::Registered);
    let _ = hub.next().await;
    let call = agent.call(&hub.number("0"), "anna").unwrap();
    let VoiceEvent::Incoming { leg, trunk, .. } = hub.next().await else {
        panic!("not let in")
    };
    assert_eq!(trunk, "phone:anna");
    agent.hang_up(call).unwrap();
    assert_eq!(
        hub.next().await,
        VoiceEvent::Ended {
            leg,
            why: LegEnd::CallerGaveUp
        }
    );
}

#[tokio::test]
async fn each_way_a_dial_can_fail_is_told_as_it_is() {
    let (trunk, _trunk_events) = phone(SoftphoneConfig::at(local(), "world")).await;
    let mut hub = hub_for(&trunk);
    let (busy, _busy) =
        phone(SoftphoneConfig::at(local(), "b").answering(Answering::Reject(486))).await;
    let (shy, _shy) =
        phone(SoftphoneConfig::at(local(), "d").answering(Answering::Reject(603))).await;
    let (asleep, mut asleep_events) = phone(SoftphoneConfig::at(local(), "s")).await;
    let address = |phone: &Softphone| DialTarget::Address {
        uri: format!("sip:x@{}", phone.local_addr()),
    };
    let cases = [
        (address(&busy), LegEnd::Busy),
        (address(&shy), LegEnd::Declined),
        (address(&asleep), LegEnd::NoAnswer),
        (
            DialTarget::RegisteredPhone {
                user: "anna".to_owned(),
                via: None,
            },
            LegEnd::Unreachable,
        ),
        (
            DialTarget::Trunk {
                trunk: "none".to_owned(),
                number: "1".to_owned(),
            },
            LegEnd::Unreachable,
        ),
        (
            DialTarget::Address {
                uri: "nonsense".to_owned(),
            },
            LegEnd::Unreachable,
        ),
    ];
    for (target, expected) in cases {
        let leg = new_leg();
        let ring_for = if expected == LegEnd::NoAnswer {
            Duration::from_millis(300)
        } else {
            PATIENCE
        };
        hub.send(VoiceCommand::Dial {
            leg,
            target,
            from_user: "1".to_owned(),
            ring_for,
            sound: Sound::Silence,
        });
        let end = loop {
            match hub.next().await {
                VoiceEvent::Ringing { .. } => {}
                other => break other,
            }
        };
        assert_eq!(end, VoiceEvent::Ended { leg, why: expected });
    }
    assert!(matches!(
        heard(&mut asleep_events).await,
        PhoneEvent::Incoming { .. }
    ));
    let PhoneEvent::Ended { why, .. } = heard(&mut asleep_events).await else {
        panic!("never cancelled")
    };
    assert_eq!(why, PhoneEnd::ByPeer);
}

#[tokio::test]
async fn calls_above_the_rate_get_503_and_those_below_are_served() {
    let (trunk, mut phone_events) = phone(SoftphoneConfig::at(local(), "world")).await;
    let address = trunk.local_addr().to_string();
    let mut hub = hub_with(|config| {
        config.trunks.push(Trunk {
            name: "world".to_owned(),
            address,
        });
        config.limits.max_legs = 3;
    });
    for _ in 0..5 {
        trunk.call(&hub.number("1"), "1").unwrap();
    }
    for _ in 0..3 {
        assert!(matches!(hub.next().await, VoiceEvent::Incoming { .. }));
    }
    for _ in 0..2 {
        let PhoneEvent::Ended { why, .. } = heard(&mut phone_events).await else {
            panic!("let in")
        };
        assert_eq!(why, PhoneEnd::Refused(503));
    }
    assert_eq!(hub.count("rapport_voice_refused_legs_total"), 2);
}

#[tokio::test]
async fn a_shutdown_hangs_up_and_frees_the_port() {
    let (trunk, mut phone_events) = phone(SoftphoneConfig::at(local(), "world")).await;
    let mut hub = hub_for(&trunk);
    trunk.call(&hub.number("1"), "1").unwrap();
    let VoiceEvent::Incoming { leg, .. } = hub.next().await else {
        panic!()
    };
    hub.send(VoiceCommand::Answer {
        leg,
        sound: Sound::Ringback,
    });
    assert!(matches!(
        heard(&mut phone_events).await,
        PhoneEvent::Answered { .. }
    ));
    let address = hub.handle.local_addr();
    hub.handle.shutdown().await;
    let PhoneEvent::Ended { why, .. } = heard(&mut phone_events).await else {
        panic!("still up")
    };
    assert_eq!(why, PhoneEnd::ByPeer);
    assert_eq!(
        hub.events.recv().await,
        Some(VoiceEvent::Ended {
            leg,
            why: LegEnd::HungUp
        })
    );
    assert_eq!(hub.events.recv().await, None);
    std::net::UdpSocket::bind(address).expect("a free port");
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_key() {
    let taken = std::net::UdpSocket::bind(local()).unwrap();
    let config = VoiceConfig::at(taken.local_addr().unwrap());
    let error = VoiceChannel::start(config, Arc::new(Book))
        .err()
        .expect("an error");
    assert!(matches!(error, StartError::Bind { .. }));
    let text = error.to_string();
    assert!(
        text.contains("voice.bind") && text.contains(&taken.local_addr().unwrap().to_string()),
        "{text}"
    );
}

#[tokio::test]
async fn fifty_calls_at_once_are_answered_and_heard_on_one_phone() {
    let (trunk, mut phone_events) = phone(SoftphoneConfig::at(local(), "world")).await;
    let mut hub = hub_for(&trunk);
    let calls: Vec<PhoneCall> = (0..50)
        .map(|n| trunk.call(&hub.number("1"), &n.to_string()).unwrap())
        .collect();
    for _ in &calls {
        let VoiceEvent::Incoming { leg, .. } = hub.next().await else {
            panic!()
        };
        hub.send(VoiceCommand::Answer {
            leg,
            sound: Sound::QueueMusic,
        });
    }
    for _ in &calls {
        assert!(matches!(
            heard(&mut phone_events).await,
            PhoneEvent::Answered { .. }
        ));
    }
    for &call in &calls {
        hears(&trunk, call, 5).await;
    }
    for &call in &calls {
        trunk.hang_up(call).unwrap();
    }
    for _ in &calls {
        assert!(matches!(
            hub.next().await,
            VoiceEvent::Ended {
                why: LegEnd::PeerHungUp,
                ..
            }
        ));
    }
}
