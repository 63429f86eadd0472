//! Asks a source of time how far this machine's clock is off: an NTP server, or the `chronyd` of this machine.
//!
//! # Why
//! The hour of an entry is the official hour of the sede (art. 31.1 Ley 39/2015), so it must be known by how much the
//! clock that gives it may be wrong. The source is only asked: setting the clock is the system's business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};
use std::time::Duration;

use rsntp::{AsyncSntpClient, Config};

use crate::clock::Clock;

/// How long a source may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// An answer of an NTP server that took longer than these seconds is not used.
const SLOW: f64 = 1.0;
/// How many addresses of a server are tried.
const ADDRESSES: usize = 2;
/// The port of NTP (RFC 5905).
const NTP_PORT: u16 = 123;
/// The port at which `chronyd` answers `chronyc`.
const CHRONY_PORT: u16 = 323;
/// How many columns `chronyc -c tracking` writes, and which of them hold the offset and whether it is synchronised.
const CHRONY_COLUMNS: usize = 14;
const CHRONY_OFFSET: usize = 4;
const CHRONY_LEAP: usize = 13;

/// Why `clock.source` is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "clock.source: {0:?} is no source of time; write sntp:HOST or sntp:HOST:PORT for an NTP server, chrony or \
     chrony:HOST:PORT for chronyd, or nothing"
)]
pub struct UnknownSource(String);

/// Why a source did not say the time.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The name of the NTP server could not be resolved.
    #[error("the NTP server's name: {0}")]
    Name(#[source] std::io::Error),
    /// The name has no address.
    #[error("the NTP server's name has no address")]
    Unknown,
    /// The NTP server.
    #[error("the NTP server gave no time: {0}")]
    Sntp(#[from] rsntp::SynchronizationError),
    /// The answer took so long that it tells too little.
    #[error("the NTP server's answer took longer than {SLOW} s")]
    Slow,
    /// `chronyc` could not be run.
    #[error("chronyc could not be run: {0}")]
    Chronyc(#[from] std::io::Error),
    /// `chronyc` says that it cannot tell.
    #[error("chronyc: {0}")]
    Chrony(String),
    /// No answer in time.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
}

/// Where the right time can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeSource {
    /// An NTP server, asked by SNTP (RFC 5905, section 14).
    Sntp {
        /// Its name or address.
        host: String,
        /// Its UDP port.
        port: u16,
    },
    /// A `chronyd`, asked by `chronyc`: how far the clock is from the time that it follows.
    Chrony {
        /// Its name or address.
        host: String,
        /// Its UDP port for commands.
        port: u16,
    },
}

impl TimeSource {
    /// The source that `clock.source` names; none where it is empty.
    ///
    /// # Errors
    /// [`UnknownSource`] for anything else.
    pub fn parse(setting: &str) -> Result<Option<Self>, UnknownSource> {
        let unknown = || UnknownSource(setting.to_owned());
        let (kind, address) = setting.split_once(':').unwrap_or((setting, ""));
        match (kind, address) {
            ("", "") => Ok(None),
            ("chrony", "") => Ok(Some(Self::Chrony { host: "127.0.0.1".into(), port: CHRONY_PORT })),
            ("chrony", address) => {
                let (host, port) = host_and_port(address, CHRONY_PORT).ok_or_else(unknown)?;
                Ok(Some(Self::Chrony { host, port }))
            }
            ("sntp", address) => {
                let (host, port) = host_and_port(address, NTP_PORT).ok_or_else(unknown)?;
                Ok(Some(Self::Sntp { host, port }))
            }
            _ => Err(unknown()),
        }
    }

    /// How far the clock stands ahead of the source, in microseconds; less than 0 where it stands behind.
    ///
    /// # Errors
    /// [`SourceError`] when the source cannot tell within some seconds.
    pub async fn offset(&self, clock: &Clock) -> Result<i64, SourceError> {
        let asked = async {
            match self {
                Self::Sntp { host, port } => sntp(host, *port, clock).await,
                Self::Chrony { host, port } => Ok(chrony(host, *port).await? + clock.step()),
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.map_err(|_| SourceError::Late)?
    }
}

impl std::fmt::Display for TimeSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, host, port) = match self {
            Self::Sntp { host, port } => ("sntp", host, port),
            Self::Chrony { host, port } => ("chrony", host, port),
        };
        if host.contains(':') { write!(f, "{kind}:[{host}]:{port}") } else { write!(f, "{kind}:{host}:{port}") }
    }
}

/// A host, and its port where one is written: `a.es`, `a.es:123`, `[::1]`, `[::1]:123`.
fn host_and_port(address: &str, usual: u16) -> Option<(String, u16)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    // What goes to another program as an argument must not read as an option of its.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    if host.is_empty() || host.starts_with('-') || !host.bytes().all(plain) {
        return None;
    }
    let port = port.map_or(Some(usual), |port| port.parse().ok().filter(|port| *port != 0))?;
    Some((host.to_owned(), port))
}

