//! Updates made at random, and what another program draws of them: whatever changes a page's picture is never harmless.
//!
//! # Why
//! Tests for attacks that are known find no others. Here documents are prepared and continued without a plan: objects
//! take each other's place and each other's part, references lead elsewhere, keys come and go, pages, layers, forms and
//! fields are tampered with, and signatures are added. Every update that is called harmless is drawn by poppler beside
//! what was signed. The seed is fixed; `VENTANILLA_PDF_UPDATES` has more tried, from the seed `VENTANILLA_PDF_SEED`.

use std::process::Command;

use ventanilla::signature::{LaterClass, Verdict};

use crate::damage;
use crate::paper::{CONTENT, DANGLING, FIELD, FONT, FORM, LOOK, PAGE, Paper, Seal, Xref, doc_mdp};

pub const STAMP: u32 = 100;
pub const STAMP_LOOK: u32 = 101;
pub const LARGE_EMPTY: u32 = 102;
pub const SMALL_EMPTY: u32 = 103;
pub const LAYER: u32 = 104;
pub const HIDDEN_LAYER: u32 = 105;
pub const TREE: u32 = 106;
pub const ELEMENT: u32 = 107;
pub const BOOKMARKS: u32 = 108;
pub const BOOKMARK: u32 = 109;
pub const WITHOUT_LOOK: u32 = 110;
pub const BOX: u32 = 111;
pub const BOX_ON: u32 = 112;
pub const BOX_OFF: u32 = 113;
pub const PARENT: u32 = 114;
pub const WIDGET: u32 = 115;
pub const SPARE_LOOK: u32 = 120;
pub const SPARE_CONTENT: u32 = 121;
pub const SPARE_PAGE: u32 = 122;
const SPARE_FONT: u32 = 123;
pub const STATE: u32 = 124;

pub const ALL: [u32; 27] = [
    1,
    2,
    PAGE,
    CONTENT,
    FONT,
    FORM,
    FIELD,
    LOOK,
    DANGLING,
    STAMP,
    STAMP_LOOK,
    LARGE_EMPTY,
    SMALL_EMPTY,
    LAYER,
    HIDDEN_LAYER,
    TREE,
    ELEMENT,
    BOOKMARKS,
    BOOKMARK,
    WITHOUT_LOOK,
    BOX,
    BOX_ON,
    PARENT,
    WIDGET,
    SPARE_LOOK,
    SPARE_FONT,
    STATE,
];

pub const STREAMS: [u32; 8] = [CONTENT, LOOK, DANGLING, STAMP_LOOK, BOX_ON, BOX_OFF, SPARE_LOOK, SPARE_CONTENT];

/// Entries that somebody who means ill might try, for whatever object.
const ENTRIES: [&str; 45] = [
    "/NeedAppearances true",
    "/NeedAppearances false",
    "/Rotate 90",
    "/Rotate 90.0",
    "/UserUnit 2.0",
    "/MediaBox [0 0 300 400]",
    "/CropBox [50 50 300 400]",
    "/Resources << >>",
    "/Resources 3 0 R",
    "/Contents 121 0 R",
    "/Contents [4 0 R 121 0 R]",
    "/AP << /N 120 0 R >>",
    "/AP << /N << /On 120 0 R /Off 113 0 R >> >>",
    "/AS /Off",
    "/AS /On",
    "/F 2",
    "/F 4",
    "/F 0",
    "/F 132",
    "/Ff 1",
    "/V (900)",
    "/V << >>",
    "/V /Off",
    "/MK << /BG [1 0 0] >>",
    "/DA (/F1 40 Tf 1 0 0 rg)",
    "/Q 2",
    "/DR << /Font << /F1 123 0 R >> >>",
    "/DR << /Font << /F9 123 0 R >> >>",
    "/OC 104 0 R",
    "/OC 105 0 R",
    "/Rect [0 0 500 500]",
    "/Rect [0 0 0 0]",
    "/BBox [0 0 5 5]",
    "/Matrix [2 0 0 2 0 0]",
    "/OCProperties << /OCGs [104 0 R 105 0 R] /D << /ON [105 0 R] /OFF [104 0 R] >> >>",
    "/Type /Page",
    "/Type /Font",
    "/Subtype /Widget",
    "/FT /Sig",
    "/FT /Tx",
    "/Kids [115 0 R]",
    "/Parent 114 0 R",
    "/PieceInfo << /X 120 0 R >>",
    "/BaseFont /Symbol",
    "/ITXT (x)",
];

