//! Whom an address stands for: what counts for one client, counts for all of its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::HeaderMap;

/// The network that is counted as one client: an IPv4 address itself, also where it comes as an IPv6 one
/// (`::ffff:192.0.2.1`, RFC 4291 § 2.5.5.2, as it does on a listener at `[::]`), and the /64 of an IPv6 address, since
/// whoever has one address of it has all of them.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [first, second, third, fourth, ..] = address.segments();
            // 64:ff9b::/96 (RFC 6052) are IPv4 clients behind a translator.
            if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
                return IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
            }
            IpAddr::V6(Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0))
        }
    }
}

/// The client that a proxy names last in `X-Forwarded-For`; none where the last is no address. Proxies write
/// `192.0.2.1`, `2001:db8::1`, and some `192.0.2.1:49152` or `[2001:db8::1]:49152`.
#[must_use]
pub fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    let named = last.to_str().ok()?.rsplit(',').next()?.trim();
    let bare = named.strip_prefix('[').and_then(|named| named.strip_suffix(']')).unwrap_or(named);
    let with_port = || named.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> String {
        network(address.parse().unwrap()).to_string()
    }

    #[test]
    fn ipv4_is_counted_by_address_and_ipv6_by_network() {
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
        assert_eq!(of("64:ff9b::192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8:1:2:aaaa::1"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:bbbb::9"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
        assert_eq!(of("::1"), "::");
    }

    #[test]
    fn a_proxy_names_the_client_last_and_in_any_of_the_usual_ways() {
        let named = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            forwarded(&headers).map(|address| address.to_string())
        };
        for (lines, client) in [
            (&["192.0.2.1"] as &[&str], "192.0.2.1"),
            (&["203.0.113.7, 192.0.2.1"], "192.0.2.1"),
            (&["203.0.113.7", "192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1:49152"], "192.0.2.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
        ] {
            assert_eq!(named(lines).as_deref(), Some(client), "{lines:?}");
        }
        let long = "9".repeat(60_000);
        for lines in [&["unknown"] as &[&str], &[""], &["192.0.2.1, "], &[long.as_str()], &[]] {
            assert_eq!(named(lines), None, "{}", lines.len());
        }
    }
}
