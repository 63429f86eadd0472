//! The bytes of a document, their hash checked before they leave and on the way out.

use std::fmt::Write;
use std::ops::Range;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use uuid::Uuid;

use super::budget::Share;
use super::entries::visible;
use super::params::PathParam;
use super::problem::{DocumentProblems, Kind, Problem, Result};
use super::quarantine::hand_out;
use super::submissions::owner;
use crate::app::{App, Busy};
use crate::domain::Sha256;
use crate::registry::access::Seen;
use crate::registry::caller::Caller;
use crate::registry::confirmed::Confirmed;
use crate::store::entries::{DocumentRow, VerdictRow};
use crate::store::{self, objects};

/// A document that this caller may read: of an entry that it may see, and not in quarantine.
///
/// # Errors
/// 404; `altered` where other hands changed what is stored; [`Kind::Quarantined`].
pub(super) async fn readable(
    app: &App,
    caller: &Caller,
    entry: Uuid,
    document: Uuid,
) -> Result<(DocumentRow, Vec<VerdictRow>)> {
    let mut tx = app.store().read().await?;
    let row = store::entries::by_id(&mut tx, caller.entity.id, entry).await?;
    let Confirmed { with, .. } = visible(app, &mut tx, caller, row).await?;
    let document = with.documents.into_iter().find(|one| one.id == document).ok_or_else(Problem::not_found)?;
    hand_out(&document)?;
    Ok((document, with.verdicts))
}

/// A document's bytes.
#[utoipa::path(
    get, path = "/entries/{id}/documents/{document_id}", tag = "looking up", operation_id = "document", summary = "A document",
    description = "The bytes of a document; ranges are served. The whole is checked against its hash before the first byte leaves, and what \
        was altered is answered with `altered`; a whole document is checked on its way, too, and the connection is cut before its last \
        bytes if it was altered meanwhile. Each look is recorded. One in which harmful code was found is refused with `quarantined`.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("document_id" = Uuid, Path, description = "The document's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02"),
        ("Range" = Option<String>, Header, description = "One range of bytes", example = "bytes=0-1023")),
    responses((status = 200, description = "The bytes, as the media type that its sender stated", content_type = "*/*", body = super::schema::File),
        (status = 206, description = "The bytes of the range", content_type = "*/*", body = super::schema::File), DocumentProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn document(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path((id, document_id))): PathParam<(Uuid, Uuid)>,
    headers: HeaderMap,
) -> Result<Response> {
    let (document, _) = readable(&app, &caller, id, document_id).await?;
    let size = u64::try_from(document.size).unwrap_or_default();
    let range = match headers.get(RANGE) {
        Some(range) => range_of(range.to_str().unwrap_or_default(), size)?,
        None => None,
    };
    let owner = owner(&caller);
    let opened = app.open_documents.open(&owner)?;
    app.registry.record_access(&caller, Seen::entry("document", id, Some(document_id.to_string()))).await?;
    let objects = app.registry.objects();
    let missing = || {
        tracing::error!(document = %document_id, "a document is missing in the object store");
        Problem::new(Kind::Altered, "the document is missing in the object store; tell whoever runs the registry")
    };
    // Read once before the first byte leaves: what was altered is answered as what it is, not by a connection that is cut,
    // and what is cut out of the middle cannot be checked on its way. Each time, since an object may be altered between two
    // requests; in turns, since one byte asked for costs as much work as the whole.
    let turn = app.hashing.take(&owner).await.map_err(|Busy| {
        Problem::new(Kind::Unavailable, "too many documents are being checked now; repeat in a few seconds")
    })?;
    let asked = range.clone().unwrap_or(0..size);
    let length = asked.end - asked.start;
    let room = Room::for_bytes(&app, &owner, length);
    let whole = objects.get(&caller.entity.code, &document.sha256, None).await?.ok_or_else(missing)?;
    let cut = Cut::of(whole, &asked, document.sha256, room.is_some()).await?;
    drop(turn);
    let body = match (cut.bytes, room) {
        (Some(bytes), room) => Body::from_stream(opened.through(held(bytes, room))),
        (None, _) => {
            let again = objects.get(&caller.entity.code, &document.sha256, range.clone()).await?;
            Body::from_stream(opened.through(checked(again.ok_or_else(missing)?, length, cut.sha256)))
        }
    };
    let mut response = body.into_response();
    if let Some(range) = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        insert(response.headers_mut(), CONTENT_RANGE, &text);
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(headers, ETAG, &format!("\"{}\"", document.sha256));
    // What a citizen sent is handed on as a file, never shown as a page of ours.
    insert(headers, CONTENT_TYPE, &document.media_type);
    insert(headers, CONTENT_DISPOSITION, &disposition(&document.filename));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    Ok(response)
}

