//! Ventanilla: an electronic registry for Spanish public bodies.
//!
//! # The map of the house
//! | room | what it does |
//! |---|---|
//! | [`cli`] | the command line: one file a command |
//! | [`http`] | routes, who may call, problems: one file a resource |
//! | [`pages`] | the electronic office in HTML: one file a page, over the same functions |
//! | [`import`] | files from older systems: checked whole, written together |
//! | [`app`] | builds everything once from the configuration |
//! | [`audit`] | checks the whole book, and names what is wrong |
//! | [`backup`] | copies database and objects while serving, and brings them back |
//! | [`after`] | what follows a commit: full text, receipts |
//! | [`registry`] | the heart: parse, number, keep; no HTTP and no SQL |
//! | [`service`] | the citizens' service: attentions |
//! | [`report`] | counts → figures → table, sentences, CSV, JSON |
//! | [`receipt`] | what was committed, as proof for whoever submitted |
//! | [`signature`] | bytes and policy in, verdicts out |
//! | [`log`] | the book as a Merkle tree: proofs, tiles, checkpoints, witnesses; hashes in, hashes out |
//! | [`fetch`] | asks other machines: responders, lists, issuers, the time stamping authority, witnesses |
//! | [`witness`] | watches the logs of others, and cosigns what continues them |
//! | [`store`] | all SQL, on two engines, and the objects |
//! | [`domain`] | values that cannot be wrong |
//! | [`config`], [`clock`] | the only files that ask the system for settings, time and identifiers |
//!
//! # The walk of a submission
//! 1. [`http::intake`] streams the parts. `submission` is parsed as soon as it is whole: all its errors at once. Each
//!    document goes to the object store under the hash that it announces, and is hashed on the way.
//! 2. [`http::submissions`] looks the key up: a repeat ends here, with the first answer.
//! 3. [`fetch::Judge`] has [`signature::judge`] give a verdict, off the threads that serve others, and asks other
//!    machines for what it lacks; [`registry::attachments`] has it judge what is signed in and over the documents;
//!    [`registry::will`] decides whether anything proves the will of a party.
//! 4. [`registry::submit`] keeps what was signed beside the documents and hands the entry to [`registry::book`], which
//!    waits for nobody and writes all that waits: one transaction numbers, inserts and commits.
//! 5. Whoever waited hears of it: 201. Nothing was acknowledged before documents and rows were on disk; a crash leaves
//!    at worst an object without a row.
//! 6. [`after`] finds the outbox row of that transaction: it seals the receipt and fills the full text.
//!
//! # The arrows
//! `http, cli → import, audit, backup, witness → app, after → service, report → registry, receipt → fetch → store, signature, log → domain`. `tests/registry/architecture.rs` holds them.

pub mod after;
pub mod app;
pub mod audit;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod fetch;
pub mod http;
pub mod import;
pub mod log;
pub mod pages;
pub mod receipt;
pub mod registry;
pub mod report;
pub mod service;
pub mod signature;
pub mod store;
pub mod witness;
