//! [`Metric`]: every metric by its name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::average::Average;
use super::calibration::{Bins, calibration};
use super::confusion::Confusion;
use super::sample::{Classified, Predictions, Regressed};
use super::undefined::{Score, Undefined};
use super::{probability, ranking, regression};

/// A metric, written as its name: `roc-auc`, `log-loss`, `r2`.
///
/// Those of two classes are about the positive one; their `-macro` and
/// `-weighted` forms know any number of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Metric {
    /// The share of rows whose class is predicted.
    Accuracy,
    /// The mean recall of the classes.
    BalancedAccuracy,
    /// Of the rows predicted positive, the share that are.
    Precision,
    /// The mean precision of the classes.
    PrecisionMacro,
    /// The mean precision of the classes, each as its rows weigh.
    PrecisionWeighted,
    /// Of the positive rows, the share predicted so.
    Recall,
    /// The mean recall of the classes that occur.
    RecallMacro,
    /// The mean recall of the classes, each as its rows weigh.
    RecallWeighted,
    /// The harmonic mean of precision and recall.
    F1,
    /// The mean F1 of the classes.
    F1Macro,
    /// The mean F1 of the classes, each as its rows weigh.
    F1Weighted,
    /// The area under the ROC curve.
    RocAuc,
    /// The mean area under the ROC curves of each class against the rest.
    RocAucMacro,
    /// The same, each class as its rows weigh.
    RocAucWeighted,
    /// The area under the precision/recall curve (average precision).
    PrAuc,
    /// The mean of it over each class against the rest.
    PrAucMacro,
    /// The same, each class as its rows weigh.
    PrAucWeighted,
    /// The mean negative logarithm of the true class's probability.
    LogLoss,
    /// The mean squared error of the positive class's probability.
    Brier,
    /// The expected calibration error over ten equally wide bins.
    CalibrationError,
    /// How many times as many of the top tenth are positive as of all.
    TopDecileLift,
    /// The mean absolute error.
    Mae,
    /// The root of the mean squared error.
    Rmse,
    /// The share of variance explained.
    R2,
    /// The median absolute error.
    MedianAe,
    /// The mean absolute error in terms of the true number.
    Mape,
}

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// As it rises.
    Higher,
    /// As it falls.
    Lower,
}

/// There is no metric of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no metric {name:?}; the metrics are {}", names())]
pub struct NoMetric {
    /// As it was written.
    pub name: String,
}

type OfClasses = fn(&Classified) -> Score;
type OfNumbers = fn(&Regressed) -> Score;

/// What a metric is computed from.
enum Figure {
    Classes(OfClasses),
    Numbers(OfNumbers),
}

impl Metric {
    /// All of them.
    pub const ALL: [Metric; 26] = [
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::Precision,
        Metric::PrecisionMacro,
        Metric::PrecisionWeighted,
        Metric::Recall,
        Metric::RecallMacro,
        Metric::RecallWeighted,
        Metric::F1,
        Metric::F1Macro,
        Metric::F1Weighted,
        Metric::RocAuc,
        Metric::RocAucMacro,
        Metric::RocAucWeighted,
        Metric::PrAuc,
        Metric::PrAucMacro,
        Metric::PrAucWeighted,
        Metric::LogLoss,
        Metric::Brier,
        Metric::CalibrationError,
        Metric::TopDecileLift,
        Metric::Mae,
        Metric::Rmse,
        Metric::R2,
        Metric::MedianAe,
        Metric::Mape,
    ];

