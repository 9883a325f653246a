//! How far what comes in is from what the model was trained on.
//!
//! One file per statistic: [`psi()`], [`kolmogorov_smirnov()`], [`chi_square()`],
//! [`z_test()`], [`wasserstein()`], [`jensen_shannon()`], each SciPy's and
//! Evidently's figure. [`Test`] names them and chooses one by size and kind as
//! Evidently does by default; [`compare()`] tests every column and the
//! predictions and gives a [`DriftReport`]. [`Profile`] says what a set of rows
//! is like, [`Window`] what a model answered in a span of time; both are
//! gathered in passing and add up. [`LiveReport`] joins all that is known of a
//! model in use, and names the limits that were crossed.

mod chi_square;
mod column;
mod jensen_shannon;
mod kolmogorov;
mod kolmogorov_smirnov;
mod latency;
mod live;
mod performance;
mod profile;
mod proportions;
mod psi;
mod quality;
mod report;
mod shares;
mod test;
mod wasserstein;
mod window;

pub use chi_square::chi_square;
pub use column::{Column, Counts, finite};
pub use jensen_shannon::jensen_shannon;
pub use kolmogorov_smirnov::{KolmogorovSmirnov, kolmogorov_smirnov};
pub use latency::Latency;
pub use live::{Crossed, Event, FIGURES, LiveReport, NoFigure, Quantiles, check_figure, crossed};
pub use performance::{Live, Performance, performance};
pub use profile::{BadProfile, ColumnProfile, Numbers, Profile, Words};
pub use proportions::z_test;
pub use psi::{ReferenceBins, psi};
pub use quality::{Issue, Problem, QualityLimits, problems};
pub use report::{ColumnDrift, Distribution, DriftReport, DriftSpec, compare};
pub use test::{NoTest, Outcome, Test, Untestable};
pub use wasserstein::{normed_wasserstein, wasserstein};
pub use window::{Answer, Window, window_start};

#[cfg(test)]
mod parity;
#[cfg(test)]
mod properties;
