//! How an entry, or a citizen, came in.
//!
//! # Why
//! The channel of an entry is mandatory and never changes: the electronic share of the figures stands
//! on it. Attentions have channels of their own, because "electronic means" counts the telephone there,
//! and electronic *entries* never do: two lists, so that one cannot be counted as the other.

use super::code_list::code_list;

code_list! {
    /// The channel an entry came by (SICRES 4.0 `Modo_Registro`, which has only two values).
    #[schema(example = "electronic")]
    Channel {
        /// Presented by the interested party through the e-office or the API.
        Electronic = "electronic",
        /// Brought to the counter of an office (Ley 39/2015 art. 16.4.d).
        InPerson = "in_person",
        /// Sent through the post (art. 16.4.b).
        Postal = "postal",
        /// Arrived from another registry by exchange; its own column in the figures.
        Exchange = "exchange",
    }
}

impl Channel {
    /// `Modo_Registro` of SICRES 4.0: `01` in person, `02` electronic. An entry that came by exchange
    /// keeps the mode its sender gave it, so the channel alone cannot tell.
    #[must_use]
    pub const fn exchange_mode(self) -> Option<&'static str> {
        match self {
            Self::Electronic => Some("02"),
            Self::InPerson | Self::Postal => Some("01"),
            Self::Exchange => None,
        }
    }
}

code_list! {
    /// The channel of an attention of the citizens' service (SAC).
    #[schema(example = "phone")]
    AttentionChannel {
        /// A call that was answered.
        Phone = "phone",
        /// A conversation by WhatsApp.
        Whatsapp = "whatsapp",
        /// A conversation by e-mail.
        Email = "email",
        /// A person at the desk.
        InPerson = "in_person",
    }
}

impl AttentionChannel {
    /// Whether it counts in `electronic_attentions`: everything but the desk.
    #[must_use]
    pub const fn is_electronic(self) -> bool {
        !matches!(self, Self::InPerson)
    }
}
