//! Names of fields as text: the same name can be written in many ways (ISO 32000-2 § 7.9.2.2 and 12.7.4.2).
//!
//! # Why
//! Fields of one name have one value, and a signature locks fields by their names. Readers compare texts, not bytes: a
//! name in another encoding is the same name. For people, two are the same that look alike: a new one must not be taken for
//! one that was there.

use unicode_normalization::UnicodeNormalization as _;

/// `PDFDocEncoding` where it is not Latin-1 (annex D.3): from 0x18, and from 0x80.
const ACCENTS: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
const SIGNS: [char; 33] = [
    '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ',
    'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{9f}', '€',
];

/// A text string in UTF-8, whichever encoding it is written in.
#[must_use]
pub fn text(bytes: &[u8]) -> Vec<u8> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.chunks(2).map(|pair| unit([pair[0], *pair.get(1).unwrap_or(&0)]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes).into_bytes(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes).into_bytes(),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned().into_bytes(),
        _ => bytes.iter().map(|&byte| of_byte(byte)).collect::<String>().into_bytes(),
    }
}

fn of_byte(byte: u8) -> char {
    match byte {
        0x18..=0x1f => ACCENTS[usize::from(byte - 0x18)],
        0x80..=0xa0 => SIGNS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// What a name has in common with all that look like it: compatible letters are one, small and capital ones too, and what
/// is not seen is left out.
#[must_use]
pub fn likeness(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let seen = |c: &char| !c.is_control() && !c.is_whitespace() && !is_unseen(*c);
    name.nfkc().filter(seen).flat_map(char::to_lowercase).nfkc().collect()
}

/// Signs of format and direction, fillers and variants, which nobody sees.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_text_in_every_encoding() {
        for written in
            [&b"Co\xedn"[..], b"\xfe\xff\0C\0o\0\xed\0n", b"\xff\xfeC\0o\0\xed\0n\0", b"\xef\xbb\xbfCo\xc3\xadn"]
        {
            assert_eq!(text(written), "Coín".as_bytes(), "{written:?}");
        }
        assert_eq!(text(b"\x80\x9e\xa0\x18"), "•ž€˘".as_bytes());
        assert_eq!(text(b"\xfe\xff\0"), "\0".as_bytes());
    }

    #[test]
    fn names_that_look_alike_have_one_likeness() {
        for name in ["importe", "Importe", "im\u{200b}porte", "importe\u{feff}", " importe", "ｉｍｐｏｒｔｅ"] {
            assert_eq!(likeness(name.as_bytes()), "importe");
        }
        assert_eq!(likeness("Coi\u{301}n".as_bytes()), likeness("coín".as_bytes()));
        assert_ne!(likeness(b"importe"), likeness(b"importe2"));
    }
}
