use rapport_domain::private::Private;

use super::*;
use crate::sip::digest::Credential;
use crate::sip::message::Method;

const SOURCE: &str = "10.0.0.9:5070";

fn register(contacts: &[&str], expires: Option<u32>, cseq: u32) -> Request {
    let mut headers = Headers::new()
        .with("Call-ID", "one")
        .with("CSeq", format!("{cseq} REGISTER"));
    for contact in contacts {
        headers.push("Contact", *contact);
    }
    if let Some(expires) = expires {
        headers.push("Expires", expires.to_string());
    }
    Request {
        method: Method::Register,
        uri: Uri::parse("sip:h").unwrap(),
        headers,
        body: Vec::new(),
    }
}

fn proven(password: &str) -> Proven {
    let password = Private::new(password.to_owned());
    Proven {
        user: "anna".to_owned(),
        fingerprint: Credential::Password(password).fingerprint(),
    }
}

fn follow(
    registrar: &mut Registrar,
    request: &Request,
    now: Instant,
) -> Result<(Vec<String>, Change), Refused> {
    let proven = proven("right");
    let (headers, change) = registrar.register(&proven, request, SOURCE.parse().unwrap(), now)?;
    Ok((headers.all("Contact").map(str::to_owned).collect(), change))
}

#[test]
fn a_wish_is_kept_within_its_bounds() {
    let now = Instant::now();
    let life = |contact: &str, expires| {
        let mut registrar = Registrar::new(Expiry::default());
        follow(&mut registrar, &register(&[contact], expires, 1), now)
            .map(|(contacts, _)| contacts[0].clone())
    };
    assert_eq!(life("<sip:a@h>", None).unwrap(), "<sip:a@h>;expires=600");
    assert_eq!(
        life("<sip:a@h>", Some(120)).unwrap(),
        "<sip:a@h>;expires=120"
    );
    assert_eq!(
        life("<sip:a@h>;expires=90", Some(120)).unwrap(),
        "<sip:a@h>;expires=90"
    );
    assert_eq!(
        life("<sip:a@h>", Some(u32::MAX)).unwrap(),
        "<sip:a@h>;expires=3600"
    );
    assert_eq!(life("<sip:a@h>", Some(59)), Err(Refused(423)));
    assert_eq!(life("<<", Some(120)), Err(Refused(400)));
}

#[test]
fn the_newest_contact_is_the_one_that_is_called() {
    let (mut registrar, now) = (Registrar::new(Expiry::default()), Instant::now());
    assert_eq!(
        follow(&mut registrar, &register(&["<sip:a@h1>"], None, 1), now)
            .unwrap()
            .1,
        Change::Registered
    );
    follow(&mut registrar, &register(&["<sip:a@h2>"], None, 2), now).unwrap();
    assert_eq!(registrar.reach("anna").unwrap().contact.host, "h2");
    let (contacts, _) = follow(&mut registrar, &register(&["<sip:a@h1>"], None, 3), now).unwrap();
    assert_eq!(contacts.len(), 2, "one binding for each contact");
    assert_eq!(registrar.reach("anna").unwrap().contact.host, "h1");
    assert!(registrar.is_bound("anna", SOURCE.parse().unwrap()));
    assert!(!registrar.is_bound("anna", "10.0.0.9:5071".parse().unwrap()));
}

#[test]
fn zero_and_the_star_take_bindings_back_and_a_question_changes_nothing() {
    let (mut registrar, now) = (Registrar::new(Expiry::default()), Instant::now());
    follow(
        &mut registrar,
        &register(&["<sip:a@h1>", "<sip:a@h2>"], None, 1),
        now,
    )
    .unwrap();
    assert_eq!(
        follow(&mut registrar, &register(&[], None, 2), now)
            .unwrap()
            .1,
        Change::Nothing
    );
    let (contacts, change) = follow(
        &mut registrar,
        &register(&["<sip:a@h1>;expires=0"], None, 3),
        now,
    )
    .unwrap();
    assert_eq!((contacts.len(), change), (1, Change::Registered));
    assert_eq!(
        follow(&mut registrar, &register(&["*"], Some(60), 4), now),
        Err(Refused(400))
    );
    assert_eq!(
        follow(&mut registrar, &register(&["*"], Some(0), 5), now),
        Ok((vec![], Change::Gone))
    );
    assert_eq!(
        follow(&mut registrar, &register(&["*"], Some(0), 6), now),
        Ok((vec![], Change::Nothing))
    );
    assert!(registrar.is_empty() && registrar.deadline().is_none());
    assert!(!registrar.knows(SOURCE.parse().unwrap()));
}

