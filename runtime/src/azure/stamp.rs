//! What a container is: `cutline.json`, as in a data folder.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};

use super::AccountError;
use crate::store::clock::Timestamp;

/// The format of containers that this version makes and understands.
pub(super) const FORMAT: u32 = 1;

const FILE: &str = "cutline.json";

/// What the file says. Later versions may add to it, and keep these.
#[derive(Serialize, Deserialize)]
struct Stamp {
    format: u32,
    /// The version of cutline that made it.
    cutline: String,
    made: Timestamp,
}

/// Sees that the container is for this version; stamps one that has none.
pub(super) async fn check(
    store: &dyn ObjectStore,
    place: &str,
    now: Timestamp,
) -> Result<(), AccountError> {
    let path = Path::from(FILE);
    let foreign = |source| AccountError::Foreign {
        place: place.to_owned(),
        source,
    };
    let wrong = |source| AccountError::blobs(place, source);
    let text = match store.get(&path).await {
        Ok(found) => found.bytes().await.map_err(wrong)?,
        // Or there is no container, as the next answer says.
        Err(Error::NotFound { .. }) => {
            let stamp = Stamp {
                format: FORMAT,
                cutline: env!("CARGO_PKG_VERSION").to_owned(),
                made: now,
            };
            let text = serde_json::to_vec_pretty(&stamp).map_err(foreign)?;
            let options = PutOptions::from(PutMode::Create);
            match store.put_opts(&path, text.into(), options).await {
                // Another was first, of whatever version.
                Err(Error::AlreadyExists { .. }) => {
                    let found = store.get(&path).await.map_err(wrong)?;
                    found.bytes().await.map_err(wrong)?
                }
                put => return put.map(drop).map_err(wrong),
            }
        }
        Err(error) => return Err(wrong(error)),
    };
    let stamp: Stamp = serde_json::from_slice(&text).map_err(foreign)?;
    match stamp.format > FORMAT {
        false => Ok(()),
        true => Err(AccountError::Newer {
            place: place.to_owned(),
            by: stamp.cutline,
            format: stamp.format,
        }),
    }
}
