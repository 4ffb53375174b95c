//! One attempt at a real socket: what is on the wire, and that no receiver can make it last, lead elsewhere or fill memory.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world has failed"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use rapport_departments::{Address, Headers, Secret, Target, WebhookClient, verify};
use rapport_domain::event::{Position, Revision};
use rapport_domain::id::{CustomerId, EventId, TenantId, WebhookId};
use rapport_domain::port::webhook::WebhookSender;
use rapport_domain::time::Timestamp;
use rapport_domain::webhook::{Answer, Delivery, Place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str = r#"{"type":"rapport.wish.done"}"#;

fn secret() -> Secret {
    Secret::parse(SECRET).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_262_400_000)
}

fn delivery() -> Delivery {
    Delivery {
        id: "msg_1".to_owned(),
        event: EventId::from_uuid(Uuid::from_u128(1)),
        place: Place {
            position: Position(1),
            customer: CustomerId::from_uuid(Uuid::from_u128(2)),
            revision: Revision(0),
        },
        body: BODY.as_bytes().to_vec(),
    }
}

/// A receiver that answers one request with these bytes, and for ever with `then` after them.
async fn receiver(answer: String, then: &'static [u8]) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(BODY.as_bytes()) {
            let mut part = [0; 4_096];
            let read = socket.read(&mut part).await.unwrap();
            assert!(read > 0, "the request was cut off");
            request.extend_from_slice(&part[..read]);
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        while !then.is_empty() && socket.write_all(then).await.is_ok() {}
        String::from_utf8(request).unwrap()
    });
    (url, heard)
}

async fn attempt(url: &str) -> Answer {
    let id = WebhookId::named(TenantId::named("acme"), "crm");
    let target = Target {
        address: Address::parse(url, false).unwrap(),
        secrets: vec![secret()],
    };
    let client = WebhookClient::new(BTreeMap::from([(id, target)])).unwrap();
    client.deliver(id, &delivery(), now()).await
}

fn answer(head: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n")
}

#[tokio::test]
async fn what_is_sent_is_signed_over_the_bytes_that_are_sent() {
    let (url, heard) = receiver(answer("204 No Content"), b"").await;
    assert_eq!(attempt(&url).await, Answer::Taken);
    let request = heard.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| *known == name).unwrap().1
    };
    assert!(head.starts_with("POST /hook HTTP/1.1"));
    assert_eq!(header("content-type"), "application/cloudevents+json");
    let headers = Headers {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    assert_eq!(verify(&[secret()], headers, body.as_bytes(), now()), Ok(()));
}

#[tokio::test]
async fn every_answer_has_its_meaning() {
    let busy = |status, seconds: Option<u64>| Answer::Busy {
        status,
        after: seconds.map(Duration::from_secs),
    };
    let refused = |status| Answer::Refused { status };
    for (head, meaning) in [
        ("200 OK", Answer::Taken),
        ("410 Gone", Answer::Gone),
        ("429 Slow Down\r\nretry-after: 7", busy(429, Some(7))),
        ("503 Away", busy(503, None)),
        ("500 Oops", refused(500)),
        ("401 Who", refused(401)),
    ] {
        let (url, _heard) = receiver(answer(head), b"").await;
        assert_eq!(attempt(&url).await, meaning, "{head}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, never) = receiver(answer("204 No Content"), b"").await;
    let head = format!("307 Moved\r\nlocation: {elsewhere}");
    let (url, heard) = receiver(answer(&head), b"").await;
    assert_eq!(attempt(&url).await, Answer::Refused { status: 307 });
    heard.await.unwrap();
    assert!(!never.is_finished(), "nobody came there");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off_and_counts() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_owned();
    let (url, heard) = receiver(head, &[b'a'; 4_096]).await;
    assert_eq!(attempt(&url).await, Answer::Taken);
    heard.await.unwrap();
}

#[tokio::test]
async fn nobody_there_and_nonsense_are_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(attempt(&url).await, Answer::Unreachable);
    let (url, _heard) = receiver("SIP/2.0 200 OK\r\n\r\n".to_owned(), b"").await;
    assert_eq!(attempt(&url).await, Answer::Unreachable);
}
