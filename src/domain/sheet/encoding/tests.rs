//! What the bytes of a file prove of its encoding, and what they leave open.

use rstest::rstest;

use super::*;

fn of(bytes: &[u8]) -> Result<Encoding, Doubt> {
    detect(&mut &*bytes).unwrap().map(|(encoding, _)| encoding)
}

/// The text in Windows-1252.
fn windows(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn utf_8_and_utf_16_with_their_marks_are_known() {
    for text in ["código;nombre\nñ;Peñíscola\n", "", "a", "a,b\n", "\u{1F600};é\n"] {
        assert_eq!(of(text.as_bytes()), Ok(Encoding::Utf8), "{text}");
        assert_eq!(of(format!("\u{feff}{text}").as_bytes()), Ok(Encoding::Utf8), "{text}");
        assert_eq!(of(&utf16(text, false)), Ok(Encoding::Utf16Le), "{text}");
        assert_eq!(of(&utf16(text, true)), Ok(Encoding::Utf16Be), "{text}");
    }
}

#[rstest]
#[case("a;b\nMálaga;España\n")]
#[case("José;Mérida\n")]
#[case("MUÑOZ;PÉREZ\n")]
#[case("C/ Mayor, nº 1, 2ª planta\n")]
#[case("l’Hospitalet de Llobregat\n")]
#[case("Col·legi d’Advocats;Barcelona\n")]
#[case("«CAFÉ»;Ñ”;¿Cuándo? ¡Ya!\n")]
#[case("10 €;Plaza – Mayor;época\nlógica\n")]
#[case("Ayuntamiento\u{a0}de Cádiz\n")]
#[case("Güímar;Año\n")]
fn windows_1252_is_known_by_its_letters(#[case] text: &str) {
    assert_eq!(of(&windows(text)), Ok(Encoding::Windows1252));
}

#[rstest]
#[case::ms_dos(b"nombre\nEspa\xA4a\n", 2, 0xA4)]
#[case::ms_dos_a(b"M\xA0laga\n", 1, 0xA0)]
#[case::ms_dos_i(b"a\nb\nMart\xA1n\n", 3, 0xA1)]
#[case::ms_dos_e(b"Jos\x82\n", 1, 0x82)]
#[case::ms_dos_capital(b"PER\xE9\n", 1, 0xE9)]
#[case::ms_dos_first_capital(b"\xE9ltimo\n", 1, 0xE9)]
#[case::ms_dos_ordinal(b"n\xA7 1\n", 1, 0xA7)]
#[case::macintosh_i(b"Garc\x92a\n", 1, 0x92)]
#[case::macintosh_n(b"Espa\x96a\n", 1, 0x96)]
#[case::macintosh_o(b"Le\x97n\n", 1, 0x97)]
#[case::undefined(b"a\x81b\n", 1, 0x81)]
#[case::alone(b"a,b\n3,4\n4,\xFF\n", 3, 0xFF)]
fn what_may_be_of_another_code_page_is_refused(#[case] bytes: &[u8], #[case] line: u64, #[case] byte: u8) {
    assert_eq!(of(bytes), Err(Doubt::CodePage { line, byte }));
}

#[test]
fn a_file_of_two_encodings_is_refused_with_both_lines() {
    let mut bytes = "a;b\nñ;1\n".as_bytes().to_vec();
    bytes.extend(windows("c;d\nó;2\n"));
    assert_eq!(of(&bytes), Err(Doubt::Mixed { utf8: 2, other: 4 }));
    let marked = [b"\xEF\xBB\xBF".to_vec(), windows("a;b\nMálaga;2\n")].concat();
    assert_eq!(of(&marked), Err(Doubt::Mixed { utf8: 1, other: 2 }));
}

#[test]
fn a_cut_file_and_one_without_its_mark_are_refused() {
    assert_eq!(of(b"a;\xC3"), Err(Doubt::CodePage { line: 1, byte: 0xC3 }));
    assert_eq!(of(&utf16("a;b\n", false)[2..]), Err(Doubt::Zeros(1)));
    assert_eq!(of(utf16("a;b\nc", false).split_last().unwrap().1), Err(Doubt::BrokenUtf16(2)));
    assert_eq!(of(b"\xFF\xFEa\0\n\0\0\xD8b\0"), Err(Doubt::BrokenUtf16(2)));
    assert_eq!(of(b"\xFF\xFE\0\0a\0\0\0"), Err(Doubt::Utf32));
    assert_eq!(of(b"a;b\r1;2\r"), Err(Doubt::CarriageReturns));
    assert_eq!(of(&utf16("a;b\r1;2\r", true)), Err(Doubt::CarriageReturns));
}

#[test]
fn a_letter_cut_by_the_end_of_a_chunk_is_whole() {
    for shift in 0..4 {
        let text = "x".repeat(CHUNK - 2 + shift) + "ñ€\u{1F600}\n";
        assert_eq!(of(text.as_bytes()), Ok(Encoding::Utf8), "{shift}");
        let text = "x".repeat(CHUNK - 2 + shift) + "ñ\n";
        assert_eq!(of(&windows(&text)), Ok(Encoding::Windows1252), "{shift}");
    }
}

#[test]
fn decoding_gives_the_text_however_it_is_read() {
    let text = "Peñíscola;€\n".repeat(3000) + "\u{1F600}";
    for (bytes, encoding) in [
        (utf16(&text, false)[2..].to_vec(), Encoding::Utf16Le),
        (utf16(&text, true)[2..].to_vec(), Encoding::Utf16Be),
        (windows(&text.replace('\u{1F600}', "")), Encoding::Windows1252),
    ] {
        let mut decoded = Decoded::new(bytes.as_slice(), encoding);
        let (mut read, mut buffer) = (Vec::new(), [0; 7]);
        loop {
            match decoded.read(&mut buffer).unwrap() {
                0 => break,
                count => read.extend_from_slice(&buffer[..count]),
            }
        }
        let wanted = if encoding == Encoding::Windows1252 { text.replace('\u{1F600}', "") } else { text.clone() };
        assert!(String::from_utf8(read).unwrap() == wanted, "{encoding}");
        assert_eq!(decoded.bytes, wanted.len() as u64);
    }
}
