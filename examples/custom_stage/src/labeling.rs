//! *labeling* says of each row what its text is about.
//!
//! Its input is a table; it makes the same rows with a column `label`.

use std::sync::Arc;

use cutline_runtime::stages::{frame, keep};
use cutline_runtime::transform::Column;
use cutline_runtime::{
    Facts, Invocation, Invoked, Kind, Params, Problem, StageContext, StageError, StageFn,
};
use serde::Deserialize;
use serde_json::json;

/// What `stage = "labeling"` names.
pub(crate) const KIND: Kind = Kind {
    name: "labeling",
    configure,
};

/// The parameters in `functions.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labeling {
    /// The column with the text.
    column: String,
    /// In order; the first that fits holds.
    rule: Vec<Rule>,
    /// What all others are.
    otherwise: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    label: String,
    /// One of these is in the text, in whatever case.
    words: Vec<String>,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    let labeling: Labeling = params.read()?;
    if labeling.rule.iter().any(|rule| rule.words.is_empty()) {
        return Err(params.problem("rule", "a rule without words never fits: leave it out"));
    }
    Ok(Arc::new(labeling))
}

impl StageFn for Labeling {
    fn name(&self) -> &'static str {
        KIND.name
    }

    fn invoke<'a>(&'a self, ctx: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(self.label(ctx))
    }
}

impl Labeling {
    async fn label(&self, ctx: &StageContext) -> Result<Facts, StageError> {
        let wrong = |error| StageError::of("the rows cannot be labelled", error);
        let rows = frame(ctx, "input").await?;
        let texts = rows.column(&self.column).map_err(wrong)?.scalars();
        let labels = Column::texts(texts.map(|text| text.map(|text| self.of(&text.to_string()))));
        let labelled = rows.with("label", labels).map_err(wrong)?;
        let n_rows = labelled.n_rows();
        keep(ctx, "", labelled).await?;
        Ok(Facts::from_iter([("rows".to_owned(), json!(n_rows))]))
    }

    fn of(&self, text: &str) -> &str {
        let text = text.to_lowercase();
        let fits = |rule: &&Rule| {
            rule.words
                .iter()
                .any(|word| text.contains(&word.to_lowercase()))
        };
        self.rule
            .iter()
            .find(fits)
            .map_or(&self.otherwise, |rule| &rule.label)
    }
}
