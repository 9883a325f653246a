//! [`SealedStore`]: an object store whose blobs are sealed.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};

use super::chunk::{content_length, last_chunk};
use super::{CHUNK, HEADER, Key, Opener, SEALED_CHUNK, SealError, Sealer, seal};

/// Seals what is put into a store and opens what is read from it. Blobs may be
/// read from anywhere in them; sizes are those of the content.
#[derive(Clone)]
pub struct SealedStore {
    inner: Arc<dyn ObjectStore>,
    key: Key,
}

/// Chunks read and opened at once: 1 MiB of content.
const BATCH: u64 = 16;

impl SealedStore {
    /// Seals what is in `inner` with this key.
    pub fn new(inner: Arc<dyn ObjectStore>, key: Key) -> SealedStore {
        SealedStore { inner, key }
    }

    /// Reads what is needed to open any part of a blob.
    async fn opener(&self, sealed: &ObjectMeta) -> Result<Opener> {
        let Some(last) = last_chunk(sealed.size) else {
            return Err(wrong(SealError::Foreign {
                context: context(&sealed.location),
            }));
        };
        let ranges = [0..HEADER as u64, last];
        let parts = self.inner.get_ranges(&sealed.location, &ranges).await?;
        let (header, last) = (&parts[0], &parts[1]);
        let name = context(&sealed.location);
        Opener::new(&self.key, &name, header, last, sealed.size).map_err(wrong)
    }
}

#[async_trait]
impl ObjectStore for SealedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let (key, name) = (self.key.clone(), context(location));
        let sealed = blocking(move || seal(&key, &name, &Bytes::from(payload))).await?;
        self.inner.put_opts(location, sealed.into(), opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let sealer = Sealer::new(&self.key, &context(location)).map_err(wrong)?;
        Ok(Box::new(SealedUpload {
            inner: self.inner.put_multipart_opts(location, opts).await?,
            sealer: Some(sealer),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let range = options.range.clone();
        let wants_head = options.head;
        let options = GetOptions {
            range: None,
            head: true,
            ..options
        };
        let mut found = self.inner.get_opts(location, options).await?;
        let opener = self.opener(&found.meta).await?;
        let length = opener.length();
        found.meta.size = length;
        found.range = match range {
            Some(range) => range.as_range(length).map_err(wrong)?,
            None => 0..length,
        };
        found.payload = GetResultPayload::Stream(match wants_head {
            true => stream::empty().boxed(),
            false => content(
                self.inner.clone(),
                found.meta.location.clone(),
                opener,
                found.range.clone(),
            ),
        });
        Ok(found)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix).map_ok(opened).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        listed.objects = listed.objects.into_iter().map(opened).collect();
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(Error::NotSupported {
            source: format!("{from} is sealed under its name: read it and put it anew").into(),
        })
    }
}

/// An upload whose parts may be of any length. A part is sealed where it is
/// handed in, at about a gigabyte a second: hand large ones in where blocking
/// is allowed.
struct SealedUpload {
    inner: Box<dyn MultipartUpload>,
    /// None once it is complete.
    sealer: Option<Sealer>,
}

#[async_trait]
impl MultipartUpload for SealedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some(sealer) = &mut self.sealer else {
            return Box::pin(std::future::ready(Err(complete())));
        };
        let mut sealed = Vec::new();
        for piece in &data {
            sealed.extend(sealer.update(piece));
        }
        self.inner.put_part(sealed.into())
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let sealer = self.sealer.take().ok_or_else(complete)?;
        self.inner.put_part(sealer.finish().into()).await?;
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

/// The content in a range, batch by batch.
fn content(
    inner: Arc<dyn ObjectStore>,
    location: Path,
    opener: Opener,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes>> {
    let opener = Arc::new(opener);
    let batch = BATCH * CHUNK as u64;
    let starts = (range.start / batch..range.end.div_ceil(batch)).map(move |number| {
        let start = (number * batch).max(range.start);
        start..((number + 1) * batch).min(range.end)
    });
    let read = move |range: Range<u64>| {
        let (inner, location, opener) = (inner.clone(), location.clone(), opener.clone());
        async move {
            let (chunks, sealed) = opener.chunks(&range);
            let sealed = inner.get_range(&location, sealed).await?;
            blocking(move || open_batch(&opener, chunks, &sealed, range)).await
        }
    };
    // The next batch is read while this one is used.
    stream::iter(starts).map(read).buffered(2).boxed()
}

fn open_batch(
    opener: &Opener,
    chunks: Range<u64>,
    sealed: &[u8],
    range: Range<u64>,
) -> Result<Bytes, SealError> {
    let before = (range.start - chunks.start * CHUNK as u64) as usize;
    let length = (range.end - range.start) as usize;
    let mut content = Vec::with_capacity(sealed.len());
    let mut pieces = sealed.chunks(SEALED_CHUNK);
    for number in chunks {
        // One that is missing is opened too, and thereby refused.
        let piece = pieces.next().unwrap_or_default();
        content.extend(opener.open_chunk(number, piece)?);
    }
    Ok(Bytes::from(content).slice(before..before + length))
}

/// As its content is.
fn opened(sealed: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        size: content_length(sealed.size).unwrap_or(sealed.size),
        ..sealed
    }
}

fn context(location: &Path) -> String {
    format!("blob {location}")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SealError> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await?.map_err(wrong)
}

fn wrong(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic {
        store: "sealed",
        source: Box::new(error),
    }
}

fn complete() -> Error {
    Error::NotSupported {
        source: "the upload is complete".into(),
    }
}

impl fmt::Debug for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sealed {}", self.inner)
    }
}

