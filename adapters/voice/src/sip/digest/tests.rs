use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use rapport_domain::private::Private;

use super::*;
use crate::sip::message::{Headers, Method, Request, Response, Uri};
use crate::sip::tokens::Tokens;

struct Book;

impl PhoneBook for Book {
    fn credential(&self, user: &str) -> Option<Credential> {
        match user {
            "anna" => Some(Credential::Password(Private::new("right".to_owned()))),
            "hashed" => Some(Credential::Ha1 {
                md5: Some(Private::new(
                    Algorithm::Md5.ha1("hashed", "rapport", "right"),
                )),
                sha256: None,
            }),
            _ => None,
        }
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

struct Scene {
    server: Authenticator,
    tokens: Tokens,
    now: Instant,
}

impl Scene {
    fn new(algorithms: &[Algorithm]) -> Self {
        let (mut tokens, now) = (Tokens::new([7; 32]), Instant::now());
        Self {
            server: Authenticator::new("rapport", algorithms.to_vec(), &mut tokens, now),
            tokens,
            now,
        }
    }

    fn challenge(&mut self) -> Response {
        let headers =
            self.server
                .challenge("WWW-Authenticate", false, HERE, &mut self.tokens, self.now);
        Response {
            headers,
            ..Response::new(401)
        }
    }

    fn check(&mut self, header: (&str, String)) -> Result<String, Failure> {
        self.check_from(HERE, &register(&[header]))
    }

    fn check_from(&mut self, source: IpAddr, request: &Request) -> Result<String, Failure> {
        let proven = self
            .server
            .check(request, "Authorization", source, &Book, self.now);
        proven.map(|proven| proven.user)
    }
}

fn register(headers: &[(&str, String)]) -> Request {
    let mut request = Request {
        method: Method::Register,
        uri: Uri::parse("sip:rapport").unwrap(),
        headers: Headers::new(),
        body: Vec::new(),
    };
    for (name, value) in headers {
        request.headers.push(name, value.clone());
    }
    request
}

fn phone(user: &str, password: &str) -> Credentials {
    Credentials::new(user, Private::new(password.to_owned()))
}

/// RFC 7616 section 3.9.1, which keeps the example of RFC 2617.
#[test]
fn the_examples_of_the_rfcs_come_out() {
    let response =
        |algorithm: Algorithm, user: &str, realm: &str, password: &str, fields: [&str; 4]| {
            let ha1 = algorithm.ha1(user, realm, password);
            algorithm.response(&ha1, fields[0], fields[1], fields[2], "GET", fields[3])
        };
    let old = [
        "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "00000001",
        "0a4f113b",
        "/dir/index.html",
    ];
    assert_eq!(
        response(
            Algorithm::Md5,
            "Mufasa",
            "testrealm@host.com",
            "Circle Of Life",
            old
        ),
        "6629fae49393a05397450978507c4ef1"
    );
    let new = [
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "00000001",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "/dir/index.html",
    ];
    let md5 = response(
        Algorithm::Md5,
        "Mufasa",
        "http-auth@example.org",
        "Circle of Life",
        new,
    );
    assert_eq!(md5, "8ca523f5e9506fed4657c9700eebdbec");
    let sha256 = response(
        Algorithm::Sha256,
        "Mufasa",
        "http-auth@example.org",
        "Circle of Life",
        new,
    );
    assert_eq!(
        sha256,
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    );
}

#[test]
fn a_phone_reuses_a_nonce_far_beyond_its_tenth_request() {
    for algorithms in [
        [Algorithm::Md5].as_slice(),
        &[Algorithm::Sha256, Algorithm::Md5],
    ] {
        let mut scene = Scene::new(algorithms);
        let (mut anna, challenge) = (phone("anna", "right"), scene.challenge());
        let request = register(&[]);
        let first = anna
            .answer(&challenge, &request, || "c".to_owned())
            .unwrap();
        assert_eq!(
            first.1.contains("SHA-256"),
            algorithms.len() == 2,
            "the strongest is chosen"
        );
        assert_eq!(scene.check(first), Ok("anna".to_owned()));
        for count in 2..300 {
            let header = anna.again(&request, || "c".to_owned()).unwrap();
            assert!(header.1.contains(&format!("nc={count:08x}")));
            assert_eq!(scene.check(header), Ok("anna".to_owned()), "nc {count:08x}");
        }
    }
}

#[test]
fn a_repeated_counter_is_stale_and_a_reordered_one_is_not() {
    let mut scene = Scene::new(&[Algorithm::Md5]);
    let (mut anna, challenge, request) = (phone("anna", "right"), scene.challenge(), register(&[]));
    let mut headers = vec![
        anna.answer(&challenge, &request, || "c".to_owned())
            .unwrap(),
    ];
    for _ in 0..80 {
        headers.push(anna.again(&request, || "c".to_owned()).unwrap());
    }
    assert!(scene.check(headers[2].clone()).is_ok());
    assert!(scene.check(headers[1].clone()).is_ok());
    assert_eq!(scene.check(headers[2].clone()), Err(Failure::Stale));
    assert!(scene.check(headers[80].clone()).is_ok());
    assert!(scene.check(headers[40].clone()).is_ok());
    assert_eq!(
        scene.check(headers[3].clone()),
        Err(Failure::Stale),
        "behind the window"
    );
}

#[test]
fn an_old_or_foreign_nonce_is_stale_and_does_not_tell_whether_the_password_is_right() {
    let mut scene = Scene::new(&[Algorithm::Md5]);
    let (challenge, request) = (scene.challenge(), register(&[]));
    let header = phone("anna", "right")
        .answer(&challenge, &request, || "c".to_owned())
        .unwrap();
    let wrong = phone("anna", "guess")
        .answer(&challenge, &request, || "c".to_owned())
        .unwrap();
    scene.now += Duration::from_secs(3_600);
    assert_eq!(scene.check(header), Err(Failure::Stale));
    assert_eq!(scene.check(wrong), Err(Failure::Stale));
    let mut other = Scene::new(&[Algorithm::Md5]);
    other.tokens = Tokens::new([8; 32]);
    other.server = Authenticator::new(
        "rapport",
        vec![Algorithm::Md5],
        &mut other.tokens,
        other.now,
    );
    let foreign = phone("anna", "right")
        .answer(&other.challenge(), &request, || "c".to_owned())
        .unwrap();
    assert_eq!(scene.check(foreign), Err(Failure::Stale));
}

#[test]
fn nobody_can_tell_a_wrong_user_from_a_wrong_password() {
    let mut scene = Scene::new(&[Algorithm::Md5]);
    let (challenge, request) = (scene.challenge(), register(&[]));
    for (user, password) in [("anna", "x"), ("nobody", "right"), ("nobody", ""), ("", "")] {
        let header = phone(user, password)
            .answer(&challenge, &request, || "c".to_owned())
            .unwrap();
        assert_eq!(scene.check(header), Err(Failure::Wrong), "{user}");
    }
}

#[test]
fn a_kept_hash_is_as_good_as_the_password_for_its_algorithm_only() {
    let mut scene = Scene::new(&[Algorithm::Md5]);
    let (challenge, request) = (scene.challenge(), register(&[]));
    let header = phone("hashed", "right")
        .answer(&challenge, &request, || "c".to_owned())
        .unwrap();
    assert_eq!(scene.check(header), Ok("hashed".to_owned()));
    let mut scene = Scene::new(&[Algorithm::Sha256]);
    let challenge = scene.challenge();
    let header = phone("hashed", "right")
        .answer(&challenge, &request, || "c".to_owned())
        .unwrap();
    assert_eq!(scene.check(header), Err(Failure::Wrong));
}

#[test]
fn credentials_of_an_odd_form_are_refused() {
    let mut scene = Scene::new(&[Algorithm::Md5]);
    let (challenge, request) = (scene.challenge(), register(&[]));
    let (name, good) = phone("anna", "right")
        .answer(&challenge, &request, || "c".to_owned())
        .unwrap();
    assert_eq!(
        scene.check((name, "Basic YTpi".to_owned())),
        Err(Failure::Missing)
    );
    assert_eq!(
        scene.check((name, good.replace("\"rapport\"", "\"other\""))),
        Err(Failure::Missing)
    );
    for (from, to) in [
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=0000000g"),
        ("nc=00000001", "nc=00000000"),
        ("response=\"", "response=\"0"),
        ("uri=\"sip:rapport\"", "uri=\"sip:elsewhere\""),
    ] {
        assert!(good.contains(from), "{from}");
        assert_eq!(
            scene.check((name, good.replace(from, to))),
            Err(Failure::Wrong),
            "{to}"
        );
    }
    assert_eq!(scene.check((name, good)), Ok("anna".to_owned()));
}

#[test]
fn a_nonce_is_of_use_only_to_the_address_it_was_given_to() {
    let mut scene = Scene::new(&[Algorithm::Md5]);
    let challenge = scene.challenge();
    for (password, expected) in [
        ("right", Ok("anna".to_owned())),
        ("guess", Err(Failure::Wrong)),
    ] {
        let header = phone("anna", password)
            .answer(&challenge, &register(&[]), || "c".to_owned())
            .unwrap();
        let request = register(&[header]);
        let recognised = |source| {
            let now = scene.now;
            scene
                .server
                .recognises(&request, "Authorization", source, now)
        };
        assert!(recognised(HERE) && !recognised(ELSEWHERE));
        assert_eq!(scene.check_from(ELSEWHERE, &request), Err(Failure::Stale));
        assert_eq!(scene.check_from(HERE, &request), expected);
    }
}

#[test]
fn credentials_hold_for_what_is_called_however_the_phone_writes_it() {
    for (method, asked, written, same) in [
        (Method::Invite, "sip:1@h", "sip:1@h", true),
        (Method::Invite, "sip:1@h:5060;user=phone", "sip:1@H", true),
        (Method::Invite, "sip:1@h", "sip:h:5060", true),
        (Method::Invite, "sip:2@h", "sip:1@h", false),
        (Method::Invite, "sip:1@g", "sip:1@h", false),
        (Method::Invite, "sip:1@h", "", false),
        (Method::Register, "sip:h", "sip:anna@h", true),
        (Method::Register, "sip:g", "sip:h", false),
    ] {
        let mut scene = Scene::new(&[Algorithm::Md5]);
        let challenge = scene.challenge();
        let nonce = challenge.headers.get("WWW-Authenticate").unwrap();
        let nonce = nonce.split("nonce=\"").nth(1).unwrap();
        let nonce = nonce.split('"').next().unwrap();
        let ha1 = Algorithm::Md5.ha1("anna", "rapport", "right");
        let response =
            Algorithm::Md5.response(&ha1, nonce, "00000001", "c", method.as_str(), written);
        let value = format!(
            "Digest username=\"anna\", realm=\"rapport\", nonce=\"{nonce}\", uri=\"{written}\", qop=auth, \
             nc=00000001, cnonce=\"c\", response=\"{response}\""
        );
        let request = Request {
            method,
            uri: Uri::parse(asked).unwrap(),
            ..register(&[("Authorization", value)])
        };
        let checked = scene.check_from(HERE, &request);
        assert_eq!(checked.is_ok(), same, "{asked} {written}");
        assert!(same || checked == Err(Failure::Wrong));
    }
}

#[test]
fn a_fingerprint_tells_credentials_apart_and_nothing_else() {
    let private = |text: &str| Private::new(text.to_owned());
    let ha1 = |md5: &str, sha256: &str| Credential::Ha1 {
        md5: Some(private(md5)),
        sha256: Some(private(sha256)),
    };
    let all = [
        Credential::Password(private("ab")),
        Credential::Password(private("abc")),
        ha1("ab", "c"),
        ha1("a", "bc"),
        ha1("abc", ""),
    ];
    for (i, a) in all.iter().enumerate() {
        for (j, b) in all.iter().enumerate() {
            assert_eq!(a.fingerprint() == b.fingerprint(), i == j, "{i} {j}");
        }
    }
}
