//! A PDF encrypted so that anybody may open it (ISO 32000-1 § 7.6.3, revision 2): 40 bits of RC4, no password.

use openssl::hash::{MessageDigest, hash};

const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00,
    0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];
const OWNER: [u8; 32] = [7; 32];
const PERMISSIONS: i32 = -4;
pub const IDENTIFIER: &str = "/ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]";

#[derive(Clone)]
pub struct Cipher {
    key: Vec<u8>,
}

impl Cipher {
    /// The one for files with [`IDENTIFIER`].
    pub fn new() -> Self {
        let identifier = hex::decode("00112233445566778899AABBCCDDEEFF").unwrap();
        let text = [&PADDING[..], &OWNER, &PERMISSIONS.to_le_bytes(), &identifier].concat();
        Self { key: hash(MessageDigest::md5(), &text).unwrap()[..5].to_vec() }
    }

    /// The encryption dictionary.
    pub fn dictionary(&self) -> String {
        let user = rc4(&self.key, &PADDING);
        format!(
            "<< /Filter /Standard /V 1 /R 2 /O <{}> /U <{}> /P {PERMISSIONS} >>",
            hex::encode(OWNER),
            hex::encode(user)
        )
    }

    /// What is said in an object, encrypted.
    pub fn encrypt(&self, number: u32, data: &[u8]) -> Vec<u8> {
        let text = [&self.key[..], &number.to_le_bytes()[..3], &[0, 0]].concat();
        rc4(&hash(MessageDigest::md5(), &text).unwrap()[..10], data)
    }

    /// An object's body with its strings encrypted; those in digits stay, as the value of a signature does.
    pub fn encrypt_strings(&self, number: u32, body: &[u8]) -> Vec<u8> {
        let end = body.windows(7).position(|window| window == b"stream\n").unwrap_or(body.len());
        let mut out = Vec::new();
        let mut rest = &body[..end];
        while let Some(open) = rest.iter().position(|&byte| byte == b'(') {
            let length = rest[open..].iter().position(|&byte| byte == b')').unwrap();
            out.extend_from_slice(&rest[..open]);
            let encrypted = self.encrypt(number, &rest[open + 1..open + length]);
            out.extend_from_slice(format!("<{}>", hex::encode(encrypted)).as_bytes());
            rest = &rest[open + length + 1..];
        }
        out.extend_from_slice(rest);
        out.extend_from_slice(&body[end..]);
        out
    }
}

fn rc4(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut other = 0_usize;
    for at in 0..256 {
        other = (other + usize::from(state[at]) + usize::from(key[at % key.len()])) % 256;
        state.swap(at, other);
    }
    let (mut at, mut other) = (0, 0);
    let mut next = |byte: &u8| {
        at = (at + 1) % 256;
        other = (other + usize::from(state[at])) % 256;
        state.swap(at, other);
        byte ^ state[(usize::from(state[at]) + usize::from(state[other])) % 256]
    };
    data.iter().map(&mut next).collect()
}
