//! `entity.public_url`: where the public reaches the server.
//!
//! # Why
//! A receipt prints this address for ever, and people scan it years later: an address that cannot be reached from outside,
//! or that holds more than an address, is refused when the settings are read and not discovered on paper.

use std::net::{IpAddr, Ipv6Addr};

/// The longest address; the code for telephones on a receipt grows with it.
const LENGTH: usize = 200;

/// Why an address is none that receipts can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// No scheme that browsers speak to a registry.
    #[error("must begin with https:// (http:// only for trials, at 127.0.0.1, [::1] or localhost)")]
    Scheme,
    /// Plain HTTP to another machine.
    #[error("must be https: http is for trials at 127.0.0.1, [::1] or localhost only")]
    Clear,
    /// A user's name or password.
    #[error("must not hold a user's name or password")]
    User,
    /// Not a host.
    #[error("{0:?} is not the name or address of a machine, such as sede.example.es")]
    Host(String),
    /// Not a port.
    #[error("the port must be a number from 1 to 65535, not {0:?}")]
    Port(String),
    /// More than a plain path.
    #[error("{0:?} is no plain path: no ? or #, no empty, . or .. segment, only letters, digits, - . _ and ~")]
    Path(String),
    /// Too long for a receipt.
    #[error("has more than {LENGTH} characters")]
    Length,
}

/// Checks the address: `https://host`, perhaps with a port and a plain path.
///
/// # Errors
/// [`PublicUrlError`], the first that holds.
pub fn check(url: &str) -> Result<(), PublicUrlError> {
    if url.len() > LENGTH {
        return Err(PublicUrlError::Length);
    }
    let (scheme, rest) = url.split_once("://").ok_or(PublicUrlError::Scheme)?;
    let (authority, path) = rest.find(['/', '?', '#', '\\']).map_or((rest, ""), |at| rest.split_at(at));
    if authority.contains('@') {
        return Err(PublicUrlError::User);
    }
    let loopback = check_authority(authority)?;
    match scheme {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(PublicUrlError::Clear),
        _ => return Err(PublicUrlError::Scheme),
    }
    check_path(path)
}

/// The path below which a proxy serves the registry, such as `/registro`; empty where it has the whole host.
#[must_use]
pub fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or("", |at| rest[at..].trim_end_matches('/'))
}

/// Why nobody outside may reach an address that could stand on a receipt; nothing where nothing speaks against it. It is for
/// trials, or a town hall whose network is all that there is.
#[must_use]
pub fn doubt(url: &str) -> Option<&'static str> {
    let (_, rest) = url.split_once("://")?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if path.trim_end_matches('/').ends_with("/api/v1") {
        return Some("is the address of the API, which receipts and programs add by themselves: leave /api/v1 out");
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => Host::Address(rest.split(']').next()?.parse::<Ipv6Addr>().ok()?.into()),
        None => Host::of(authority.split(':').next()?)?,
    };
    match host {
        Host::Address(address) if address.is_loopback() => Some("is this machine, which nobody outside reaches"),
        Host::Address(address) if is_inside(address) => {
            Some("is an address of a local network, which nobody outside reaches")
        }
        Host::Name(name) if name.eq_ignore_ascii_case("localhost") => {
            Some("is this machine, which nobody outside reaches")
        }
        Host::Name(name) if is_local(name) => Some("is a name of a local network, which nobody outside knows"),
        Host::Address(_) | Host::Name(_) => None,
    }
}

/// Whether an address is one of private or otherwise local use (RFC 1918, 3927, 6598, 4193, 4291).
fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || first == 100 && (64..128).contains(&second)
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Whether a name is of one label, or under a domain that is never public (RFC 2606, 6762, 8375).
fn is_local(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    !name.contains('.')
        || ["local", "localhost", "lan", "home", "internal", "test", "invalid", "arpa"].contains(&&*last)
}

/// Checks host and port; whether the host is this machine.
fn check_authority(authority: &str) -> Result<bool, PublicUrlError> {
    let no_host = || PublicUrlError::Host(authority.to_owned());
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or_else(no_host)?;
        let address: Ipv6Addr = inside.parse().map_err(|_| no_host())?;
        (Host::Address(address.into()), after)
    } else {
        let (name, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
        (Host::of(name).ok_or_else(no_host)?, port)
    };
    if !port.is_empty() {
        let digits = port.strip_prefix(':').unwrap_or_default();
        let wrong = || PublicUrlError::Port(port.trim_start_matches(':').to_owned());
        let plain = !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| plain).ok_or_else(wrong)?;
    }
    match host {
        // Where a server listens, not where anybody reaches it.
        Host::Address(address) if address.is_unspecified() || address.is_multicast() => Err(no_host()),
        Host::Address(address) => Ok(address.is_loopback()),
        Host::Name(name) => Ok(name.eq_ignore_ascii_case("localhost")),
    }
}

enum Host<'u> {
    Address(IpAddr),
    Name(&'u str),
}

impl<'u> Host<'u> {
    /// A name by RFC 1123 § 2.1 (an internationalised one in its `xn--` form), or an IPv4 address.
    fn of(name: &'u str) -> Option<Self> {
        // What ends in a number is an address to browsers, however it is written (`0x7f.1`).
        if name.rsplit('.').next().is_some_and(|last| last.starts_with(|first: char| first.is_ascii_digit())) {
            return name.parse().ok().map(Self::Address);
        }
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        name.split('.').all(label).then_some(Self::Name(name))
    }
}

