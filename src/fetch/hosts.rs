//! Which machines may be asked.
//!
//! # Why
//! Addresses come out of certificates that anybody can make and send: without a list, each would let its maker have
//! the registry call whatever stands inside the town hall. So only what is listed is asked. A name that only ends as
//! listed may lead to public addresses alone; one that is listed whole may lead anywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A setting that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host: write ocsp.example.org, ocsp.example.org:8080, or .example.org for all below it")]
pub struct BadHost(pub String);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// In lower case; a suffix begins with a dot.
    host: String,
    /// None: the scheme's own.
    port: Option<u16>,
}

/// The machines that may be asked. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Arc<Vec<Entry>>);

impl Hosts {
    /// The hosts of the setting, and those of addresses that the administrator wrote elsewhere.
    ///
    /// # Errors
    /// [`BadHost`] names the first that is none.
    pub fn new<'a>(listed: &[String], addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, BadHost> {
        let mut entries = listed.iter().map(|text| entry(text)).collect::<Result<Vec<_>, _>>()?;
        for address in addresses {
            let bad = || BadHost(address.to_owned());
            let url = Url::parse(address).map_err(|_| bad())?;
            let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(bad)?;
            entries.push(Entry { host: host.to_ascii_lowercase(), port: url.port() });
        }
        Ok(Self(Arc::new(entries)))
    }

    /// Whether this address may be asked at all; to which machines its name may lead, [`Hosts::resolve`] says.
    #[must_use]
    pub fn allow(&self, url: &Url) -> bool {
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else { return false };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let literal = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
        self.0.iter().any(|entry| {
            // A number has no name above it.
            let below = !literal && entry.host.starts_with('.') && host.ends_with(&entry.host);
            let same = below || host == entry.host;
            same && url.port() == entry.port
        })
    }

    /// Whether this name is listed whole, with whatever port.
    fn lists(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|entry| entry.host == host)
    }
}

impl Resolve for Hosts {
    fn resolve(&self, name: Name) -> Resolving {
        let anywhere = self.lists(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| anywhere || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("{} leads to no public address", name.as_str()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn entry(text: &str) -> Result<Entry, BadHost> {
    let bad = || BadHost(text.to_owned());
    let text = text.trim().to_ascii_lowercase();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| bad())?)),
        _ => (text.as_str(), None),
    };
    let name = host.strip_prefix('.').unwrap_or(host);
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let literal = literal.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok());
    if name.is_empty() || !(plain || (literal && name == host)) {
        return Err(bad());
    }
    // The scheme's own port is not written in addresses once they are parsed.
    Ok(Entry { host: host.to_owned(), port: port.filter(|port| !matches!(port, 80 | 443)) })
}

/// Whether an address is of the Internet, and of no network inside (RFC 6890 and the registries it founded).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let words = address.segments();
            if let Some(inner) = address.to_ipv4() {
                return is_public_v4(inner);
            }
            match words {
                // NAT64 and 6to4 carry an address of version 4 inside.
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => is_public_v4(joined(high, low)),
                [0x2001, 0xdb8, ..] => false,
                // Global unicast is one eighth of all; the rest is local, multicast or not given out.
                [first, ..] => first & 0xe000 == 0x2000,
            }
        }
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let inside = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && second & 0xc0 == 64)
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && second & 0xfe == 18);
    !inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listed: &[&str]) -> Hosts {
        Hosts::new(&listed.iter().map(ToString::to_string).collect::<Vec<_>>(), []).unwrap()
    }

    fn allows(listed: &[&str], url: &str) -> bool {
        hosts(listed).allow(&Url::parse(url).unwrap())
    }

    #[test]
    fn only_what_is_listed_is_asked() {
        assert!(allows(&["ocsp.fnmt.es"], "http://OCSP.fnmt.es/x"));
        assert!(allows(&["ocsp.fnmt.es"], "https://ocsp.fnmt.es./x"));
        assert!(allows(&[".fnmt.es"], "http://www.cert.fnmt.es/crls/1.crl"));
        assert!(allows(&["127.0.0.1:8888"], "http://127.0.0.1:8888/"));
        assert!(allows(&["[::1]:8888"], "http://[::1]:8888/"));
        for (listed, url) in [
            (&[][..], "http://ocsp.fnmt.es/"),
            (&["ocsp.fnmt.es"], "http://ocsp.fnmt.es:8080/"),
            (&["ocsp.fnmt.es:8080"], "http://ocsp.fnmt.es/"),
            (&["ocsp.fnmt.es"], "http://x.ocsp.fnmt.es/"),
            (&[".fnmt.es"], "http://fnmt.es/"),
            (&[".fnmt.es"], "http://evilfnmt.es/"),
            (&["ocsp.fnmt.es"], "ftp://ocsp.fnmt.es/"),
            (&["ocsp.fnmt.es"], "http://ocsp.fnmt.es@127.0.0.1/"),
            (&[".1"], "http://127.0.0.1/"),
            (&["127.0.0.1"], "http://[::1]/"),
        ] {
            assert!(!allows(listed, url), "{listed:?} {url}");
        }
    }

    #[test]
    fn what_is_no_host_is_named() {
        for bad in ["", ".", "http://a.es", "a b", "a.es:x", "*.a.es", "[::1"] {
            assert_eq!(Hosts::new(&[bad.to_owned()], []).unwrap_err(), BadHost(bad.to_owned()), "{bad}");
        }
    }

    #[test]
    fn addresses_inside_are_told_from_public_ones() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for public in ["8.8.8.8", "185.88.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn a_name_that_only_ends_as_listed_leads_to_no_machine_inside() {
        let resolve = |listed: &[&str]| hosts(listed).resolve("localhost".parse().unwrap());
        assert!(resolve(&["localhost"]).await.is_ok());
        assert!(resolve(&[".example"]).await.is_err());
    }
}