/// What is asked for is kept in memory while its document is hashed, and sent from there, up to so many bytes; of what is
/// longer the hash is kept, and it is read again and checked by it.
const KEPT: u64 = 4 << 20;
/// Up to so many bytes it is kept without being counted: of the documents that may be open at once that is little.
const UNCOUNTED: u64 = 64 << 10;
/// What is kept is sent in pieces of so many bytes, so that it is counted until the last of them is taken.
const PIECE: usize = 64 << 10;

/// Room in memory for what is kept until it is sent.
struct Room {
    _counted: Option<Share>,
}

impl Room {
    /// For so many bytes; none where they are too many, or where memory is short: what is received goes before.
    fn for_bytes(app: &App, owner: &str, bytes: u64) -> Option<Self> {
        if bytes <= UNCOUNTED {
            return Some(Self { _counted: None });
        }
        let counted = || app.budget.request(owner).ahead(bytes);
        (bytes <= KEPT).then(counted).flatten().map(|share| Self { _counted: Some(share) })
    }
}

/// Bytes that were checked, piece by piece; `room` is what they are counted by until the last is taken.
pub(super) fn held<R>(bytes: Vec<u8>, room: R) -> impl Stream<Item = std::io::Result<Bytes>> {
    futures_util::stream::iter(std::iter::successors(Some((Bytes::new(), Bytes::from(bytes))), |(_, rest)| {
        let mut rest = rest.clone();
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some((piece, rest))
    }))
    .skip(1)
    .map(move |(piece, _)| {
        let _room = &room;
        Ok(piece)
    })
}

/// That a document is not what was registered.
pub(super) fn altered(expected: &Sha256) -> Problem {
    tracing::error!(sha256 = %expected, "a stored document was altered");
    Problem::new(Kind::Altered, "the document was altered in the object store; tell whoever runs the registry")
}

/// What is asked for of a document that was whole when it was cut.
struct Cut {
    /// Its bytes; none where they are not kept.
    bytes: Option<Vec<u8>>,
    sha256: Sha256,
}

impl Cut {
    /// Hashes a whole document, and what is cut out of it.
    async fn of(
        mut whole: BoxStream<'static, object_store::Result<Bytes>>,
        range: &Range<u64>,
        expected: Sha256,
        keep: bool,
    ) -> Result<Self> {
        let (mut hasher, mut of_range) = (openssl::sha::Sha256::new(), openssl::sha::Sha256::new());
        let mut kept = keep.then(Vec::new);
        let mut read: u64 = 0;
        while let Some(chunk) = whole.next().await {
            let chunk = chunk.map_err(objects::Error::from)?;
            hasher.update(&chunk);
            let within = |at: u64| usize::try_from(at.saturating_sub(read)).unwrap_or(usize::MAX).min(chunk.len());
            let part = &chunk[within(range.start)..within(range.end)];
            of_range.update(part);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(part);
            }
            read += chunk.len() as u64;
        }
        if hasher.finish() != expected.0 {
            return Err(altered(&expected));
        }
        Ok(Self { bytes: kept, sha256: Sha256(of_range.finish()) })
    }
}

pub(super) fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A file's name for a download (RFC 6266): in ASCII for old programs, and as it is.
pub(super) fn disposition(filename: &str) -> String {
    let ascii: String = filename
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || " ._-()".contains(letter) { letter } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in filename.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// The range asked for (RFC 9110 section 14); `None` where the header asks for none that is understood.
fn range_of(header: &str, size: u64) -> Result<Option<Range<u64>>> {
    let Some(spec) = header.trim().strip_prefix("bytes=") else { return Ok(None) };
    if spec.contains(',') {
        return Ok(None);
    }
    let Some((first, last)) = spec.split_once('-') else { return Ok(None) };
    let (first, last) = (first.trim(), last.trim());
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) || (first.is_empty() && last.is_empty()) {
        return Ok(None);
    }
    let outside = || {
        Problem::new(Kind::RangeNotSatisfiable, format!("the document has {size} bytes; ask for a range within them"))
    };
    let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
    let range = if first.is_empty() {
        let length = number(last);
        if length == 0 {
            return Err(outside());
        }
        size.saturating_sub(length)..size
    } else {
        let last = if last.is_empty() { u64::MAX } else { number(last) };
        if last < number(first) {
            return Ok(None);
        }
        number(first)..last.saturating_add(1).min(size)
    };
    if range.start >= size { Err(outside()) } else { Ok(Some(range)) }
}

