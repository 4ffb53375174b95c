//! Session descriptions for G.711 audio: reading RFC 8866, and offer and answer of RFC 3264.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::media::Codec;

/// The clock of telephony audio, and what we send in a packet.
const RATE: u32 = 8_000;
/// Packet length we ask for.
const PTIME: Duration = Duration::from_millis(20);
/// The payload number of telephone events in our own offers.
const EVENT_PAYLOAD: u8 = 101;
/// Media lines that are read; more is no phone.
const MAX_MEDIA: usize = 16;

/// Who sends, as the writer of a description says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    SendRecv,
    /// The writer sends.
    SendOnly,
    /// The writer receives.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// From what the writer does.
    #[must_use]
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the writer sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same as the other side says it.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ]
        .into_iter()
        .find(|d| d.name() == name)
    }
}

/// The audio stream a peer describes, as far as we can serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Where it wants its packets.
    pub address: SocketAddr,
    /// Codecs we share with their payload numbers, most wanted first; never empty.
    pub codecs: Vec<(Codec, u8)>,
    /// The payload number of telephone events, when it speaks them.
    pub telephone_event: Option<u8>,
    /// As the peer says it.
    pub direction: Direction,
}

/// A description that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The first audio stream we can serve.
    pub audio: Audio,
    /// Its place among the media lines.
    index: usize,
    /// All media lines as an answer must repeat them.
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    kind: String,
    proto: String,
    formats: String,
}

/// Why a description is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpFault {
    /// Not a session description.
    #[error("not a session description")]
    Unreadable,
    /// No G.711 audio over plain RTP in it.
    #[error("no G.711 audio over plain RTP")]
    NoCommonAudio,
}

#[derive(Default)]
struct Media {
    line: Option<Line>,
    port: u16,
    connection: Option<IpAddr>,
    direction: Option<Direction>,
    maps: Vec<(u8, String)>,
}

/// Reads a description.
///
/// # Errors
/// [`SdpFault`].
pub fn parse(body: &[u8]) -> Result<Description, SdpFault> {
    let text = String::from_utf8_lossy(body);
    let (mut session, mut media): (Media, Vec<Media>) = (Media::default(), Vec::new());
    if !text.trim_start().starts_with("v=0") {
        return Err(SdpFault::Unreadable);
    }
    for line in text.lines() {
        let Some((kind, value)) = line.trim_end().split_once('=') else {
            continue;
        };
        if kind == "m" {
            if media.len() == MAX_MEDIA {
                return Err(SdpFault::Unreadable);
            }
            media.push(Media::start(value).ok_or(SdpFault::Unreadable)?);
            continue;
        }
        media.last_mut().unwrap_or(&mut session).note(kind, value);
    }
    let lines = media
        .iter()
        .filter_map(|media| media.line.clone())
        .collect();
    media
        .iter()
        .enumerate()
        .find_map(|(index, media)| Some((index, media.audio(&session)?)))
        .map(|(index, audio)| Description {
            audio,
            index,
            lines,
        })
        .ok_or(SdpFault::NoCommonAudio)
}

impl Media {
    fn start(value: &str) -> Option<Self> {
        let mut words = value.splitn(4, ' ');
        let (kind, port, proto) = (words.next()?, words.next()?, words.next()?);
        let port = port.split('/').next()?.parse().ok()?;
        let formats = words.next().unwrap_or("").trim().to_owned();
        let line = Line {
            kind: kind.to_owned(),
            proto: proto.to_owned(),
            formats,
        };
        Some(Self {
            line: Some(line),
            port,
            ..Self::default()
        })
    }

    fn note(&mut self, kind: &str, value: &str) {
        match kind {
            "c" => {
                let address = value
                    .split_whitespace()
                    .nth(2)
                    .and_then(|address| address.split('/').next());
                self.connection = address
                    .and_then(|address| address.parse().ok())
                    .or(self.connection);
            }
            "a" => {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                if let Some(direction) = Direction::named(name) {
                    self.direction = Some(direction);
                } else if name == "rtpmap"
                    && let Some((payload, encoding)) = value.trim().split_once(' ')
                    && let Ok(payload) = payload.parse()
                {
                    self.maps
                        .push((payload, encoding.trim().to_ascii_lowercase()));
                }
            }
            _ => {}
        }
    }

