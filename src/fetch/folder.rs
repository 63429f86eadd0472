//! Lists of revoked certificates that the administrator keeps at hand: for a registry that reaches no other machine.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::signature::{Found, KeptCrl, Policy, Question};

/// How long a look into the folder is believed.
const BELIEVED: Duration = Duration::from_secs(10);

/// A file, and what it is to each authority that was asked about.
#[derive(Debug)]
struct File {
    changed: SystemTime,
    size: u64,
    of: HashMap<Question, Option<Arc<KeptCrl>>>,
}

#[derive(Debug, Default)]
struct State {
    looked: Option<Instant>,
    files: HashMap<PathBuf, File>,
}

/// A folder of CRLs (`.crl`, `.der` or `.pem`, DER or PEM). A file that is put into it, or exchanged, is taken up
/// within seconds.
#[derive(Debug)]
pub struct CrlFolder {
    path: PathBuf,
    state: Mutex<State>,
}

impl CrlFolder {
    /// The lists in this folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        std::fs::read_dir(path)?;
        Ok(Self { path: path.to_owned(), state: Mutex::default() })
    }

    /// The lists that answer this question now (microseconds since 1970 UTC). Reads files: not for async threads.
    pub fn of(&self, question: &Question, now: i64, policy: &Policy) -> Vec<Arc<KeptCrl>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.is_none_or(|at| at.elapsed() > BELIEVED) {
            state.looked = Some(Instant::now());
            self.look(&mut state);
        }
        let found = state.files.iter_mut().filter_map(|(path, file)| {
            let known = file.of.entry(question.clone());
            known.or_insert_with(|| read(path, question, now, policy)).clone()
        });
        found.collect()
    }

    /// Forgets files that changed or went, and takes up new ones.
    fn look(&self, state: &mut State) {
        let before = std::mem::take(&mut state.files);
        let mut before = before;
        for entry in std::fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let extension = path.extension().and_then(|ext| ext.to_str()).unwrap_or_default().to_ascii_lowercase();
            if !matches!(extension.as_str(), "crl" | "der" | "pem") {
                continue;
            }
            let Ok(meta) = std::fs::metadata(&path) else { continue };
            let (changed, size) = (meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len());
            let same = before.remove(&path).filter(|file| file.changed == changed && file.size == size);
            state.files.insert(path, same.unwrap_or_else(|| File { changed, size, of: HashMap::new() }));
        }
    }
}

fn read(path: &Path, question: &Question, now: i64, policy: &Policy) -> Option<Arc<KeptCrl>> {
    let bytes = std::fs::read(path).ok().filter(|bytes| bytes.len() <= question.max_bytes())?;
    match question.read(bytes, &[], now, policy) {
        Ok(Found::Crls(crls)) => crls.into_iter().next(),
        Ok(_) => None,
        Err(unusable) => {
            tracing::debug!(file = %path.display(), %unusable, "a CRL at hand does not answer");
            None
        }
    }
}