    /// As it is written in documents.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        self.entry().1
    }

    /// Which way it gets better.
    pub fn better(self) -> Better {
        self.entry().2
    }

    /// Whether it is a metric of classes, rather than of numbers.
    pub fn is_of_classes(self) -> bool {
        matches!(self.entry().3, Figure::Classes(_))
    }

    /// The metric's value.
    pub fn score(self, predictions: &Predictions) -> Score {
        let wrong_kind = |needs| Undefined::WrongKind {
            metric: self,
            needs,
        };
        match (self.entry().3, predictions) {
            (Figure::Classes(figure), Predictions::Classes(classified)) => figure(classified),
            (Figure::Numbers(figure), Predictions::Numbers(regressed)) => figure(regressed),
            (Figure::Classes(_), _) => Err(wrong_kind("classes")),
            (Figure::Numbers(_), _) => Err(wrong_kind("numbers")),
        }
    }

    /// How much better `value` is than `than`; negative where it is worse.
    pub fn gain(self, value: f64, than: f64) -> f64 {
        match self.better() {
            Better::Higher => value - than,
            Better::Lower => than - value,
        }
    }

    fn entry(self) -> (&'static str, &'static str, Better, Figure) {
        use Average::{Macro, Weighted};
        use Better::{Higher, Lower};
        use Figure::{Classes, Numbers};
        #[rustfmt::skip]
        let entry = match self {
            Metric::Accuracy => ("accuracy", "Accuracy", Higher, Classes(|c| Confusion::of(c).accuracy())),
            Metric::BalancedAccuracy => ("balanced-accuracy", "Balanced accuracy", Higher, Classes(|c| Confusion::of(c).balanced_accuracy())),
            Metric::Precision => ("precision", "Precision", Higher, Classes(|c| positive(c)?.precision(1))),
            Metric::PrecisionMacro => ("precision-macro", "Precision, mean of classes", Higher, Classes(|c| Confusion::of(c).mean_precision(Macro))),
            Metric::PrecisionWeighted => ("precision-weighted", "Precision, weighted by class", Higher, Classes(|c| Confusion::of(c).mean_precision(Weighted))),
            Metric::Recall => ("recall", "Recall", Higher, Classes(|c| positive(c)?.recall(1))),
            Metric::RecallMacro => ("recall-macro", "Recall, mean of classes", Higher, Classes(|c| Confusion::of(c).mean_recall(Macro))),
            Metric::RecallWeighted => ("recall-weighted", "Recall, weighted by class", Higher, Classes(|c| Confusion::of(c).mean_recall(Weighted))),
            Metric::F1 => ("f1", "F1", Higher, Classes(|c| positive(c)?.f1(1))),
            Metric::F1Macro => ("f1-macro", "F1, mean of classes", Higher, Classes(|c| Confusion::of(c).mean_f1(Macro))),
            Metric::F1Weighted => ("f1-weighted", "F1, weighted by class", Higher, Classes(|c| Confusion::of(c).mean_f1(Weighted))),
            Metric::RocAuc => ("roc-auc", "ROC AUC", Higher, Classes(|c| ranking::roc_auc(binary(c)?, Macro))),
            Metric::RocAucMacro => ("roc-auc-macro", "ROC AUC, mean of classes", Higher, Classes(|c| ranking::roc_auc(c, Macro))),
            Metric::RocAucWeighted => ("roc-auc-weighted", "ROC AUC, weighted by class", Higher, Classes(|c| ranking::roc_auc(c, Weighted))),
            Metric::PrAuc => ("pr-auc", "PR AUC", Higher, Classes(|c| ranking::average_precision(binary(c)?, Macro))),
            Metric::PrAucMacro => ("pr-auc-macro", "PR AUC, mean of classes", Higher, Classes(|c| ranking::average_precision(c, Macro))),
            Metric::PrAucWeighted => ("pr-auc-weighted", "PR AUC, weighted by class", Higher, Classes(|c| ranking::average_precision(c, Weighted))),
            Metric::LogLoss => ("log-loss", "Log loss", Lower, Classes(probability::log_loss)),
            Metric::Brier => ("brier", "Brier score", Lower, Classes(probability::brier)),
            Metric::CalibrationError => ("calibration-error", "Calibration error", Lower, Classes(|c| calibration(c, Bins::Uniform(10))?.expected_error())),
            Metric::TopDecileLift => ("top-decile-lift", "Lift of the top tenth", Higher, Classes(|c| ranking::Ranked::of(binary(c)?, 1)?.top_decile_lift())),
            Metric::Mae => ("mae", "Mean absolute error", Lower, Numbers(regression::mean_absolute_error)),
            Metric::Rmse => ("rmse", "Root mean squared error", Lower, Numbers(regression::root_mean_squared_error)),
            Metric::R2 => ("r2", "R²", Higher, Numbers(regression::r2)),
            Metric::MedianAe => ("median-ae", "Median absolute error", Lower, Numbers(regression::median_absolute_error)),
            Metric::Mape => ("mape", "Mean absolute percentage error", Lower, Numbers(regression::mean_absolute_percentage_error)),
        };
        entry
    }
}

fn binary(classified: &Classified) -> Result<&Classified, Undefined> {
    classified.check_binary().map(|()| classified)
}

fn positive(classified: &Classified) -> Result<Confusion, Undefined> {
    binary(classified).map(Confusion::of)
}

fn names() -> String {
    Metric::ALL.map(Metric::name).join(", ")
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = NoMetric;

    fn from_str(name: &str) -> Result<Metric, NoMetric> {
        let found = Metric::ALL.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| NoMetric { name: name.into() })
    }
}

impl TryFrom<String> for Metric {
    type Error = NoMetric;

    fn try_from(name: String) -> Result<Metric, NoMetric> {
        name.parse()
    }
}

impl From<Metric> for &'static str {
    fn from(metric: Metric) -> &'static str {
        metric.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_read_by_its_name() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
            let text = serde_json::to_string(&metric).unwrap();
            assert_eq!(serde_json::from_str::<Metric>(&text).unwrap(), metric);
        }
        let all: std::collections::BTreeSet<_> = Metric::ALL.into_iter().collect();
        assert_eq!(all.len(), Metric::ALL.len());
        let no = "roc_auc".parse::<Metric>().unwrap_err().to_string();
        assert!(no.starts_with("there is no metric \"roc_auc\"; the metrics are accuracy, "));
    }

    #[test]
    fn a_metric_of_the_other_kind_says_so() {
        let numbers = Regressed::new(vec![1.0, 2.0], vec![1.0, 2.0]).unwrap();
        let undefined = Metric::RocAuc.score(&Predictions::Numbers(numbers));
        assert_eq!(
            undefined.unwrap_err().to_string(),
            "roc-auc is a metric of classes, and the model predicts the other kind"
        );
    }

    #[test]
    fn a_gain_is_towards_the_better() {
        assert_eq!(Metric::RocAuc.gain(0.75, 0.5), 0.25);
        assert_eq!(Metric::LogLoss.gain(0.75, 0.5), -0.25);
    }
}