    fn encoding(&self, payload: u8) -> &str {
        let mapped = self.maps.iter().find(|(number, _)| *number == payload);
        match (mapped, payload) {
            (Some((_, encoding)), _) => encoding,
            (None, 0) => "pcmu/8000",
            (None, 8) => "pcma/8000",
            (None, _) => "",
        }
    }

    fn audio(&self, session: &Self) -> Option<Audio> {
        let line = self.line.as_ref()?;
        if line.kind != "audio" || !line.proto.eq_ignore_ascii_case("RTP/AVP") || self.port == 0 {
            return None;
        }
        let (mut codecs, mut telephone_event) = (Vec::new(), None);
        for payload in line
            .formats
            .split_whitespace()
            .filter_map(|format| format.parse().ok())
        {
            match self.encoding(payload).trim_end_matches("/1") {
                "pcmu/8000" => codecs.push((Codec::Pcmu, payload)),
                "pcma/8000" => codecs.push((Codec::Pcma, payload)),
                "telephone-event/8000" => telephone_event = telephone_event.or(Some(payload)),
                _ => {}
            }
        }
        let address = self.connection.or(session.connection)?;
        let mut direction = self
            .direction
            .or(session.direction)
            .unwrap_or(Direction::SendRecv);
        if address.is_unspecified() {
            // Hold as RFC 2543 had it: send nothing there.
            direction = Direction::of(direction.sends(), false);
        }
        let address = SocketAddr::new(address, self.port);
        (!codecs.is_empty()).then_some(Audio {
            address,
            codecs,
            telephone_event,
            direction,
        })
    }
}

/// Our side of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The address peers send audio to.
    pub address: IpAddr,
    /// The RTP port.
    pub port: u16,
    /// Names the session; constant.
    pub session: u64,
    /// Grows with each description that differs.
    pub version: u64,
}

impl Local {
    fn head(&self) -> String {
        let family = if self.address.is_ipv4() { "IP4" } else { "IP6" };
        format!(
            "v=0\r\no=- {} {} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n",
            self.session,
            self.version,
            address = self.address
        )
    }
}

const fn name_of(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU",
        Codec::Pcma => "PCMA",
    }
}

fn audio_line(
    port: u16,
    codecs: &[(Codec, u8)],
    event: Option<u8>,
    direction: Direction,
) -> String {
    let formats: String = codecs
        .iter()
        .map(|&(_, payload)| payload)
        .chain(event)
        .map(|payload| format!(" {payload}"))
        .collect();
    let mut text = format!("m=audio {port} RTP/AVP{formats}\r\n");
    for (codec, payload) in codecs {
        text.push_str(&format!(
            "a=rtpmap:{payload} {}/{RATE}\r\n",
            name_of(*codec)
        ));
    }
    if let Some(payload) = event {
        text.push_str(&format!(
            "a=rtpmap:{payload} telephone-event/{RATE}\r\na=fmtp:{payload} 0-15\r\n"
        ));
    }
    text.push_str(&format!(
        "a=ptime:{}\r\na={}\r\n",
        PTIME.as_millis(),
        direction.name()
    ));
    text
}

/// An offer of both codecs, `first` most wanted.
#[must_use]
pub fn offer(local: &Local, first: Codec) -> Vec<u8> {
    let codecs = match first {
        Codec::Pcmu => [(Codec::Pcmu, 0), (Codec::Pcma, 8)],
        Codec::Pcma => [(Codec::Pcma, 8), (Codec::Pcmu, 0)],
    };
    (local.head()
        + &audio_line(
            local.port,
            &codecs,
            Some(EVENT_PAYLOAD),
            Direction::SendRecv,
        ))
        .into_bytes()
}

/// The answer to an offer: its most wanted codec, its payload numbers, its direction reversed; every other stream is
/// declined.
#[must_use]
pub fn answer(local: &Local, offer: &Description) -> Vec<u8> {
    let mut text = local.head();
    for (index, line) in offer.lines.iter().enumerate() {
        if index == offer.index {
            let audio = &offer.audio;
            let codec = &audio.codecs[..1];
            text.push_str(&audio_line(
                local.port,
                codec,
                audio.telephone_event,
                audio.direction.reversed(),
            ));
        } else {
            let formats = if line.formats.is_empty() {
                "0"
            } else {
                &line.formats
            };
            text.push_str(&format!("m={} 0 {} {formats}\r\n", line.kind, line.proto));
        }
    }
    text.into_bytes()
}

#[cfg(test)]
#[path = "sdp_tests.rs"]
mod tests;
