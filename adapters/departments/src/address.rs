//! Where the hub goes by itself: over TLS to the public internet, and to this machine. Addresses inside a network are gone
//! to only when an operator says so, for each door: a department's system that is moved, or a name that is made to point
//! elsewhere, must not turn the hub on its neighbours.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Why the text is no address that may be gone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It cannot be read.
    #[error("is no address of a web server")]
    Unreadable,
    /// Secrets do not belong into an address.
    #[error("holds a user, a password or a fragment")]
    Adorned,
    /// What is sent could be read on the way.
    #[error("is not https")]
    Plain,
    /// It lies inside a network.
    #[error("lies inside a private network")]
    Private,
}

/// An address that may be gone to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: Url,
    private: bool,
}

impl Address {
    /// Reads an address. With `private` it may be plain HTTP and lie inside a network.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn parse(text: &str, private: bool) -> Result<Self, NotAnAddress> {
        let url = Url::parse(text).map_err(|_| NotAnAddress::Unreadable)?;
        let host = url.host_str().ok_or(NotAnAddress::Unreadable)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(NotAnAddress::Adorned);
        }
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let own = literal.map_or_else(|| is_localhost(host), |ip| ip.to_canonical().is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if own || private => {}
            "http" => return Err(NotAnAddress::Plain),
            _ => return Err(NotAnAddress::Unreadable),
        }
        if !private && !own && literal.is_some_and(|ip| !is_public(ip)) {
            return Err(NotAnAddress::Private);
        }
        Ok(Self { url, private })
    }

    /// The address.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it may lie inside a network.
    #[must_use]
    pub const fn may_be_private(&self) -> bool {
        self.private
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost")
}

/// Whether an address belongs to the public internet, by the registries of special addresses.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match a {
        0 | 10 | 127 => true,
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        _ => a >= 224,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Of what is global, documentation and the ways into IPv4 networks are left out.
    let global = a & 0xe000 == 0x2000;
    global && !(a == 0x2001 && (b < 0x200 || b == 0xdb8)) && a != 0x2002 && a != 0x3fff
}

/// Looks names up and leaves out what may not be gone to, at the moment of going there.
#[derive(Debug)]
pub(crate) struct Guard {
    pub private: bool,
}

impl Guard {
    fn allows(&self, name: &str, ip: IpAddr) -> bool {
        self.private || is_public(ip) || (is_localhost(name) && ip.is_loopback())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Self {
            private: self.private,
        };
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|at| guard.allows(&name, at.ip())).collect();
            if allowed.is_empty() {
                return Err("the name leads to no address that may be gone to".into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_gone_to_unless_an_operator_says_more() {
        for text in [
            "https://crm.example/hooks",
            "https://203.1.113.9/",
            "http://127.0.0.1:8080/x",
            "http://localhost/",
            "http://[::1]:9/",
        ] {
            assert!(Address::parse(text, false).is_ok(), "{text}");
        }
        let refused = [
            ("http://crm.example/", NotAnAddress::Plain),
            ("https://10.0.0.4/", NotAnAddress::Private),
            ("https://192.168.1.1/", NotAnAddress::Private),
            ("https://169.254.169.254/latest", NotAnAddress::Private),
            ("https://[fd00::1]/", NotAnAddress::Private),
            ("https://[::ffff:10.0.0.1]/", NotAnAddress::Private),
            ("https://0/", NotAnAddress::Private),
            ("https://anna:secret@crm.example/", NotAnAddress::Adorned),
            ("https://crm.example/#top", NotAnAddress::Adorned),
            ("ftp://crm.example/", NotAnAddress::Unreadable),
            ("crm.example", NotAnAddress::Unreadable),
            ("file:///etc/passwd", NotAnAddress::Unreadable),
        ];
        for (text, why) in refused {
            assert_eq!(Address::parse(text, false), Err(why), "{text}");
        }
        for text in ["http://crm.internal/", "https://10.0.0.4/"] {
            assert!(Address::parse(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_name_that_leads_inside_a_network_is_not_followed() {
        let guard = Guard { private: false };
        let ip = |text: &str| {
            text.parse::<IpAddr>()
                .unwrap_or(IpAddr::V4(Ipv4Addr::BROADCAST))
        };
        assert!(guard.allows("crm.example", ip("93.184.215.14")));
        assert!(guard.allows("crm.example", ip("2606:2800::1")));
        assert!(guard.allows("localhost", ip("127.0.0.1")));
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "2001:db8::1",
            "2002:a00::1",
            "::ffff:192.168.0.1",
        ] {
            assert!(!guard.allows("crm.example", ip(inside)), "{inside}");
            assert!(Guard { private: true }.allows("crm.example", ip(inside)));
        }
    }
}
