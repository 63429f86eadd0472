//! CMS as AutoFirma writes it, attribute by attribute (clienteafirma 1.9: `CAdESUtils.generateSignedAttributes`,
//! `CAdESTriPhaseSigner.postSign`, `CAdESCoSigner`, `CAdESCounterSigner`). In three phases the same code writes the same
//! parts, the server those that are signed and the browser their value.

use openssl::hash::{MessageDigest, hash};
use openssl::pkey::Id;
use openssl::sign::Signer;

use crate::parts::{SEQUENCE, SET, attribute, element, oid};
use crate::pki::{certificate, file, key};

const DATA: &str = "2a864886f70d010701";
const COUNTER_SIGNATURE: &str = "2a864886f70d010906";
const UTF8: u8 = 0x0c;
const OCTETS: u8 = 0x04;

/// What its parameters choose (`CAdESExtraParams`).
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of its parameters")]
pub struct Choice {
    pub who: &'static str,
    /// `profile=baseline`; the older profile otherwise.
    pub baseline: bool,
    /// `includeContentHintAttribute`: what it does where nobody says no.
    pub hints: bool,
    /// `includeMimeTypeAttribute`.
    pub media_type: Option<&'static str>,
    /// `policyIdentifier`: that of the state's administration.
    pub policy: bool,
    pub signing_time: bool,
    /// `commitmentTypeIndications`: an attribute for each.
    pub commitments: usize,
    /// `signerClaimedRoles`, and where it was signed.
    pub statements: bool,
    pub sha512: bool,
}

/// What it does where nobody says anything.
pub fn usual(who: &'static str) -> Choice {
    Choice {
        who,
        baseline: false,
        hints: true,
        media_type: None,
        policy: false,
        signing_time: true,
        commitments: 0,
        statements: false,
        sha512: false,
    }
}

