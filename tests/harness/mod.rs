//! What the integration tests stand on: real services, and ways to break them.
#![allow(dead_code, reason = "each test program uses its own part of the harness")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a harness that cannot go on fails its test, with a message"
)]

pub mod chronyd;
pub mod clamd;
pub mod door;
pub mod faulty_objects;
pub mod frames;
pub mod killable_postgres;
pub mod ledger;
pub mod minted;
pub mod paper;
pub mod postgres_proxy;
pub mod program;
pub mod raw;
pub mod services;
pub mod site;
pub mod tls;
pub mod town;
pub mod trace;
