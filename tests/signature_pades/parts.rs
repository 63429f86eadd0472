//! Originals in which an object was given a second part to play, updates that change it, and updates that change
//! nothing to be seen.
//!
//! # Why
//! Every real attack on a verdict of "harmless" began with a prepared original: an object that is drawn was listed as
//! something else, too, and changed where that part allows it ("Shadow Attacks", NDSS 2021). Updates made without a plan
//! ([`crate::pictures`]) hardly ever hit upon both halves. Here each object is listed in each part that the comparison
//! knows, one after the other, and then changed; honest updates are made as well, so that a comparison that calls
//! everything a change does not pass. `tests/mutants` shows that this test notices when a rule is missing.

use std::collections::HashMap;

use crate::entries::{add, changes_bytes, rename_resource, replace, set};
use crate::paper::{CONTENT, DANGLING, FIELD, FONT, FORM, LOOK, PAGE, Paper, Seal, doc_mdp};
use crate::pictures::{
    BOOKMARK, BOOKMARKS, BOX, BOX_ON, ELEMENT, FORM_ENTRIES, HIDDEN_LAYER, LARGE_EMPTY, LAYER, PARENT, Random,
    SMALL_EMPTY, SPARE_CONTENT, SPARE_LOOK, SPARE_PAGE, STAMP, STAMP_LOOK, STATE, TREE, WIDGET, WITHOUT_LOOK, document,
    is_harmless, keep, number_from, picture,
};

/// A stamp over the other one, and what it shows.
const UPPER: u32 = 130;
const UPPER_LOOK: u32 = 131;
/// Where copies of objects go, and what nothing draws.
const COPY: u32 = 150;
/// An element of the structure for a new field.
const MARK: u32 = 153;
const UNSEEN: u32 = 151;
const UNSEEN_DATA: u32 = 152;

const NEW_FORM: &str = "/Type /XObject /Subtype /Form /BBox [0 0 595 842]";
const HEAD: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
const WIDGET_ENTRIES: &str = "/Type /Annot /Subtype /Widget /FT /Sig";

type Change = fn(&mut Paper);
type Make = fn(usize, &mut Random) -> Update;
/// Lists an object in a part.
type List = fn(&mut Paper, u32);

const PARTS: [(&str, List); 27] = [
    ("page", |paper, x| paper.put(2, &format!("<< /Type /Pages /Kids [3 0 R {x} 0 R] /Count 2 >>"))),
    ("page that is not counted", |paper, x| {
        paper.put(2, &format!("<< /Type /Pages /Kids [3 0 R {x} 0 R] /Count 1 >>"));
    }),
    ("structure element", |paper, x| paper.put(TREE, &format!("<< /Type /StructTreeRoot /K [107 0 R {x} 0 R] >>"))),
    ("parent by number", |paper, x| tree(paper, &format!("/ParentTree << /Nums [0 {x} 0 R] >>"))),
    ("element by name", |paper, x| tree(paper, &format!("/IDTree << /Names [(a) {x} 0 R] >>"))),
    ("field", |paper, x| paper.fields.push(x)),
    ("kid of a field", |paper, x| paper.put(PARENT, &format!("<< /FT /Sig /T (doble) /Kids [115 0 R {x} 0 R] >>"))),
    ("annotation", |paper, x| paper.annotations.push(x)),
    ("bookmark", |paper, x| paper.put(BOOKMARKS, &format!("<< /First {x} 0 R /Last {x} 0 R /Parent {x} 0 R >>"))),
    ("action of a bookmark", |paper, x| paper.put(BOOKMARK, &format!("<< /Title (Uno) /Parent 108 0 R /A {x} 0 R >>"))),
    ("named appearance", |paper, x| add(&mut paper.catalog, &format!(" /Names << /AP << /Names [(x) {x} 0 R] >> >>"))),
    ("script", |paper, x| add(&mut paper.catalog, &format!(" /Names << /JavaScript << /Names [(x) {x} 0 R] >> >>"))),
    ("metadata of a page", |paper, x| add(&mut paper.page, &format!(" /Metadata {x} 0 R "))),
    ("metadata", |paper, x| add(&mut paper.catalog, &format!(" /Metadata {x} 0 R"))),
    ("private data", |paper, x| add(&mut paper.page, &format!(" /PieceInfo {x} 0 R "))),
    ("validation data", |paper, x| add(&mut paper.catalog, &format!(" /DSS << /Certs [{x} 0 R] >>"))),
    ("extension", |paper, x| add(&mut paper.catalog, &format!(" /Extensions << /A {x} 0 R >>"))),
    ("first action", |paper, x| add(&mut paper.catalog, &format!(" /OpenAction {x} 0 R"))),
    ("action of a page", |paper, x| add(&mut paper.page, &format!(" /AA << /O {x} 0 R >> "))),
    ("calculated field", |paper, x| add(&mut paper.form, &format!(" /CO [{x} 0 R] "))),
    ("default resource", |paper, x| add(&mut paper.form, &format!(" /DR << /XObject << /Z {x} 0 R >> >> "))),
    ("window of a comment", |paper, x| paper.put_with(STAMP, &format!("/Popup {x} 0 R"))),
    ("answer to a comment", |paper, x| paper.put_with(UPPER, &format!("/IRT {x} 0 R"))),
    ("information", |paper, x| add(&mut paper.trailer, &format!(" /Info {x} 0 R"))),
    ("thread", |paper, x| add(&mut paper.catalog, &format!(" /Threads [{x} 0 R]"))),
    ("layer", |paper, x| paper.catalog = paper.catalog.replace("/OCGs [", &format!("/OCGs [{x} 0 R "))),
    ("mark of a producer", |paper, x| add(&mut paper.page, &format!(" /ITXT {x} 0 R "))),
];

