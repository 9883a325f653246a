//! What the models of a tree predict, as far as the code says: numbers, or one
//! of two classes.

use crate::catalog::Catalog;
use crate::hazards::Context;
use crate::syntax::facts::ArgKind;

/// Of all models of the tree, since a loaded one does not say what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Predicted {
    /// A regressor is made, or measured.
    pub(super) numbers: bool,
    /// What is measured there is of two classes only, one of which is 1.
    pub(super) two_classes: bool,
}

/// Metrics of numbers.
const ERRORS: [&str; 7] = [
    "max_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "median_absolute_error",
    "r2_score",
    "root_mean_squared_error",
];

/// Metrics that, where no average is named, there are of two classes only.
const OF_TWO: [&str; 5] = [
    "brier_score_loss",
    "f1_score",
    "fbeta_score",
    "precision_score",
    "recall_score",
];

impl Predicted {
    pub(super) fn of(ctx: &Context<'_>) -> Predicted {
        let (mut numbers, mut two, mut many) = (false, false, false);
        for call in &ctx.call_graph.library_calls {
            let name = call.path.rsplit('.').next().unwrap_or(&call.path);
            numbers |= is_regressor(ctx.catalog, &call.path, name) || ERRORS.contains(&name);
            if !call.path.starts_with("sklearn.metrics.") {
                continue;
            }
            let given = |name: &str| {
                call.args
                    .iter()
                    .find(|arg| arg.name.as_deref() == Some(name))
            };
            // `**settings` may say anything.
            many |= given("pos_label").is_some()
                || call.args.iter().any(|arg| arg.kind == ArgKind::SpreadNamed);
            match given("average") {
                None => two |= OF_TWO.contains(&name),
                Some(average) => match average.texts.as_slice() {
                    [only] if only == "binary" => two = true,
                    _ => many = true,
                },
            }
        }
        Predicted {
            numbers,
            two_classes: two && !many && !numbers,
        }
    }
}

fn is_regressor(catalog: &Catalog, path: &str, name: &str) -> bool {
    let is_class = name.starts_with(|first: char| first.is_ascii_uppercase());
    is_class && (name.ends_with("Regressor") || catalog.is_a(path, "sklearn.Regressor"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::testing::Given;

    #[track_caller]
    fn check(code: &str, numbers: bool, two_classes: bool) {
        let text = format!(
            "from sklearn.ensemble import RandomForestRegressor\nfrom sklearn.linear_model import LassoCV, Ridge\n\
             from sklearn.metrics import f1_score, recall_score, r2_score, roc_auc_score\n\
             def measure(y, p):\n    {code}\n"
        );
        let given = Given::new(&text, &[]);
        let found = given.with_plan(|ctx, _| Predicted::of(ctx));
        let expected = Predicted {
            numbers,
            two_classes,
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_is_made_and_measured_says_what_is_predicted() {
        check("return roc_auc_score(y, p)", false, false);
        check("return f1_score(y, p)", false, true);
        check("return recall_score(y, p, average=\"binary\")", false, true);
        check("return f1_score(y, p, average=\"macro\")", false, false);
        check("return f1_score(y, p, average=kind)", false, false);
        check("return f1_score(y, p, pos_label=\"yes\")", false, false);
        check("return f1_score(y, p), r2_score(y, p)", true, false);
        check("return Ridge()", true, false);
        check("return LassoCV()", true, false);
        check("return RandomForestRegressor()", true, false);
    }
}
