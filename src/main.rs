//! Parse the command line, start, exit status.
fn main() {}
