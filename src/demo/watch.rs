//! The proxy's board, looked at until the stage has moved.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::files::Folder;
use super::stop::Stop;
use super::traffic::Traffic;
use crate::client::{AdminArgs, Client};
use crate::commands::{evidence, share};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::words::text;

/// A stage moves within this, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(1800);

const LOOK: Duration = Duration::from_millis(250);

pub(super) struct Watch {
    client: Client,
    stage: &'static str,
}

impl Watch {
    pub(super) fn of(folder: &Folder, stage: &'static str) -> Result<Watch, CommandError> {
        let client = AdminArgs::of(folder.path().join(".cutline")).client()?;
        Ok(Watch { client, stage })
    }

    /// Waits until the rollout has begun.
    pub(super) fn begun(&self, stop: &Stop) -> Result<(), CommandError> {
        self.until("does not begin", stop, |stage| {
            Ok(text(&stage["rollout"]["judged"]) != "not-started")
        })
    }

    /// Waits until so many runs were compared: what a copy reads is what its
    /// request has read only while nobody asks for more.
    pub(super) fn compared(&self, runs: u64, stop: &Stop) -> Result<(), CommandError> {
        self.until("compares nothing", stop, |stage| {
            self.goes_on(stage)?;
            Ok(stage["rollout"]["gathered"].as_u64().unwrap_or(0) >= runs)
        })
    }

    pub(super) fn dashboard(&self) -> String {
        format!("{}/", self.client.url())
    }

    /// `cutline rollout STAGE ACTION`
    pub(super) fn told(&self, action: &str) -> Result<(), CommandError> {
        let path = format!("/api/stages/{}/rollout", self.stage);
        let wish = json!({ "action": action, "who": "demo", "why": "" });
        self.client.post(&path, &wish).map(drop)
    }

    fn board(&self) -> Result<Value, CommandError> {
        self.client.get("/api/board")
    }

    fn stage(&self) -> Result<Value, CommandError> {
        let board = self.board()?;
        let mut stages = board["stages"].as_array().into_iter().flatten();
        let own = stages.find(|stage| text(&stage["name"]) == self.stage);
        own.cloned().ok_or_else(|| {
            let message = format!("the proxy knows no stage {}", self.stage);
            CommandError::message(Kind::Internal, message)
        })
    }

    /// Waits until the proxy has read which candidate the stage has now.
    pub(super) fn reloaded(&self, url: &str, stop: &Stop) -> Result<(), CommandError> {
        self.until("has not read its file", stop, |stage| {
            let candidate = stage["candidate"].as_array().into_iter().flatten();
            Ok(candidate
                .into_iter()
                .any(|known| text(&known["url"]) == url))
        })
    }

    /// Until the evidence has taken the stage back; the decision in one
    /// paragraph.
    pub(super) fn until_back(
        &self,
        traffic: &Traffic,
        stop: &Stop,
        console: &Console,
    ) -> Result<String, CommandError> {
        let mut live = Live::of(self.stage);
        let mut why = String::new();
        self.until("is not caught", stop, |stage| {
            live.show(stage, traffic, console)?;
            why = decision(stage);
            Ok(text(&stage["rollout"]["judged"]) == "rolled-back")
        })?;
        Ok(why)
    }

    /// Until the evidence suffices and nobody but a person is waited for.
    pub(super) fn until_asked(
        &self,
        traffic: &Traffic,
        stop: &Stop,
        console: &Console,
    ) -> Result<(), CommandError> {
        let mut live = Live::of(self.stage);
        self.until("has not enough evidence", stop, |stage| {
            live.show(stage, traffic, console)?;
            Ok(self.goes_on(stage)? == "awaiting-confirmation")
        })
    }

    /// Until the stage has entered its last step, which no run is asked for any
    /// more.
    pub(super) fn until_moved(
        &self,
        traffic: &Traffic,
        stop: &Stop,
        console: &Console,
    ) -> Result<String, CommandError> {
        let mut live = Live::of(self.stage);
        let mut why = String::new();
        self.until("does not move", stop, |stage| {
            live.show(stage, traffic, console)?;
            why = decision(stage);
            self.goes_on(stage)?;
            Ok(text(&stage["now"]["mode"]) == "candidate")
        })?;
        Ok(why)
    }

    /// How many requests the candidates of all stages have answered.
    pub(super) fn by_candidates(&self) -> Result<u64, CommandError> {
        let board = self.board()?;
        let stages = board["stages"].as_array().into_iter().flatten();
        let each = stages.map(|stage| stage["traffic"]["requests"]["candidate"].as_u64());
        Ok(each.flatten().sum())
    }

    /// Until the stage answers all of its requests; a line for each step.
    pub(super) fn until_done(
        &self,
        traffic: &Traffic,
        stop: &Stop,
        console: &Console,
    ) -> Result<Vec<String>, CommandError> {
        let mut live = Live::of(self.stage);
        // Until it goes on, the board still shows that it was taken back.
        let mut resumed = false;
        self.until("does not get to the end", stop, |stage| {
            live.show(stage, traffic, console)?;
            resumed |= text(&stage["rollout"]["judged"]) != "rolled-back";
            Ok(resumed && self.goes_on(stage)? == "done")
        })?;
        Ok(live.steps)
    }

    /// How its rollout stands, while it is not rolled back.
    fn goes_on<'v>(&self, stage: &'v Value) -> Result<&'v str, CommandError> {
        match text(&stage["rollout"]["judged"]) {
            "rolled-back" => {
                let message = format!("{} is rolled back: {}", self.stage, decision(stage));
                Err(CommandError::message(Kind::Internal, message))
            }
            judged => Ok(judged),
        }
    }

    fn until(
        &self,
        what: &str,
        stop: &Stop,
        mut holds: impl FnMut(&Value) -> Result<bool, CommandError>,
    ) -> Result<(), CommandError> {
        let began = Instant::now();
        loop {
            stop.check()?;
            if holds(&self.stage()?)? {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let message = format!("stage {} {what}", self.stage);
                return Err(CommandError::message(Kind::Internal, message));
            }
            thread::sleep(LOOK);
        }
    }
}

fn decision(stage: &Value) -> String {
    let last = &stage["rollout"]["last"];
    let said = [&last["text"], &last["why"], &stage["since"]["why"]];
    said.into_iter()
        .map(text)
        .find(|said| !said.is_empty())
        .unwrap_or("rolled back")
        .to_owned()
}

/// A line for each step, and one that is written over on a terminal.
struct Live {
    stage: &'static str,
    last: String,
    steps: Vec<String>,
}

impl Live {
    fn of(stage: &'static str) -> Live {
        Live {
            stage,
            last: String::new(),
            steps: Vec::new(),
        }
    }

    fn show(
        &mut self,
        stage: &Value,
        traffic: &Traffic,
        console: &Console,
    ) -> Result<(), CommandError> {
        let now = share(&stage["now"]);
        let counted = traffic.counted();
        let line = format!(
            "{} {now}: {}; {} requests, {} failed",
            self.stage,
            evidence(stage),
            counted.asked,
            counted.failed
        );
        if self.last != now {
            console.print(&format!("  {line}\n"))?;
            if !self.last.is_empty() {
                self.steps.push(decision(stage));
            }
            self.last = now;
        }
        Ok(())
    }
}
