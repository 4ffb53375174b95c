//! The adapter over real sockets.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::SinkExt;
use rapport_web_chat::{Rate, StartError, WebChat, WebChatConfig};
use serde_json::{Value, json};
use support::{FakeDesk, HUB, SHOP, SITE, Tab, listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Error, Message};
use uuid::Uuid;

fn hello() -> Value {
    json!({"t": "hello", "site": SITE})
}

fn say(cid: Uuid, text: &str) -> Value {
    json!({"t": "say", "cid": cid, "text": text})
}

#[tokio::test]
async fn a_visitor_writes_an_agent_answers_and_both_are_there_after_a_reload() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut tab, welcome) = Tab::greeted(&hub, hello()).await;
    let token = welcome["token"].as_str().expect("a token").to_owned();
    let cid = Uuid::now_v7();
    tab.send(say(cid, "<b>Where</b> is my order?")).await;
    let ack = tab.next("ack").await;
    assert_eq!(ack["cid"], cid.to_string());
    let own = tab.next("line").await;
    assert_eq!(
        (&own["cid"], &own["text"], &own["seq"]),
        (
            &ack["cid"],
            &json!("<b>Where</b> is my order?"),
            &ack["seq"]
        )
    );
    desk.agent_writes("On its way.");
    let answer = tab.next("line").await;
    assert_eq!(
        (&answer["kind"], &answer["agent"], &answer["text"]),
        (&json!("agent"), &json!("Anna"), &json!("On its way."))
    );
    drop(tab);

    let again = json!({"t": "hello", "site": SITE, "token": token});
    let (_tab, whole) = Tab::greeted(&hub, again).await;
    assert_eq!(whole["lines"].as_array().map(Vec::len), Some(2));
    assert!(whole.get("token").is_none(), "the token is shown once");
    let held = json!({"t": "hello", "site": SITE, "token": token, "epoch": ack["epoch"], "after": own["seq"]});
    let (_tab, rest) = Tab::greeted(&hub, held).await;
    assert_eq!(rest["lines"].as_array().map(Vec::len), Some(1));
    assert!(
        desk.visitors()
            .iter()
            .all(|visitor| !visitor.contains(&token) && !token.contains(visitor.as_str()))
    );
    hub.shutdown().await;
}

#[tokio::test]
async fn the_same_message_again_is_acknowledged_again_and_stored_once() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut tab, welcome) = Tab::greeted(&hub, hello()).await;
    let cid = Uuid::now_v7();
    tab.send(say(cid, "once")).await;
    let first = tab.next("ack").await;
    drop(tab);
    let (mut tab, _) = Tab::greeted(
        &hub,
        json!({"t": "hello", "site": SITE, "token": welcome["token"]}),
    )
    .await;
    tab.send(say(cid, "once")).await;
    assert_eq!(tab.next("ack").await, first);
    assert_eq!(desk.stored(), [["once"]]);
    hub.shutdown().await;
}

#[tokio::test]
async fn a_second_tab_sees_what_the_first_one_starts() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut first, welcome) = Tab::greeted(&hub, hello()).await;
    let (mut second, _) = Tab::greeted(
        &hub,
        json!({"t": "hello", "site": SITE, "token": welcome["token"]}),
    )
    .await;
    first.send(say(Uuid::now_v7(), "from the first tab")).await;
    assert_eq!(second.next("line").await["text"], "from the first tab");
    desk.agent_closes();
    assert_eq!(second.next("line").await["kind"], "closed");
    first.send(say(Uuid::now_v7(), "once more")).await;
    let resync = second.next("resync").await;
    let line = second.next("line").await;
    assert_eq!(
        (&line["text"], &line["epoch"]),
        (&json!("once more"), &resync["epoch"])
    );
    hub.shutdown().await;
}

#[tokio::test]
async fn a_visitor_may_end_the_conversation() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut tab, _) = Tab::greeted(&hub, hello()).await;
    tab.send(say(Uuid::now_v7(), "hi")).await;
    tab.next("line").await;
    tab.send(json!({"t": "leave"})).await;
    assert_eq!(tab.next("line").await["kind"], "closed");
    hub.shutdown().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_log_is_out_of_reach() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut tab, _) = Tab::greeted(&hub, hello()).await;
    desk.down.store(true, Ordering::SeqCst);
    let cid = Uuid::now_v7();
    tab.send(say(cid, "keep me")).await;
    let refused = tab.frame().await;
    assert_eq!(
        (&refused["code"], &refused["retry"]),
        (&json!("unavailable"), &json!(true))
    );
    let mut newcomer = Tab::open(&hub, HUB).await.expect("a connection");
    newcomer.send(hello()).await;
    assert_eq!(newcomer.closed().await, 1013);
    desk.down.store(false, Ordering::SeqCst);
    tab.send(say(cid, "keep me")).await;
    tab.next("ack").await;
    assert_eq!(desk.stored(), [["keep me"]]);
    hub.shutdown().await;
}

