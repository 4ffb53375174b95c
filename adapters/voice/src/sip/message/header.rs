//! The list of header fields: order kept, names case-insensitive, compact forms expanded (RFC 3261 section 7.3).

use std::borrow::Cow;
use std::fmt;

/// One header field. A value never holds a line break.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// The full, canonical name.
    pub name: Cow<'static, str>,
    /// The value, folded lines joined, trimmed.
    pub value: String,
}

/// Header fields in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    list: Vec<Header>,
}

/// Every name we read or write, with its compact form (RFC 3261 section 20, IANA registry).
const KNOWN: &[(&str, &str)] = &[
    ("Via", "v"),
    ("From", "f"),
    ("To", "t"),
    ("Call-ID", "i"),
    ("CSeq", ""),
    ("Contact", "m"),
    ("Max-Forwards", ""),
    ("Content-Length", "l"),
    ("Content-Type", "c"),
    ("Content-Encoding", "e"),
    ("Record-Route", ""),
    ("Route", ""),
    ("Allow", ""),
    ("Supported", "k"),
    ("Require", ""),
    ("Unsupported", ""),
    ("Expires", ""),
    ("Min-Expires", ""),
    ("Retry-After", ""),
    ("User-Agent", ""),
    ("Server", ""),
    ("Subject", "s"),
    ("Refer-To", "r"),
    ("Event", "o"),
    ("Session-Expires", "x"),
    ("Accept", ""),
    ("Authorization", ""),
    ("Proxy-Authorization", ""),
    ("WWW-Authenticate", ""),
    ("Proxy-Authenticate", ""),
];

/// The canonical spelling of a header name.
fn canonical(name: &str) -> Cow<'static, str> {
    KNOWN
        .iter()
        .find(|(full, compact)| {
            full.eq_ignore_ascii_case(name)
                || (!compact.is_empty() && compact.eq_ignore_ascii_case(name))
        })
        .map_or_else(
            || Cow::Owned(name.to_owned()),
            |&(full, _)| Cow::Borrowed(full),
        )
}

// Values carry numbers, names and credentials: names only.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.list.iter().map(|header| &header.name))
            .finish()
    }
}

impl Headers {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.list.iter()
    }

    /// Appends a field. Line breaks in the value become spaces, so that no value can start another field.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        let mut value: String = value.into();
        if value.contains(['\r', '\n']) {
            value = value.replace(['\r', '\n'], " ");
        }
        self.list.push(Header {
            name: canonical(name),
            value,
        });
    }

    /// Appends a field and hands the list on, for building.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.push(name, value);
        self
    }

    /// Removes every field of this name.
    pub fn remove(&mut self, name: &str) {
        self.list
            .retain(|header| !header.name.eq_ignore_ascii_case(name));
    }

    /// Replaces the first field of this name, or appends it.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self
            .list
            .iter_mut()
            .find(|header| header.name.eq_ignore_ascii_case(name))
        {
            Some(header) => header.value = value.replace(['\r', '\n'], " "),
            None => self.push(name, value),
        }
    }

    /// The first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self
            .list
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        field.map(|header| header.value.as_str())
    }

    /// Every field of this name, in order.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.list
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }

    /// The elements of a comma-separated header over all its fields, in order. Commas inside
    /// quotes or angle brackets do not separate.
    #[must_use]
    pub fn elements(&self, name: &str) -> Vec<&str> {
        self.all(name).flat_map(split_commas).collect()
    }

    /// Whether a comma-separated header names this token, in any case.
    #[must_use]
    pub fn names(&self, header: &str, token: &str) -> bool {
        self.elements(header)
            .iter()
            .any(|element| element.eq_ignore_ascii_case(token))
    }

    /// A header that is a decimal number, such as `Expires`; `None` when missing or not a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        // delta-seconds beyond u32 mean "as long as possible".
        let digits = self
            .get(name)?
            .split(|c: char| !c.is_ascii_digit())
            .next()?;
        if digits.is_empty() {
            return None;
        }
        Some(digits.parse().unwrap_or(u32::MAX))
    }
}

/// Splits at commas outside of quotes and angle brackets; empty elements are left out.
pub(in crate::sip) fn split_commas(value: &str) -> Vec<&str> {
    split_outside(value, ',')
}

/// Splits at `separator` outside of quoted strings and `<...>`; trims, leaves empty pieces out.
pub(super) fn split_outside(value: &str, separator: char) -> Vec<&str> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    for (at, c) in value.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            c if c == separator && !quoted && !angle => {
                pieces.push(&value[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(&value[start..]);
    pieces
        .into_iter()
        .map(str::trim)
        .filter(|piece| !piece.is_empty())
        .collect()
}
