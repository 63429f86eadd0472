//! What a caller may be. What each role may do stands in the HTTP layer's table.

use super::code_list::code_list;

code_list! {
    /// The role of a token or a user. A citizen known by a client certificate has none of these.
    #[schema(example = "clerk")]
    Role {
        /// The electronic office, which submits for citizens.
        Eoffice = "eoffice",
        /// A clerk of an office: counter entries, annulments, rectifications, distribution.
        Clerk = "clerk",
        /// One destination unit, for its own entries only.
        Unit = "unit",
        /// Reads entries and the access log, changes nothing.
        Auditor = "auditor",
        /// The citizens' service.
        Sac = "sac",
        /// Manages the appointments of one department.
        AgendaManager = "agenda_manager",
        /// Tokens, users, catalogues, calendar, settings; may not read entries.
        Admin = "admin",
    }
}

impl Role {
    /// Whether a token of this role acts for one unit, and its name for no other.
    #[must_use]
    pub fn acts_for_unit(self) -> bool {
        matches!(self, Self::Unit | Self::AgendaManager)
    }
}
