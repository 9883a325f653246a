//! What was seen of both sides' answers, as it is kept: added up for each step
//! of a stage, and the pairs themselves as far as there is room.
//!
//! What was gathered is added in one transaction, so that after a crash nothing
//! is there twice; what had not been told to the journal is gone with it.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{OptionalExtension, params};

use super::{Journal, JournalError, json, read_json};
use crate::compare::{Noise, Summary};
use crate::rollout::{Evidence, Run};
use crate::verdict::{Gathered, Trend};

/// How long trends are kept, and how many steps of a stage, the latest.
const TREND_SECONDS: u64 = 7 * 24 * 3_600;
const STEPS: u32 = 64;
/// As many runs of a step are kept, the latest.
const RUNS: usize = 1_024;

impl Journal {
    /// Adds what was gathered to what is kept, and removes what there is no
    /// more room for: `room` is the bytes that pairs may take.
    pub(crate) fn gather(
        &self,
        gathered: &Gathered,
        room: u64,
        now: SystemTime,
    ) -> Result<(), JournalError> {
        if gathered.is_empty() {
            return Ok(());
        }
        self.at_once(|journal| {
            for ((stage, epoch), (evidence, summary)) in &gathered.steps {
                let (mut sum, mut all) = journal.step(stage, *epoch)?.unwrap_or_default();
                sum += evidence;
                let more = sum.runs.len().saturating_sub(RUNS);
                sum.runs.drain(..more);
                all.merge(summary);
                journal.put_step(stage, *epoch, &sum, &all)?;
            }
            for (stage, noise) in &gathered.noise {
                let sql = "INSERT OR REPLACE INTO noise VALUES (?, ?)";
                journal.run(|to| {
                    let learnt = json(noise)?;
                    to.prepare_cached(sql)?.execute(params![&**stage, learnt])
                })?;
            }
            for ((stage, begins), trend) in &gathered.trend {
                journal.add_trend(stage, *begins, trend)?;
            }
            for pair in &gathered.pairs {
                journal.put_pair(pair)?;
            }
            journal.make_room(room, now)
        })
    }

    /// What is known of a stage's step.
    pub(crate) fn evidence(&self, stage: &str, epoch: u64) -> Result<Evidence, JournalError> {
        Ok(self.step(stage, epoch)?.unwrap_or_default().0)
    }

    /// What the comparisons of a stage's step came to.
    pub(crate) fn summary(&self, stage: &str, epoch: u64) -> Result<Summary, JournalError> {
        Ok(self.step(stage, epoch)?.unwrap_or_default().1)
    }

    /// A run of both sides, which counts once however often it is told.
    pub(crate) fn run_of(&self, stage: &str, epoch: u64, run: &Run) -> Result<(), JournalError> {
        let (mut sum, all) = self.step(stage, epoch)?.unwrap_or_default();
        if sum.runs.iter().all(|known| known.id != run.id) {
            sum.runs.push(run.clone());
        }
        self.put_step(stage, epoch, &sum, &all)
    }

    /// A step that begins with something.
    pub(crate) fn begin(
        &self,
        stage: &str,
        epoch: u64,
        evidence: &Evidence,
    ) -> Result<(), JournalError> {
        self.put_step(stage, epoch, evidence, &Summary::default())
    }

    /// In what the monolith differs from itself, for each stage.
    pub(crate) fn noise(&self) -> Result<Vec<(String, Noise)>, JournalError> {
        self.run(|from| {
            let mut statement = from.prepare_cached("SELECT stage, learnt FROM noise")?;
            let read =
                |row: &rusqlite::Row<'_>| Ok((row.get(0)?, read_json(row, 1)?.unwrap_or_default()));
            statement.query_map([], read)?.collect()
        })
    }

    /// What was compared of a stage since then, by the seconds since 1970 at
    /// which each stretch begins.
    pub(crate) fn trend(&self, stage: &str, since: u64) -> Result<Vec<(u64, Trend)>, JournalError> {
        let sql = "SELECT begins, answers, mismatches, unavailable FROM trend \
                   WHERE stage = ? AND begins >= ? ORDER BY begins";
        self.run(|from| {
            let mut statement = from.prepare_cached(sql)?;
            let read = |row: &rusqlite::Row<'_>| {
                let trend = Trend {
                    answers: row.get(1)?,
                    mismatches: row.get(2)?,
                    unavailable: row.get(3)?,
                };
                Ok((row.get(0)?, trend))
            };
            statement.query_map(params![stage, since], read)?.collect()
        })
    }

    fn step(&self, stage: &str, epoch: u64) -> Result<Option<(Evidence, Summary)>, JournalError> {
        let sql = "SELECT evidence, summary FROM step WHERE stage = ? AND epoch = ?";
        self.run(|from| {
            let mut statement = from.prepare_cached(sql)?;
            let read = |row: &rusqlite::Row<'_>| {
                let evidence = read_json(row, 0)?.unwrap_or_default();
                Ok((evidence, read_json(row, 1)?.unwrap_or_default()))
            };
            statement.query_row(params![stage, epoch], read).optional()
        })
    }

    fn put_step(
        &self,
        stage: &str,
        epoch: u64,
        evidence: &Evidence,
        summary: &Summary,
    ) -> Result<(), JournalError> {
        let sql = "INSERT OR REPLACE INTO step VALUES (?, ?, ?, ?)";
        self.run(|to| {
            let (evidence, summary) = (json(evidence)?, json(summary)?);
            let mut statement = to.prepare_cached(sql)?;
            statement.execute(params![stage, epoch, evidence, summary])
        })?;
        Ok(())
    }

    fn add_trend(&self, stage: &str, begins: u64, trend: &Trend) -> Result<(), JournalError> {
        let sql = "INSERT INTO trend VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
                   answers = answers + excluded.answers, \
                   mismatches = mismatches + excluded.mismatches, \
                   unavailable = unavailable + excluded.unavailable";
        self.run(|to| {
            to.prepare_cached(sql)?.execute(params![
                stage,
                begins,
                trend.answers,
                trend.mismatches,
                trend.unavailable
            ])
        })?;
        Ok(())
    }

    /// Removes the oldest of what there is no room for.
    fn make_room(&self, room: u64, now: SystemTime) -> Result<(), JournalError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.run(|from| {
            let mut trend = from.prepare_cached("DELETE FROM trend WHERE begins < ?")?;
            trend.execute([now.saturating_sub(TREND_SECONDS)])?;
            let mut steps = from.prepare_cached(
                "DELETE FROM step WHERE epoch NOT IN \
                 (SELECT own.epoch FROM step AS own WHERE own.stage = step.stage \
                  ORDER BY own.epoch DESC LIMIT ?)",
            )?;
            steps.execute([STEPS])
        })?;
        self.make_room_for_pairs(room)
    }
}
