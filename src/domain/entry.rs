//! The closed lists of an entry: state, routing, how the will was proved, what came with it.

use super::code_list::{code_list, exchange_codes};

code_list! {
    /// How the will of whoever submits was proved (Ley 39/2015 arts. 10 and 11).
    #[schema(example = "signature")]
    AuthenticationMethod {
        /// A signature over the submission by an interested party or representative.
        Signature = "signature",
        /// The one document of kind `form`, signed inside and as a whole by an interested party or representative; all else
        /// is stated, not signed.
        SignedForm = "signed_form",
        /// A client certificate over TLS, where the entity names the rule that lets identification count (art. 10.4).
        ClientCertificate = "client_certificate",
        /// The e-office vouches, under its seal, for somebody it identified (art. 10.4).
        EofficeSeal = "eoffice_seal",
    }
}

code_list! {
    /// Where an entry stands. The entry itself never changes; this follows from its events.
    #[schema(example = "registered")]
    Status {
        /// Numbered, and with nobody yet.
        Registered = "registered",
        /// Handed to its destination unit.
        Distributed = "distributed",
        /// Taken on by its unit.
        Accepted = "accepted",
        /// Given back by its unit, with a reason.
        Returned = "returned",
        /// Sent to another registry.
        Sent = "sent",
        /// Annulled: it keeps its number, and figures do not count it.
        Annulled = "annulled",
    }
}

code_list! {
    /// Who will deal with an entry.
    #[schema(example = "internal")]
    Routing {
        /// A unit of this entity.
        Internal = "internal",
        /// A unit of another body (Ley 39/2015 art. 16.4): it must be sent there.
        Exchange = "exchange",
        /// Nobody knows yet: the clerk left the unit open.
        Pending = "pending",
    }
}

code_list! {
    /// Why an entry of the counter was presented more than a day before it was registered.
    #[schema(example = "contingency_slip")]
    PresentedAtReason {
        /// A slip was filled in by hand while the registry did not work; the reference is the slip's number.
        ContingencySlip = "contingency_slip",
        /// It was handed in at a post office, whose date counts (Ley 39/2015 art. 16.4.b); the reference is the item's.
        Post = "post",
        /// It was presented in another registry (art. 16.4.a); the reference is its number there.
        AnotherRegistry = "another_registry",
    }
}

code_list! {
    /// The direction of a book (SICRES `Tipo_Registro`).
    #[schema(example = "incoming")]
    BookKind {
        /// `entrada`
        Incoming = "incoming",
        /// `salida`
        Outgoing = "outgoing",
    }
}
exchange_codes! { BookKind { Incoming = "0", Outgoing = "1" } }

code_list! {
    /// Whether paper or objects come with an entry (SICRES `Documentacion_Fisica`).
    #[schema(example = "none")]
    PhysicalDocuments {
        /// It cannot be dealt with until the paper arrives.
        RequiredPhysical = "required_physical",
        /// It can be dealt with; the paper follows.
        ComplementaryPhysical = "complementary_physical",
        /// Nothing comes.
        None = "none",
    }
}
exchange_codes! { PhysicalDocuments { RequiredPhysical = "1", ComplementaryPhysical = "2", None = "3" } }

code_list! {
    /// How it was brought (SICRES `Tipo_Transporte_Entrada`).
    #[schema(example = "certified_post")]
    Transport {
        /// A courier.
        Messenger = "messenger",
        /// Plain post.
        Post = "post",
        /// Certified post.
        CertifiedPost = "certified_post",
        /// Burofax.
        Burofax = "burofax",
        /// By hand.
        ByHand = "by_hand",
        /// Fax.
        Fax = "fax",
        /// Any other way.
        Other = "other",
        /// Any other electronic way; new in SICRES 4.0.
        OtherElectronic = "other_electronic",
    }
}
exchange_codes! {
    Transport {
        Messenger = "01", Post = "02", CertifiedPost = "03", Burofax = "04",
        ByHand = "05", Fax = "06", Other = "07", OtherElectronic = "08",
    }
}

impl Transport {
    /// The code in SICRES 3.0, which has no `08`: other electronic means are `07`, other.
    #[must_use]
    pub const fn exchange_code_3(self) -> &'static str {
        match self {
            Self::OtherElectronic => "07",
            known => known.exchange_code(),
        }
    }
}

code_list! {
    /// Why whoever came to the counter had to submit electronically (Ley 39/2015 art. 14.2 and 14.3).
    /// The entry is made all the same, and must be put right (art. 68.4).
    #[schema(example = "legal_person")]
    MustSubmitElectronically {
        /// A legal person (14.2.a).
        LegalPerson = "legal_person",
        /// A body without legal personality (14.2.b).
        Entity = "entity",
        /// A member of a compulsory professional college, in that activity (14.2.c).
        Professional = "professional",
        /// Somebody who represents an obliged person (14.2.d).
        Representative = "representative",
        /// A public employee, as such (14.2.e).
        PublicEmployee = "public_employee",
        /// A group of natural persons obliged by regulation (14.3).
        Regulation = "regulation",
    }
}