/// The same bytes; fails before the last of them are handed on when they are not of this length and hash.
///
/// The length counts by itself: whoever has as many bytes as were announced takes the answer for whole, and what may
/// follow them is never looked at.
fn checked(
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    length: u64,
    expected: Sha256,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    let altered = move || {
        tracing::error!(sha256 = %expected, "a stored document was altered");
        std::io::Error::other("the document was altered in the store")
    };
    let start = (stream, Some(openssl::sha::Sha256::new()), None::<Bytes>, 0);
    futures_util::stream::try_unfold(start, move |(mut stream, mut hasher, mut held, mut came)| async move {
        loop {
            match stream.next().await {
                Some(chunk) => {
                    let chunk = chunk.map_err(std::io::Error::other)?;
                    came += chunk.len() as u64;
                    if came > length {
                        return Err(altered());
                    }
                    // An empty one after the last would let that go unchecked.
                    if chunk.is_empty() {
                        continue;
                    }
                    if let Some(hasher) = &mut hasher {
                        hasher.update(&chunk);
                    }
                    if let Some(ready) = held.replace(chunk) {
                        return Ok(Some((ready, (stream, hasher, held, came))));
                    }
                }
                None => {
                    if let Some(hasher) = hasher.take()
                        && hasher.finish() != expected.0
                    {
                        return Err(altered());
                    }
                    return Ok(held.take().map(|last| (last, (stream, None, None, came))));
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(range_of("bytes=0-3", 10).unwrap(), Some(0..4));
        assert_eq!(range_of("bytes=4-", 10).unwrap(), Some(4..10));
        assert_eq!(range_of("bytes=-3", 10).unwrap(), Some(7..10));
        assert_eq!(range_of("bytes=-99", 10).unwrap(), Some(0..10));
        assert_eq!(range_of("bytes=0-99999999999999999999999", 10).unwrap(), Some(0..10));
        assert_eq!(range_of("bytes=5-2", 10).unwrap(), None);
        assert_eq!(range_of("bytes=0-1,3-4", 10).unwrap(), None);
        assert_eq!(range_of("lines=0-1", 10).unwrap(), None);
        assert!(range_of("bytes=10-", 10).is_err());
        assert!(range_of("bytes=-0", 10).is_err());
    }

    /// What is handed on of these chunks, and whether that ends well.
    async fn sent(chunks: &[&'static [u8]], length: u64, hash: Sha256) -> (Vec<u8>, bool) {
        let chunks: Vec<_> = chunks.iter().map(|&chunk| Ok(Bytes::from_static(chunk))).collect();
        let mut stream = std::pin::pin!(checked(futures_util::stream::iter(chunks).boxed(), length, hash));
        let mut sent = Vec::new();
        while let Some(chunk) = stream.next().await {
            let Ok(chunk) = chunk else { return (sent, false) };
            sent.extend_from_slice(&chunk);
        }
        (sent, true)
    }

    #[tokio::test]
    async fn nobody_takes_altered_bytes_for_the_whole() {
        let hash = Sha256(openssl::sha::sha256(b"abcdef"));
        for good in [&[&b"abcdef"[..]][..], &[b"abc", b"", b"def"], &[b"", b"abcdef", b"", b""]] {
            assert_eq!(sent(good, 6, hash).await, (b"abcdef".to_vec(), true), "{good:?}");
        }
        let bad: [&[&'static [u8]]; 8] = [
            &[b"abcdeX"],
            &[b"abc", b"deX"],
            &[b"abcdeX", b""],
            &[b"abcdeX", b"more"],
            &[b"Xbcdefmore"],
            &[b"abc", b"deX", b"", b"more"],
            &[b"abcdef", b"more"],
            &[b"abc"],
        ];
        for bad in bad {
            let (sent, whole) = sent(bad, 6, hash).await;
            assert!(!whole && sent.len() < 6, "{bad:?}: {sent:?}");
        }
    }

    #[tokio::test]
    async fn what_is_held_is_sent_in_pieces() {
        for length in [0, 1, PIECE, PIECE + 1, 3 * PIECE] {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let pieces: Vec<Bytes> = held(bytes.clone(), ()).map(|piece| piece.unwrap()).collect().await;
            assert_eq!(pieces.concat(), bytes);
            assert_eq!(pieces.len(), length.div_ceil(PIECE));
        }
    }

    #[test]
    fn a_file_name_cannot_end_its_quotation() {
        let header = disposition("a\"; x=\"ñ.pdf");
        assert!(header.starts_with("attachment; filename=\"a__ x__"), "{header}");
        assert!(header.ends_with("filename*=UTF-8''a%22%3B%20x%3D%22%C3%B1.pdf"), "{header}");
    }
}
