//! Documents in which harmful code was found: they are kept and handed to nobody (RD 203/2021 art. 39.2).

use utoipa::ToSchema;

use super::Micros;

/// What was found in a document, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct Quarantine {
    /// When it was put in quarantine.
    #[schema(example = "2026-03-02T09:30:04.131072+01:00", format = DateTime)]
    pub since: String,
    /// What was found: the name by which the scanner knows it.
    #[schema(example = "Win.Test.EICAR_HDB-1", max_length = 160)]
    pub finding: String,
    /// Who or what found it.
    #[schema(example = "clamd", max_length = 160)]
    pub found_by: String,
    /// When documents came that answer it; absent while its sender is required to send it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-09T12:00:00.123456+01:00", format = DateTime, nullable = false)]
    pub answered_at: Option<String>,
    /// When it was released, since it had been found by mistake; absent while it is in quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-03T10:00:00.123456+01:00", format = DateTime, nullable = false)]
    pub released_at: Option<String>,
}

impl Quarantine {
    /// Whether the document is handed to nobody.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.released_at.is_none()
    }

    /// Whether its sender is required to send it again, as far as its entry tells.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.holds() && self.answered_at.is_none()
    }
}

/// Since when documents must be sent again, where any of these is open: the last time that one was found.
#[must_use]
pub fn required_since<'q>(all: impl IntoIterator<Item = &'q Quarantine>) -> Option<Micros> {
    all.into_iter().filter(|one| one.is_open()).filter_map(|one| Micros::parse(&one.since).ok()).max()
}
