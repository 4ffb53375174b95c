use proptest::prelude::*;

use super::*;

const INVITE: &str = "INVITE sip:4930@10.0.0.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bKabc;rport, SIP/2.0/UDP 10.0.0.8;branch=z9hG4bKdef\r\n\
    v: SIP / 2.0 / TCP 10.0.0.7 ;branch=z9hG4bKghi\r\n\
    f: \"Ann, \\\"A\\\"\" <sip:+49170@10.0.0.9;user=phone>;tag=77\r\n\
    To: sip:4930@10.0.0.1;x=1\r\n\
    i: one@10.0.0.9\r\n\
    CSeq: 1\r\n  INVITE\r\n\
    CONTACT: <sip:ann@10.0.0.9:5070;transport=udp>\r\n\
    Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
    l: 4\r\n\r\nv=0\nsurplus";

fn request(text: &str) -> (Request, Basics) {
    let parsed = parse(text.as_bytes()).unwrap();
    let Message::Request(request) = parsed.message else {
        panic!("not a request")
    };
    (request, parsed.basics)
}

#[test]
fn compact_names_folded_lines_and_lists_are_read() {
    let (invite, basics) = request(INVITE);
    assert_eq!(invite.method, Method::Invite);
    assert_eq!(invite.uri.user_name(), "4930");
    assert_eq!(invite.headers.elements("via").len(), 3);
    assert_eq!(basics.via.branch(), Some("z9hG4bKabc"));
    assert_eq!(basics.via.sent_by, "10.0.0.9:5070");
    assert_eq!(basics.via.params.get("RPORT"), Some(""));
    assert_eq!(
        (basics.from.display.as_str(), basics.from.tag()),
        ("Ann, \"A\"", Some("77"))
    );
    assert_eq!(basics.from.uri.user_name(), "+49170");
    assert_eq!(
        (basics.to.tag(), basics.to.params.get("x")),
        (None, Some("1"))
    );
    assert_eq!(
        basics.cseq,
        CSeq {
            number: 1,
            method: Method::Invite
        }
    );
    assert_eq!(
        invite.headers.elements("Record-Route"),
        ["<sip:p1;lr>", "<sip:p2;lr>"]
    );
    assert_eq!(invite.body, b"v=0\n", "surplus bytes are cut off");
    assert_eq!(
        Via::parse(invite.headers.elements("Via")[2])
            .unwrap()
            .transport,
        "TCP"
    );
}

#[test]
fn what_is_wrong_is_named() {
    let change = |from: &str, to: &str| {
        parse(INVITE.replacen(from, to, 1).as_bytes())
            .err()
            .map(|m| m.fault)
    };
    let cases = [
        ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia", Fault::Version),
        ("INVITE sip", "INV<ITE sip", Fault::StartLine),
        ("sip:4930@10.0.0.1 SIP", "4930 SIP", Fault::RequestUri),
        ("Via: SIP/2.0/UDP", "Via: HTTP", Fault::Via),
        ("\r\nTo: ", "\r\nTo ", Fault::HeaderField),
        ("\r\nTo: ", "\r\nTwo: ", Fault::To),
        ("f: \"Ann", "From: <\"Ann", Fault::From),
        ("i: one@10.0.0.9", "i:", Fault::CallId),
        ("CSeq: 1", "CSeq: 4294967295", Fault::CSeq),
        ("  INVITE", "  BYE", Fault::CSeq),
        ("l: 4", "l: 400", Fault::ContentLength),
        ("l: 4", "l: -1", Fault::ContentLength),
        ("l: 4", "l: 4\r\nContent-Length: 5", Fault::ContentLength),
        ("one@", "o\u{1}ne@", Fault::ControlCharacter),
        ("\r\n\r\n", "\r\n", Fault::NoEmptyLine),
    ];
    for (from, to, fault) in cases {
        assert_eq!(change(from, to), Some(fault), "{from:?} -> {to:?}");
    }
    assert_eq!(parse(b"\r\n\r\n").err().unwrap().fault, Fault::KeepAlive);
}

