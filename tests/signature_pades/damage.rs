//! More of what somebody tries at random who means ill: updates that readers may read in different ways.

use crate::paper::cipher::{Cipher, IDENTIFIER};
use crate::paper::{CONTENT, PAGE, Paper, Xref};
use crate::pictures::{ALL, Random, SPARE_CONTENT, SPARE_LOOK, STREAMS};

const ENCRYPTION: u32 = 90;
const FORGED: &str = "<< /Length 26 >>\nstream\n1 0 0 rg 0 0 595 842 re f    \nendstream";

/// Entries that not all readers read alike.
const ODD: [&str; 20] = [
    "/F 4294967298",
    "/F -2147483646",
    "/F 2.0",
    "/F 1026",
    "/F 2 /F 4",
    "/F 4 /F 2",
    "/Rect [595 0 0..595 842]",
    "/Rect [/a 0 /a 842]",
    "/Rect [0 0 0 842 595]",
    "/Rect [0 0 --0 842]",
    "/Rect [0 0 595 842] /Rect [0 0 0 0]",
    "/Rect [0 0 0 0] /Rect [0 0 595 842]",
    "/#52ect [0 0 595 842]",
    "/Rect [0 0 595#00 842]",
    "/AP << /N 120 0 R >> /AP << /N 8 0 R >>",
    "/#41P << /N 120 0 R >>",
    "/Contents 121 0 R /Contents 4 0 R",
    "/Version 30 0 R",
    "/Contents 4 1 R",
    "/DecodeParms << /Name /Identity >> /Filter /Crypt",
];

const RECTANGLES: [&str; 9] = [
    "[0 0 0 0]",
    "[0 0 595 842]",
    "[595 0 0..595 842]",
    "[/a 0 /a 842]",
    "[0 0 0 842 595 842]",
    "[0 0 595e0 842]",
    "[0 0 0.0 842]",
    "[595 0 5-95 842]",
    "[4294967296 0 0 842]",
];
const FLAGS: [&str; 8] = ["", "/F 2", "/F 4", "/F 4294967298", "/F 2.0", "/F 02", "/F 1026", "/F -2147483646"];

/// Has all that follows encrypted.
pub fn encrypt(paper: &mut Paper) {
    let cipher = Cipher::new();
    let dictionary = cipher.dictionary();
    paper.trailer = format!("/Encrypt {ENCRYPTION} 0 R {IDENTIFIER}");
    paper.cipher = Some(cipher);
    paper.put(ENCRYPTION, &dictionary);
}

/// Whether the file is encrypted changes, or how, or what an object is encrypted with.
fn tamper_with_encryption(paper: &mut Paper, random: &mut Random) {
    let dictionary = Cipher::new().dictionary();
    match random.below(6) {
        0 => paper.put(ENCRYPTION, &dictionary.replace("/V 1", "/V 2 /Length 128")),
        1 => paper.put(ENCRYPTION, &dictionary.replace("<0707", "<0807")),
        2 => paper.put(ENCRYPTION, "<< /Filter /Standard /V 4 /R 4 /CF << >> /StmF /Identity /StrF /Identity >>"),
        3 => {
            paper.trailer = random.one(&["", IDENTIFIER, "/Encrypt 90 0 R", "/Encrypt null", "/Encrypt 91 0 R"]).into();
        }
        4 => paper.cipher = None,
        _ => {
            // The same bytes under another number are another text.
            let body = paper.body(random.one(&STREAMS));
            paper.put_bytes(random.one(&STREAMS), &body);
        }
    }
}

/// The first bytes of a file that is read from the front once it has a length that is not known yet.
pub const FRONT: &[u8] =
    b"%PDF-1.7\n95 0 obj\n<< /Linearized 1 /L 0000000000 /N 1 /O 3 /E 900 /T 100 /H [1 2] >>\nendobj\n\
    xref\n4 1\n0000000000 00000 n \ntrailer\n<< /Root 1 0 R /Size 1000 /Prev 0000000000 >>\nstartxref\n0\n%%EOF\n";

/// Writes that length, and where the forged text and the table are with which such a reader goes on.
pub fn begin_at_front(paper: &mut Paper, length: usize) {
    let forged = paper.bytes.windows(9).position(|window| window == b"\n4 0 obj\n").unwrap() + 1;
    for (before, place) in [("/L ", length), ("4 1\n", forged), ("/Prev ", paper.last)] {
        let at = paper.bytes.windows(before.len()).position(|window| window == before.as_bytes()).unwrap();
        let at = at + before.len();
        paper.bytes[at..at + 10].copy_from_slice(format!("{place:010}").as_bytes());
    }
}

/// An original in which readers that look for objects by themselves find others.
pub fn prepare(paper: &mut Paper, random: &mut Random) {
    match random.below(5) {
        0 => paper.catalog += " /Version 30 0 R",
        1 => {
            let place = paper.bytes.len();
            let body = paper.body(CONTENT);
            paper.put_bytes(CONTENT, &body);
            paper.put(CONTENT, FORGED);
            paper.point(CONTENT, place);
        }
        2 => {
            let (place, body) = (paper.bytes.len(), paper.body(CONTENT));
            paper.put_bytes(CONTENT, &body);
            let number = paper.number();
            paper.put_stream(number, "", format!("\n4 0 obj\n{FORGED}\nendobj\n").as_bytes());
            paper.point(CONTENT, place);
        }
        3 => {
            let number = random.one(&ALL);
            paper.put_with(number, random.one(&ODD));
        }
        _ => {
            let number = random.one(&ALL);
            pack(paper, number, true);
        }
    }
}

