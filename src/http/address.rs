//! Whom an address stands for: what counts for one client, counts for all of its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::HeaderMap;

/// The network that is counted as one client: an IPv4 address itself, and the /64 of an IPv6 address, since whoever has one
/// address of it has all of them.
///
/// An IPv6 address that stands for an IPv4 one counts as that: `::ffff:192.0.2.1` (RFC 4291 § 2.5.5.2, as it comes on a
/// listener at `[::]`), `64:ff9b::/96` (RFC 6052, clients behind a translator), `2002::/16` (RFC 3056, 6to4) and the
/// client of `2001::/32` (RFC 4380, Teredo, where it is written inverted). Whoever has one IPv4 address has a whole /48
/// of 6to4.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => match address.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
            [0x2001, 0, .., high, low] => v4(!high, !low),
            [first, second, third, fourth, ..] => IpAddr::V6(Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0)),
        },
    }
}

/// A network: its first address, and how many bits its addresses have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    fn of(address: IpAddr, bits: u8) -> Self {
        let first = match address {
            IpAddr::V4(address) => {
                IpAddr::V4(Ipv4Addr::from(u32::from(address) & u32::MAX.unbounded_shl(32 - u32::from(bits))))
            }
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from(u128::from(address) & u128::MAX.unbounded_shl(128 - u32::from(bits))))
            }
        };
        Self { first, bits }
    }
}

/// How many networks an address is counted in.
pub const LEVELS: usize = 4;
/// The largest of them, which stands for a provider.
pub const PROVIDER: usize = 3;

/// The networks that a customer of a provider may have, the smallest first, and then a provider's. IPv6: a /64, a /56 and
/// a /48 (RFC 6177, RIPE-690), and a /32, the least that a provider is given (RIPE-738). IPv4: the address, the /24
/// twice, which is the least that is routed on its own, and the /16.
#[must_use]
pub fn networks(address: IpAddr) -> [Network; LEVELS] {
    let client = network(address);
    let bits = if client.is_ipv4() { [32, 24, 24, 16] } else { [64, 56, 48, 32] };
    bits.map(|bits| Network::of(client, bits))
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
    fn an_ipv6_address_made_of_an_ipv4_one_is_counted_as_that() {
        for address in ["2002:c000:201::1", "2002:c000:201:ffff::1", "2001:0:53aa:64c:0:0:3fff:fdfe"] {
            assert_eq!(of(address), "192.0.2.1", "{address}");
        }
        assert_eq!(of("2001:1::3fff:fdfe"), "2001:1::", "the next /32 is no Teredo");
    }

    #[test]
    fn a_customer_has_a_56_or_a_48_or_neighbours_in_a_24() {
        let common = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|address| networks(address.parse().unwrap()));
            one.iter().zip(&other).map(|(one, other)| one == other).collect::<Vec<_>>()
        };
        assert_eq!(common("2001:db8:1:200::1", "2001:db8:1:200:ffff::1"), [true, true, true, true]);
        assert_eq!(common("2001:db8:1:200::1", "2001:db8:1:2ff::1"), [false, true, true, true]);
        assert_eq!(common("2001:db8:1:200::1", "2001:db8:1:300::1"), [false, false, true, true]);
        assert_eq!(common("2001:db8:1:200::1", "2001:db8:2:200::1"), [false, false, false, true]);
        assert_eq!(common("2001:db8:1:200::1", "2001:db9:1:200::1"), [false, false, false, false]);
        assert_eq!(common("192.0.2.1", "::ffff:192.0.2.255"), [false, true, true, true]);
        assert_eq!(common("192.0.2.1", "192.0.3.1"), [false, false, false, true]);
        assert_eq!(common("192.0.2.1", "192.1.2.1"), [false, false, false, false]);
        assert_eq!(common("192.0.2.1", "2002:c000:2ff::1"), [false, true, true, true]);
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