fn tree(paper: &mut Paper, entries: &str) {
    paper.put(TREE, &format!("<< /Type /StructTreeRoot /K [107 0 R] {entries} >>"));
}

/// What makes a stream look like something else.
const DISGUISES: [&str; 6] = [
    "",
    "/Type /Page",
    "/Type /Pages /Kids [] /Count 0",
    "/FT /Tx /T (x)",
    "/S /P /P 106 0 R",
    "/Type /StructElem /K 0",
];

/// What has a form look most like a part, and a name of a resource that points back where it plays that part.
fn suited(part: &str, random: &mut Random) -> Option<(&'static str, &'static str)> {
    match part {
        "page" => Some(("/Type /Page", random.one(&["P", "Parent", "Pg"]))),
        "structure element" | "parent by number" | "element by name" => {
            Some(("/Type /StructElem /S /P /P 106 0 R", random.one(&["P", "Parent", "SE", "Ref"])))
        }
        "annotation" => Some(("/Type /Annot", random.one(&["Parent", "Popup", "IRT"]))),
        _ => None,
    }
}

/// Names of resources that elsewhere point back, or that elsewhere nobody sees.
const KEYS: [&str; 16] = [
    "P",
    "Parent",
    "Pg",
    "Popup",
    "IRT",
    "Obj",
    "SE",
    "SD",
    "Ref",
    "Data",
    "T",
    "Fields",
    "Metadata",
    "DSS",
    "Kids",
    "ParentTree",
];

/// Objects that are read as a list of resources, too, and the key that names a resource there.
const AS_RESOURCES: [(u32, &str); 20] = [
    (PAGE, "PieceInfo"),
    (PAGE, "Metadata"),
    (PAGE, "LastModified"),
    (PAGE, "Tabs"),
    (PAGE, "ITXT"),
    (PAGE, "AA"),
    (2, "PieceInfo"),
    (1, "DSS"),
    (1, "Extensions"),
    (1, "Metadata"),
    (1, "Version"),
    (FORM, "PieceInfo"),
    (FIELD, "P"),
    (FIELD, "StructParent"),
    (FIELD, "M"),
    (LARGE_EMPTY, "V"),
    (LARGE_EMPTY, "MK"),
    (TREE, "ParentTreeNextKey"),
    (TREE, "Nums"),
    (ELEMENT, "K"),
];

/// Whose leave a change needs to show something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Leave {
    FillIn = 2,
    Annotations = 3,
    Nobody = 4,
}
use Leave::{Annotations, FillIn, Nobody};

