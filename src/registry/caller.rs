//! Who calls: somebody with a token, or a citizen known by certificate.

use std::sync::Arc;

use chrono_tz::Tz;

use super::ledger::Ledger;
use crate::domain::{Identity, Role};
use crate::signature::Revocation;

/// A public body whose books are kept here.
#[derive(Debug, Clone)]
pub struct Entity {
    /// Its id in the database.
    pub id: i64,
    /// Its DIR3 code, by which records and objects name it.
    pub code: String,
    /// Its name (`entity.name`), as receipts print it.
    pub name: String,
    /// The official time of its sede.
    pub zone: Tz,
    /// Who signs the checkpoints of its logs.
    pub ledger: Ledger,
}

/// How a caller is known.
#[derive(Debug, Clone)]
pub enum Who {
    /// By a token.
    Token {
        /// The token's name.
        name: String,
        /// What it may do.
        role: Role,
        /// The unit it acts for.
        unit: Option<String>,
        /// The office it sits in.
        office: Option<String>,
    },
    /// By a client certificate.
    Citizen {
        /// Who it is.
        identity: Identity,
        /// Its name, as the certificate says it.
        name: String,
        /// The organisation it represents, where it is a representative's certificate.
        organization: Option<Identity>,
        /// SHA-256 of the certificate.
        certificate_sha256: String,
        /// What was known of its revocation.
        revocation: Revocation,
    },
}

/// Who calls, and the entity it calls on.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The entity.
    pub entity: Arc<Entity>,
    /// How it is known.
    pub who: Who,
}

impl Caller {
    /// The name that stands on what it does: the token's, or the certificate's person.
    ///
    /// The two can never be the same: no token's name has a colon.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.who {
            Who::Token { name, .. } => name.clone(),
            Who::Citizen { identity, .. } => identity.to_string(),
        }
    }

    /// Its role, or `citizen`.
    #[must_use]
    pub fn role_name(&self) -> &'static str {
        match &self.who {
            Who::Token { role, .. } => role.as_str(),
            Who::Citizen { .. } => "citizen",
        }
    }

    /// Its role; `None` for a citizen.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match &self.who {
            Who::Token { role, .. } => Some(*role),
            Who::Citizen { .. } => None,
        }
    }

    /// The unit it acts for.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        match &self.who {
            Who::Token { unit, .. } => unit.as_deref(),
            Who::Citizen { .. } => None,
        }
    }

    /// The office it sits in.
    #[must_use]
    pub fn office(&self) -> Option<&str> {
        match &self.who {
            Who::Token { office, .. } => office.as_deref(),
            Who::Citizen { .. } => None,
        }
    }
}

/// Before the names of those who act by commands: no citizens.
const COMMANDS: [&str; 2] = ["os:", "import:"];

/// Whether a name that stands on what was done is a citizen's, and so says who that is: see [`Caller::name`].
#[must_use]
pub fn is_citizen(name: &str) -> bool {
    name.contains(':') && !COMMANDS.iter().any(|command| name.starts_with(command))
}

#[cfg(test)]
mod tests {
    use super::is_citizen;

    #[test]
    fn citizens_are_told_from_tokens_and_commands() {
        for name in ["nif:00000000T", "passport:DE:C01X00T47", "nif:os:"] {
            assert!(is_citizen(name), "{name}");
        }
        for name in ["eoffice", "os:root (logged in as ana)", "import:entries", "ventanilla"] {
            assert!(!is_citizen(name), "{name}");
        }
    }
}