pub struct Random(u64);

impl Random {
    /// With this seed, which is not zero.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % limit as u64).unwrap()
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub fn once_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

pub const FORM_ENTRIES: &str = "/Type /XObject /Subtype /Form";

/// A document with something of everything that pages show.
pub fn document(random: &mut Random, front: &[u8], is_encrypted: bool) -> Paper {
    let mut paper = Paper::beginning_with(if random.once_in(2) { Xref::Table } else { Xref::Stream }, front);
    if is_encrypted {
        damage::encrypt(&mut paper);
    }
    let content = b"0 0.5 0 rg 50 700 200 80 re f /X Do /OC /On BDC 0 0 1 rg 300 700 90 90 re f EMC \
        /OC /Off BDC 1 0 0 rg 400 700 90 90 re f EMC /G gs 0.5 g 50 500 200 80 re f BT /F1 30 Tf 60 420 Td (ABC) Tj ET";
    paper.put_stream(CONTENT, "", content);
    paper.put_stream(DANGLING, &format!("{FORM_ENTRIES} /BBox [0 0 595 842]"), b"0 1 1 rg 60 600 90 40 re f");
    paper.put_stream(LOOK, &format!("{FORM_ENTRIES} /BBox [0 0 100 20]"), b"0 0 1 rg 0 0 60 20 re f");
    paper.put(STAMP, "<< /Type /Annot /Subtype /Stamp /Rect [300 300 400 350] /F 4 /AP << /N 101 0 R >> >>");
    paper.put_stream(STAMP_LOOK, &format!("{FORM_ENTRIES} /BBox [0 0 100 50]"), b"1 1 0 rg 0 0 100 50 re f");
    let empty = "/Type /Annot /Subtype /Widget /FT /Sig /P 3 0 R";
    paper.put(LARGE_EMPTY, &format!("<< {empty} /T (Firma102) /Rect [0 0 595 842] /F 4 >>"));
    paper.put(SMALL_EMPTY, &format!("<< {empty} /T (Firma103) /Rect [400 100 500 130] /F 4 >>"));
    paper.put(LAYER, "<< /Type /OCG /Name (uno) >>");
    paper.put(HIDDEN_LAYER, "<< /Type /OCG /Name (uno) >>");
    paper.put(TREE, "<< /Type /StructTreeRoot /K [107 0 R] >>");
    paper.put(ELEMENT, "<< /Type /StructElem /S /Document /P 106 0 R /K [<< /Type /OBJR /Obj 7 0 R >>] >>");
    paper.put(BOOKMARKS, "<< /Type /Outlines /First 109 0 R /Last 109 0 R /Count 1 >>");
    paper.put(BOOKMARK, "<< /Title (Uno) /Parent 108 0 R /Dest [3 0 R /Fit] >>");
    let widget = "/Type /Annot /Subtype /Widget /F 4";
    let text = "/FT /Tx /T (nota) /V (abc) /DA (/F1 20 Tf 0 g) /Rect [100 300 250 340]";
    paper.put(WITHOUT_LOOK, &format!("<< {widget} {text} >>"));
    let states = "/AP << /N << /On 112 0 R /Off 113 0 R >> >> /AS /On /V /On";
    paper.put(BOX, &format!("<< {widget} /FT /Btn /T (si) {states} /Rect [100 200 150 250] >>"));
    paper.put_stream(BOX_ON, &format!("{FORM_ENTRIES} /BBox [0 0 50 50]"), b"1 0 1 rg 0 0 50 50 re f");
    paper.put_stream(BOX_OFF, &format!("{FORM_ENTRIES} /BBox [0 0 50 50]"), b"0 0 10 10 re f");
    paper.put(PARENT, "<< /FT /Sig /T (doble) /Kids [115 0 R] >>");
    paper.put(WIDGET, &format!("<< {widget} /Parent 114 0 R /Rect [200 100 300 130] >>"));
    paper.put_stream(SPARE_LOOK, &format!("{FORM_ENTRIES} /BBox [0 0 595 842]"), b"1 0 0 rg 0 0 595 842 re f");
    paper.put_stream(SPARE_CONTENT, "", b"1 0 0 rg 0 0 595 842 re f");
    paper.put(SPARE_PAGE, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 121 0 R >>");
    paper.put(SPARE_FONT, "<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>");
    paper.put(STATE, "<< /Type /ExtGState /ca 0.5 >>");
    paper.fields.extend([LARGE_EMPTY, SMALL_EMPTY, BOX, PARENT]);
    paper.annotations.extend([STAMP, LARGE_EMPTY, SMALL_EMPTY, BOX, WIDGET]);
    if random.once_in(3) {
        paper.fields.push(WITHOUT_LOOK);
        paper.annotations.push(WITHOUT_LOOK);
    }
    paper.catalog = "/StructTreeRoot 106 0 R /Outlines 108 0 R \
        /OCProperties << /OCGs [104 0 R 105 0 R] /D << /ON [104 0 R] /OFF [105 0 R] >> >>"
        .into();
    paper.resources = "/Font << /F1 5 0 R >> /XObject << /X 9 0 R >> /ExtGState << /G 124 0 R >> \
        /Properties << /On 104 0 R /Off 105 0 R >>"
        .into();
    paper.form = "/DA (/F1 12 Tf 0 g) /DR << /Font << /F1 5 0 R >> >>".into();
    paper
}

/// What somebody prepares who knows that another will sign.
fn prepare(paper: &mut Paper, random: &mut Random) {
    let number = if random.once_in(2) { random.one(&STREAMS) } else { random.one(&ALL) };
    match random.below(9) {
        0 => paper.put(2, &format!("<< /Type /Pages /Kids [3 0 R {number} 0 R] /Count {} >>", 1 + random.below(2))),
        1 => paper.put(TREE, &format!("<< /Type /StructTreeRoot /K [107 0 R {number} 0 R] >>")),
        2 => paper.fields.push(number),
        3 => paper.annotations.push(number),
        4 => paper.put(BOOKMARKS, &format!("<< /First {number} 0 R /Parent {number} 0 R >>")),
        5 => {
            let key = random.one(&["P", "Parent", "PieceInfo", "Metadata", "X", "Popup"]);
            paper.resources = paper.resources.replace("/X 9 0 R", &format!("/{key} {number} 0 R"));
            let content = String::from_utf8(paper.body(CONTENT)).unwrap();
            let (_, content) = content.split_once("stream\n").unwrap();
            let content = content.replace("\nendstream", "").replace("/X Do", &format!("/{key} Do"));
            paper.put_stream(CONTENT, "", content.as_bytes());
            paper.page = format!("/PieceInfo {number} 0 R");
        }
        6 => {
            paper.resources = random.one(&["/XObject 3 0 R", "/XObject 1 0 R", "/Font 7 0 R /XObject 7 0 R"]).into();
        }
        7 => paper.form = random.one(&["", "/NeedAppearances true", "/DA (/F1 20 Tf 0 g)"]).into(),
        _ => {
            let entries = random.one(&ENTRIES);
            let number = random.one(&ALL);
            paper.put_with(number, entries);
        }
    }
}

/// One change, that of somebody who means ill or of somebody who does not; a signature ends the update.
fn tamper(paper: &mut Paper, random: &mut Random) {
    match random.below(14) {
        0 => {
            let (number, other) = (random.one(&ALL), random.one(&ALL));
            let body = paper.body(other);
            paper.put_bytes(number, &body);
        }
        1 | 2 => {
            let number = random.one(&ALL);
            let entries = random.one(&ENTRIES);
            paper.put_with(number, entries);
        }
        3 => {
            let number = random.one(&ALL);
            let body = String::from_utf8_lossy(&paper.body(number)).into_owned();
            let at: Vec<usize> = body.match_indices(" 0 R").map(|(at, _)| at).collect();
            if !at.is_empty() {
                let end = random.one(&at);
                let start = body[..end].rfind(|letter: char| !letter.is_ascii_digit()).unwrap() + 1;
                let to = random.one(&ALL);
                paper.put(number, &format!("{}{to}{}", &body[..start], &body[end..]));
            }
        }
        4 => {
            let number = random.one(&STREAMS);
            let body = String::from_utf8_lossy(&paper.body(number)).into_owned();
            paper.put(number, &body.replacen(" rg ", " RG ", 1));
        }
        5 => paper.point(random.one(&ALL), 0),
        6 => {
            let key =
                random.one(&["/Type", "/Subtype", "/AP", "/N", "/OC", "/Rect", "/V", "/AS", "/ON", "/ca", "/F", "/FT"]);
            let number = random.one(&ALL);
            let body = String::from_utf8_lossy(&paper.body(number)).into_owned();
            paper.put(number, &body.replacen(key, "/Away", 1));
        }
        7 => {
            let number = random.one(&ALL);
            if random.once_in(2) {
                paper.annotations.push(number);
            } else {
                paper.fields.push(number);
            }
            paper.put_structure();
        }
        8 => {
            let at = random.below(paper.annotations.len());
            if random.once_in(2) {
                paper.annotations.swap(0, at);
            } else {
                paper.annotations.remove(at);
            }
            paper.put_structure();
        }
        9 => {
            paper.form = random
                .one(&["", "/NeedAppearances true", "/DA (/F1 40 Tf 1 0 0 rg)", "/DR << /Font << /F1 123 0 R >> >>"])
                .into();
            paper.put_structure();
        }
        10 => {
            paper.catalog = paper.catalog.replace("/ON [104 0 R] /OFF [105 0 R]", "/ON [105 0 R] /OFF [104 0 R]");
            paper.put_structure();
        }
        11 => {
            let spare = random.one(&[SPARE_LOOK, LOOK, BOX_OFF]);
            paper.resources = paper.resources.replace("/X 9 0 R", &format!("/X {spare} 0 R"));
            paper.put_structure();
        }
        12 => {
            // The same as it was, in other bytes.
            let number = random.one(&ALL);
            let body = paper.body(number);
            paper.put_bytes(number, &body);
        }
        _ => {
            let pages = format!("<< /Type /Pages /Kids [3 0 R] /Count 1 {} >>", random.one(&ENTRIES));
            paper.put(2, &pages);
        }
    }
}

fn sign_again(paper: &mut Paper, random: &mut Random) {
    let look = random.one(&["", "/AP << /N 120 0 R >>", "/AP << /N 8 0 R >>", "/MK << /BG [1 0 0] >>"]);
    let flags = random.one(&["/F 4", "/F 2", "/F 132", ""]);
    let rectangle =
        random.one(&["[0 0 0 0]", "[0 0 595 842]", "[400 100 500 130]", "[100 100 100 200]", "[0 0 0.0 0]"]);
    let seal =
        Seal { field: format!("{look} {flags}"), rectangle: rectangle.to_owned(), ..Seal::by("citizen-prime256v1") };
    match random.below(4) {
        0 => paper.sign_in(LARGE_EMPTY, &seal),
        1 => paper.sign_in(SMALL_EMPTY, &seal),
        _ => paper.sign(&seal),
    };
}

/// What poppler draws of every page; nothing where it finds none.
pub fn picture(folder: &std::path::Path, file: &[u8]) -> Vec<u8> {
    let path = folder.join("drawn.pdf");
    std::fs::write(&path, file).unwrap();
    Command::new("pdftoppm").args(["-r", "24"]).arg(&path).output().expect("pdftoppm draws").stdout
}

/// Keeps a pair of files for whoever looks into a failure; says where.
pub fn keep(name: &str, signed: &[u8], update: &[u8]) -> String {
    let kept = std::env::temp_dir().join(format!("ventanilla-{name}"));
    std::fs::write(kept.with_extension("signed.pdf"), signed).unwrap();
    std::fs::write(kept.with_extension("update.pdf"), update).unwrap();
    kept.display().to_string()
}

#[expect(clippy::disallowed_methods, reason = "a test's own switches are no setting of the program")]
pub fn number_from(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

pub fn is_harmless(verdict: &Verdict) -> bool {
    verdict.coverage.later.as_ref().is_none_or(|later| later.harmless)
}

/// A document that was signed, and what somebody made of it.
fn continued(random: &mut Random) -> (Vec<u8>, Paper) {
    let (from_front, is_encrypted) = (random.once_in(8), random.once_in(6));
    let front = if from_front { damage::FRONT } else { b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" };
    let mut paper = document(random, front, is_encrypted);
    paper.put_structure();
    paper.finish();
    for _ in 0..random.below(3) {
        if random.once_in(3) {
            damage::prepare(&mut paper, random);
        } else if !is_encrypted {
            prepare(&mut paper, random);
        }
    }
    paper.put_structure();
    let allowed = if random.once_in(5) { doc_mdp(u8::try_from(1 + random.below(2)).unwrap()) } else { String::new() };
    let seal = Seal::by("citizen-prime256v1").with(&allowed);
    let mut padding = 0;
    if from_front {
        paper.finish();
        let mut copy = paper.clone();
        copy.sign(&seal);
        padding = random.one(&[0, 1, 300, 900]);
        damage::begin_at_front(&mut paper, copy.bytes.len() + padding);
    }
    paper.sign(&seal);
    let signed = paper.bytes.clone();
    if from_front && random.once_in(2) {
        paper.bytes.resize(signed.len() + padding, b' ');
        return (signed, paper);
    }
    for _ in 0..=random.below(2) {
        if random.once_in(2) {
            damage::tamper(&mut paper, random);
        } else {
            tamper(&mut paper, random);
        }
        paper.finish();
    }
    if random.once_in(3) {
        sign_again(&mut paper, random);
    }
    if random.once_in(4) {
        damage::damage(&mut paper.bytes, signed.len(), random);
    }
    (signed, paper)
}

#[test]
fn whatever_changes_a_picture_is_never_harmless() {
    let updates = usize::try_from(number_from("VENTANILLA_PDF_UPDATES", 200)).unwrap();
    let mut random = Random::new(number_from("VENTANILLA_PDF_SEED", 0x9e37_79b9_7f4a_7c15));
    let folder = tempfile::tempdir().unwrap();
    let (mut harmless, mut drawn, mut changed) = (0, 0, 0);
    for round in 0..updates {
        let (signed, paper) = continued(&mut random);
        let verdict = paper.judged().remove(0);
        if !verdict.intact {
            continue;
        }
        let passes = is_harmless(&verdict);
        harmless += usize::from(passes);
        // Some of the others are drawn as well, to know that there was something to be found.
        if !passes && round % 8 != 0 {
            continue;
        }
        drawn += 1;
        let before = picture(folder.path(), &signed);
        let after = picture(folder.path(), &paper.bytes);
        changed += usize::from(before != after);
        // A fill-in that the signer allowed in so many words may show what it fills in.
        let fill_in = verdict.coverage.later.as_ref().is_some_and(|later| later.class == LaterClass::FormFillIn);
        if passes && !fill_in && before != after {
            let kept = keep(&format!("picture-{round}"), &signed, &paper.bytes);
            let update = String::from_utf8_lossy(&paper.bytes[signed.len()..]).into_owned();
            panic!("round {round}: {:?}; kept at {kept}\n{update:.6000}", verdict.coverage.later);
        }
    }
    eprintln!("{updates} updates, {harmless} harmless; {drawn} drawn, of which {changed} look different");
    assert!(harmless * 20 > updates && changed * 20 > drawn, "{harmless} harmless, {changed} of {drawn} changed");
}
