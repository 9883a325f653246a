//! [`Patient`]: sends conditional puts again that broke off.
//!
//! object_store leaves such a put as it is, since it may have arrived. Who puts
//! here can bear that: what is named by its content is there, and a cell knows
//! its own put again.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A store whose conditional puts arrive.
#[derive(Debug)]
pub(super) struct Patient {
    inner: Arc<dyn ObjectStore>,
}

/// Sent anew so often at most, and only within this time.
const AGAIN: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

impl Patient {
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> Patient {
        Patient { inner }
    }
}

impl fmt::Display for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Patient {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let begun = Instant::now();
        let is_conditional = !matches!(options.mode, PutMode::Overwrite);
        let mut pauses = (1..=AGAIN).map(|n| PAUSE * n);
        loop {
            let put = self
                .inner
                .put_opts(location, payload.clone(), options.clone())
                .await;
            match (put, pauses.next()) {
                (Err(Error::Generic { .. }), Some(pause))
                    if is_conditional && begun.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(pause).await;
                }
                (put, _) => return put,
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
