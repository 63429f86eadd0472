//! Parse the command line, start, exit status: 0 done, 1 the answer is no, 2 could not run.

use std::process::ExitCode;

fn main() -> ExitCode {
    ventanilla::cli::run()
}
