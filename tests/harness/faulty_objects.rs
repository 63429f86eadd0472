//! An object store whose calls are counted, and fail when a test says so.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use tokio::sync::Notify;

/// On which side of a call it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store never hears of the call.
    Before,
    /// The store does what it was told, and its answer is lost.
    After,
}

/// Wraps a store. Clones share their counts and plans, so a test keeps one and gives the other away.
#[derive(Debug, Clone)]
pub struct FaultyObjects {
    inner: Arc<dyn ObjectStore>,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<&'static str>,
    /// The n-th call from now, counted from 1; of this name, where there is one.
    nth: Option<(usize, Fault)>,
    name: Option<&'static str>,
    broken: bool,
    delay: Duration,
    /// Calls of this name wait until they are let go.
    held: Option<(&'static str, Arc<Notify>)>,
    /// So many calls of `get` from now, counted from 1, find this in the place of what they ask for.
    swapped: Option<(usize, Bytes)>,
}

impl FaultyObjects {
    pub fn over(inner: Arc<dyn ObjectStore>) -> Self {
        FaultyObjects { inner, plan: Arc::default() }
    }

    /// The names of the calls since the last plan, in order: `put`, `put_multipart`, `put_part`, `complete`,
    /// `abort`, `get`, `list`, `delete` (one an object), `copy`, `rename`.
    pub fn calls(&self) -> Vec<&'static str> {
        self.plan.lock().unwrap().calls.clone()
    }

    /// Makes the n-th call from now fail, counted from 1, and starts counting anew.
    pub fn fail_nth(&self, n: usize, fault: Fault) {
        let mut plan = self.plan.lock().unwrap();
        plan.calls.clear();
        (plan.nth, plan.name) = (Some((n, fault)), None);
    }

    /// The same for the n-th call of this name.
    pub fn fail_nth_of(&self, name: &'static str, n: usize, fault: Fault) {
        self.fail_nth(n, fault);
        self.plan.lock().unwrap().name = Some(name);
    }

    /// Makes every call fail from now on: the store is gone.
    pub fn break_down(&self) {
        self.plan.lock().unwrap().broken = true;
    }

    /// Makes every call wait before it starts.
    pub fn delay(&self, delay: Duration) {
        self.plan.lock().unwrap().delay = delay;
    }

    /// Makes calls of this name wait until the test notifies what is returned.
    pub fn hold(&self, name: &'static str) -> Arc<Notify> {
        let go_on = Arc::new(Notify::new());
        self.plan.lock().unwrap().held = Some((name, go_on.clone()));
        go_on
    }

    /// Later calls wait no more; those that wait already do until they are notified.
    pub fn let_go(&self) {
        self.plan.lock().unwrap().held = None;
    }

    /// Puts other bytes in the place of what the n-th `get` from now asks for, counted from 1, just before it.
    pub fn swap_before_get(&self, n: usize, bytes: Bytes) {
        let mut plan = self.plan.lock().unwrap();
        plan.calls.clear();
        plan.swapped = Some((n, bytes));
    }

    /// No faults, no delay, and a new count.
    pub fn recover(&self) {
        *self.plan.lock().unwrap() = Plan::default();
    }
}

impl Plan {
    fn enter(plan: &Mutex<Plan>, name: &'static str) -> (Option<Fault>, Duration) {
        let mut plan = plan.lock().unwrap();
        plan.calls.push(name);
        let is_counted = |call: &&&str| plan.name.is_none_or(|counted| counted == **call);
        let count = plan.calls.iter().filter(is_counted).count();
        let fault = match plan.nth {
            _ if plan.broken => Some(Fault::Before),
            Some((n, fault)) if is_counted(&&name) && count == n => Some(fault),
            _ => None,
        };
        (fault, plan.delay)
    }

    async fn through<T>(plan: &Mutex<Plan>, name: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
        let (fault, delay) = Plan::enter(plan, name);
        let held = plan.lock().unwrap().held.clone().filter(|(held, _)| *held == name);
        if let Some((_, go_on)) = held {
            go_on.notified().await;
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match fault {
            None => call.await,
            Some(Fault::Before) => Err(broken(name)),
            Some(Fault::After) => call.await.and_then(|_| Err(broken(name))),
        }
    }
}

fn broken(name: &str) -> object_store::Error {
    object_store::Error::Generic { store: "FaultyObjects", source: format!("{name} fails, as the test wants").into() }
}

impl fmt::Display for FaultyObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyObjects({})", self.inner)
    }
}

// Every method of the trait is passed on: a default one would hide which call the store really makes.
#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for FaultyObjects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        Plan::through(&self.plan, "put", self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.inner.put_multipart_opts(location, options);
        let inner = Plan::through(&self.plan, "put_multipart", upload).await?;
        Ok(Box::new(FaultyUpload { inner, plan: Arc::clone(&self.plan) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let swapped = {
            let mut plan = self.plan.lock().unwrap();
            match &mut plan.swapped {
                Some((1, _)) => plan.swapped.take(),
                Some((n, _)) => {
                    *n -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some((_, bytes)) = swapped {
            self.inner.put(location, bytes.into()).await?;
        }
        Plan::through(&self.plan, "get", self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        Plan::through(&self.plan, "get", self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .and_then(move |location| {
                let store = store.clone();
                async move {
                    Plan::through(&store.plan, "delete", store.inner.delete(&location))
                        .await
                        .map(|()| location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        Plan::through(&self.plan, "list", self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        Plan::through(&self.plan, "copy", self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        Plan::through(&self.plan, "rename", self.inner.rename_opts(from, to, options)).await
    }
}

impl FaultyObjects {
    /// A listing reads only, so its fault comes before the first object, on either side.
    fn listing(&self, objects: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        let plan = Arc::clone(&self.plan);
        stream::once(async move { Plan::through(&plan, "list", async { Ok(objects) }).await }).try_flatten().boxed()
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    plan: Arc<Mutex<Plan>>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        // The part's place in the object is given now, whether or not it ever arrives.
        let part = self.inner.put_part(data);
        let plan = Arc::clone(&self.plan);
        async move { Plan::through(&plan, "put_part", part).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        Plan::through(&self.plan, "complete", self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        Plan::through(&self.plan, "abort", self.inner.abort()).await
    }
}
