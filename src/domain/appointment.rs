//! Appointments of the citizens' service.

use super::code_list::code_list;

code_list! {
    /// Whether a service takes people by appointment.
    #[schema(example = "optional")]
    AppointmentMode {
        /// Walk-in only: it has no slots.
        None = "none",
        /// With an appointment or without.
        Optional = "optional",
        /// By appointment only; never for a service of the registry.
        Required = "required",
    }
}

code_list! {
    /// Where an appointment stands.
    #[schema(example = "booked")]
    AppointmentStatus {
        /// It stands.
        Booked = "booked",
        /// A change of the agenda took its place away.
        Broken = "broken",
        /// The person is there.
        CheckedIn = "checked_in",
        /// The person was attended.
        Served = "served",
        /// The person did not come.
        Missed = "missed",
        /// The person cancelled it.
        CancelledByPerson = "cancelled_by_person",
        /// The office cancelled it.
        CancelledByOffice = "cancelled_by_office",
    }
}

code_list! {
    /// Who booked an appointment.
    #[schema(example = "public")]
    BookedBy {
        /// The person, without an account.
        Public = "public",
        /// Staff, by phone or at the counter.
        Staff = "staff",
    }
}
