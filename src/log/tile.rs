//! Tiles: the tree as files of 256 hashes that never change, and the entries in bundles of as many (C2SP tlog-tiles).

use std::fmt;
use std::str::FromStr;

use super::decimal;
use super::proof::Run;
use super::tree::{TILE_HEIGHT, TILE_WIDTH};

/// The highest level that a path may name. Trees of less than 2^64 leaves end at level 7.
pub const MAX_LEVEL: u8 = 63;

/// What is in a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Hashes: of leaves at level 0, of full tiles of the level below at any other.
    Hashes {
        /// 0 to [`MAX_LEVEL`]. Its nodes are at eight times this in the tree.
        level: u8,
    },
    /// The entries whose hashes are in the tile of level 0 of the same index and width.
    Entries,
}

/// The path of a tile, such as `tile/0/x001/x234/067` or `tile/entries/000.p/12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TilePath {
    content: Content,
    index: u64,
    width: u16,
}

/// Not the path of a tile, in its one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile: tile/<level>/<index>[.p/<width>] or tile/entries/<index>[.p/<width>]")]
pub struct NotATile;

impl TilePath {
    /// The tile `index` of its level, of which the first `width` are there: 256 for a full one.
    ///
    /// # Errors
    /// When the level is above [`MAX_LEVEL`] or the width not 1 to 256.
    pub fn new(content: Content, index: u64, width: u16) -> Result<Self, NotATile> {
        let level_exists = !matches!(content, Content::Hashes { level } if level > MAX_LEVEL);
        let width_exists = (1..=TILE_WIDTH).contains(&width);
        if level_exists && width_exists { Ok(Self { content, index, width }) } else { Err(NotATile) }
    }

    /// What is in it.
    #[must_use]
    pub const fn content(&self) -> Content {
        self.content
    }

    /// Its index within its level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Hashes or entries in it: 256 in a full one.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether it will never grow.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The stored nodes in it (for entries: the leaves), when a tree of `size` leaves has them all. `None` means that
    /// there is no such tile yet. A partial tile stays there when the tree grows: who asked for it by an older
    /// checkpoint still finds it.
    #[must_use]
    pub fn nodes(&self, size: u64) -> Option<Run> {
        let tile_level = match self.content {
            Content::Hashes { level } => level,
            Content::Entries => 0,
        };
        let level = tile_level.checked_mul(TILE_HEIGHT)?;
        let available = size.checked_shr(u32::from(level)).unwrap_or(0);
        let start = self.index.checked_mul(u64::from(TILE_WIDTH))?;
        let end = start.checked_add(u64::from(self.width))?;
        (end <= available).then_some(Run { level, start, count: self.width })
    }

    /// The tiles of hashes that make up a tree of `size` leaves, level by level: the full ones, and at the right edge
    /// the partial ones. With `Content::Entries` for level 0 these are all files of a log, but for its checkpoint.
    pub fn of_tree(size: u64) -> impl Iterator<Item = Self> {
        (0..=MAX_LEVEL)
            .map_while(move |level| {
                let nodes = size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0);
                (nodes > 0).then_some((level, nodes))
            })
            .flat_map(|(level, nodes)| {
                let content = Content::Hashes { level };
                let (full, rest) = (nodes / u64::from(TILE_WIDTH), nodes % u64::from(TILE_WIDTH));
                let partial = u16::try_from(rest).ok().filter(|width| *width > 0);
                (0..full)
                    .map(move |index| Self { content, index, width: TILE_WIDTH })
                    .chain(partial.map(|width| Self { content, index: full, width }))
            })
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Hashes { level } => write!(out, "tile/{level}")?,
            Content::Entries => out.write_str("tile/entries")?,
        }
        let mut divisor = 1;
        while self.index / divisor >= 1000 {
            divisor *= 1000;
        }
        while divisor > 1 {
            write!(out, "/x{:03}", self.index / divisor % 1000)?;
            divisor /= 1000;
        }
        write!(out, "/{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(out, ".p/{}", self.width) }
    }
}

impl FromStr for TilePath {
    type Err = NotATile;

    fn from_str(path: &str) -> Result<Self, NotATile> {
        let rest = path.strip_prefix("tile/").ok_or(NotATile)?;
        let (content, rest) = rest.split_once('/').ok_or(NotATile)?;
        let content = match content {
            "entries" => Content::Entries,
            level => {
                let level = decimal(level).and_then(|level| u8::try_from(level).ok()).ok_or(NotATile)?;
                Content::Hashes { level }
            }
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((index, width)) => {
                let width = decimal(width).and_then(|width| u16::try_from(width).ok());
                (index, width.filter(|width| *width < TILE_WIDTH).ok_or(NotATile)?)
            }
        };
        Self::new(content, parse_index(index).ok_or(NotATile)?, width)
    }
}

/// `x001/x234/067` is 1,234,067. One number, one spelling: no `x000` in front.
fn parse_index(text: &str) -> Option<u64> {
    let (before, last) = text.rsplit_once('/').map_or((None, text), |(before, last)| (Some(before), last));
    if before.is_some_and(|before| before.starts_with("x000")) {
        return None;
    }
    let mut index: u64 = 0;
    let digits = before.into_iter().flat_map(|before| before.split('/')).map(|step| step.strip_prefix('x'));
    for digits in digits.chain([Some(last)]) {
        let digits = digits.filter(|digits| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}

/// Bytes that are no bundle, or entries that make none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a bundle of 1 to 256 entries of at most 65,535 bytes")]
pub struct NotABundle;

/// A bundle of entries: each after its length as two bytes, big-endian.
///
/// # Errors
/// When there are none or more than 256, or one is longer than 65,535 bytes.
pub fn format_bundle(entries: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, NotABundle> {
    if !(1..=usize::from(TILE_WIDTH)).contains(&entries.len()) {
        return Err(NotABundle);
    }
    let mut bytes = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        bytes.extend(u16::try_from(entry.len()).map_err(|_| NotABundle)?.to_be_bytes());
        bytes.extend(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle.
///
/// # Errors
/// When the bytes end within an entry, or hold none or more than 256.
pub fn parse_bundle(mut bytes: &[u8]) -> Result<Vec<&[u8]>, NotABundle> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>().ok_or(NotABundle)?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(NotABundle)?;
        if entries.len() == usize::from(TILE_WIDTH) {
            return Err(NotABundle);
        }
        entries.push(entry);
        bytes = rest;
    }
    if entries.is_empty() { Err(NotABundle) } else { Ok(entries) }
}

#[cfg(test)]
mod tests;
