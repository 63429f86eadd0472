//! Objects by their path, whatever they are: for copies of a whole store.

use bytes::BytesMut;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetResult, ObjectStoreExt};

use super::{Error, Objects, Upload, found};
use crate::domain::Sha256;

impl Objects {
    /// Where an object is kept; `None` for what is no path.
    fn at(&self, path: &str) -> Option<Path> {
        let path = Path::parse(path).ok()?;
        Some(path.parts().fold(self.prefix.clone(), Path::join))
    }

    async fn open_path(&self, path: &str) -> Result<Option<GetResult>, Error> {
        let Some(at) = self.at(path) else { return Ok(None) };
        found(self.store.get(&at).await)
    }

    /// How many bytes an object has; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn size_at(&self, path: &str) -> Result<Option<u64>, Error> {
        let Some(at) = self.at(path) else { return Ok(None) };
        Ok(found(self.store.head(&at).await)?.map(|meta| meta.size))
    }

    /// The hash of an object's bytes, read in pieces; `None` when it is not there.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn hash_at(&self, path: &str) -> Result<Option<Sha256>, Error> {
        let Some(found) = self.open_path(path).await? else { return Ok(None) };
        let (mut stream, mut hasher) = (found.into_stream(), openssl::sha::Sha256::new());
        while let Some(chunk) = stream.try_next().await? {
            hasher.update(&chunk);
        }
        Ok(Some(Sha256(hasher.finish())))
    }

    /// Copies an object to another store, in pieces; it is there whole, with these bytes, or not at all. Gives how many
    /// bytes it has; `None` when it is not here.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when its bytes are others; when a store cannot be reached.
    pub async fn copy_at(&self, to: &Objects, path: &str, hash: Sha256) -> Result<Option<u64>, Error> {
        let Some(key) = to.at(path) else { return Ok(None) };
        let Some(found) = self.open_path(path).await? else { return Ok(None) };
        let mut upload = Upload {
            store: to.store.clone(),
            key,
            declared: hash,
            hasher: openssl::sha::Sha256::new(),
            size: 0,
            is_there: false,
            buffer: BytesMut::new(),
            parts: None,
        };
        let mut stream = found.into_stream();
        while let Some(chunk) = stream.try_next().await? {
            upload.write(&chunk).await?;
        }
        Ok(Some(upload.finish().await?))
    }

    /// The paths and sizes of all that is kept for an entity, but for what rows refer to, and its log.
    #[must_use]
    pub fn list_others(&self, entity: &str) -> BoxStream<'static, Result<(String, u64), Error>> {
        let (folder, prefix) = (self.prefix.clone().join(entity), self.prefix.clone());
        let listed = self.store.list(Some(&folder));
        let others = listed.try_filter_map(move |meta| {
            let path = meta
                .location
                .prefix_match(&prefix)
                .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>());
            let referred = ["sha256", "signed", "receipts", "log"];
            let other = path.filter(|parts| !parts.get(1).is_some_and(|part| referred.contains(&part.as_str())));
            std::future::ready(Ok(other.map(|parts| (parts.join("/"), meta.size))))
        });
        others.map_err(Error::from).boxed()
    }
}
