//! `[sede]`: what the pages of the electronic office say of the body (Ley 40/2015 art. 38; RD 203/2021 art. 11).

use serde::{Deserialize, Serialize};

/// `[sede]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sede {
    /// The rule that made the electronic office, such as `Ordenanza 3/2024 (BOP 45, 5 de marzo de 2024)`. Empty: nothing is
    /// said.
    pub regulation: String,
    /// Where people are helped by telephone.
    pub phone: String,
    /// Where they are helped by e-mail.
    pub email: String,
    /// Where they are helped in person, and when, in one line.
    pub address: String,
    /// Whom to ask about personal data: an address, or that of a page about them.
    pub data_protection: String,
}