#[tokio::test]
async fn a_page_that_the_site_does_not_allow_is_turned_away() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let mut shop = Tab::open(&hub, SHOP).await.expect("a connection");
    shop.send(hello()).await;
    assert_eq!(shop.frame().await["t"], "welcome");
    for (origin, site, code) in [
        ("https://evil.example", SITE, "origin"),
        (HUB, "no-such-key", "unknown_site"),
    ] {
        let mut tab = Tab::open(&hub, origin).await.expect("a connection");
        tab.send(json!({"t": "hello", "site": site})).await;
        assert_eq!(tab.frame().await["code"], code);
        assert_eq!(tab.closed().await, 1008);
    }
    hub.shutdown().await;
}

#[tokio::test]
async fn binary_oversized_and_broken_frames_end_with_their_codes() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut binary, _) = Tab::greeted(&hub, hello()).await;
    binary
        .0
        .send(Message::binary(vec![1, 2, 3]))
        .await
        .expect("sent");
    assert_eq!(binary.closed().await, 1003);
    let (mut oversized, _) = Tab::greeted(&hub, hello()).await;
    oversized
        .0
        .send(Message::text("a".repeat(300 * 1024)))
        .await
        .expect("sent");
    assert_eq!(oversized.closed().await, 1009);
    let (mut broken, _) = Tab::greeted(&hub, hello()).await;
    for bad in ["not json", "[]", r#"{"t":"say"}"#] {
        broken.0.send(Message::text(bad)).await.expect("sent");
        assert_eq!(broken.frame().await["code"], "bad_frame");
    }
    assert_eq!(broken.closed().await, 1008);
    assert!(desk.stored().is_empty());
    hub.shutdown().await;
}

#[tokio::test]
async fn a_text_above_eight_kib_is_refused_and_the_connection_stays() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut tab, _) = Tab::greeted(&hub, hello()).await;
    tab.send(say(Uuid::now_v7(), &"a".repeat(9 * 1024))).await;
    assert_eq!(tab.frame().await["code"], "too_long");
    tab.send(say(Uuid::now_v7(), &"a".repeat(8 * 1024))).await;
    tab.next("ack").await;
    hub.shutdown().await;
}

#[tokio::test]
async fn whoever_floods_is_slowed_down() {
    let desk = FakeDesk::new();
    let limit = Rate {
        per_second: 1,
        burst: 5,
    };
    let hub = listener(&desk, |config| config.limits.address_messages = limit).await;
    let (mut tab, _) = Tab::greeted(&hub, hello()).await;
    for _ in 0..7 {
        tab.send(say(Uuid::now_v7(), "spam")).await;
    }
    assert_eq!(tab.next("refused").await["code"], "slow_down");
    let stored = desk.stored().iter().map(Vec::len).sum::<usize>();
    assert!((1..=5).contains(&stored), "{stored}");
    hub.shutdown().await;
}

#[tokio::test]
async fn an_address_may_not_open_connections_without_end() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |config| {
        config.limits.address_connects = Rate {
            per_second: 1,
            burst: 3,
        }
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        if let Err(Error::Http(response)) = Tab::open(&hub, HUB).await {
            statuses.push(response.status().as_u16());
        }
    }
    assert!(
        !statuses.is_empty() && statuses.iter().all(|status| *status == 429),
        "{statuses:?}"
    );
    assert_eq!(
        hub.counters().crowded.load(Ordering::Relaxed),
        statuses.len() as u64
    );
    hub.shutdown().await;
}

#[tokio::test]
async fn an_address_may_have_so_many_connections_open_and_gets_room_back() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |config| config.limits.address_open = 2).await;
    let (first, _) = Tab::greeted(&hub, hello()).await;
    let (_second, _) = Tab::greeted(&hub, hello()).await;
    match Tab::open(&hub, HUB).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 429),
        other => panic!("429 was expected, not {:?}", other.err()),
    }
    assert_eq!(hub.counters().crowded.load(Ordering::Relaxed), 1);
    drop(first);
    while hub.counters().open.load(Ordering::Relaxed) > 1 {
        tokio::task::yield_now().await;
    }
    Tab::greeted(&hub, hello()).await;
    hub.shutdown().await;
}

