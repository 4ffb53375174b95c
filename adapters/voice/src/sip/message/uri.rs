//! Addresses: SIP and telephone URIs, and the name-addr form of From, To, Contact and the route headers
//! (RFC 3261 sections 19.1 and 25).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::header::split_outside;

/// The port of SIP over UDP and TCP.
const SIP_PORT: u16 = 5060;

/// Parameters in order: `;name` or `;name=value`. Names are case-insensitive.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Reads `a=b;c;d="e"`, the part after the first semicolon.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(
            split_outside(text, ';')
                .into_iter()
                .filter_map(|piece| match piece.split_once('=') {
                    Some((name, value)) => (!name.trim().is_empty())
                        .then(|| (name.trim().to_owned(), Some(value.trim().to_owned()))),
                    None => Some((piece.to_owned(), None)),
                })
                .collect(),
        )
    }

    /// The value of a parameter; `Some("")` when it stands without one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    /// Sets or adds a parameter.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = Some(value.into());
        match self
            .0
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

/// What kind of address a URI is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966): the number is the user, there is no host.
    Tel,
    /// Any other scheme; everything after the colon is kept as the host.
    Other(String),
}

/// A URI as requests and headers carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri {
    /// The scheme.
    pub scheme: Scheme,
    /// The user part as written (still escaped); a password after it is dropped on reading.
    pub user: Option<String>,
    /// Host name or address; IPv6 in brackets.
    pub host: String,
    /// The port, when given.
    pub port: Option<u16>,
    /// Parameters such as `transport` and `lr`.
    pub params: Params,
    /// The part after `?`, as written.
    pub headers: String,
}

impl Uri {
    /// A plain `sip:user@address`.
    #[must_use]
    pub fn sip(user: &str, address: SocketAddr) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: (!user.is_empty()).then(|| escape_user(user)),
            host: match address.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            },
            port: Some(address.port()),
            params: Params::default(),
            headers: String::new(),
        }
    }

    /// Reads a URI; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"'))
        {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        if scheme.is_empty()
            || !scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        {
            return None;
        }
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "sip" => Scheme::Sip,
            "sips" => Scheme::Sips,
            "tel" => return Self::parse_tel(rest),
            other => {
                return Some(Self {
                    scheme: Scheme::Other(other.to_owned()),
                    user: None,
                    host: rest.to_owned(),
                    port: None,
                    params: Params::default(),
                    headers: String::new(),
                });
            }
        };
        // The user part may itself hold `;` and `?`, so it is cut off first.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user.split(':').next().unwrap_or("").to_owned()), rest),
            None => (None, rest),
        };
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        let (host_port, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = split_host_port(host_port)?;
        Some(Self {
            scheme,
            user,
            host: host.to_owned(),
            port,
            params: Params::parse(params),
            headers: headers.to_owned(),
        })
    }

    fn parse_tel(rest: &str) -> Option<Self> {
        let (number, params) = rest.split_once(';').unwrap_or((rest, ""));
        (!number.is_empty()).then(|| Self {
            scheme: Scheme::Tel,
            user: Some(number.to_owned()),
            host: String::new(),
            port: None,
            params: Params::parse(params),
            headers: String::new(),
        })
    }

    /// The user part for people and for matching: unescaped, and without parameters inside it
    /// (`+4930;phone-context=x` is `+4930`). Empty when there is none.
    #[must_use]
    pub fn user_name(&self) -> String {
        let user = self.user.as_deref().unwrap_or("");
        unescape(user.split(';').next().unwrap_or(""))
    }

    /// Where the host is a literal address: that address, with the port given or 5060.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        Some(SocketAddr::new(
            host.parse().ok()?,
            self.port.unwrap_or(SIP_PORT),
        ))
    }

    /// The host with its port or 5060, for a resolver.
    #[must_use]
    pub fn host_port(&self) -> String {
        format!("{}:{}", self.host, self.port.unwrap_or(SIP_PORT))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match &self.scheme {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(other) => other,
        };
        write!(f, "{scheme}:")?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if self.scheme != Scheme::Tel {
                f.write_str("@")?;
            }
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        if !self.headers.is_empty() {
            write!(f, "?{}", self.headers)?;
        }
        Ok(())
    }
}

// A URI names a person.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<uri>")
    }
}

/// An address with an optional display name and header parameters: `"Ann" <sip:ann@host>;tag=1` or
/// `sip:ann@host;tag=1`.
#[derive(Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name, unquoted; empty when there is none.
    pub display: String,
    /// The address.
    pub uri: Uri,
    /// Header parameters such as `tag` and `expires`.
    pub params: Params,
}

impl NameAddr {
    /// Reads one name-addr or addr-spec with parameters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(open) = find_unquoted(text, '<') {
            let close = open + text[open..].find('>')?;
            let display = unquote(text[..open].trim());
            let after = text[close + 1..].trim_start();
            let params = match after.strip_prefix(';') {
                Some(params) => Params::parse(params),
                None if after.is_empty() => Params::default(),
                None => return None,
            };
            return Some(Self {
                display,
                uri: Uri::parse(&text[open + 1..close])?,
                params,
            });
        }
        // Without brackets, parameters belong to the header, not to the URI (RFC 3261 section 20.10).
        let (uri, params) = text.split_once(';').unwrap_or((text, ""));
        Some(Self {
            display: String::new(),
            uri: Uri::parse(uri)?,
            params: Params::parse(params),
        })
    }

    /// The dialog tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.display.is_empty() {
            write!(
                f,
                "\"{}\" ",
                self.display.replace('\\', "\\\\").replace('"', "\\\"")
            )?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<name-addr>")
    }
}

/// The text of a quoted string; anything else is what it is.
pub(in crate::sip) fn unquote(text: &str) -> String {
    let Some(quoted) = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return text.to_owned();
    };
    let (mut plain, mut escaped) = (String::with_capacity(quoted.len()), false);
    for c in quoted.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            plain.push(c);
        }
    }
    plain
}

fn find_unquoted(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == wanted && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Splits `host`, `host:port` or `[v6]:port`.
pub(super) fn split_host_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if text.starts_with('[') {
        let close = text.find(']')?;
        text[1..close].parse::<std::net::Ipv6Addr>().ok()?;
        (&text[..=close], text[close + 1..].strip_prefix(':'))
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b);
    if host.is_empty() || !host.bytes().all(plain) {
        return None;
    }
    match port {
        None | Some("") => Some((host, None)),
        Some(port) => Some((host, Some(port.trim().parse().ok()?))),
    }
}

/// Escapes what may not stand in a user part (RFC 3261 section 25.1).
fn escape_user(user: &str) -> String {
    let mut escaped = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,?/;#".contains(&byte) && byte != b'#' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match hex
            .filter(|_| bytes[at] == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        {
            Some(byte) if byte >= 0x20 => {
                plain.push(byte);
                at += 3;
            }
            _ => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
