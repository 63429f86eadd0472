//! Documents that are being read: so many in all, and of each caller so many.
//!
//! # Why
//! Whoever asks for a document and does not read it keeps a file open, or a connection to the object store, until the
//! answer has been unread for too long. On one connection a hundred can be asked for, so they are counted: without
//! descriptors the server could neither take connections nor store what comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::problem::{Kind, Problem, Result};
use crate::config::Limits;

/// The documents that are open now. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OpenDocuments {
    most: usize,
    share: usize,
    now: Arc<Mutex<Now>>,
}

#[derive(Debug, Default)]
struct Now {
    all: usize,
    of: HashMap<String, usize>,
}

/// A document that is counted as open until this is dropped.
#[derive(Debug)]
pub struct Opened {
    documents: OpenDocuments,
    caller: String,
}

impl OpenDocuments {
    /// As these limits say.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { most: limits.open_documents, share: limits.open_documents_per_caller, now: Arc::default() }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more of this caller.
    ///
    /// # Errors
    /// 429 where the caller has as many as one may have, 503 where all together have.
    pub fn open(&self, caller: &str) -> Result<Opened> {
        let mut now = self.now();
        let has = now.of.get(caller).copied().unwrap_or_default();
        if has >= self.share {
            let detail = format!("this caller reads {has} documents already; wait until one of them has arrived");
            return Err(Problem::new(Kind::TooManyRequests, detail));
        }
        if now.all >= self.most {
            return Err(Problem::new(
                Kind::Unavailable,
                "too many documents are being read now; repeat in a few seconds",
            ));
        }
        now.all += 1;
        now.of.insert(caller.to_owned(), has + 1);
        Ok(Opened { documents: self.clone(), caller: caller.to_owned() })
    }
}

impl Opened {
    /// The same bytes; the document is open until they have all been taken, or nobody wants them any more.
    pub fn through<E>(
        self,
        bytes: impl Stream<Item = std::result::Result<Bytes, E>>,
    ) -> impl Stream<Item = std::result::Result<Bytes, E>> {
        bytes.inspect(move |_| {
            let _open = &self;
        })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut now = self.documents.now();
        now.all -= 1;
        if let Some(has) = now.of.get_mut(&self.caller) {
            *has -= 1;
            if *has == 0 {
                now.of.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_its_share_and_all_have_so_many() {
        let limits = Limits { open_documents: 3, open_documents_per_caller: 2, ..Limits::default() };
        let documents = OpenDocuments::new(&limits);
        let kind = |caller: &str| documents.open(caller).err().map(|problem| problem.kind());
        let one = (documents.open("one").unwrap(), documents.open("one").unwrap());
        assert_eq!(kind("one"), Some(Kind::TooManyRequests));
        let two = documents.open("two").unwrap();
        assert_eq!(kind("two"), Some(Kind::Unavailable));
        drop(one.0);
        assert_eq!(kind("one"), None);
        drop((one.1, two));
        let now = documents.now();
        assert_eq!((now.all, now.of.len()), (0, 0));
    }

    #[tokio::test]
    async fn it_is_open_until_its_bytes_were_taken() {
        let documents = OpenDocuments::new(&Limits::default());
        let bytes = futures_util::stream::iter([Ok::<_, ()>(Bytes::from_static(b"1")), Ok(Bytes::from_static(b"2"))]);
        let mut bytes = Box::pin(documents.open("one").unwrap().through(bytes));
        assert_eq!(bytes.next().await, Some(Ok(Bytes::from_static(b"1"))));
        assert_eq!(documents.now().all, 1);
        drop(bytes);
        assert_eq!(documents.now().all, 0);
    }
}
