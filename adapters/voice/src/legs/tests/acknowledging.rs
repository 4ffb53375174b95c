//! Between our 200 and its ACK, and the addresses that a description may name.

use super::*;

#[test]
fn the_engine_learns_where_to_send_only_when_our_200_is_acknowledged() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    let tag = scene.answered_only(leg);
    assert_eq!(scene.media(), ["open", "play QueueMusic"]);
    let forged = scene.request("ACK", 1, ";tag=0123456789abcdef0123", "");
    scene.hear(&forged, TRUNK);
    assert!(scene.media().is_empty(), "somebody who did not read it");
    let ack = scene.request("ACK", 1, &tag, "");
    scene.hear(&ack, TRUNK);
    assert_eq!(scene.media(), [REMOTE]);
    scene.hear(&ack, TRUNK);
    assert!(scene.media().is_empty(), "a repetition changes nothing");
}

#[test]
fn a_lost_ack_delays_the_sound_until_our_repeated_200_is_acknowledged() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    let tag = scene.answered_only(leg);
    for _ in 0..3 {
        scene.now += Duration::from_secs(4);
        scene.board.tick(scene.now);
        assert!(scene.sent().concat().starts_with("SIP/2.0 200 "));
    }
    assert_eq!(scene.media(), ["open", "play QueueMusic"]);
    let ack = scene.request("ACK", 1, &tag, "");
    scene.hear(&ack, TRUNK);
    assert_eq!(scene.media(), [REMOTE]);
    assert!(scene.events().is_empty());
}

#[test]
fn a_call_that_is_never_acknowledged_fails_and_nothing_was_sent_to_it() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    scene.answered_only(leg);
    scene.now += Duration::from_secs(33);
    scene.board.tick(scene.now);
    assert_eq!(scene.media(), ["open", "play QueueMusic", "close"]);
    let why = LegEnd::Failed;
    assert_eq!(scene.events(), [VoiceEvent::Ended { leg, why }]);
}

#[test]
fn what_the_hub_asks_before_the_ack_is_for_the_engine_to_remember() {
    let mut scene = Scene::new();
    let talking = scene.offered(SDP);
    scene.answered(talking);
    let waiting = scene.offered(SDP);
    let tag = scene.answered_only(waiting);
    scene.media();
    scene.command(VoiceCommand::Play {
        leg: waiting,
        sound: Sound::Ringback,
    });
    scene.command(VoiceCommand::Bridge {
        a: waiting,
        b: talking,
    });
    assert_eq!(scene.media(), ["play Ringback", "bridge"]);
    let ack = scene.request("ACK", 1, &tag, "");
    scene.hear(&ack, TRUNK);
    assert_eq!(scene.media(), [REMOTE], "and the bridge stands");
}

#[test]
fn a_change_before_the_ack_is_what_the_ack_puts_in_force() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    let tag = scene.answered_only(leg);
    scene.media();
    let update = scene.request("UPDATE", 2, &tag, &SDP.replace("4000", "4002"));
    scene.hear(&update, TRUNK);
    assert!(scene.sent().concat().starts_with("SIP/2.0 200 "));
    assert!(scene.media().is_empty());
    let ack = scene.request("ACK", 1, &tag, "");
    scene.hear(&ack, TRUNK);
    assert_eq!(scene.media(), [REMOTE.replace("4000", "4002")]);

    let leg = scene.offered("");
    let tag = scene.answered_only(leg);
    let update = scene.request("UPDATE", 2, &tag, SDP);
    scene.hear(&update, TRUNK);
    let sent = scene.sent().concat();
    assert!(sent.starts_with("SIP/2.0 491 "), "ours is open: {sent}");
}

#[test]
fn an_address_that_is_no_single_other_machine_is_not_acceptable() {
    for (address, loopback, status) in [
        ("IP4 239.1.2.3", false, "488"),
        ("IP4 255.255.255.255", false, "488"),
        ("IP4 0.0.0.0", false, "488"),
        ("IP4 0.0.0.7", false, "488"),
        ("IP4 127.0.0.1", false, "488"),
        ("IP6 ::", false, "488"),
        ("IP6 ::1", false, "488"),
        ("IP6 ff02::1", false, "488"),
        ("IP6 ::ffff:127.0.0.1", false, "488"),
        ("IP4 127.0.0.1", true, "100"),
        ("IP6 ::1", true, "100"),
        ("IP4 239.1.2.3", true, "488"),
        ("IP4 192.168.1.2", false, "100"),
        ("IP6 2001:db8::2", false, "100"),
    ] {
        let mut scene = Scene::new();
        scene.board.loopback = loopback;
        scene.calls += 1;
        let body = SDP.replace("c=IN IP4 10.0.0.9", &format!("c=IN {address}"));
        let invite = scene.request("INVITE", 1, "", &body);
        scene.hear(&invite, TRUNK);
        let last = scene.sent().pop().unwrap();
        let expected = format!("SIP/2.0 {status} ");
        assert!(last.starts_with(&expected), "{address} {loopback}: {last}");
        assert_eq!(scene.events().is_empty(), status == "488");
        assert!(scene.media().is_empty());
    }
}

#[test]
fn a_running_call_may_not_be_aimed_elsewhere_but_may_be_held_in_the_old_way() {
    let mut scene = Scene::new();
    let leg = scene.offered(SDP);
    let tag = scene.answered(leg);
    scene.media();
    scene.sent();
    for (cseq, address, status) in [(2, "224.0.0.1", "488"), (3, "0.0.0.0", "200")] {
        let body = SDP.replace("c=IN IP4 10.0.0.9", &format!("c=IN IP4 {address}"));
        let invite = scene.request("INVITE", cseq, &tag, &body);
        scene.hear(&invite, TRUNK);
        let sent = scene.sent().concat();
        assert!(sent.starts_with(&format!("SIP/2.0 {status} ")), "{sent}");
    }
    let held = "remote 0.0.0.0:4000 from 10.0.0.9 Pcma send=false receive=true";
    assert_eq!(scene.media(), [held]);
}

#[test]
fn an_answer_that_aims_us_at_a_whole_network_ends_the_call() {
    let mut scene = Scene::new();
    let leg = scene.offered("");
    let tag = scene.answered_only(leg);
    let ack = scene.request(
        "ACK",
        1,
        &tag,
        &SDP.replace("IP4 10.0.0.9\r\nt", "IP4 224.0.0.1\r\nt"),
    );
    scene.hear(&ack, TRUNK);
    assert_eq!(scene.media(), ["open", "play QueueMusic", "close"]);
    let why = LegEnd::Failed;
    assert_eq!(scene.events(), [VoiceEvent::Ended { leg, why }]);
}
