//! Bytes and policy in, verdicts out. Knows only `domain`.
