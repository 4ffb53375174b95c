//! Requests inside calls, and those that are refused.

use super::*;

/// Sends a request of side 0 inside its call.
fn inside(world: &mut World, call: CallId, method: &Method, cseq: u32, body: &[u8]) {
    let endpoint = &mut world.sides[0].endpoint;
    let dialog = endpoint.calls[&call].dialog.clone();
    let branch = endpoint.tokens.branch();
    let headers = endpoint
        .request_headers(&branch)
        .with("Contact", endpoint.contact());
    let (mut request, to) = dialog.request(method.clone(), cseq, headers);
    request.body = body.to_vec();
    if *method == Method::Ack {
        endpoint.send(to, request.to_bytes().into());
    } else {
        endpoint.start_plain(request, branch, to, world.now);
    }
    world.short();
}

#[test]
fn requests_inside_a_call_are_served_or_refused_by_their_method() {
    let (mut world, ours, _) = World::new().talking();
    inside(&mut world, ours, &Method::Info, 2, b"");
    inside(&mut world, ours, &Method::Options, 3, b"");
    inside(&mut world, ours, &Method::Update, 4, b"");
    inside(&mut world, ours, &Method::Other("REFER".to_owned()), 5, b"");
    inside(&mut world, ours, &Method::Info, 5, b"");
    for (what, count) in [
        ("200 INFO", 1),
        ("200 OPTIONS", 1),
        ("200 UPDATE", 1),
        ("405 REFER", 1),
        ("500 INFO", 1),
    ] {
        assert_eq!(world.sent(1, what), count, "{what}");
    }
}

#[test]
fn a_change_of_session_is_offered_once_and_its_answer_repeated_until_the_ack() {
    let (mut world, ours, theirs) = World::new().talking();
    inside(&mut world, ours, &Method::Invite, 2, b"hold");
    let offered = world.sides[1]
        .heard
        .iter()
        .any(|e| matches!(e, Event::Offer { sdp, .. } if sdp == b"hold"));
    assert!(offered);
    inside(&mut world, ours, &Method::Invite, 3, b"again");
    assert_eq!(world.sent(1, "491 INVITE"), 1, "one at a time");
    world.sides[1]
        .endpoint
        .answer_offer(theirs, b"held".to_vec(), world.now);
    let before = world.sent(1, "200 INVITE");
    world.run(Duration::from_secs(2));
    assert!(
        world.sent(1, "200 INVITE") > before,
        "repeated while unacknowledged"
    );
    inside(&mut world, ours, &Method::Ack, 2, b"");
    let before = world.sent(1, "200 INVITE");
    world.run(Duration::from_secs(10));
    assert_eq!(world.sent(1, "200 INVITE"), before);
    assert!(world.ends(1).is_empty());
}

#[test]
fn a_request_of_no_known_call_does_not_exist() {
    let (mut world, ours, theirs) = World::new().talking();
    world.sides[1].endpoint.forget_call(theirs);
    inside(&mut world, ours, &Method::Bye, 2, b"");
    assert_eq!(world.sent(1, "481 BYE"), 1);
}

#[test]
fn the_same_call_on_a_second_path_is_a_loop() {
    let mut world = World::new();
    world.dial();
    world.short();
    let call = world.sides[0].endpoint.clients.values().next().is_some();
    assert!(call);
    let endpoint = &world.sides[0].endpoint;
    let text = String::from_utf8(
        endpoint
            .calls
            .values()
            .next()
            .map(|call| call.dialog.clone())
            .map(|dialog| {
                let (mut request, _) = dialog.request(Method::Invite, 1, Headers::new());
                request
                    .headers
                    .push("Via", "SIP/2.0/UDP 127.0.0.1:5001;branch=z9hG4bKotherpath");
                request.to_bytes()
            })
            .unwrap(),
    )
    .unwrap();
    let source = world.sides[0].address;
    world.sides[1]
        .endpoint
        .receive(parse(text.as_bytes()).unwrap(), source, world.now);
    world.collect();
    assert_eq!(world.sent(1, "482 INVITE"), 1);
}

#[test]
fn what_we_do_not_speak_is_refused_by_name() {
    let ask = |change: &str| {
        let mut world = World::new();
        let text = format!(
            "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 9.9.9.9:99;branch=z9hG4bK1x\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{change}\r\n"
        );
        let source = world.sides[0].address;
        world.sides[1]
            .endpoint
            .receive(parse(text.as_bytes()).unwrap(), source, world.now);
        let mut sent = Vec::new();
        while let Some(output) = world.sides[1].endpoint.next_output() {
            if let Output::Send { to, bytes } = output {
                assert_eq!(to, source, "answers go where the request came from");
                sent.push(String::from_utf8(bytes.to_vec()).unwrap());
            }
        }
        sent.concat()
    };
    assert!(ask("Require: 100rel\r\n").contains("SIP/2.0 420 Bad Extension"));
    assert!(ask("Require: 100rel\r\n").contains("Unsupported: 100rel"));
    assert!(ask("Max-Forwards: 0\r\n").contains("SIP/2.0 483"));
    assert!(ask("Content-Type: text/plain\r\n\r\nhello").contains("SIP/2.0 415"));
    let trying = ask("");
    assert!(
        trying.contains("SIP/2.0 100 Trying") && trying.contains(";received=127.0.0.1"),
        "{trying}"
    );
    assert!(
        !trying.contains("SIP/2.0 180"),
        "nothing more before the owner decides"
    );
}

#[test]
fn a_reset_of_routes_sends_requests_through_the_recorded_proxies() {
    let text = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 9.9.9.9:99;branch=z9hG4bK1x\r\nFrom: <sip:a@h>;tag=1\r\n\
                To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@8.8.8.8:88>\r\n\
                Record-Route: <sip:1.1.1.1:11;lr>, <sip:2.2.2.2:22;lr>\r\n\r\n";
    let mut world = World::new();
    let endpoint = &mut world.sides[1].endpoint;
    endpoint.receive(
        parse(text.as_bytes()).unwrap(),
        "1.1.1.1:11".parse().unwrap(),
        world.now,
    );
    let call = endpoint.call_ids().next().unwrap();
    let (bye, to) = endpoint.calls[&call]
        .dialog
        .request(Method::Bye, 1, Headers::new());
    assert_eq!(to, "1.1.1.1:11".parse().unwrap());
    assert_eq!(bye.uri.to_string(), "sip:a@8.8.8.8:88");
    assert_eq!(
        bye.headers.elements("Route"),
        ["<sip:1.1.1.1:11;lr>", "<sip:2.2.2.2:22;lr>"]
    );
}
