//! Who is let in, and what ends a leg.

use super::*;

#[test]
fn trunks_are_known_by_address_and_a_named_port_must_match() {
    let mut scene = Scene::new();
    for (source, status) in [
        ("10.0.0.9:40000", "100"),
        ("10.0.0.8:5080", "100"),
        ("10.0.0.8:5081", "403"),
        ("10.0.0.7:5060", "403"),
    ] {
        scene.calls += 1;
        let invite = scene.request("INVITE", 1, "", SDP);
        scene.hear(&invite, source);
        let sent = scene.sent();
        assert!(
            sent.len() == 1 && sent[0].starts_with(&format!("SIP/2.0 {status} ")),
            "{source}: {sent:?}"
        );
    }
    let trunks: Vec<_> = scene
        .events()
        .into_iter()
        .map(|event| match event {
            VoiceEvent::Incoming { trunk, .. } => trunk,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(trunks, ["city", "strict"]);
}

#[test]
fn a_refused_call_leaves_nothing_behind_and_repetitions_get_the_same_answer() {
    let limits = Limits {
        per_trunk: Rate {
            per_second: 1,
            burst: 1,
        },
        ..Limits::default()
    };
    let mut scene = Scene::with(limits);
    scene.offered(SDP);
    scene.sent();
    scene.calls += 1;
    let invite = scene.request("INVITE", 1, "", SDP);
    scene.hear(&invite, TRUNK);
    scene.hear(&invite, TRUNK);
    let sent = scene.sent();
    assert!(
        sent[0].starts_with("SIP/2.0 503 ") && sent[0].contains("Retry-After: 2"),
        "{sent:?}"
    );
    assert_eq!(sent[0], sent[1], "the tag too");
    assert_eq!(scene.board.legs.len(), 1);
    assert_eq!(scene.board.counters.refused_rate.get(), 2);
    let again = scene
        .request("INVITE", 1, "", SDP)
        .replace("call2", "call1")
        .replace("2x1", "1x1");
    scene.hear(&again.replace("tag=f2", "tag=f1"), TRUNK);
    assert!(
        scene.sent()[0].starts_with("SIP/2.0 100 "),
        "a repetition of what was let in is no new load"
    );
}

#[test]
fn a_withheld_number_is_empty_and_an_asserted_one_wins() {
    for (header, expected) in [
        ("Subject: x", "+49170"),
        ("Privacy: id", ""),
        ("P-Asserted-Identity: <tel:+4989>", "+4989"),
        (
            "P-Asserted-Identity: \"A, B\" <sip:+4989@x>, <tel:1>",
            "+4989",
        ),
    ] {
        let mut scene = Scene::new();
        let invite = scene.request("INVITE", 1, "", SDP).replacen(
            "Contact:",
            &format!("{header}\r\nContact:"),
            1,
        );
        scene.hear(&invite, TRUNK);
        let Some(VoiceEvent::Incoming { from_user, .. }) = scene.events().pop() else {
            panic!("{header}")
        };
        assert_eq!(from_user, expected, "{header}");
    }
    let mut scene = Scene::new();
    let invite = scene.request("INVITE", 1, "", SDP).replacen(
        "+49170@10.0.0.9",
        "anonymous@anonymous.invalid",
        1,
    );
    scene.hear(&invite, TRUNK);
    assert!(
        matches!(scene.events().pop(), Some(VoiceEvent::Incoming { from_user, .. }) if from_user.is_empty())
    );
}

#[test]
fn a_call_on_to_an_agent_offers_the_callers_codec_first() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    scene.answered(leg);
    scene.sent();
    for (from_user, order) in [("+49170", "RTP/AVP 8 0 101"), ("other", "RTP/AVP 0 8 101")] {
        scene.command(VoiceCommand::Dial {
            leg: LegId::derived(uuid::Uuid::nil(), from_user),
            target: DialTarget::Trunk {
                trunk: "strict".to_owned(),
                number: "1".to_owned(),
            },
            from_user: from_user.to_owned(),
            ring_for: Duration::from_secs(9),
            sound: Sound::Silence,
        });
        let invite = scene.sent().concat();
        assert!(
            invite.starts_with("INVITE sip:1@10.0.0.8:5080 SIP/2.0") && invite.contains(order),
            "{invite}"
        );
    }
}

#[test]
fn silence_on_the_wire_an_undecided_call_and_no_free_port_each_end_the_leg() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    scene.answered(leg);
    scene.board.rtp_stopped(leg, scene.now);
    assert_eq!(
        scene.events(),
        [VoiceEvent::Ended {
            leg,
            why: LegEnd::Failed
        }]
    );
    assert!(
        scene
            .sent()
            .concat()
            .contains("BYE sip:x@10.0.0.9:5060 SIP/2.0")
    );

    let leg = scene.offered(SDP);
    scene.sent();
    scene.now += Duration::from_secs(60);
    scene.board.tick(scene.now);
    assert_eq!(
        scene.events(),
        [VoiceEvent::Ended {
            leg,
            why: LegEnd::Failed
        }]
    );
    assert!(scene.sent().concat().contains("SIP/2.0 503 "));

    let leg = scene.offered(SDP);
    scene.sent();
    scene.wires.0.borrow_mut().push("full".to_owned());
    scene.command(VoiceCommand::Answer {
        leg,
        sound: Sound::Silence,
    });
    assert_eq!(
        scene.events(),
        [VoiceEvent::Ended {
            leg,
            why: LegEnd::Failed
        }]
    );
    assert!(scene.sent().concat().contains("SIP/2.0 503 "));
}

#[test]
fn a_call_in_a_codec_we_do_not_speak_is_not_acceptable_and_no_event() {
    let mut scene = Scene::new();
    let invite = scene.request("INVITE", 1, "", &SDP.replace("8 0", "9 18"));
    scene.hear(&invite, TRUNK);
    assert!(scene.sent().concat().contains("SIP/2.0 488 "));
    assert!(scene.events().is_empty() && scene.board.legs.is_empty());
}
