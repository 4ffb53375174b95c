//! A department's system is asked at a real socket: what it says is taken as a whole or not at all.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world has failed"
)]

use rapport_departments::{Address, Asked, Source, read_facts};
use rapport_domain::contact_point::{ContactPoint, Kind};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A system that gives one answer, and what it was asked.
async fn system(answer: Vec<u8>) -> (Source, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/facts", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut part = [0; 1_024];
            let read = socket.read(&mut part).await.unwrap();
            assert!(read > 0, "the request was cut off");
            request.extend_from_slice(&part[..read]);
        }
        let _whoever_asks_may_have_hung_up = socket.write_all(&answer).await;
        String::from_utf8(request).unwrap()
    });
    let key = ("authorization".to_owned(), "Bearer of-finance".to_owned());
    let address = Address::parse(&url, false).unwrap();
    (Source::new(address, &[key]).unwrap(), asked)
}

fn ok(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

#[tokio::test]
async fn facts_are_read_and_the_answer_keeps_its_tag() {
    let body = r#"{"customers":[{"customer":{"external_id":"k-1"},"facts":{"balance":-40.5,"blocked":false}}]}"#;
    let (source, asked) = system(ok("etag: \"a7\"\r\n", body)).await;
    let (answer, said) = source.ask(None).await;
    let tag = Some("\"a7\"".to_owned());
    assert_eq!(answer, Asked::Fresh { tag });
    assert_eq!(
        said[0].customer,
        ContactPoint::parse(Kind::ExternalId, "k-1").unwrap()
    );
    assert_eq!(said[0].facts["balance"].expose(), &json!(-40.5));
    let request = asked.await.unwrap();
    assert!(request.starts_with("GET /facts HTTP/1.1"));
    assert!(request.contains("authorization: Bearer of-finance"));
    assert!(!request.contains("if-none-match"));
    assert!(
        !format!("{said:?}{source:?}").contains("40.5"),
        "it does not print"
    );
}

#[tokio::test]
async fn a_system_may_say_that_nothing_has_changed() {
    let unchanged = b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec();
    let (source, asked) = system(unchanged).await;
    assert_eq!(source.ask(Some("\"a7\"")).await, (Asked::Unchanged, vec![]));
    assert!(asked.await.unwrap().contains("if-none-match: \"a7\""));
}

#[tokio::test]
async fn what_cannot_be_used_is_not_used_in_part() {
    let good = r#"{"customer":{"external_id":"k-1"},"facts":{"a":1}}"#;
    for (body, words) in [
        ("<html>Login</html>".to_owned(), "is no JSON"),
        (String::new(), "is no JSON"),
        ("{\"customers\":7}".to_owned(), "is not what was asked for"),
        (
            format!("{{\"customers\":[{good},{{\"customer\":{{}},\"facts\":{{}}}}]}}"),
            "customers[1] does not name",
        ),
        (
            format!("{{\"customers\":[{good},{}]}}", good.replace('1', "[1]")),
            "customers[1]",
        ),
    ] {
        let (source, _asked) = system(ok("", &body)).await;
        let (answer, said) = source.ask(None).await;
        let Asked::Rubbish(why) = answer else {
            panic!("{answer:?}")
        };
        assert!(why.contains(words) && !why.contains("Login"), "{why}");
        assert!(said.is_empty());
    }
    assert!(read_facts(b"{\"customers\":[]}").unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_too_large_broken_or_an_error_is_none() {
    let (source, _asked) = system(ok("", &" ".repeat(9 << 20))).await;
    assert!(matches!(source.ask(None).await.0, Asked::Rubbish(_)));
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"customers\"".to_vec();
    for answer in [
        cut,
        b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
            .to_vec(),
        // Nobody had asked whether something has changed.
        b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
    ] {
        let (source, _asked) = system(answer).await;
        assert!(matches!(source.ask(None).await.0, Asked::Unreachable(_)));
    }
}
