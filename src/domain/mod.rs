//! Values that cannot be wrong: entry, number, party, document, unit, calendar. No async, no clock, nothing of ours below it.
