//! Taking off a stream's filters (ISO 32000-2 § 7.4): those that cross-reference streams, object streams and
//! validation data are written with, and no more than a budget allows.

use std::io::Read as _;

use super::super::meter::{Deadline, Meter};
use super::PdfError;
use super::object::{Dictionary, Object, unhex};

/// What one file may cost, whatever it says of itself: shared by everything that is read of it.
#[derive(Debug)]
pub struct Budget {
    decoded: Meter,
    read: Meter,
}

impl Budget {
    /// 128 MiB unpacked, and each byte of a file of this size read sixteen times over: ten times what the costliest real
    /// file took.
    #[must_use]
    pub fn of_file(size: usize) -> Self {
        Self::until(size, &Deadline::default())
    }

    /// The same until this deadline.
    #[must_use]
    pub fn until(size: usize, deadline: &Deadline) -> Self {
        let read = (size as u64).saturating_mul(16).saturating_add(64 << 20);
        Self { decoded: Meter::new(128 << 20, deadline.clone()), read: Meter::new(read, deadline.clone()) }
    }

    /// Takes what was read from the budget: bytes, and a little for each step.
    ///
    /// # Errors
    /// [`PdfError::Limit`] when it is used up.
    pub fn read(&self, bytes: usize) -> Result<(), PdfError> {
        const STEP: usize = 64;
        let taken = self.read.take(bytes.saturating_add(STEP) as u64);
        taken.then_some(()).ok_or(PdfError::Limit("objects that lead to each other"))
    }

    /// Takes what was unpacked from the budget, of use or not: the work is done. What exceeds it leaves nothing.
    fn unpacked(&self, bytes: usize) -> Result<(), PdfError> {
        let taken = self.decoded.take(bytes as u64);
        if !taken {
            self.decoded.take_all();
        }
        taken.then_some(()).ok_or(PdfError::Limit("compressed data"))
    }
}

/// One stream unpacks to no more than this.
const MAX_STREAM: usize = 32 << 20;

/// Names of entries that some readers take for filters and their parameters (§ 8.9.7, § 7.3.8.2), and others do not.
const OTHER_NAMES: [&[u8]; 4] = [b"F", b"DP", b"FFilter", b"FDecodeParms"];

/// The stream's bytes without their filters: direct ones, in the forms of which every reader makes the same.
///
/// # Errors
/// [`PdfError`] when a filter is none of those known here, readers may not agree on what is unpacked, the data are
/// damaged, or larger than the budget.
pub fn decode(dictionary: &Dictionary<'_>, raw: &[u8], budget: &Budget) -> Result<Vec<u8>, PdfError> {
    undo(filters(dictionary)?, raw, budget)
}

/// The bytes of a cross-reference or object stream: packed once, or not at all. What is read in them decides which
/// objects count, and readers know different filters by different names.
///
/// # Errors
/// As [`decode`].
pub fn decode_objects(dictionary: &Dictionary<'_>, raw: &[u8], budget: &Budget) -> Result<Vec<u8>, PdfError> {
    let filters = filters(dictionary)?;
    match filters[..] {
        [] | [(b"FlateDecode", _)] => undo(filters, raw, budget),
        _ => Err(PdfError::Filter),
    }
}

fn undo(filters: Vec<Filter<'_, '_>>, raw: &[u8], budget: &Budget) -> Result<Vec<u8>, PdfError> {
    // Streams may lie in each other, and each is copied.
    budget.read(raw.len())?;
    let mut bytes = raw.to_vec();
    for (name, parameters) in filters {
        bytes = match name {
            b"FlateDecode" => {
                let packed = inflate(&bytes, budget)?;
                match parameters {
                    Some(parameters) => predict(packed, parameters)?,
                    None => packed,
                }
            }
            b"ASCIIHexDecode" => unhex(bytes.split(|&byte| byte == b'>').next().unwrap_or_default()),
            _ => return Err(PdfError::Filter),
        };
    }
    Ok(bytes)
}

