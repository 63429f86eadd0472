//! Which step the state of an entry allows.
//!
//! # Why
//! Distribution hands an entry to a unit, which accepts or returns it; a unit that finds later that the matter is not
//! its own gives it back as well (Ley 40/2015 art. 14.1), so what was accepted can be returned. Until its unit has
//! accepted it, an entry that went to the wrong one can be handed to another. An annulled entry stays as it is: its
//! number and its record are all that is left of it. One that was sent stands in another registry too, and is put right
//! there.

use crate::domain::Status;

/// Something that may be done with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// See [`super::What::Annul`].
    Annul,
    /// See [`super::What::Rectify`].
    Rectify,
    /// See [`super::What::Distribute`].
    Distribute,
    /// See [`super::What::Accept`].
    Accept,
    /// See [`super::What::Return`].
    Return,
    /// See [`super::What::AddDocuments`].
    AddDocuments,
    /// See [`super::What::SetDate`].
    SetDate,
    /// See [`super::What::Keep`].
    Keep,
    /// See [`super::What::EndCustody`].
    EndCustody,
    /// See [`super::What::Quarantine`].
    Quarantine,
    /// See [`super::What::Release`].
    Release,
    /// See [`super::What::Erase`].
    Erase,
}

impl Step {
    /// The type of its event.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Annul => "annulled",
            Self::Rectify => "rectified",
            Self::Distribute => "distributed",
            Self::Accept => "accepted",
            Self::Return => "returned",
            Self::AddDocuments => "document_added",
            Self::SetDate => "effective_date_set",
            Self::Keep => "custody_begun",
            Self::EndCustody => "custody_ended",
            Self::Quarantine => "document_quarantined",
            Self::Release => "document_released",
            Self::Erase => crate::registry::erasure::TYPE,
        }
    }
}

/// Why the state of an entry does not allow a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongState {
    /// The first annulment stands.
    #[error("it was annulled before; its events say by whom, when and why")]
    AnnulledBefore,
    /// Nothing more happens to it.
    #[error("it is annulled")]
    Annulled,
    /// It stands in another registry too.
    #[error("it was sent to another registry, and is put right there")]
    Sent,
    /// No unit has it.
    #[error("it is with no unit: it was not distributed, or was returned")]
    WithNoUnit,
    /// The unit took it on before.
    #[error("its unit has accepted it before")]
    AcceptedBefore,
    /// The unit took it on.
    #[error("its unit has accepted it, and must return it first")]
    Accepted,
    /// It was handed to the same unit before.
    #[error("it was distributed to this unit before")]
    DistributedBefore,
    /// There is nothing left to erase.
    #[error("its personal data were erased before; its events say by whom, when and why")]
    ErasedBefore,
    /// Nothing more happens to what is left.
    #[error("its personal data were erased")]
    Erased,
    /// It goes to another body.
    #[error("it goes to another body, not to a unit: rectify its destination unit first")]
    GoesElsewhere,
}

/// Whether an entry in this state may be altered so.
///
/// # Errors
/// [`WrongState`].
pub const fn allows(status: Status, step: Step) -> Result<(), WrongState> {
    match (step, status) {
        // What the law says of its date does not depend on what became of it.
        // Paper lies in the office whatever became of its entry, and must be handed back.
        // Harmful code does harm whatever became of it. Nor do personal data have to be kept because of it.
        (Step::SetDate | Step::Keep | Step::EndCustody | Step::Quarantine | Step::Release | Step::Erase, _) => Ok(()),
        (Step::Annul, Status::Annulled) => Err(WrongState::AnnulledBefore),
        (_, Status::Annulled) => Err(WrongState::Annulled),
        (_, Status::Sent) => Err(WrongState::Sent),
        (Step::Distribute, Status::Accepted) => Err(WrongState::Accepted),
        (Step::Accept, Status::Accepted) => Err(WrongState::AcceptedBefore),
        (Step::Accept | Step::Return, Status::Registered | Status::Returned) => Err(WrongState::WithNoUnit),
        (Step::Annul | Step::Rectify | Step::AddDocuments, _)
        | (Step::Distribute, Status::Registered | Status::Distributed | Status::Returned)
        | (Step::Accept, Status::Distributed)
        | (Step::Return, Status::Distributed | Status::Accepted) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_allows_these_steps_and_no_others() {
        use Step::{Accept, AddDocuments, Annul, Distribute, Rectify, Return};
        let table: [(Status, &[Step]); 6] = [
            (Status::Registered, &[Annul, Rectify, Distribute, AddDocuments]),
            (Status::Distributed, &[Annul, Rectify, Distribute, Accept, Return, AddDocuments]),
            (Status::Accepted, &[Annul, Rectify, Return, AddDocuments]),
            (Status::Returned, &[Annul, Rectify, Distribute, AddDocuments]),
            (Status::Sent, &[]),
            (Status::Annulled, &[]),
        ];
        for (status, allowed) in table {
            for step in [Annul, Rectify, Distribute, Accept, Return, AddDocuments] {
                assert_eq!(allows(status, step).is_ok(), allowed.contains(&step), "{status} {step:?}");
            }
            let always = [Step::SetDate, Step::Keep, Step::EndCustody, Step::Quarantine, Step::Release, Step::Erase];
            for always in always {
                assert!(allows(status, always).is_ok(), "{status}");
            }
        }
    }
}