/// Puts an object's newest body into an object stream, where only sections that are streams can name it.
fn pack(paper: &mut Paper, number: u32, is_listed: bool) {
    let body = paper.body(number);
    if paper.xref == Xref::Stream && !body.ends_with(b"endstream") {
        paper.pack(number, &body, is_listed);
    }
}

/// One change that ends in whatever the section to come says.
pub fn tamper(paper: &mut Paper, random: &mut Random) {
    match random.below(if paper.cipher.is_some() { 14 } else { 10 }) {
        0 | 1 => {
            let field = paper.put_empty_signature_field(random.one(&RECTANGLES));
            let look = if random.once_in(3) { "/AP << /N 120 0 R >>" } else { "" };
            paper.put_with(field, &format!("{look} {}", random.one(&FLAGS)));
        }
        2 => {
            let number = random.one(&ALL);
            paper.put_with(number, random.one(&ODD));
        }
        3 => {
            let header = b"\n4 0 obj\n";
            let at = paper.bytes.windows(header.len()).rposition(|window| window == header).unwrap() + 1;
            paper.put(CONTENT, FORGED);
            paper.finish();
            paper.point(CONTENT, at);
            if random.once_in(2) {
                paper.catalog += " /Version 30 0 R";
            }
            paper.put_structure();
        }
        4 => {
            let place = paper.bytes.len();
            let number = random.one(&STREAMS);
            let body = paper.body(number);
            paper.put_bytes(number, &body);
            paper.put(number, FORGED);
            if random.once_in(2) {
                paper.finish();
            }
            paper.point(number, place);
        }
        5 => {
            // A part that older readers do not see.
            let kept = std::mem::replace(&mut paper.xref, Xref::Stream);
            paper.put(random.one(&[CONTENT, 30, SPARE_CONTENT]), FORGED);
            paper.finish();
            paper.xref = kept;
            if kept == Xref::Table {
                paper.put_structure();
                paper.finish_with(&format!("/XRefStm {}", paper.last));
            }
        }
        6 => {
            let number = random.one(&ALL);
            if paper.xref == Xref::Stream {
                let entries = random.one(&["/MediaBox [0 0 300 400]", "/Contents 121 0 R", "/AP << /N 120 0 R >>", ""]);
                let body = String::from_utf8_lossy(&paper.body(number)).replacen("<<", &format!("<< {entries}"), 1);
                if !body.ends_with("endstream") {
                    paper.pack(number, body.as_bytes(), random.once_in(2));
                }
            }
        }
        7 => {
            let number = random.one(&ALL);
            pack(paper, number, true);
        }
        8 => {
            let number = paper.number();
            paper.put_stream(number, "", format!("\n4 0 obj\n{FORGED}\nendobj\n").as_bytes());
            paper.put_structure();
        }
        9 => {
            paper.catalog +=
                random.one(&[" /Version 30 0 R", " /Version /1.4", " /DSS 30 0 R", " /Extensions << /A 5 0 R >>"]);
            paper.put_structure();
        }
        _ => tamper_with_encryption(paper, random),
    }
}

/// What some readers mend, and the others do not see.
pub fn damage(file: &mut Vec<u8>, start: usize, random: &mut Random) {
    let replace = |file: &mut Vec<u8>, from: &str, to: &str, random: &mut Random| {
        let tail = file[start..].windows(from.len()).enumerate();
        let places: Vec<usize> = tail.filter(|(_, text)| *text == from.as_bytes()).map(|(at, _)| start + at).collect();
        if !places.is_empty() {
            let at = random.one(&places);
            file.splice(at..at + from.len(), to.bytes());
        }
    };
    match random.below(5) {
        0 => {
            let word = random.one(&[
                "startxref\n% x\n",
                "startxref\n1",
                "startxref\n0\n%%EOF\n",
                "startxerf\n",
                "startxref\n-",
            ]);
            replace(file, "startxref\n", word, random);
        }
        1 => {
            let (from, to) = random.one(&[
                (" 00000 n", " 00001 n"),
                (" 00000 n", " 00000 f"),
                ("xref\n0 1\n", "xref\n% x\n0 1\n"),
                ("xref\n0 1\n", "xerf\n0 1\n"),
                ("/Size 1000", "/Size 4   "),
                ("/Prev ", "/Prev 1"),
                ("/Root 1 0 R", "/Root 1 1 R"),
                ("/Root 1 0 R", "/Root 2 0 R"),
                ("%%EOF", "%%EFO"),
                ("endobj", "endobx"),
                (" 0 obj", " 1 obj"),
                ("000000", "000001"),
            ]);
            replace(file, from, to, random);
        }
        2 => {
            let (count, byte) = (random.one(&[1, 500, 1100, 3000]), random.one(b" \n\0%"));
            file.extend(std::iter::repeat_n(byte, count));
        }
        3 => {
            let number = random.one(&[CONTENT, PAGE, SPARE_LOOK]);
            file.extend_from_slice(format!("\n{number} 0 obj\n{FORGED}\nendobj\n").as_bytes());
            file.extend_from_slice(
                random.one(&["", "%%EOF\n", "trailer\n<< /Root 1 0 R >>\n", "startxref\n0\n%%EOF\n"]).as_bytes(),
            );
        }
        _ => {
            let at = start + random.below(file.len() - start);
            file[at] = random.one(b"0123456789 \n%/<>[]R");
        }
    }
}
