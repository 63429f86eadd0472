//! What an authority said about one certificate, and whether that answers for a given time.

/// Seconds after which an answer without an end (`nextUpdate`) is no longer taken as current: such a responder always
/// has newer ones (RFC 6960 § 4.2.2.1).
const WITHOUT_END: i64 = 600 * 1_000_000;

/// Why a certificate was revoked (RFC 5280 § 5.3.1), as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Suspended; it may come back.
    Hold,
    /// `removeFromCRL`: no longer suspended or revoked. It means something in a delta CRL only, beside its base.
    Removed,
    /// Replaced or no longer used, and its key is not in other hands (RFC 3161 § 4: reasons 0, 3, 4 and 5, stated).
    Retired,
    /// Anything else, a key in other hands above all, and no reason at all.
    Other,
}

impl Reason {
    /// The reason with this number; none: it was not stated.
    #[must_use]
    pub fn of(number: Option<u8>) -> Self {
        match number {
            Some(6) => Self::Hold,
            Some(8) => Self::Removed,
            Some(0 | 3 | 4 | 5) => Self::Retired,
            _ => Self::Other,
        }
    }
}

/// The state of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked at that time, in microseconds since 1970 UTC.
    Revoked(i64, Reason),
    /// The responder does not know it.
    Unknown,
}

/// The state of a certificate, and of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The state.
    pub status: Status,
    /// When it was so, in microseconds since 1970 UTC.
    pub this_update: i64,
    /// Until when there may be no newer one, likewise.
    pub next_update: Option<i64>,
    /// Certificates that expired since then are still told, likewise; none: those that expired are forgotten.
    pub keeps_expired_since: Option<i64>,
}

impl Statement {
    /// Until when it is current.
    #[must_use]
    pub fn current_until(&self) -> i64 {
        self.next_update.unwrap_or(self.this_update.saturating_add(WITHOUT_END))
    }

    /// Whether it was made after `at`: nothing newer can say more of that time.
    #[must_use]
    pub fn is_final_for(&self, at: i64) -> bool {
        self.this_update >= at
    }

    /// Whether it says something of a certificate valid until `not_after`, as of `at`: it was current then, or is of
    /// later and the authority had not forgotten the certificate yet. A revocation is for ever, a suspension is not.
    #[must_use]
    pub fn answers_for(&self, at: i64, not_after: i64) -> bool {
        if self.status == Status::Unknown {
            return false;
        }
        if let Status::Revoked(since, reason) = self.status
            && reason != Reason::Hold
            && since <= at
        {
            return true;
        }
        let forgotten = self.status == Status::Good
            && self.this_update > not_after
            && self.keeps_expired_since.is_none_or(|since| since > not_after);
        !forgotten && (self.is_final_for(at) || self.current_until() >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn good(this_update: i64, next_update: Option<i64>) -> Statement {
        Statement { status: Status::Good, this_update, next_update, keeps_expired_since: None }
    }

    #[test]
    fn a_statement_answers_while_it_is_current_and_for_all_time_before_it() {
        let statement = good(10 * DAY, Some(17 * DAY));
        assert!(statement.answers_for(3 * DAY, 100 * DAY));
        assert!(statement.answers_for(17 * DAY, 100 * DAY));
        assert!(!statement.answers_for(17 * DAY + 1, 100 * DAY));
        assert!(!good(10 * DAY, None).answers_for(11 * DAY, 100 * DAY));
    }

    #[test]
    fn nothing_is_said_of_a_certificate_that_had_expired_unless_the_authority_remembers() {
        let mut statement = good(10 * DAY, Some(17 * DAY));
        assert!(!statement.answers_for(3 * DAY, 9 * DAY));
        statement.keeps_expired_since = Some(8 * DAY);
        assert!(statement.answers_for(3 * DAY, 9 * DAY));
    }

    #[test]
    fn a_revocation_is_for_ever_and_a_suspension_is_not() {
        let mut statement =
            Statement { status: Status::Revoked(2 * DAY, Reason::Other), ..good(3 * DAY, Some(4 * DAY)) };
        assert!(statement.answers_for(50 * DAY, 100 * DAY));
        statement.status = Status::Revoked(2 * DAY, Reason::Hold);
        assert!(!statement.answers_for(50 * DAY, 100 * DAY));
    }
}