/// Asks the addresses of a server one after the other; the first answer counts.
async fn sntp(host: &str, port: u16, clock: &Clock) -> Result<i64, SourceError> {
    let mut refused = SourceError::Unknown;
    for server in tokio::net::lookup_host((host, port)).await.map_err(SourceError::Name)?.take(ADDRESSES) {
        let own: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let config = Config::default().timeout(PATIENCE / 2).bind_address((own, 0).into());
        match AsyncSntpClient::with_config(config).synchronize(server).await {
            // The answer is right to half the time that it took.
            Ok(answer) if answer.round_trip_delay().as_secs_f64() > SLOW => refused = SourceError::Slow,
            Ok(answer) => return Ok(micros(-answer.clock_offset().as_secs_f64()) + clock.step()),
            Err(error) => refused = error.into(),
        }
    }
    Err(refused)
}

/// Microseconds, of seconds.
#[expect(clippy::cast_possible_truncation, reason = "a cast from a float goes to the nearest that fits")]
fn micros(seconds: f64) -> i64 {
    // A century is far enough off, and sums of it still fit.
    (seconds.clamp(-4e9, 4e9) * 1e6).round() as i64
}

async fn chrony(host: &str, port: u16) -> Result<i64, SourceError> {
    let mut command = Command::new("chronyc");
    command.args(["-c", "-n", "-h", host, "-p", &port.to_string(), "tracking"]).stdin(Stdio::null());
    // It gives up by itself after some seconds when nobody answers.
    let run = tokio::task::spawn_blocking(move || command.output()).await.map_err(std::io::Error::other)??;
    let text = String::from_utf8_lossy(&run.stdout);
    if !run.status.success() {
        return Err(SourceError::Chrony(text.trim().chars().take(200).collect()));
    }
    tracking(text.trim())
}

/// What `chronyc -c tracking` tells: seconds that the clock is slow, turned into microseconds that it is ahead.
fn tracking(line: &str) -> Result<i64, SourceError> {
    let columns: Vec<_> = line.split(',').collect();
    let unreadable = || SourceError::Chrony("its answer cannot be read".into());
    if columns.len() != CHRONY_COLUMNS {
        return Err(unreadable());
    }
    if columns[CHRONY_LEAP] == "Not synchronised" {
        return Err(SourceError::Chrony("chronyd is not synchronised".into()));
    }
    let slow: f64 = columns[CHRONY_OFFSET].parse().ok().filter(|slow: &f64| slow.is_finite()).ok_or_else(unreadable)?;
    Ok(micros(-slow))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", None)]
    #[case("sntp:hora.roa.es", Some("sntp:hora.roa.es:123"))]
    #[case("sntp:127.0.0.1:1123", Some("sntp:127.0.0.1:1123"))]
    #[case("sntp:[::1]", Some("sntp:[::1]:123"))]
    #[case("sntp:[::1]:1123", Some("sntp:[::1]:1123"))]
    #[case("chrony", Some("chrony:127.0.0.1:323"))]
    #[case("chrony:127.0.0.1:1323", Some("chrony:127.0.0.1:1323"))]
    fn a_source_is_read(#[case] setting: &str, #[case] written: Option<&str>) {
        let source = TimeSource::parse(setting).unwrap();
        assert_eq!(source.map(|source| source.to_string()).as_deref(), written);
    }

    #[rstest]
    fn what_is_no_source_is_refused(
        #[values(
            "ntp",
            "sntp",
            "sntp:",
            "sntp:a:b",
            "sntp:a:0",
            "sntp:a:70000",
            "sntp:-h",
            "sntp:a b",
            "sntp:[1]",
            "sntp:[::1]x",
            "chrony:/run/x",
            "hora.roa.es",
            "sntp:::1",
            "sntp:a;b"
        )]
        setting: &str,
    ) {
        assert!(TimeSource::parse(setting).is_err(), "{setting}");
    }

    #[test]
    fn chronys_seconds_slow_are_microseconds_behind() {
        let line =
            |slow: &str, leap: &str| format!("7F7F0101,,2,1796053863.9,{slow},0,0,0.0,0.0,0.0,0.0,0.0,0.0,{leap}");
        assert_eq!(tracking(&line("0.250000000", "Normal")).unwrap(), -250_000);
        assert_eq!(tracking(&line("-1.5", "Insert second")).unwrap(), 1_500_000);
        assert!(tracking(&line("0.0", "Not synchronised")).is_err());
        assert!(tracking(&line("nan", "Normal")).is_err());
        assert!(tracking("506 Cannot talk to daemon").is_err());
    }
}
