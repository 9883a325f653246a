//! What the backends on Azure do, against a real Azurite.

#![cfg(feature = "azure")]
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

#[path = "../../../tests/support/azurite.rs"]
mod azurite;
#[path = "../../src/store/cells/contract.rs"]
mod cells;
#[path = "../../../tests/support/environment.rs"]
mod environment;
#[path = "../../src/queue/contract.rs"]
mod queues;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use cutline_runtime::azure::{Account, Credential};
use cutline_runtime::queue::Queues;
use cutline_runtime::store::clock::{SystemClock, Timestamp};
use futures_util::future::{BoxFuture, FutureExt, join_all};

use azurite::Azurite;
use queues::Time;

/// One service for all tests, which ends with this process.
static AZURITE: LazyLock<Azurite> = LazyLock::new(Azurite::start);

fn by_key(account: &str) -> Credential {
    Credential::Key(azurite::key(account).into())
}

fn by_sas(account: &str, permissions: &str) -> Credential {
    Credential::Sas(azurite::sas(account, permissions, "2999-01-01T00:00:00Z").into())
}

fn asked(account: &str, container: &str, credential: Credential) -> Account {
    AZURITE.account(account, container, credential)
}

/// Azurite's time passes as everybody's does.
struct Passing;

impl Time for Passing {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()> {
        // Services know seconds.
        tokio::time::sleep(duration + Duration::from_millis(300)).boxed()
    }

    fn is_about_now(&self, told: Timestamp) -> bool {
        let (now, about) = (self.now(), Duration::from_secs(60));
        now.since(told) < about && told.since(now) < about
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_keep_the_contract() {
    let queues = asked("first", "kept", by_key("first")).queues().unwrap();
    join_all(queues::parts(&queues, &Passing)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_keep_the_contract_by_a_sas() {
    let queues = asked("second", "kept", by_sas("second", "rwdlacup"))
        .queues()
        .unwrap();
    join_all(queues::parts(&queues, &Passing)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_keep_the_contract() {
    AZURITE.make_container("third", "by-key");
    AZURITE.make_container("third", "by-sas");
    for (container, credential) in [
        ("by-key", by_key("third")),
        ("by-sas", by_sas("third", "rwdlac")),
    ] {
        let account = asked("third", container, credential);
        let storage = account.storage(Arc::new(SystemClock)).await.unwrap();
        cells::check(&**storage.live().cells()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_not_allowed_is_named_with_what_to_do() {
    let clock = || Arc::new(SystemClock);
    let nowhere = asked("fourth", "nowhere", by_key("fourth"));
    let told = nowhere.storage(clock()).await.unwrap_err().to_string();
    assert!(
        told.contains("/fourth/nowhere cannot be used: there is no such container"),
        "{told}"
    );

    AZURITE.make_container("fourth", "kept");
    let reads = asked("fourth", "kept", by_sas("fourth", "rl"));
    let told = reads.storage(clock()).await.unwrap_err().to_string();
    assert!(told.contains("Storage Blob Data Contributor"), "{told}");

    let of_another = asked("fourth", "kept", by_sas("first", "rwdlacup"));
    let told = of_another.storage(clock()).await.unwrap_err().to_string();
    assert!(told.contains("is for this account"), "{told}");
    let queue = of_another
        .queues()
        .unwrap()
        .open(&"raw-arrived".parse().unwrap());
    let error = queue.send("a".into(), Duration::ZERO).await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("the queue raw-arrived cannot be used: what the request shows is refused"),
        "{told}"
    );
    let whole = format!("{error:?}");
    assert!(!whole.contains("sig="), "{whole}");
    let shown = format!("{of_another:?} {:?}", of_another.queues().unwrap());
    assert!(!shown.contains("sig"), "{shown}");
}
