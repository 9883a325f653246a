//! [`Trouble`]: why what the alias points to cannot serve, if it cannot. It is
//! said once for each reason, and shown for as long as it lasts; a version that
//! cannot be loaded is tried again ever more rarely.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::Gauge;
use tokio::time::Instant;

use crate::function::StageError;
use crate::store::artifact::ArtifactId;

/// The trouble of one inference function.
pub(super) struct Trouble {
    function: String,
    /// 1 while there is any.
    gauge: Gauge,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    why: Option<String>,
    /// The version that could not be loaded last.
    unloaded: Option<Unloaded>,
}

struct Unloaded {
    version: ArtifactId,
    why: String,
    wait: Duration,
    again: Instant,
}

/// After the first try; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Trouble {
    pub(super) fn new(function: &str) -> Trouble {
        let gauge = metrics::gauge!("cutline_serving_trouble", "function" => function.to_owned());
        gauge.set(0.0);
        Trouble {
            function: function.to_owned(),
            gauge,
            now: Mutex::default(),
        }
    }

    /// Why, while it lasts.
    pub(super) fn why(&self) -> Option<String> {
        self.lock().why.clone()
    }

    /// It was looked, and perhaps failed; says so where that changes anything.
    /// `serves` is the version that answers nevertheless.
    pub(super) fn looked(&self, failed: Option<&StageError>, serves: Option<&str>) {
        let why = failed.map(StageError::whole);
        let mut now = self.lock();
        if now.why == why {
            return;
        }
        self.gauge.set(f64::from(u8::from(why.is_some())));
        let function = &self.function;
        match &why {
            Some(error) => tracing::error!(
                function,
                serves,
                error,
                "what the alias points to cannot serve; the version before answers, if there is one"
            ),
            None => tracing::info!(function, serves, "the trouble is over"),
        }
        now.why = why;
    }

    /// Why this version could not be loaded, while it is too early to try again.
    pub(super) fn rests(&self, version: &ArtifactId) -> Option<StageError> {
        let now = self.lock();
        let unloaded = now.unloaded.as_ref();
        let unloaded = unloaded.filter(|unloaded| unloaded.version == *version)?;
        (Instant::now() < unloaded.again).then(|| StageError::data(unloaded.why.clone()))
    }

    /// This version cannot be loaded.
    pub(super) fn cannot_load(&self, version: ArtifactId, error: &StageError) {
        let mut now = self.lock();
        let before = now.unloaded.take();
        let before = before.filter(|unloaded| unloaded.version == version);
        let wait = before.map_or(FIRST_WAIT, |before| (before.wait * 2).min(LONGEST_WAIT));
        now.unloaded = Some(Unloaded {
            version,
            why: error.whole(),
            wait,
            again: Instant::now() + wait,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_version_is_tried_ever_more_rarely_and_another_at_once() {
        let trouble = Trouble::new("inference");
        let [one, other] = [b"1", b"2"].map(|text| ArtifactId::of(text));
        let torn = StageError::data("it is torn");
        let mut waits = Vec::new();
        for _ in 0..9 {
            trouble.cannot_load(one, &torn);
            let begun = Instant::now();
            while let Some(error) = trouble.rests(&one) {
                assert_eq!(error.whole(), "it is torn");
                tokio::time::advance(Duration::from_millis(500)).await;
            }
            waits.push(begun.elapsed().as_millis());
            assert!(trouble.rests(&other).is_none());
        }
        assert_eq!(waits[..4], [500, 1_000, 2_000, 4_000]);
        assert_eq!(waits[7..], [60_000, 60_000]);
        trouble.cannot_load(other, &torn);
        assert!(trouble.rests(&one).is_none());
    }
}
