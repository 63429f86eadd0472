//! The heart: what the registry does, without HTTP and without SQL. One operation a file.

pub mod submission;
