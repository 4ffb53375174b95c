//! Web chat: visitors of a customer's site talk to the hub through the widget, over WebSocket.
//!
//! The adapter owns a listener of its own and calls the engine through [`ChatDesk`](rapport_domain::port::chat::ChatDesk).
//! It stores nothing: what a visitor wrote is acknowledged once the engine says that it is on disk, and what a visitor
//! reads is pulled from the engine's log by place, so a line cannot be lost or come twice because a connection broke.
//!
//! # Protocol `rapport.chat.v1`
//!
//! The client asks for the WebSocket subprotocol `rapport.chat.v1`. Every message is one text frame with one JSON
//! object; `t` names its kind. Unknown members are ignored, so members may be added; an unknown `t` is refused.
//! Ids are UUIDs in text, times are milliseconds since 1970-01-01T00:00:00Z, `seq` is a whole number.
//!
//! Words: a *conversation* is named by its `epoch`; a line's place in it is `seq`, which grows and may have gaps. A
//! visitor has one latest conversation; once it is closed, the next message starts another, with another epoch.
//!
//! From the client:
//!
//! | `t` | members | meaning |
//! |---|---|---|
//! | `hello` | `site`, `token`?, `epoch`?, `after`? | first frame, once, within 10 s. `site` is the site key; `token` is what an earlier `welcome` gave; `epoch` and `after` name the last line already held |
//! | `say` | `cid`, `text` | a message. `cid` is made by the client; the same `cid` again is the same message and gets the same answer |
//! | `typing` | | the visitor writes. Counted against the limits, shown to nobody yet |
//! | `leave` | | the visitor ends the conversation; the `closed` line follows |
//! | `pong` | | the answer to `ping` |
//!
//! From the server:
//!
//! | `t` | members | meaning |
//! |---|---|---|
//! | `welcome` | `token`?, `epoch`?, `closed`, `lines`, `heartbeat` | the answer to `hello`. `token` comes only when the client had none: keep it. No `epoch`: there never was a conversation. `lines` are those after `after` when `epoch` is the one the client named, else the conversation from its start; what does not fit follows as `line`. `heartbeat` is in seconds |
//! | `line` | `epoch`, `seq`, `at`, `kind`, … | one line. `kind` is `visitor` (`cid`, `text`), `agent` (`id`, `agent`, `text`), `waiting`, `joined` (`agent`) or `closed`. Entries of `welcome.lines` are the same without `t` and `epoch` |
//! | `ack` | `cid`, `epoch`, `seq` | this message is on disk, at this place. It comes as a `line` too, for other tabs; `cid` tells them apart |
//! | `refused` | `cid`?, `code`, `message`, `retry` | something was not taken; with `cid`, that message. `retry` says whether the same frame may succeed later. `message` is English, for developers |
//! | `resync` | `epoch` | another conversation is now the latest; its lines follow from the start |
//! | `ping` | | nothing was heard for `heartbeat` seconds; two unanswered ones end the connection |
//!
//! `refused.code`: `bad_frame`, `hello_first`, `unknown_site`, `origin`, `bad_token`, `bad_text`, `too_long`, `slow_down`,
//! `busy`, `unavailable`. The last three, and only they, have `retry: true`.
//!
//! Order: messages are stored one after the other as they came. When one fails for now, those queued behind it on the
//! connection are refused with it. A client that keeps one message in flight and the rest in an outbox has strict order.
//!
//! Close codes (RFC 6455 section 7.4): 1001 the hub stops; 1003 a binary frame; 1008 a rule was broken (origin, site,
//! token, no `hello`, three bad frames, limits ignored); 1009 a frame above 64 KiB; 1013 try again: the hub is busy or
//! the client reads too slowly. After any of them but 1008 the client reconnects, with growing pauses, and resumes.
//!
//! # What holds
//!
//! - **Identity.** The token is 256 random bits that only the browser keeps. The engine sees a digest of token and site
//!   key. The token is in no URL, log line or store of ours.
//! - **Origin.** The `Origin` header must be one of the hub's own pages (the widget's iframe) or one that the site
//!   allows; no header, or `null`, passes only where the site allows `*`.
//! - **Bounds.** One frame is 64 KiB at most, one text 8 KiB; eight messages wait per connection, a pull hands over 200
//!   lines at a time and the next pull waits for the socket. Nothing is read from a client that does not read, and one
//!   that takes no frame for 10 s is dropped; it resumes and has lost nothing.
//! - **Limits.** Token buckets per connection (messages, bytes) and per address (connects, messages, bytes; an IPv6
//!   address counts as its /64); 200 connections of one address at one time. Whoever is above it is answered 429 right
//!   after the connect; behind a trusted proxy, by the request.
//! - **Text is text.** Control characters but newline and tab are removed; markup is neither parsed nor escaped here.
//!
//! The listener speaks plain WebSocket; TLS is the business of the proxy in front of it, which is then named in
//! [`WebChatConfig::trusted_proxies`].

mod config;
mod connection;
mod counters;
mod frames;
mod limits;
mod server;
mod session;
mod siblings;
mod token;

pub use config::{Limits, Rate, WebChatConfig};
pub use counters::{Counter, Counters};
pub use server::{StartError, WebChat, WebChatHandle};

/// The WebSocket subprotocol this adapter speaks.
pub const SUBPROTOCOL: &str = "rapport.chat.v1";

/// The largest frame, and message of several frames, in bytes; above it the connection is closed with 1009.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