#[tokio::test]
async fn a_crowded_address_is_turned_away_before_it_has_sent_anything() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |config| {
        config.limits.address_connects = Rate {
            per_second: 1,
            burst: 1,
        }
    })
    .await;
    let (_tab, _) = Tab::greeted(&hub, hello()).await;
    let mut silent = tokio::net::TcpStream::connect(hub.local_addr())
        .await
        .expect("connected");
    let mut head = [0_u8; 12];
    silent.read_exact(&mut head).await.expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 429");
    hub.shutdown().await;
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client_and_nobody_else_may() {
    let upgrade = |forwarded: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rapport.chat.v1\r\n\
             X-Forwarded-For: {forwarded}\r\n\r\n"
        )
    };
    for trusted in [true, false] {
        let desk = FakeDesk::new();
        let hub = listener(&desk, |config| {
            config.limits.address_connects = Rate {
                per_second: 1,
                burst: 1,
            };
            config.trusted_proxies = if trusted {
                vec![config.bind.ip()]
            } else {
                vec![]
            };
        })
        .await;
        let mut answers = Vec::new();
        for client in ["198.51.100.1, 192.0.2.1", "192.0.2.2"] {
            let mut stream = tokio::net::TcpStream::connect(hub.local_addr())
                .await
                .expect("connected");
            stream
                .write_all(upgrade(client).as_bytes())
                .await
                .expect("sent");
            let mut head = [0_u8; 12];
            stream.read_exact(&mut head).await.expect("an answer");
            answers.push(String::from_utf8_lossy(&head).into_owned());
        }
        let second = if trusted {
            "HTTP/1.1 101"
        } else {
            "HTTP/1.1 429"
        };
        assert_eq!(answers, ["HTTP/1.1 101", second]);
        hub.shutdown().await;
    }
}

#[tokio::test]
async fn a_full_process_says_so_and_has_room_again_when_somebody_leaves() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |config| config.max_connections = 1).await;
    let (mut tab, _) = Tab::greeted(&hub, hello()).await;
    match Tab::open(&hub, HUB).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 503),
        other => panic!("503 was expected, not {:?}", other.err()),
    }
    tab.0.close(None).await.expect("closed");
    while hub.counters().open.load(Ordering::Relaxed) > 0 {
        tokio::task::yield_now().await;
    }
    Tab::greeted(&hub, hello()).await;
    hub.shutdown().await;
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_dropped() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |config| {
        config.limits.heartbeat = Duration::from_millis(30)
    })
    .await;
    let (mut tab, _) = Tab::greeted(&hub, hello()).await;
    assert_eq!(
        (&tab.frame().await["t"], &tab.frame().await["t"]),
        (&json!("ping"), &json!("ping"))
    );
    while hub.counters().silent.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    hub.shutdown().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_loses_nothing() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |config| {
        config.limits.write_within = Duration::from_millis(100)
    })
    .await;
    let (mut tab, welcome) = Tab::greeted(&hub, hello()).await;
    tab.send(say(Uuid::now_v7(), "hi")).await;
    let line = tab.next("line").await;
    // More than the sockets' buffers of both sides hold.
    let long = "x".repeat(60 * 1024);
    for _ in 0..300 {
        desk.agent_writes(&long);
    }
    while hub.counters().slow.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    drop(tab);
    let held = json!({"t": "hello", "site": SITE, "token": welcome["token"], "epoch": line["epoch"], "after": line["seq"]});
    let (mut tab, welcome) = Tab::greeted(&hub, held).await;
    let mut lines = welcome["lines"].as_array().map_or(0, Vec::len);
    while lines < 300 {
        tab.next("line").await;
        lines += 1;
    }
    hub.shutdown().await;
}

#[tokio::test]
async fn a_stopping_hub_says_goodbye() {
    let desk = FakeDesk::new();
    let hub = listener(&desk, |_| {}).await;
    let (mut tab, _) = Tab::greeted(&hub, hello()).await;
    let address = hub.local_addr();
    let (code, ()) = tokio::join!(tab.closed(), hub.shutdown());
    assert_eq!(code, 1001);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn settings_that_make_no_sense_are_named() {
    let desk = FakeDesk::new();
    let mut config = WebChatConfig::at(([127, 0, 0, 1], 0).into());
    config.limits.bytes.burst = 10;
    let started = WebChat::start(config, desk).await;
    assert!(matches!(started, Err(StartError::Setting(why)) if why.contains("64 KiB")));
}