/// Entries that take the place of others in an object that is no stream.
const CHANGES: [(u32, &str, Leave); 41] = [
    (PAGE, "/Contents 121 0 R", Nobody),
    (PAGE, "/Contents [4 0 R 121 0 R]", Nobody),
    (PAGE, "/Rotate 90.0", Nobody),
    (PAGE, "/MediaBox [0 0 300 400]", Nobody),
    (PAGE, "/CropBox [50 50 300 400]", Nobody),
    (PAGE, "/Resources << >>", Nobody),
    (PAGE, "/UserUnit 2.0", Nobody),
    (2, "/Kids [122 0 R]", Nobody),
    (2, "/Kids [122 0 R 3 0 R]", Nobody),
    (2, "/Rotate 180", Nobody),
    (1, "/OCProperties << /OCGs [104 0 R 105 0 R] /D << /ON [105 0 R] /OFF [104 0 R] >> >>", Nobody),
    (FORM, "/NeedAppearances true", Nobody),
    (FORM, "/DR << /Font << /F1 123 0 R >> >>", Nobody),
    (FORM, "/DA (/F1 40 Tf 1 0 0 rg)", Nobody),
    (FORM, "/Q 2", Nobody),
    (FIELD, "/AP << /N 120 0 R >>", Nobody),
    (FIELD, "/Rect [0 0 500 500]", Nobody),
    (FIELD, "/F 2", Nobody),
    (FIELD, "/V (900) /AP << /N 120 0 R >>", FillIn),
    (BOX, "/AS /Off", Nobody),
    (BOX, "/AS /Off /V /Off", FillIn),
    (BOX, "/AP << /N << /On 120 0 R /Off 113 0 R >> >>", Nobody),
    (BOX, "/F 6", Nobody),
    (BOX, "/OC 105 0 R", Nobody),
    (WITHOUT_LOOK, "/DA (/F1 40 Tf 1 0 0 rg)", Nobody),
    (WITHOUT_LOOK, "/AP << /N 120 0 R >>", Nobody),
    (LARGE_EMPTY, "/AP << /N 120 0 R >>", Nobody),
    (LARGE_EMPTY, "/V << >> /AP << /N 120 0 R >>", Nobody),
    (SMALL_EMPTY, "/AP << /N 120 0 R >>", Nobody),
    (WIDGET, "/AP << /N 120 0 R >>", Nobody),
    (STAMP, "/AP << /N 120 0 R >>", Annotations),
    (STAMP, "/V (900) /AP << /N 120 0 R >>", Annotations),
    (STAMP, "/Rect [0 0 500 500]", Annotations),
    (STAMP, "/F 2", Annotations),
    (UPPER, "/AS /Off", Annotations),
    (FONT, "/BaseFont /Symbol", Nobody),
    (STATE, "/ca 1", Nobody),
    (LAYER, "/Type /Away", Nobody),
    (DANGLING, "/OC 105 0 R", Nobody),
    (DANGLING, "/BBox [0 0 5 5]", Nobody),
    (DANGLING, "/Matrix [2 0 0 2 0 0]", Nobody),
];

/// Streams that are drawn, and whose leave another look needs.
const DRAWN: [(u32, Leave); 6] = [
    (CONTENT, Nobody),
    (DANGLING, Nobody),
    (LOOK, Nobody),
    (BOX_ON, Nobody),
    (STAMP_LOOK, Annotations),
    (UPPER_LOOK, Annotations),
];

