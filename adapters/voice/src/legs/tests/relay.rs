//! Another node calls a phone that registered here.

use super::phones::{OFFICE, office};
use super::*;

const NODE: &str = "10.0.0.21:5060";
const STRANGER: &str = "203.0.113.9:5060";

/// What node A sends for a call to anna.
fn from_node(method: &str, branch: &str, extra: &str) -> String {
    format!(
        "{method} sip:anna@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.21:5060;rport;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:49170@10.0.0.21>;tag=a\r\nTo: <sip:anna@192.0.2.1>\r\nCall-ID: c1\r\n\
         CSeq: 1 {method}\r\nContact: <sip:rapport@10.0.0.21:5060>\r\n{extra}Content-Length: 0\r\n\r\n"
    )
}

fn header<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let prefix = format!("{name}: ");
    message
        .split("\r\n")
        .filter_map(|line| line.strip_prefix(prefix.as_str()))
        .collect()
}

impl Scene {
    /// What went out, with where to.
    fn passed(&mut self) -> Vec<(String, String)> {
        std::iter::from_fn(|| self.board.next_send())
            .map(|(to, bytes)| (to.to_string(), String::from_utf8(bytes.to_vec()).unwrap()))
            .collect()
    }

    fn answers(&mut self, request: &str, status: &str, source: &str) {
        let vias: String = header(request, "Via")
            .iter()
            .map(|via| format!("Via: {via}\r\n"))
            .collect();
        let routes: String = header(request, "Record-Route")
            .iter()
            .map(|route| format!("Record-Route: {route}\r\n"))
            .collect();
        let method = request.split(' ').next().unwrap();
        let response = format!(
            "SIP/2.0 {status}\r\n{vias}{routes}From: <sip:49170@10.0.0.21>;tag=a\r\nTo: <sip:anna@192.0.2.1>;tag=p\r\n\
             Call-ID: c1\r\nCSeq: 1 {method}\r\nContact: <sip:anna@{OFFICE}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.hear(&response, source);
    }
}

fn two_nodes() -> Scene {
    let (mut scene, _) = office(Limits::default());
    scene.registered("right", OFFICE);
    scene.command(VoiceCommand::Peers(vec![NODE.parse().unwrap()]));
    scene
}

#[test]
fn a_call_of_another_node_reaches_the_phone_and_every_message_of_it_finds_its_way() {
    let mut scene = two_nodes();
    scene.hear(&from_node("INVITE", "1", ""), NODE);
    let (to, invite) = scene.passed().remove(0);
    assert_eq!(to, OFFICE);
    assert!(
        invite.starts_with(&format!("INVITE sip:anna@{OFFICE} SIP/2.0")),
        "{invite}"
    );
    assert_eq!(header(&invite, "Max-Forwards"), ["69"]);
    let vias = header(&invite, "Via");
    assert!(vias[0].contains("192.0.2.1:5060"), "{vias:?}");
    assert!(vias[1].contains("received=10.0.0.21"), "{vias:?}");
    let stay = header(&invite, "Record-Route")[0].to_owned();

    // A retransmission leaves here with the same branch; so does the CANCEL that withdraws it.
    scene.hear(&from_node("INVITE", "1", ""), NODE);
    assert_eq!(header(&scene.passed()[0].1, "Via")[0], vias[0]);
    scene.hear(&from_node("CANCEL", "1", ""), NODE);
    let (to, cancel) = scene.passed().remove(0);
    assert_eq!((to.as_str(), header(&cancel, "Via")[0]), (OFFICE, vias[0]));

    for status in ["180 Ringing", "200 OK"] {
        scene.answers(&invite, status, OFFICE);
        let (to, answer) = scene.passed().remove(0);
        assert_eq!(to, NODE);
        assert_eq!(header(&answer, "Via").len(), 1, "{answer}");
        assert_eq!(header(&answer, "Record-Route"), [stay.as_str()]);
    }

    // Inside the call the node sends to the phone's own address, by way of us.
    let inside = from_node("ACK", "2", &format!("Route: {stay}\r\n")).replace(
        "sip:anna@192.0.2.1:5060 SIP",
        &format!("sip:anna@{OFFICE} SIP"),
    );
    scene.hear(&inside, NODE);
    let (to, ack) = scene.passed().remove(0);
    assert_eq!(to, OFFICE);
    assert!(
        ack.starts_with(&format!("ACK sip:anna@{OFFICE} SIP")),
        "{ack}"
    );
    assert!(header(&ack, "Route").is_empty(), "{ack}");

    // And the phone to the node.
    let bye = format!(
        "BYE sip:rapport@{NODE} SIP/2.0\r\nVia: SIP/2.0/UDP {OFFICE};rport;branch=z9hG4bKp\r\nRoute: {stay}\r\n\
         From: <sip:anna@192.0.2.1>;tag=p\r\nTo: <sip:49170@10.0.0.21>;tag=a\r\nCall-ID: c1\r\nCSeq: 1 BYE\r\n\
         Content-Length: 0\r\n\r\n"
    );
    scene.hear(&bye, OFFICE);
    let (to, bye) = scene.passed().remove(0);
    assert_eq!(to, NODE);
    scene.answers(&bye, "200 OK", NODE);
    assert_eq!(scene.passed().remove(0).0, OFFICE);
    assert!(scene.events().is_empty(), "the hub is not asked");
}

#[test]
fn a_phone_that_is_not_here_is_said_to_be_away_and_strangers_are_not_served() {
    let mut scene = two_nodes();
    let nobody = from_node("INVITE", "1", "").replace("INVITE sip:anna@", "INVITE sip:bert@");
    scene.hear(&nobody, NODE);
    let (to, answer) = scene.passed().remove(0);
    assert_eq!(to, NODE);
    assert!(answer.starts_with("SIP/2.0 480 "), "{answer}");

    scene.hear(&from_node("INVITE", "2", ""), STRANGER);
    let sent = scene.passed();
    assert!(sent.iter().all(|(to, _)| to == STRANGER), "{sent:?}");

    // Nor may a registered phone use us to reach whomever it likes.
    let bye = format!(
        "BYE sip:x@203.0.113.77:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {OFFICE};branch=z9hG4bKp\r\n\
         Route: <sip:anna@192.0.2.1:5060;lr=on>\r\nFrom: <sip:anna@192.0.2.1>;tag=p\r\nTo: <sip:x@y>;tag=a\r\n\
         Call-ID: c1\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    );
    scene.hear(&bye, OFFICE);
    let sent = scene.passed();
    assert!(
        sent.iter()
            .all(|(to, text)| to == OFFICE && text.starts_with("SIP/2.0 403")),
        "{sent:?}"
    );
}

#[test]
fn a_message_that_went_round_too_often_goes_no_further() {
    let mut scene = two_nodes();
    let tired = from_node("INVITE", "1", "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    scene.hear(&tired, NODE);
    assert!(scene.passed().remove(0).1.starts_with("SIP/2.0 483 "));
}