impl fmt::Debug for SealedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sealed {:?}", self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use object_store::{GetRange, PutMode};

    fn stores() -> (Arc<InMemory>, SealedStore) {
        let inner = Arc::new(InMemory::new());
        (inner.clone(), SealedStore::new(inner, Key::new([7; 32])))
    }

    fn bytes(length: usize) -> Bytes {
        (0..length).map(|at| (at / 3) as u8).collect()
    }

    async fn put_in_parts(store: &SealedStore, location: &Path, content: &Bytes, part: usize) {
        let mut upload = store.put_multipart(location).await.unwrap();
        for start in (0..content.len()).step_by(part) {
            let piece = content.slice(start..(start + part).min(content.len()));
            upload.put_part(piece.into()).await.unwrap();
        }
        upload.complete().await.unwrap();
    }

    #[tokio::test]
    async fn any_range_reads_as_if_nothing_were_sealed() {
        let (_, store) = stores();
        let content = bytes(3 << 20);
        let location = Path::from("a/b");
        put_in_parts(&store, &location, &content, 700_001).await;
        assert_eq!(store.head(&location).await.unwrap().size, 3 << 20);
        let whole = store.get(&location).await.unwrap().bytes().await.unwrap();
        assert_eq!(whole, content);
        let chunk = CHUNK as u64;
        for range in [
            0..1,
            5..chunk,
            chunk - 1..chunk + 1,
            1 << 20..(1 << 20) + 9,
            1_000..3 << 20,
        ] {
            let read = store.get_range(&location, range.clone()).await.unwrap();
            assert_eq!(
                read,
                content[range.start as usize..range.end as usize],
                "{range:?}"
            );
        }
        let options = GetOptions::new().with_range(Some(GetRange::Suffix(70_000)));
        let tail = store.get_opts(&location, options).await.unwrap();
        assert_eq!(tail.bytes().await.unwrap(), content[(3 << 20) - 70_000..]);
    }

    #[tokio::test]
    async fn what_lies_in_the_store_shows_nothing_and_opens_under_its_name_only() {
        let (inner, store) = stores();
        let (one, two) = (Path::from("one"), Path::from("two"));
        store.put(&one, "customer 10233".into()).await.unwrap();
        let lies = inner.get(&one).await.unwrap().bytes().await.unwrap();
        assert!(!lies.windows(8).any(|window| window == b"customer"));
        inner.copy(&one, &two).await.unwrap();
        let error = store.get(&two).await.unwrap_err().to_string();
        assert!(error.contains("blob two cannot be opened"), "{error}");
        inner.put(&two, "plain".into()).await.unwrap();
        let error = store.get(&two).await.unwrap_err().to_string();
        assert!(error.contains("blob two is not sealed"), "{error}");
    }

    #[tokio::test]
    async fn a_blob_cut_short_is_refused_before_anything_is_read() {
        let (inner, store) = stores();
        let location = Path::from("a");
        store.put(&location, bytes(3 * CHUNK).into()).await.unwrap();
        let sealed = inner.get(&location).await.unwrap().bytes().await.unwrap();
        let cut = sealed.slice(..HEADER + 2 * SEALED_CHUNK);
        inner.put(&location, cut.into()).await.unwrap();
        assert!(store.get_range(&location, 0..10).await.is_err());
    }

    #[tokio::test]
    async fn the_first_to_create_wins_and_lists_give_the_contents_size() {
        let (_, store) = stores();
        let location = Path::from("a");
        let create = || PutOptions::from(PutMode::Create);
        store
            .put_opts(&location, "first".into(), create())
            .await
            .unwrap();
        let second = store.put_opts(&location, "second".into(), create()).await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })));
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        assert_eq!(listed[0].size, 5);
    }
}