/// What is signed.
fn original(random: &mut Random) -> Paper {
    let mut paper = document(random, HEAD, false);
    paper.put_stream(
        DANGLING,
        &format!("{FORM_ENTRIES} /BBox [0 0 595 842] /OC 104 0 R"),
        b"0 1 1 rg 60 600 90 40 re f",
    );
    paper.put(UPPER, "<< /Type /Annot /Subtype /Stamp /Rect [350 320 450 370] /F 4 /AP << /N 131 0 R >> >>");
    paper.put_stream(UPPER_LOOK, &format!("{FORM_ENTRIES} /BBox [0 0 100 50]"), b"0 1 0 rg 0 0 100 50 re f");
    paper.annotations.push(UPPER);
    paper.put(UNSEEN, "<< /Nothing (here) >>");
    paper.put_stream(UNSEEN_DATA, "/Type /Metadata", b"one");
    if random.once_in(4) {
        paper.put(2, "<< /Type /Pages /Kids [3 0 R 122 0 R] /Count 2 >>");
        paper.put(SPARE_PAGE, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>");
    }
    if random.once_in(4) {
        paper.page += "/Rotate 90 ";
    }
    paper
}

/// Signs what was prepared; says up to which level the signer allows changes, if he does.
fn sign(paper: &mut Paper, level: Option<u8>) -> Vec<u8> {
    paper.put_structure();
    paper.finish();
    paper.sign(&Seal::by("citizen-prime256v1").with(&level.map(doc_mdp).unwrap_or_default()));
    paper.bytes.clone()
}

fn change_stream(paper: &mut Paper, number: u32, random: &mut Random) {
    let (from, to) = random.one(&[(" rg ", " RG "), (" re f", " re n"), ("re f", "re S")]);
    replace(paper, number, from, to);
}

/// One update, and what it was made of.
struct Update {
    signed: Vec<u8>,
    paper: Paper,
    /// Up to which level the signer allowed changes.
    level: Option<u8>,
    /// Whose leave it needs to be harmless and to show something; none where it shows nothing.
    leave: Option<Leave>,
    what: String,
}

impl Update {
    fn may_show(&self) -> bool {
        self.leave.is_some_and(|leave| self.level.is_some_and(|level| level >= leave as u8))
    }
}

fn level(random: &mut Random) -> Option<u8> {
    random.one(&[None, None, None, Some(2), Some(3)])
}

/// An object that is drawn and has another part, and is changed.
fn with_a_part(round: usize, random: &mut Random) -> Update {
    let (part, list) = PARTS[round % PARTS.len()];
    let mut paper = original(random);
    if let Some((disguise, key)) = suited(part, random).filter(|_| random.once_in(2)) {
        rename_resource(&mut paper, key);
        set(&mut paper, DANGLING, disguise);
        list(&mut paper, DANGLING);
        let level = level(random);
        let signed = sign(&mut paper, level);
        change_stream(&mut paper, DANGLING, random);
        paper.finish();
        return Update {
            signed,
            paper,
            level,
            leave: Some(Nobody),
            what: format!("a disguised form as {part}, /{key}"),
        };
    }
    if part == "field" && random.once_in(2) {
        // Filled in as if it were one.
        list(&mut paper, STAMP);
        let signed = sign(&mut paper, Some(2));
        set(&mut paper, STAMP, "/V (900) /AP << /N 120 0 R >>");
        paper.finish();
        return Update {
            signed,
            paper,
            level: Some(2),
            leave: Some(Annotations),
            what: "a stamp filled in".to_owned(),
        };
    }
    if random.once_in(2) {
        rename_resource(&mut paper, random.one(&KEYS));
    }
    let is_stream = !random.once_in(3);
    let (number, entries, leave) = if is_stream {
        let (number, leave) = random.one(&DRAWN);
        (number, "", leave)
    } else {
        random.one(&CHANGES)
    };
    if is_stream {
        paper.put_with(number, random.one(&DISGUISES));
    }
    list(&mut paper, number);
    let level = level(random);
    let signed = sign(&mut paper, level);
    if is_stream {
        change_stream(&mut paper, number, random);
    } else {
        set(&mut paper, number, entries);
    }
    paper.finish();
    Update { signed, paper, level, leave: Some(leave), what: format!("object {number} as {part}: {entries}") }
}

/// An object that is a list of resources as well, where a key of it leads to another form.
fn as_resources(round: usize, random: &mut Random) -> Update {
    let (number, key) = AS_RESOURCES[round % AS_RESOURCES.len()];
    let mut paper = original(random);
    rename_resource(&mut paper, key);
    paper.resources =
        paper.resources.replace(&format!("/XObject << /{key} 9 0 R >>"), &format!("/XObject {number} 0 R"));
    let write = |paper: &mut Paper, look: u32| {
        let entry = format!(" /{key} {look} 0 R ");
        match number {
            PAGE => paper.page += &entry,
            1 => paper.catalog += &entry,
            FORM => paper.form += &entry,
            _ => set(paper, number, &entry),
        }
    };
    let was_there = random.once_in(2) || key == "K";
    let (page, catalog, form) = (paper.page.clone(), paper.catalog.clone(), paper.form.clone());
    if was_there {
        write(&mut paper, UPPER_LOOK);
    }
    let level = level(random);
    let signed = sign(&mut paper, level);
    (paper.page, paper.catalog, paper.form) = (page, catalog, form);
    write(&mut paper, SPARE_LOOK);
    paper.put_structure();
    paper.finish();
    Update { signed, paper, level, leave: None, what: format!("object {number} as resources, {key} changed") }
}

/// Something is changed in an original that nobody prepared.
fn plain(round: usize, random: &mut Random) -> Update {
    const ROUNDS: usize = CHANGES.len() + DRAWN.len() + TAMPERINGS;
    let (level, round) = ([None, Some(2), Some(3)][round / ROUNDS % 3], round % ROUNDS);
    let mut paper = original(random);
    // Something for readers to draw, where what they draw it with is changed.
    let is_of_form = CHANGES.get(round).is_some_and(|(number, ..)| *number == FORM);
    if is_of_form && !paper.fields.contains(&WITHOUT_LOOK) {
        paper.fields.push(WITHOUT_LOOK);
        paper.annotations.push(WITHOUT_LOOK);
    }
    let signed = sign(&mut paper, level);
    let others = round.checked_sub(CHANGES.len());
    let (what, leave) = match others {
        None => {
            let (number, entries, leave) = CHANGES[round];
            set(&mut paper, number, entries);
            (format!("object {number}: {entries}"), leave)
        }
        Some(at) if at < DRAWN.len() => {
            let (number, leave) = DRAWN[at];
            change_stream(&mut paper, number, random);
            (format!("stream {number}"), leave)
        }
        Some(at) => tamper(&mut paper, at - DRAWN.len(), random),
    };
    paper.finish();
    Update { signed, paper, level, leave: Some(leave), what }
}

/// Kinds of changes that are more than other entries in one object.
const TAMPERINGS: usize = 14;

fn tamper(paper: &mut Paper, kind: usize, random: &mut Random) -> (String, Leave) {
    let visible = |field: &str, rectangle: &str| Seal {
        field: field.to_owned(),
        rectangle: rectangle.to_owned(),
        ..Seal::by("citizen-prime256v1")
    };
    let at = |paper: &Paper, number| paper.annotations.iter().position(|&known| known == number).unwrap();
    let (what, leave) = match kind {
        0 => {
            let (lower, upper) = (at(paper, STAMP), at(paper, UPPER));
            paper.annotations.swap(lower, upper);
            ("annotations in another order", Nobody)
        }
        1 => {
            paper.annotations.retain(|&number| number != FIELD);
            ("a widget taken away", Nobody)
        }
        2 => {
            paper.annotations.push(STAMP);
            ("an annotation twice", Nobody)
        }
        3 => {
            paper.put(COPY, "<< /Type /Annot /Subtype /Stamp /Rect [0 0 595 842] /F 4 /AP << /N 120 0 R >> >>");
            paper.annotations.push(COPY);
            ("an annotation more", Annotations)
        }
        4 => {
            paper.put(
                COPY,
                "<< /Type /Annot /Subtype /Widget /FT /Btn /Rect [0 0 595 842] /F 4 /AP << /N 120 0 R >> >>",
            );
            paper.annotations.push(COPY);
            ("a widget more", Nobody)
        }
        5 => {
            paper.put(COPY, &format!("<< {WIDGET_ENTRIES} /T (mas) /Rect [0 0 595 842] /F 4 /AP << /N 120 0 R >> >>"));
            paper.annotations.push(COPY);
            paper.fields.push(COPY);
            ("an empty field that shows something", Nobody)
        }
        6 => {
            paper.put_with(PAGE, "/Contents 121 0 R");
            return ("a key twice".to_owned(), Nobody);
        }
        7 => {
            paper.sign_in(LARGE_EMPTY, &visible("/F 4 /AP << /N 120 0 R >>", "[0 0 595 842]"));
            return ("the large field signed".to_owned(), Annotations);
        }
        8 => {
            paper.sign(&visible("/F 4 /AP << /N 120 0 R >>", "[100 100 300 300]"));
            return ("a signature that shows something".to_owned(), Annotations);
        }
        9 => {
            // Lines without a width are drawn as thin as can be.
            paper.put_stream(COPY, NEW_FORM, b"10 w 0 0 595 842 re S 0 0 m 595 842 l S");
            paper.sign(&visible("/F 4 /AP << /N 150 0 R >>", random.one(&["[60 430 300 430]", "[60 100 60 800]"])));
            return ("a signature as thin as a line".to_owned(), Annotations);
        }
        10 => {
            // Under another number, the layer that is not shown says the same.
            paper.put_bytes(COPY, &paper.body(HIDDEN_LAYER));
            paper.resources = paper.resources.replace("/On 104 0 R", random.one(&["/On 105 0 R", "/On 150 0 R"]));
            ("another layer", Nobody)
        }
        11 => {
            replace(paper, FIELD, "/AP << /N 8 0 R >>", "");
            ("a look taken away", Nobody)
        }
        12 => {
            paper.resources = paper.resources.replace("/F1 5 0 R", "/F1 123 0 R");
            ("another font", Nobody)
        }
        _ => {
            paper.put_bytes(COPY, &paper.body(SPARE_CONTENT));
            paper.resources = paper.resources.replace("/X 9 0 R", "/X 120 0 R");
            ("another form", Nobody)
        }
    };
    paper.put_structure();
    (what.to_owned(), leave)
}

/// What is done to a document by whoever means no harm, and shows nothing. Those that sign come first: they write page,
/// form and catalog again.
const HONEST: [(&str, Change); 22] = [
    ("signed out of sight", |paper| {
        paper.sign(&Seal::by("citizen-prime256v1"));
    }),
    ("signed out of sight, marked in the structure", |paper| {
        paper.sign(&Seal::by("citizen-prime256v1"));
        let field = paper.fields.last().unwrap();
        let element = format!("<< /Type /StructElem /S /Form /P 106 0 R /K << /Type /OBJR /Obj {field} 0 R >> >>");
        paper.put(MARK, &element);
        tree_with(paper, "/K [107 0 R 153 0 R] /ParentTree << /Nums [7 153 0 R] >> /ParentTreeNextKey 8");
    }),
    ("an empty field for another", |paper| {
        paper.put_empty_signature_field("[0 0 0 0]");
    }),
    ("validation data", |paper| catalog(paper, "/DSS << /Type /DSS /Certs [152 0 R] >>")),
    ("an extension", |paper| catalog(paper, "/Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 1 >> >>")),
    ("a version", |paper| catalog(paper, "/Version /1.7")),
    ("metadata", |paper| {
        paper.put_stream(UNSEEN_DATA, "/Type /Metadata", b"two");
        catalog(paper, "/Metadata 152 0 R");
    }),
    ("private data", |paper| {
        paper.put(UNSEEN, "<< /Something (else) >>");
        set(paper, PAGE, "/PieceInfo << /X 151 0 R >> /LastModified (D:20260601120000Z)");
    }),
    ("a mark of the producer", |paper| set(paper, 2, "/ITXT (2.1.7)")),
    ("an order of tabs", |paper| set(paper, PAGE, "/Tabs /S")),
    ("numbers with a point", |paper| replace(paper, PAGE, "/MediaBox [0 0 595 842]", "/MediaBox [0.0 0 595.00 842.]")),
    ("a place with a point", |paper| replace(paper, STAMP, "[300 300 400 350]", "[300.0 300 +400.0 350]")),
    ("zeros", |paper| set(paper, STATE, "/ca 0.50")),
    ("a text in digits", |paper| replace(paper, FIELD, "(100)", "<31 3030>")),
    ("other white space", |paper| replace(paper, BOX, "/Rect", "\n%\n/Rect")),
    ("a font under another number", |paper| {
        paper.put_bytes(COPY, &paper.body(FONT));
        replace(paper, PAGE, "/F1 5 0 R", "/F1 150 0 R");
    }),
    ("a font written out", |paper| {
        let font = String::from_utf8(paper.body(FONT)).unwrap();
        replace(paper, PAGE, "/F1 5 0 R", &format!("/F1 {font}"));
    }),
    ("a form under another number", |paper| {
        paper.put_bytes(COPY + 5, &paper.body(DANGLING));
        replace(paper, PAGE, " 9 0 R", " 155 0 R");
    }),
    ("a look under another number", |paper| {
        paper.put_bytes(COPY + 6, &paper.body(LOOK));
        replace(paper, FIELD, "/N 8 0 R", "/N 156 0 R");
    }),
    ("a field that is read only", |paper| set(paper, FIELD, "/Ff 1")),
    ("a widget that is locked", |paper| set(paper, BOX, "/F 132")),
    ("the same again", |paper| paper.put_bytes(STAMP, &paper.body(STAMP))),
];

fn tree_with(paper: &mut Paper, entries: &str) {
    paper.put(TREE, &format!("<< /Type /StructTreeRoot {entries} >>"));
}

fn catalog(paper: &mut Paper, entries: &str) {
    add(&mut paper.catalog, &format!(" {entries}"));
    set(paper, 1, entries);
}

/// Nothing is changed that anybody sees; one or two things of that kind at once.
fn honest(round: usize, random: &mut Random) -> Update {
    let mut paper = original(random);
    let level = level(random);
    let signed = sign(&mut paper, level);
    let first = round % HONEST.len();
    let mut what = String::new();
    for kind in [first, first + 1 + random.below(HONEST.len())] {
        if let Some((name, change)) = HONEST.get(kind) {
            change(&mut paper);
            paper.finish();
            add(&mut what, &format!("{name}; "));
        }
    }
    paper.finish();
    Update { signed, paper, level, leave: None, what }
}

#[test]
fn what_has_two_parts_is_harmless_in_both_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(number_from("VENTANILLA_PDF_SEED", 0x2545_f491_4f6c_dd1d));
    let times = usize::try_from(number_from("VENTANILLA_PDF_TIMES", 1)).unwrap();
    let kinds: [(Make, usize); 4] = [
        (honest, 5 * HONEST.len()),
        (plain, 3 * (CHANGES.len() + DRAWN.len() + TAMPERINGS)),
        (as_resources, 2 * AS_RESOURCES.len()),
        (with_a_part, 4 * PARTS.len()),
    ];
    let (mut updates, mut harmless, mut rewritten, mut allowed) = (0, 0, 0, 0);
    let mut drawn = HashMap::new();
    for (make, rounds) in kinds {
        for round in 0..rounds * times {
            let update = make(round, &mut random);
            let verdict = update.paper.judged().remove(0);
            updates += 1;
            // Some are no documents any more once they are prepared.
            let passes = verdict.intact && is_harmless(&verdict);
            let later = &verdict.coverage.later;
            let is_honest = update.leave.is_none() && !update.what.contains("as resources");
            assert!(passes || !is_honest, "{}: {later:?}", update.what);
            if !passes {
                continue;
            }
            if update.may_show() {
                allowed += 1;
                continue;
            }
            harmless += 1;
            rewritten += usize::from(changes_bytes(&update.signed, &update.paper.bytes));
            // What is signed in the last revision shows nothing: the same original looks the same.
            let known = memchr::memmem::rfind(&update.signed, b"/ByteRange").unwrap();
            let drawn = drawn.entry(update.signed[..known].to_vec());
            let before = drawn.or_insert_with(|| picture(folder.path(), &update.signed));
            if *before != picture(folder.path(), &update.paper.bytes) {
                let kept = keep(&format!("part-{updates}"), &update.signed, &update.paper.bytes);
                panic!("{} (level {:?}): {later:?}; kept at {kept}", update.what, update.level);
            }
        }
    }
    eprintln!(
        "{updates} updates, {harmless} harmless, of which {rewritten} change objects; {allowed} more were allowed"
    );
    assert!(harmless * 4 > updates && rewritten * 4 > updates, "{harmless} and {rewritten} of {updates}");
}
