//! Where the trunks are, so that nobody makes one an agent's phone and calls the world by taking a contact.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs};

/// Hosts of the trunks: as configured, and the addresses they had when the hub started.
#[derive(Clone, Debug, Default)]
pub struct TrunkHosts {
    hosts: BTreeSet<String>,
}

impl TrunkHosts {
    /// Looks the hosts up, which may take a while: call it off the runtime. A name that has no address now is known by
    /// its name alone.
    #[must_use]
    pub fn of(addresses: &[String]) -> Self {
        let mut hosts = BTreeSet::new();
        for address in addresses {
            let host = host_of(address);
            if let Ok(found) = (host.as_str(), 0).to_socket_addrs() {
                hosts.extend(found.map(|at| at.ip().to_canonical().to_string()));
            }
            hosts.insert(host);
        }
        Self { hosts }
    }

    /// Whether a SIP address is at one of them, whatever its port. An address that names a second host (`maddr`, RFC
    /// 3261 section 19.1.1) counts as one.
    #[must_use]
    pub fn leads_to(&self, uri: &str) -> bool {
        let at = uri.split_once('@').map_or(uri, |(_, at)| at);
        !self.hosts.is_empty()
            && (self.hosts.contains(&host_of(at)) || at.to_ascii_lowercase().contains("maddr="))
    }
}

/// The host of `host`, `host:port` or `[v6]:port`, with what follows it in a SIP address cut off: in one form, so that
/// two ways to write it compare equal.
fn host_of(address: &str) -> String {
    let address = address.split([';', '?', '>']).next().unwrap_or(address);
    let host = match address
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, _)) => host,
        None if address.parse::<IpAddr>().is_ok() => address,
        None => address.split(':').next().unwrap_or(address),
    };
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().to_string(),
        Err(_) => host.trim_end_matches('.').to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_known_however_its_host_is_written() {
        let known = TrunkHosts::of(&[
            "127.0.0.2:5060".to_owned(),
            "[2001:db8::1]:5060".to_owned(),
            "Carrier.invalid".to_owned(),
        ]);
        for uri in [
            "sip:0190@127.0.0.2",
            "sip:0190@127.0.0.2:5999;transport=udp",
            "sip:0190@[::ffff:127.0.0.2]",
            "sip:0190@[2001:DB8:0::1]:5060",
            "sip:0190@CARRIER.invalid.:5060",
            "sip:0190@192.0.2.9;maddr=127.0.0.2",
        ] {
            assert!(known.leads_to(uri), "{uri}");
        }
        for uri in ["sip:anna@127.0.0.3:5060", "sip:anna@desk.invalid"] {
            assert!(!known.leads_to(uri), "{uri}");
        }
        assert!(!TrunkHosts::default().leads_to("sip:anna@127.0.0.2"));
    }

    #[test]
    fn a_trunk_given_by_name_is_known_by_its_address_too() {
        assert!(TrunkHosts::of(&["localhost".to_owned()]).leads_to("sip:1@127.0.0.1"));
    }
}