/// As it signs in a PDF: place and time stand in the PDF, and what is signed needs no hint.
pub fn in_a_pdf(who: &'static str) -> Choice {
    Choice { hints: false, signing_time: false, ..usual(who) }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// `SigUtils.makeAlgId`: with NULL, whatever the algorithm.
fn algorithm(name: &str) -> Vec<u8> {
    sequence(&[&oid(name), &[5, 0]])
}

fn utf8(text: &str) -> Vec<u8> {
    element(UTF8, &[text.as_bytes()])
}

/// The name of an attribute of S/MIME and `CAdES`: 1.2.840.113549.1.9.16.2 and this.
fn smime(number: u8) -> String {
    format!("2a864886f70d01091002{number:02x}")
}

impl Choice {
    fn digest(&self) -> (MessageDigest, &'static str) {
        if self.sha512 {
            (MessageDigest::sha512(), "608648016503040203")
        } else {
            (MessageDigest::sha256(), "608648016503040201")
        }
    }

    /// Issuer and serial number.
    fn names(&self) -> (Vec<u8>, Vec<u8>) {
        let certificate = certificate(self.who);
        let serial = certificate.serial_number().to_bn().unwrap().to_vec();
        let serial = if serial[0] < 0x80 { serial } else { [&[0][..], &serial].concat() };
        (certificate.issuer_name().to_der().unwrap(), element(2, &[&serial]))
    }

    fn signing_certificate(&self) -> Vec<u8> {
        let (digest, name) = self.digest();
        let (issuer, serial) = self.names();
        let by_issuer = sequence(&[&sequence(&[&element(0xa4, &[&issuer])]), &serial]);
        let of_certificate = hash(digest, &certificate(self.who).to_der().unwrap()).unwrap();
        // SHA-256 is what is meant where none is named.
        let named = if self.sha512 { algorithm(name) } else { Vec::new() };
        let one = sequence(&[&named, &element(OCTETS, &[&of_certificate]), &by_issuer]);
        let policy = sequence(&[&oid("6085540103050702")]);
        attribute(&smime(0x2f), &[&sequence(&[&sequence(&[&one]), &sequence(&[&policy])])])
    }

    fn policy() -> Vec<u8> {
        let digest = sequence(&[&algorithm("2b0e03021a"), &element(OCTETS, &[&[7; 20]])]);
        let address = element(0x16, &[b"https://sede.administracion.gob.es/politica_de_firma_anexo_1.pdf"]);
        let qualifier = sequence(&[&sequence(&[&oid("2a864886f70d0109100501"), &address])]);
        attribute(&smime(0x0f), &[&sequence(&[&oid("60855401030101020109"), &digest, &qualifier])])
    }

    /// `generateSignedAttributes`, as a SET in DER.
    fn signed_attributes(&self, signed: &[u8], is_counter: bool) -> Vec<u8> {
        let digest = hash(self.digest().0, signed).unwrap();
        let mut all =
            vec![attribute("2a864886f70d010904", &[&element(OCTETS, &[&digest])]), self.signing_certificate()];
        if !is_counter {
            all.push(attribute("2a864886f70d010903", &[&oid(DATA)]));
        }
        if self.policy {
            all.push(Self::policy());
        }
        if self.hints && !(is_counter && self.baseline) {
            all.push(attribute(&smime(0x04), &[&sequence(&[&utf8("binary"), &oid(DATA)])]));
        }
        for number in 1..=self.commitments {
            let kind = format!("2a864886f70d01091006{number:02x}");
            all.push(attribute(&smime(0x10), &[&sequence(&[&oid(&kind)])]));
        }
        if self.statements {
            let location = [element(0xa0, &[&utf8("ES")]), element(0xa1, &[&utf8("Coín")])].concat();
            all.push(attribute(&smime(0x11), &[&sequence(&[&location])]));
            let roles = element(0xa0, &[&sequence(&[&attribute("550448", &[&utf8("Interesada")])])]);
            let name = if self.baseline { "04008195320101".to_owned() } else { smime(0x12) };
            all.push(attribute(&name, &[&sequence(&[&roles])]));
        }
        if self.signing_time {
            all.push(attribute("2a864886f70d010905", &[&element(0x17, &[b"260601115941Z"])]));
        }
        if let Some(media_type) = self.media_type.filter(|_| !is_counter) {
            all.push(attribute("04008d450201", &[&utf8(media_type)]));
        }
        all.sort();
        element(SET, &[&all.concat()])
    }

    /// A `SignerInfo`'s fields over these bytes.
    fn signer(&self, signed: &[u8], is_counter: bool) -> Vec<Vec<u8>> {
        let (digest, name) = self.digest();
        let key = key(self.who);
        let attributes = self.signed_attributes(signed, is_counter);
        let value = Signer::new(digest, &key).unwrap();
        let value = { value }.sign_oneshot_to_vec(&attributes).unwrap();
        let (issuer, serial) = self.names();
        let by = if key.id() == Id::RSA { "2a864886f70d010101" } else { "2a8648ce3d040302" };
        let mut implicit = attributes;
        implicit[0] = 0xa0;
        vec![
            vec![2, 1, 1],
            sequence(&[&issuer, &serial]),
            algorithm(name),
            implicit,
            algorithm(by),
            element(OCTETS, &[&value]),
        ]
    }
}

/// A message being put together.
#[derive(Clone)]
pub struct Signed {
    content: Option<Vec<u8>>,
    choices: Vec<Choice>,
    signers: Vec<Node>,
}

/// A signer, and those over it.
#[derive(Clone)]
struct Node {
    fields: Vec<Vec<u8>>,
    over: Vec<Node>,
}

impl Node {
    fn value(&self) -> &[u8] {
        crate::parts::inside(&self.fields[5])
    }

    /// `CAdESCounterSigner.counterSignSignerInfo`: those that are there first, then the new one.
    fn counter_sign(&mut self, choice: &Choice, whole_tree: bool) {
        let is_leaf = self.over.is_empty();
        self.over.iter_mut().for_each(|node| node.counter_sign(choice, whole_tree));
        if whole_tree || is_leaf {
            let fields = choice.signer(self.value(), true);
            self.over.push(Self { fields, over: Vec::new() });
        }
    }

    fn encoded(&self) -> Vec<u8> {
        let mut over: Vec<Vec<u8>> = self.over.iter().map(Self::encoded).collect();
        over.sort();
        let unsigned = if over.is_empty() {
            Vec::new()
        } else {
            element(0xa1, &[&attribute(COUNTER_SIGNATURE, &[&over.concat()])])
        };
        sequence(&[&self.fields.concat(), &unsigned])
    }
}

impl Signed {
    /// `mode=implicit`: with its content.
    pub fn implicit(content: &[u8], choice: Choice) -> Self {
        Self { content: Some(content.to_vec()), ..Self::explicit(content, choice) }
    }

    /// `mode=explicit`: without.
    pub fn explicit(content: &[u8], choice: Choice) -> Self {
        let fields = choice.signer(content, false);
        Self { content: None, choices: vec![choice], signers: vec![Node { fields, over: Vec::new() }] }
    }

    /// `cosign`.
    pub fn cosigned(mut self, content: &[u8], choice: Choice) -> Self {
        self.signers.push(Node { fields: choice.signer(content, false), over: Vec::new() });
        self.choices.push(choice);
        self
    }

    /// `countersign` with `target=tree`, or `leafs`.
    pub fn counter_signed(mut self, choice: Choice, whole_tree: bool) -> Self {
        self.signers.iter_mut().for_each(|node| node.counter_sign(&choice, whole_tree));
        self.choices.push(choice);
        self
    }

    /// Its bytes: with the whole path of each signer.
    pub fn bytes(&self) -> Vec<u8> {
        let above = ["intermediates/intermediate", "anchors/root"].map(|name| {
            let pem = std::fs::read(file(&format!("{name}.test.pem"))).unwrap();
            openssl::x509::X509::from_pem(&pem).unwrap().to_der().unwrap()
        });
        let own = self.choices.iter().map(|choice| certificate(choice.who).to_der().unwrap());
        let certificates: Vec<Vec<u8>> = own.chain(above).collect();
        let content = self.content.as_ref().map(|content| element(0xa0, &[&element(OCTETS, &[content])]));
        let mut signers: Vec<Vec<u8>> = self.signers.iter().map(Node::encoded).collect();
        signers.sort();
        let data = sequence(&[
            &[2, 1, 1],
            &element(SET, &[&algorithm(self.choices[0].digest().1)]),
            &sequence(&[&oid(DATA), &content.unwrap_or_default()]),
            &element(0xa0, &[&certificates.concat()]),
            &element(SET, &[&signers.concat()]),
        ]);
        sequence(&[&oid("2a864886f70d010702"), &element(0xa0, &[&data])])
    }
}