#[test]
fn a_request_that_was_overtaken_changes_nothing() {
    let (mut registrar, now) = (Registrar::new(Expiry::default()), Instant::now());
    follow(&mut registrar, &register(&["<sip:a@h1>"], None, 5), now).unwrap();
    assert_eq!(
        follow(&mut registrar, &register(&["<sip:a@h1>"], Some(0), 4), now),
        Err(Refused(500))
    );
    assert!(registrar.reach("anna").is_some());
}

#[test]
fn a_binding_that_is_not_refreshed_runs_out_at_its_time() {
    let (mut registrar, now) = (Registrar::new(Expiry::default()), Instant::now());
    follow(&mut registrar, &register(&["<sip:a@h1>"], Some(60), 1), now).unwrap();
    let half = now + Duration::from_secs(30);
    follow(
        &mut registrar,
        &register(&["<sip:a@h1>"], Some(60), 2),
        half,
    )
    .unwrap();
    let end = half + Duration::from_secs(60);
    assert_eq!(registrar.deadline(), Some(end));
    assert!(registrar.expire(end - Duration::from_millis(1)).is_empty());
    assert_eq!(registrar.expire(end), ["anna"]);
    assert!(registrar.reach("anna").is_none());
}

#[test]
fn bindings_of_another_secret_are_dropped_and_their_sources_forgotten() {
    let (mut registrar, now) = (Registrar::new(Expiry::default()), Instant::now());
    let (old, new) = (proven("old"), proven("new"));
    let sources: [SocketAddr; 2] = [SOURCE.parse().unwrap(), "10.0.0.9:5071".parse().unwrap()];
    for (proven, contact, source) in [
        (&old, "<sip:a@h1>", sources[0]),
        (&new, "<sip:a@h2>", sources[1]),
        (&old, "<sip:a@h3>", sources[0]),
    ] {
        let request = register(&[contact], None, 1);
        registrar.register(proven, &request, source, now).unwrap();
    }
    assert!(sources.iter().all(|&source| registrar.knows(source)));
    assert!(!registrar.keep_only("anna", Some(new.fingerprint)));
    assert_eq!(registrar.reach("anna").unwrap().contact.host, "h2");
    assert_eq!(sources.map(|source| registrar.knows(source)), [false, true]);
    assert!(registrar.keep_only("anna", None), "the phone was removed");
    assert!(registrar.is_empty() && registrar.deadline().is_none());
    assert!(!registrar.keep_only("anna", None), "told once");
}

#[test]
fn contacts_of_one_user_are_bounded() {
    let (mut registrar, now) = (Registrar::new(Expiry::default()), Instant::now());
    for n in 0..100 {
        let contact = format!("<sip:a@h{n}>");
        let (contacts, _) = follow(&mut registrar, &register(&[&contact], None, n), now).unwrap();
        assert!(contacts.len() <= 8);
    }
    assert_eq!(registrar.reach("anna").unwrap().contact.host, "h99");
    assert_eq!(registrar.sources.values().copied().collect::<Vec<_>>(), [8]);
    assert_eq!(registrar.expire(now + Duration::from_secs(601)), ["anna"]);
}

#[test]
fn a_source_that_fails_too_often_is_closed_out_until_the_window_has_passed() {
    let window = Duration::from_secs(60);
    let (mut guard, now) = (Guard::new(3, window), Instant::now());
    let (bad, good) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
    for _ in 0..3 {
        assert!(!guard.is_closed(bad, now));
        guard.failed(bad, now);
    }
    assert!(guard.is_closed(bad, now) && !guard.is_closed(good, now));
    assert!(guard.is_closed(bad, now + window - Duration::from_millis(1)));
    assert!(!guard.is_closed(bad, now + window));
}

#[test]
fn failures_of_countless_sources_take_bounded_memory() {
    let (mut guard, now) = (Guard::new(3, Duration::from_secs(60)), Instant::now());
    for n in 0..20_000_u32 {
        guard.failed(std::net::Ipv4Addr::from(n).into(), now);
    }
    assert!(guard.failures.len() <= 4_096 && guard.order.len() <= 3 * 4_096 + 1);
}