fn check_path(path: &str) -> Result<(), PublicUrlError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let Some(segments) = path.strip_prefix('/') else {
        return if path.is_empty() { Ok(()) } else { Err(PublicUrlError::Path(path.to_owned())) };
    };
    let plain = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    if segments.split('/').all(plain) { Ok(()) } else { Err(PublicUrlError::Path(path.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://sede.example.es")]
    #[case("https://sede.example.es/")]
    #[case("https://sede.example.es:8443/registro")]
    #[case("https://xn--sede-peiscola-9jb.es/a/b_c~d/")]
    #[case("https://192.0.2.7")]
    #[case("https://[2001:db8::7]:443")]
    #[case("http://127.0.0.1:8080")]
    #[case("http://localhost:8080")]
    #[case("http://[::1]:8080")]
    fn an_address_that_a_receipt_can_carry(#[case] url: &str) {
        assert_eq!(check(url), Ok(()));
    }

    #[rstest]
    #[case("sede.example.es", "must begin with https://")]
    #[case("ftp://sede.example.es", "must begin with https://")]
    #[case("javascript://sede.example.es", "must begin with https://")]
    #[case("http://sede.example.es", "must be https")]
    #[case("http://10.0.0.1:8080", "must be https")]
    #[case("http://localhost.example.es", "must be https")]
    #[case("https://", "is not the name")]
    #[case("https://sede example.es", "is not the name")]
    #[case("https://sede..es", "is not the name")]
    #[case("https://-sede.es", "is not the name")]
    #[case("https://peñíscola.es", "is not the name")]
    #[case("https://0.0.0.0", "is not the name")]
    #[case("https://[::]:443", "is not the name")]
    #[case("https://[::1", "is not the name")]
    #[case("https://0x7f.1", "is not the name")]
    #[case("http://127.0.0.1:0", "the port must be")]
    #[case("https://sede.example.es:", "the port must be")]
    #[case("https://sede.example.es:65536", "the port must be")]
    #[case("https://sede.example.es:+1", "the port must be")]
    #[case("https://sede.example.es:0443", "the port must be")]
    #[case("https://[::1]443", "the port must be")]
    #[case("https://u:p@sede.example.es", "must not hold a user")]
    #[case("https://sede.example.es/?a=b", "is no plain path")]
    #[case("https://sede.example.es?a=b", "is no plain path")]
    #[case("https://sede.example.es/#x", "is no plain path")]
    #[case("https://sede.example.es//registro", "is no plain path")]
    #[case("https://sede.example.es/a/../b", "is no plain path")]
    #[case("https://sede.example.es/a%20b", "is no plain path")]
    #[case("https://sede.example.es\\a", "is no plain path")]
    #[case(" https://sede.example.es", "must begin with https://")]
    #[case("https://sede.example.es\n", "is not the name")]
    fn what_is_no_such_address_is_refused_by_its_cause(#[case] url: &str, #[case] why: &str) {
        let error = check(url).unwrap_err().to_string();
        assert!(error.contains(why), "{url}: {error}");
    }

    #[rstest]
    #[case("https://sede.example.es", None)]
    #[case("https://192.0.2.7:8443/registro", None)]
    #[case("https://[2001:db8::7]", None)]
    #[case("https://sede.example.es/api/v1", Some("/api/v1 out"))]
    #[case("https://sede.example.es/registro/api/v1/", Some("/api/v1 out"))]
    #[case("http://127.0.0.1:8080", Some("this machine"))]
    #[case("https://[::1]", Some("this machine"))]
    #[case("http://localhost:8080", Some("this machine"))]
    #[case("https://10.0.0.1", Some("local network"))]
    #[case("https://192.168.1.20:8443", Some("local network"))]
    #[case("https://100.64.0.1", Some("local network"))]
    #[case("https://[fd00::1]", Some("local network"))]
    #[case("https://[fe80::1]", Some("local network"))]
    #[case("https://[::ffff:10.0.0.1]", Some("local network"))]
    #[case("https://registro", Some("local network"))]
    #[case("https://registro.local", Some("local network"))]
    fn an_address_that_nobody_outside_reaches_is_told(#[case] url: &str, #[case] why: Option<&str>) {
        assert_eq!(check(url), Ok(()));
        let told = doubt(url);
        assert!(
            told.is_some() == why.is_some() && told.unwrap_or_default().contains(why.unwrap_or_default()),
            "{told:?}"
        );
    }

    #[rstest]
    #[case("", "")]
    #[case("https://sede.example.es", "")]
    #[case("https://sede.example.es/", "")]
    #[case("https://sede.example.es:8443/a/registro/", "/a/registro")]
    fn a_path_is_what_stands_before_all_addresses(#[case] url: &str, #[case] before: &str) {
        assert_eq!(path(url), before);
    }

    #[test]
    fn a_long_address_is_refused() {
        assert_eq!(check(&format!("https://sede.es/{}", "a".repeat(200))), Err(PublicUrlError::Length));
    }
}
