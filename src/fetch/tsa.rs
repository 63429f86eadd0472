//! Timestamps from the authority that the configuration names (RFC 3161 § 3.4: over HTTP).
