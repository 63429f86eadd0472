//! Files that other people's software signed, which are not part of this repository.

use std::path::PathBuf;

/// Their folder, which `VENTANILLA_VECTORS` names; none where it is allowed to be missing: on a developer's machine,
/// never where `CI` is set.
#[expect(clippy::disallowed_methods, reason = "a test's own switches are no setting of the program")]
pub fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("VENTANILLA_VECTORS") {
        return Some(folder.into());
    }
    assert!(std::env::var_os("CI").is_none(), "VENTANILLA_VECTORS is not set: the real files must be judged in CI");
    eprintln!("VENTANILLA_VECTORS is not set: no real file was judged");
    None
}