/// A filter's name and its parameters.
type Filter<'d, 'a> = (&'d [u8], Option<&'d Dictionary<'a>>);

/// Filters with their parameters (§ 7.3.8.2): a name with a dictionary, or two arrays of one length. Of other forms some
/// readers take the parameters, and some do not.
fn filters<'d, 'a>(dictionary: &'d Dictionary<'a>) -> Result<Vec<Filter<'d, 'a>>, PdfError> {
    if OTHER_NAMES.iter().any(|name| dictionary.get(name).is_some()) {
        return Err(PdfError::Filter);
    }
    let name = |filter: &'d Object<'a>| match filter {
        Object::Name(name) => Ok(&**name),
        _ => Err(PdfError::Filter),
    };
    let direct = |parameters: &'d Object<'a>| match parameters {
        Object::Null => Ok(None),
        Object::Dictionary(parameters) => Ok(Some(parameters)),
        _ => Err(PdfError::Filter),
    };
    match (dictionary.get(b"Filter"), dictionary.get(b"DecodeParms")) {
        (None | Some(Object::Null), None | Some(Object::Null)) => Ok(Vec::new()),
        (Some(Object::Array(filters)), _) if filters.len() > 4 => Err(PdfError::Limit("filters")),
        (Some(Object::Array(filters)), None | Some(Object::Null)) => {
            filters.iter().map(|filter| Ok((name(filter)?, None))).collect()
        }
        (Some(Object::Array(filters)), Some(Object::Array(parameters))) if filters.len() == parameters.len() => {
            let pairs = filters.iter().zip(parameters);
            pairs.map(|(filter, parameters)| Ok((name(filter)?, direct(parameters)?))).collect()
        }
        (Some(filter @ Object::Name(_)), None) => Ok(vec![(name(filter)?, None)]),
        (Some(filter @ Object::Name(_)), Some(parameters)) => Ok(vec![(name(filter)?, direct(parameters)?)]),
        _ => Err(PdfError::Filter),
    }
}

fn inflate(packed: &[u8], budget: &Budget) -> Result<Vec<u8>, PdfError> {
    let mut out = Vec::new();
    let limit = MAX_STREAM.min(usize::try_from(budget.decoded.left()).unwrap_or(MAX_STREAM));
    // One byte more than allowed tells "as large as allowed" from "larger".
    let decoder = flate2::read::ZlibDecoder::new(packed);
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut out);
    budget.unpacked(out.len())?;
    read.map_err(|_| PdfError::Filter)?;
    if out.len() > limit {
        return Err(PdfError::Limit("compressed data"));
    }
    Ok(out)
}

