//! The files that are judged.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use ventanilla::signature::{self, Policy, Revocation, Verdict};

use crate::paper::{Paper, Seal, Xref, references};
use crate::pki::{self, SIGNER, certificate, key};
use crate::signer::by;

/// Bytes of the content of the CAdES, and of the document in XML.
const CONTENT: usize = 20_000;
const PAGES: u32 = 30;
/// Bytes of the picture in the PDF, which do not compress.
const PICTURE: usize = 36_000;

/// A signed file, or a signature and its content.
pub struct File {
    pub bytes: Vec<u8>,
    pub content: Option<Vec<u8>>,
}

impl File {
    pub fn judge(&self, now: i64, policy: &Policy) -> Vec<Verdict> {
        signature::judge_file(&self.bytes, self.content.as_deref(), "file", now, policy)
    }

    /// What is measured must be a verdict for which all steps were taken.
    pub fn check(&self, now: i64, policy: &Policy) {
        let verdicts = self.judge(now, policy);
        let [verdict] = &verdicts[..] else { panic!("{} verdicts", verdicts.len()) };
        assert!(verdict.passed() && verdict.revocation == Revocation::Good, "{verdict:?}");
    }
}

pub struct Files {
    pub cades: File,
    pub pades: File,
    pub xades: File,
}

impl Files {
    pub fn make() -> Self {
        Self { cades: cades(), pades: pades(), xades: xades() }
    }

    /// Writes them to a folder, with what another program needs to judge them.
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
        write("cades.p7s", &self.cades.bytes);
        write("cades.content", self.cades.content.as_deref().unwrap());
        write("pades.pdf", &self.pades.bytes);
        write("xades.xml", &self.xades.bytes);
        write("root.pem", &certificate("anchors/root").to_pem().unwrap());
        write("intermediate.pem", &certificate("intermediates/intermediate").to_pem().unwrap());
        write("root.crl", &pki::list("root"));
        write("intermediate.crl", &pki::list("intermediate"));
    }
}

/// Bytes that look random and are always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn cades() -> File {
    let content = noise(CONTENT);
    let chain = [certificate("intermediates/intermediate")];
    let bytes = signature::seal(&content, &key(SIGNER), &certificate(SIGNER), &chain, pki::now()).unwrap();
    File { bytes, content: Some(content) }
}

/// A report of thirty pages with a picture, written as office programs do: compressed, every page with its own parts.
fn pades() -> File {
    let deflated = |bytes: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut paper = Paper::new(Xref::Table);
    let picture = paper.number();
    let entries = "/Type /XObject /Subtype /Image /Width 200 /Height 140 /ColorSpace /DeviceRGB /BitsPerComponent 8";
    paper.put_stream(picture, entries, &noise(PICTURE));
    let words = noise(PAGES as usize * 4000);
    let mut pages = vec![crate::paper::PAGE];
    for page in 0..PAGES {
        let (number, content) = (paper.number(), paper.number());
        let start = page as usize * 4000;
        let text = words[start..start + 4000].chunks(40).fold(String::new(), |mut text, line| {
            let word =
                |byte: &u8| ["de", "la", "licencia", "obra", "del", "solicitud", "plano", "que"][*byte as usize % 8];
            let line: Vec<&str> = line.iter().map(word).collect();
            writeln!(text, "BT /F1 10 Tf 1 0 0 1 50 {page} Tm ({}) Tj ET", line.join(" ")).unwrap();
            text
        });
        paper.put_stream(content, "/Filter /FlateDecode", &deflated(text.as_bytes()));
        paper.put(
            number,
            &format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R \
                 /Resources << /Font << /F1 5 0 R >> /XObject << /X {picture} 0 R >> >> >>"
            ),
        );
        pages.push(number);
    }
    let kids = references(pages.iter().copied());
    paper.put(2, &format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", pages.len()));
    paper.finish();
    paper.sign(&Seal::by(SIGNER));
    File { bytes: paper.bytes, content: None }
}

/// A form as offices exchange it: some four hundred fields in a namespace, the signature at its end.
fn xades() -> File {
    let mut form = String::from("<solicitud Id=\"solicitud\"><campos xmlns=\"urn:example:solicitud\">");
    let mut number = 0;
    while form.len() < CONTENT {
        number += 1;
        write!(form, "<campo nombre=\"campo{number}\" orden=\"{number}\">Valor número {number}</campo>\n  ").unwrap();
    }
    form.push_str("</campos>");
    File { bytes: by(SIGNER).enveloped(&form, "</solicitud>").into_bytes(), content: None }
}
