//! Which stage each function belongs to, and why.

mod stage;

use smol_str::SmolStr;

pub use stage::Stage;

use crate::graph::FuncId;

/// A function's stage with its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Staging {
    /// The likeliest.
    pub stage: Stage,
    /// How often such a verdict is right, measured: 0 to 1.
    pub confidence: f64,
    /// Share of each stage, as [`Stage::ALL`] orders them; sums to 1.
    pub distribution: [f64; 9],
    /// What speaks for which stage, strongest first.
    pub evidence: Vec<Evidence>,
    /// Pinned by the user's configuration.
    pub pinned: bool,
}

/// One reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// For which stage it speaks.
    pub stage: Stage,
    /// How strongly, as log-odds.
    pub weight: f64,
    /// In words: `calls sklearn.linear_model.LogisticRegression.fit`.
    pub reason: SmolStr,
    /// The line it stands on; 0 where it has none.
    pub line: u32,
}

/// The stage of every function, by [`FuncId`].
#[derive(Clone, Debug, Default)]
pub struct StageMap {
    /// By [`FuncId`].
    pub of: Vec<Staging>,
}

impl StageMap {
    /// The stage of `func`.
    pub fn stage(&self, func: FuncId) -> Stage {
        self.of[func.0 as usize].stage
    }
}