/// Undoes the PNG predictors (§ 7.4.4.4); cross-reference streams are rarely written without.
fn predict(bytes: Vec<u8>, parameters: &Dictionary<'_>) -> Result<Vec<u8>, PdfError> {
    let number = |key: &[u8], default: i64| {
        let value = if parameters.get(key).is_some() { parameters.integer(key) } else { Some(default) };
        value.and_then(|value| usize::try_from(value).ok()).filter(|&value| value <= 1 << 20).ok_or(PdfError::Filter)
    };
    match number(b"Predictor", 1)? {
        1 => return Ok(bytes),
        10..=15 => {}
        _ => return Err(PdfError::Filter),
    }
    let bits = number(b"Colors", 1)? * number(b"BitsPerComponent", 8)?;
    let width = (bits * number(b"Columns", 1)?).div_ceil(8);
    let distance = bits.div_ceil(8).max(1);
    if width == 0 || width > MAX_STREAM {
        return Err(PdfError::Filter);
    }
    if !bytes.len().is_multiple_of(width + 1) {
        return Err(PdfError::Filter);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut above = vec![0_u8; width];
    for row in bytes.chunks(width + 1) {
        let (kind, row) = row.split_first().ok_or(PdfError::Filter)?;
        let mut current = row.to_vec();
        for at in 0..current.len() {
            let left = at.checked_sub(distance).map_or(0, |left| current[left]);
            let corner = at.checked_sub(distance).map_or(0, |left| above[left]);
            let guess = match kind {
                0 => 0,
                1 => left,
                2 => above[at],
                3 => left.midpoint(above[at]),
                4 => paeth(left, above[at], corner),
                _ => return Err(PdfError::Filter),
            };
            current[at] = current[at].wrapping_add(guess);
        }
        out.extend_from_slice(&current);
        current.resize(width, 0);
        above = current;
    }
    Ok(out)
}

/// PNG § 9.4.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(corner);
    let far = |value: u8| (estimate - i16::from(value)).abs();
    if far(left) <= far(above) && far(left) <= far(corner) {
        left
    } else if far(above) <= far(corner) {
        above
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::pdf::lexer::Lexer;
    use std::io::Write as _;

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(dictionary: &[u8], raw: &[u8]) -> Result<Vec<u8>, PdfError> {
        let Object::Dictionary(dictionary) = Lexer::new(dictionary, 0).object().unwrap() else { panic!() };
        decode(&dictionary, raw, &Budget::of_file(0))
    }

    #[test]
    fn filters_and_predictors_are_undone() {
        assert_eq!(decoded(b"<<>>", b"abc").unwrap(), b"abc");
        assert_eq!(decoded(b"<</Filter/FlateDecode>>", &deflate(b"abc")).unwrap(), b"abc");
        assert_eq!(
            decoded(
                b"<</Filter[/ASCIIHexDecode/FlateDecode]/DecodeParms[null null]>>",
                hex::encode(deflate(b"x")).as_bytes()
            )
            .unwrap(),
            b"x"
        );
        let rows = [0, 1, 2, 3, 1, 1, 1, 1, 2, 1, 1, 1, 3, 1, 1, 1, 4, 1, 1, 1];
        let plain =
            decoded(b"<</Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 3>>>>", &deflate(&rows)).unwrap();
        assert_eq!(plain, [1, 2, 3, 1, 2, 3, 2, 3, 4, 2, 3, 4, 3, 4, 5]);
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = deflate(&vec![0; MAX_STREAM + 1]);
        assert!(matches!(decoded(b"<</Filter/FlateDecode>>", &bomb), Err(PdfError::Limit(_))));
        let budget = Budget::of_file(0);
        let most = deflate(&vec![0; MAX_STREAM]);
        let outcomes: Vec<_> = (0..6).map(|_| inflate(&most, &budget).is_ok()).collect();
        assert_eq!(outcomes, [true, true, true, true, false, false]);
    }

    #[test]
    fn what_cannot_be_unpacked_costs_what_was_unpacked_of_it() {
        let large = deflate(&vec![0; MAX_STREAM + 1]);
        let damaged = [&deflate(&vec![0; MAX_STREAM])[..8 << 10], b"damaged"].concat();
        for packed in [large, damaged] {
            let budget = Budget::of_file(0);
            let before = budget.decoded.left();
            assert!(inflate(&packed, &budget).is_err());
            assert!(budget.decoded.left() < before - (4 << 20), "{}", budget.decoded.left());
            for _ in 0..30 {
                assert!(inflate(&packed, &budget).is_err());
            }
            assert_eq!(budget.decoded.left(), 0);
        }
    }

    #[test]
    fn unknown_filters_and_damaged_data_are_refused() {
        for (dictionary, raw) in [
            (&b"<</Filter/LZWDecode>>"[..], &b"abc"[..]),
            (b"<</Filter/FlateDecode>>", b"abc"),
            (b"<</Filter 5>>", b"abc"),
            (b"<</Filter[/ASCIIHexDecode/ASCIIHexDecode/ASCIIHexDecode/ASCIIHexDecode/ASCIIHexDecode]>>", b"abc"),
            (b"<</Filter/AHx>>", b"61"),
        ] {
            assert!(decoded(dictionary, raw).is_err());
        }
        let packed = deflate(b"abc");
        for parameters in
            ["/Predictor 2", "/Predictor 12/Columns 0", "/Predictor 12/Columns -1", "/Predictor 12/Columns 99999999"]
        {
            let dictionary = format!("<</Filter/FlateDecode/DecodeParms<<{parameters}>>>>");
            assert!(decoded(dictionary.as_bytes(), &packed).is_err(), "{parameters}");
        }
    }

    #[test]
    fn what_readers_unpack_in_two_ways_is_refused() {
        let rows = deflate(&[2, 1, 1, 1]);
        let parameters = "<</Predictor 12/Columns 3>>";
        for entries in [
            format!("/Filter[/FlateDecode]/DecodeParms{parameters}"),
            format!("/Filter/FlateDecode/DecodeParms[{parameters}]"),
            format!("/Filter[/FlateDecode]/DecodeParms[{parameters} null]"),
            format!("/Filter/FlateDecode/DP{parameters}"),
            "/Filter/FlateDecode/DecodeParms 22 0 R".to_owned(),
            "/Filter/FlateDecode/F/AHx".to_owned(),
            "/Filter/Fl".to_owned(),
            "/F/AHx".to_owned(),
            format!("/DecodeParms{parameters}"),
            "/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 2>>".to_owned(),
        ] {
            assert!(decoded(format!("<<{entries}>>").as_bytes(), &rows).is_err(), "{entries}");
        }
        let [known, pair] =
            [format!("/FlateDecode/DecodeParms{parameters}"), format!("[/FlateDecode]/DecodeParms[{parameters}]")];
        for filter in [known, pair] {
            assert_eq!(decoded(format!("<</Filter{filter}>>").as_bytes(), &rows).unwrap(), [1, 1, 1]);
        }
    }
}
