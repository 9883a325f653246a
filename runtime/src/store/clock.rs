//! What time it is, handed in: leases, delays and expiry follow it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970. In documents it is written as RFC 3339
/// in UTC: `2026-02-28T14:02:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(u64);

/// A text that is no time as RFC 3339 has it.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no time: write it as 2026-02-28T14:02:00Z")]
pub struct NoTimestamp {
    text: String,
    source: humantime::TimestampError,
}

/// Tells the time. What it tells never has to be exact, and two hosts' clocks
/// may differ by less than the leases that are measured with them.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands until it is moved: for tests, the same every time.
/// Clones are the same clock.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

/// The end of the year 9999, after which RFC 3339 has no way to write a time.
const LATEST: u64 = 253_402_300_799_999;

impl Timestamp {
    /// So many milliseconds after 1970 began, and not after the year 9999.
    pub fn from_millis(millis: u64) -> Timestamp {
        Timestamp(millis.min(LATEST))
    }

    /// The milliseconds since 1970.
    pub fn millis(self) -> u64 {
        self.0
    }

    /// So much later.
    pub fn after(self, duration: Duration) -> Timestamp {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_millis(self.0.saturating_add(millis))
    }

    /// How long from `earlier` to here; nothing where that is the later one.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_millis(self.0);
        write!(f, "{}", humantime::format_rfc3339_millis(time))
    }
}

impl FromStr for Timestamp {
    type Err = NoTimestamp;

    fn from_str(text: &str) -> Result<Timestamp, NoTimestamp> {
        match humantime::parse_rfc3339(text) {
            Ok(time) => Ok(time.into()),
            Err(source) => Err(NoTimestamp {
                text: text.to_owned(),
                source,
            }),
        }
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> String {
        time.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = NoTimestamp;

    fn try_from(text: String) -> Result<Timestamp, NoTimestamp> {
        text.parse()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

impl ManualClock {
    /// It stands at `now`.
    pub fn new(now: Timestamp) -> ManualClock {
        ManualClock(Arc::new(AtomicU64::new(now.millis())))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Default for ManualClock {
    /// It stands somewhere in 2026.
    fn default() -> ManualClock {
        ManualClock::new(Timestamp(1_780_000_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_document_shows_it_as_people_write_it() {
        let time = Timestamp::from_millis(1_772_287_320_500);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2026-02-28T14:02:00.500Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
        let error = "yesterday".parse::<Timestamp>().unwrap_err().to_string();
        assert!(error.contains("\"yesterday\" is no time"), "{error}");
    }

    #[test]
    fn a_manual_clock_stands_until_it_is_moved() {
        let clock = ManualClock::default();
        let (before, same) = (clock.now(), clock.clone());
        assert_eq!(clock.now(), before);
        same.advance(Duration::from_secs(2));
        assert_eq!(clock.now().since(before), Duration::from_secs(2));
        assert_eq!(before.since(clock.now()), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn every_moment_can_be_written_and_read_back(millis: u64, more: u64) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
            prop_assert!(time.after(Duration::from_millis(more)) >= time);
        }
    }
}
