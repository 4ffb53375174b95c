use super::*;

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n\
    m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n\
    m=audio 4000 RTP/AVP 9 8 0 96 13\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\na=ptime:20\r\n";

fn local() -> Local {
    Local {
        address: "192.0.2.1".parse().unwrap(),
        port: 20_000,
        session: 5,
        version: 1,
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_offerers_order_and_numbers_hold_and_other_streams_are_declined() {
    let offer = parse(OFFER.as_bytes()).unwrap();
    assert_eq!(offer.audio.codecs, [(Codec::Pcma, 8), (Codec::Pcmu, 0)]);
    assert_eq!(offer.audio.telephone_event, Some(96));
    let answer = text(answer(&local(), &offer));
    assert!(
        answer.contains("m=video 0 RTP/AVP 96\r\nm=audio 20000 RTP/AVP 8 96\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("c=IN IP4 192.0.2.1\r\n")
            && answer.contains("a=ptime:20\r\na=sendrecv\r\n")
    );
    let back = parse(answer.as_bytes()).unwrap();
    assert_eq!(back.audio.codecs, [(Codec::Pcma, 8)]);
    assert_eq!(back.audio.address, "192.0.2.1:20000".parse().unwrap());
}

#[test]
fn hold_is_answered_as_what_remains() {
    for (theirs, ours, send, receive) in [
        ("a=sendonly", "a=recvonly", false, true),
        ("a=recvonly", "a=sendonly", true, false),
        ("a=inactive", "a=inactive", false, false),
        ("a=sendrecv", "a=sendrecv", true, true),
        ("c=IN IP4 0.0.0.0", "a=recvonly", false, true),
    ] {
        let offer = parse(format!("{OFFER}{theirs}\r\n").as_bytes()).unwrap();
        assert_eq!(
            (
                offer.audio.direction.receives(),
                offer.audio.direction.sends()
            ),
            (send, receive),
            "{theirs}"
        );
        assert!(text(answer(&local(), &offer)).contains(ours), "{theirs}");
    }
}

#[test]
fn an_offer_names_the_wanted_codec_first() {
    let pcma = text(offer(&local(), Codec::Pcma));
    assert!(pcma.contains("m=audio 20000 RTP/AVP 8 0 101\r\n"), "{pcma}");
    let read = parse(pcma.as_bytes()).unwrap();
    assert_eq!(read.audio.codecs[0], (Codec::Pcma, 8));
    assert_eq!(read.audio.telephone_event, Some(101));
}

#[test]
fn a_codec_under_another_number_is_recognised() {
    let body = OFFER
        .replace("9 8 0 96 13", "97 96")
        .replace("a=ptime:20", "a=rtpmap:97 pcmu/8000/1");
    assert_eq!(
        parse(body.as_bytes()).unwrap().audio.codecs,
        [(Codec::Pcmu, 97)]
    );
}

#[test]
fn what_is_of_no_use_is_refused() {
    for (from, to, fault) in [
        ("v=0", "v=1", SdpFault::Unreadable),
        ("m=audio 4000", "m=audio x", SdpFault::Unreadable),
        ("m=audio 4000", "m=audio 0", SdpFault::NoCommonAudio),
        ("RTP/AVP 9 8 0", "RTP/SAVP 9 8 0", SdpFault::NoCommonAudio),
        ("9 8 0 96 13", "9 18", SdpFault::NoCommonAudio),
        ("c=IN IP4 10.0.0.9\r\n", "", SdpFault::NoCommonAudio),
    ] {
        assert_eq!(
            parse(OFFER.replace(from, to).as_bytes()).err(),
            Some(fault),
            "{to}"
        );
    }
}