#[test]
fn a_broken_request_is_answered_only_when_an_answer_can_find_its_way() {
    let broken = |from: &str, to: &str| {
        parse(INVITE.replacen(from, to, 1).as_bytes())
            .err()
            .unwrap()
            .request
    };
    assert!(broken("CSeq: 1", "CSeq: x").is_some());
    assert!(broken("Via: SIP/2.0/UDP 10.0.0.9:5070", "Via: nonsense").is_none());
    assert!(broken("i: one@10.0.0.9\r\n", "").is_none());
    let ack = INVITE.replacen("INVITE", "ACK", 1);
    assert!(
        parse(ack.as_bytes()).err().unwrap().request.is_none(),
        "nobody answers an ACK"
    );
}

#[test]
fn more_headers_than_allowed_are_refused() {
    let many = "X: y\r\n".repeat(MAX_HEADERS);
    let text = INVITE.replacen("l: 4", &format!("{many}l: 4"), 1);
    assert_eq!(
        parse(text.as_bytes()).err().unwrap().fault,
        Fault::HeaderLimit
    );
    let long = format!("X: {}\r\nl: 4", "y".repeat(MAX_HEADER_LINE));
    assert_eq!(
        parse(INVITE.replacen("l: 4", &long, 1).as_bytes())
            .err()
            .unwrap()
            .fault,
        Fault::HeaderLimit
    );
}

#[test]
fn addresses_of_many_shapes_are_understood() {
    let uri = |text: &str| Uri::parse(text).unwrap();
    assert_eq!(
        uri("sip:%2B49;phone-context=x@h;user=phone").user_name(),
        "+49"
    );
    assert_eq!(uri("tel:+4930;ext=1").user_name(), "+4930");
    assert_eq!(
        uri("sip:[::1]:5080").socket_addr(),
        Some("[::1]:5080".parse().unwrap())
    );
    assert_eq!(
        uri("sip:a:pw@1.2.3.4").socket_addr(),
        Some("1.2.3.4:5060".parse().unwrap())
    );
    assert_eq!(uri("sip:host.example").host_port(), "host.example:5060");
    for text in [
        "sip:a@h:99999",
        "sip:",
        "a@b",
        "sip:a@b c",
        "sip:[::1",
        "sip:a@h\r\nX: y",
    ] {
        assert!(Uri::parse(text).is_none(), "{text}");
    }
    assert_eq!(
        Uri::sip("a b@c", "1.2.3.4:5".parse().unwrap()).to_string(),
        "sip:a%20b%40c@1.2.3.4:5"
    );
}

#[test]
fn a_value_cannot_start_another_header() {
    let headers = Headers::new().with("Subject", "x\r\nEvil: y");
    assert_eq!(headers.get("Subject"), Some("x  Evil: y"));
}

/// A message with some of its bytes replaced, dropped or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..12).prop_map(
        |changes| {
            let mut bytes = INVITE.as_bytes().to_vec();
            for (at, byte, how) in changes {
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, byte),
                }
            }
            bytes
        },
    )
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "INVITE",
        "SIP/2.0",
        " ",
        "\r\n",
        "\n",
        ":",
        ";",
        ",",
        "<",
        ">",
        "\"",
        "\\",
        "=",
        "Via",
        "From",
        "sip:",
        "@",
        "[",
        "]",
        "%",
        "\t",
        "1",
        "Content-Length: 9999999999999999999999",
        "\u{e9}",
        "\0",
    ];
    proptest::collection::vec(prop::sample::select(pieces.to_vec()), 0..60)
        .prop_map(|all| all.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_datagram_makes_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_mixture_of_sip_words_makes_the_parser_panic(bytes in words()) {
        let _ = parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = (Uri::parse(&text), NameAddr::parse(&text), Via::parse(&text));
        let _ = crate::sdp::parse(&bytes);
    }

    #[test]
    fn what_was_read_and_written_reads_the_same(bytes in mutated()) {
        if let Ok(parsed) = parse(&bytes) {
            let again = parse(&parsed.message.to_bytes());
            let again = again.map_err(|malformed| TestCaseError::fail(malformed.fault.to_string()))?;
            prop_assert!(parsed.message == again.message);
            prop_assert!(parsed.basics == again.basics);
        }
    }
}
