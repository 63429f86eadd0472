//! `[limits]`

use serde::{Deserialize, Serialize};

/// `[limits]`: what one request, one caller and one connection may cost the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of one document.
    pub document_bytes: u64,
    /// Bytes of a whole submission.
    pub submission_bytes: u64,
    /// Bytes of the `submission` part and of any other JSON body.
    pub json_bytes: u64,
    /// Documents of one submission.
    pub documents: usize,
    /// Connections at once. With all of them taken, a new one gets the place of one that is idle or slower than
    /// `crowded_bytes_per_second`, of the network that has most and of callers whom nobody knows first; else that of the
    /// slowest of a network that has more; else it is closed.
    pub connections: usize,
    /// Connections at once from one address (IPv6: from one /64 network); 0 for any number. With all of them taken, one
    /// of that address that is idle or too slow is closed for a new one; where there is none, the new one is. Behind a
    /// proxy it does not hold, nor do the next two: all connections are the proxy's, which counts its own clients.
    pub connections_per_address: usize,
    /// The same for an IPv6 /56, or an IPv4 /24; 0 for any number. Who has fewer of them gets the place of who has more.
    pub connections_per_network: usize,
    /// The same for an IPv6 /48, or an IPv4 /24, where the lower of the two limits holds; 0 for any number.
    pub connections_per_site: usize,
    /// Bytes a second below which a client that is waited for may lose its place where there is none for a new one; 0: no
    /// client is too slow. It is taken over some seconds.
    pub crowded_bytes_per_second: u64,
    /// Writes to the object store at once; more wait their turn. Each takes some 5 MiB of memory on S3.
    pub uploads: usize,
    /// Seconds for a request's header, from the first moment of a connection, and for a TLS handshake.
    pub header_seconds: u64,
    /// Seconds a connection may stay open without a request.
    pub idle_seconds: u64,
    /// Seconds a body may be silent, and a client may leave an answer unread.
    pub stall_seconds: u64,
    /// Seconds that a body may keep the server waiting in all.
    pub body_seconds: u64,
    /// Seconds after which a connection takes no more requests; those under way end.
    pub connection_seconds: u64,
    /// Requests that one address may send a minute, of any kind; 0 for any number.
    pub requests_per_minute: u32,
    /// Verification codes that one address may try a minute; 0 for any number.
    pub codes_per_minute: u32,
    /// Places of slots that one address may hold at once; 0 for any number.
    pub holds_per_address: u32,
    /// Appointments that one address may try to book an hour, without an account; 0 for any number.
    pub bookings_per_hour: u32,
    /// Bytes a second that a body must keep up on average, and the reader of an answer, after the first
    /// `stall_seconds`.
    pub body_bytes_per_second: u64,
    /// Seconds that `/readyz` answers what it found last.
    pub ready_seconds: u64,
    /// Bytes of requests that have not ended, in memory or stored already, that one caller may have at once; at least
    /// `submission_bytes`. As many of all callers may wait on disk for a slow object store (`objects.spool`), half of them
    /// of one.
    pub unfinished_bytes_per_caller: u64,
    /// Documents that may be read at once; whoever asks for one more is asked to come again. Each takes a file descriptor.
    pub open_documents: usize,
    /// Documents that one caller may read at once.
    pub open_documents_per_caller: usize,
    /// Bytes of bodies that all requests together may hold in memory. One caller may have half of it; whoever finds no
    /// room waits `stall_seconds` for it, and is then asked to come again. At least 128 MiB and twice `json_bytes`.
    pub memory_bytes: u64,
    /// Bytes in memory of answers that clients have not taken, and of requests under way without their bodies (16 KiB and
    /// their heads), of all connections together. With more, the connection that has most of them, of the network that has
    /// most, is closed. Documents are not in memory.
    pub unread_bytes: u64,
    /// Rows that `ventanilla import` writes in one transaction: while it lasts no entry is numbered, some tenths of a
    /// second for each thousand rows on a slow machine.
    pub import_rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 100 << 20,
            submission_bytes: 500 << 20,
            json_bytes: 1 << 20,
            documents: 100,
            connections: 4096,
            connections_per_address: 256,
            connections_per_network: 512,
            connections_per_site: 1024,
            crowded_bytes_per_second: 16 << 10,
            uploads: 64,
            header_seconds: 10,
            idle_seconds: 60,
            stall_seconds: 30,
            body_seconds: 3600,
            connection_seconds: 4 * 3600,
            requests_per_minute: 60_000,
            codes_per_minute: 60,
            holds_per_address: 20,
            bookings_per_hour: 20,
            body_bytes_per_second: 1024,
            ready_seconds: 5,
            unfinished_bytes_per_caller: 2 << 30,
            open_documents: 1024,
            open_documents_per_caller: 256,
            memory_bytes: 512 << 20,
            unread_bytes: 128 << 20,
            import_rows: 4096,
        }
    }
}

const SECONDS_OF_AN_HOUR: u64 = 3600;
const SECONDS_OF_A_DAY: u64 = 24 * SECONDS_OF_AN_HOUR;
/// The largest file whose signatures can be asked about, which one caller must be able to have in memory.
const FILE_BYTES: u64 = 64 << 20;
/// The largest answer that is in memory whole has fewer bytes.
const ANSWER_BYTES: u64 = 16 << 20;

impl Limits {
    /// Whether each can be what it is.
    ///
    /// # Errors
    /// The setting, its value, and what it may be.
    pub(super) fn check(&self) -> Result<(), String> {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let memory = (self.json_bytes.saturating_add(FILE_BYTES)).saturating_mul(2);
        for (name, value, least, most) in [
            ("document_bytes", self.document_bytes, 1, u64::MAX),
            ("submission_bytes", self.submission_bytes, 1, u64::MAX),
            ("json_bytes", self.json_bytes, 1, u64::MAX),
            ("documents", number(self.documents), 1, u64::MAX),
            ("connections", number(self.connections), 1, u64::MAX),
            ("crowded_bytes_per_second", self.crowded_bytes_per_second, 0, 1 << 30),
            ("uploads", number(self.uploads), 1, 1 << 16),
            ("header_seconds", self.header_seconds, 1, SECONDS_OF_AN_HOUR),
            ("idle_seconds", self.idle_seconds, 1, SECONDS_OF_A_DAY),
            ("stall_seconds", self.stall_seconds, 1, SECONDS_OF_AN_HOUR),
            ("body_seconds", self.body_seconds, 1, SECONDS_OF_A_DAY),
            ("connection_seconds", self.connection_seconds, 1, 7 * SECONDS_OF_A_DAY),
            ("body_bytes_per_second", self.body_bytes_per_second, 1, 1 << 30),
            ("ready_seconds", self.ready_seconds, 0, SECONDS_OF_AN_HOUR),
            ("import_rows", number(self.import_rows), 1, 1 << 16),
            ("unfinished_bytes_per_caller", self.unfinished_bytes_per_caller, self.submission_bytes, u64::MAX),
            ("open_documents", number(self.open_documents), 1, 1 << 20),
            ("open_documents_per_caller", number(self.open_documents_per_caller), 1, 1 << 20),
            ("memory_bytes", self.memory_bytes, memory, u64::MAX),
            ("unread_bytes", self.unread_bytes, ANSWER_BYTES, u64::MAX),
        ] {
            if value < least || value > most {
                let most = if most == u64::MAX { String::new() } else { format!(" and at most {most}") };
                return Err(format!("limits.{name} is {value}, and must be at least {least}{most}"));
            }
        }
        Ok(())
    }
}
