//! A CMS taken apart and put together again, element by element.

pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let octets = content.len().to_be_bytes();
    let octets = &octets[octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len() - 1)..];
    let mut out = vec![tag];
    if content.len() >= 0x80 {
        out.push(0x80 | u8::try_from(octets.len()).unwrap());
    }
    out.extend_from_slice(octets);
    out.extend_from_slice(&content);
    out
}

pub fn oid(hex: &str) -> Vec<u8> {
    element(6, &[&hex::decode(hex).unwrap()])
}

pub fn attribute(name: &str, values: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &[&oid(name), &element(SET, values)])
}

fn header(element: &[u8]) -> usize {
    if element[1] < 0x80 { 2 } else { 2 + usize::from(element[1] & 0x7f) }
}

/// The content of an element.
pub fn inside(element: &[u8]) -> &[u8] {
    &element[header(element)..]
}

/// The elements in an element.
pub fn parts(element: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut found) = (inside(element), Vec::new());
    while !rest.is_empty() {
        let octets = &rest[2..header(rest)];
        let length = if octets.is_empty() {
            usize::from(rest[1])
        } else {
            octets.iter().fold(0, |all, octet| all << 8 | usize::from(*octet))
        };
        let (one, others) = rest.split_at(header(rest) + length);
        found.push(one);
        rest = others;
    }
    found
}

/// A CMS in parts.
#[derive(Clone)]
pub struct Message {
    pub content: Vec<u8>,
    pub certificates: Vec<Vec<u8>>,
    /// Each signer's fields.
    pub signers: Vec<Vec<Vec<u8>>>,
}

impl Message {
    pub fn of(cms: &[u8]) -> Self {
        let owned = |element: &[u8]| -> Vec<Vec<u8>> { parts(element).into_iter().map(<[u8]>::to_vec).collect() };
        let data = parts(parts(parts(cms)[1])[0]);
        let certificates = data.iter().find(|part| part[0] == 0xa0).map(|set| owned(set)).unwrap_or_default();
        let signers = parts(data[data.len() - 1]).into_iter().map(owned).collect();
        Self { content: data[2].to_vec(), certificates, signers }
    }

    /// With this among the unsigned attributes of a signer.
    pub fn add_unsigned(&mut self, signer: usize, attribute: &[u8]) {
        let fields = &mut self.signers[signer];
        let before = fields.pop_if(|last| last[0] == 0xa1).map(|set| inside(&set).to_vec()).unwrap_or_default();
        fields.push(element(0xa1, &[&before, attribute]));
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let sha256 = element(SEQUENCE, &[&oid("608648016503040201")]);
        let signers = self.signers.iter().map(|fields| element(SEQUENCE, &[&fields.concat()]));
        let data = element(
            SEQUENCE,
            &[
                &[2, 1, 1],
                &element(SET, &[&sha256]),
                &self.content,
                &element(0xa0, &[&self.certificates.concat()]),
                &element(SET, &[&signers.collect::<Vec<_>>().concat()]),
            ],
        );
        element(SEQUENCE, &[&oid("2a864886f70d010702"), &element(0xa0, &[&data])])
    }
}
