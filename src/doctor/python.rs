//! The Python that `import-model` would use.

use std::process::Command;

use super::{Asked, Finding};

/// What a pickled model of scikit-learn is read with.
const LOOK: &str = "import sys, joblib, sklearn; print('%d.%d' % sys.version_info[:2], 'scikit-learn', sklearn.__version__)";

const MEND: &str = "for `cutline import-model`, name the monolith's own (--python)";

pub(super) fn look(asked: &Asked<'_>) -> Vec<Finding> {
    let what = format!("{}", asked.python.display());
    let output = Command::new(asked.python).args(["-c", LOOK]).output();
    let finding = match output {
        Ok(output) if output.status.success() => {
            Finding::good(what, String::from_utf8_lossy(&output.stdout).trim())
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("it failed").to_owned();
            Finding::absent(asked.named.python, what, last, MEND)
        }
        Err(error) => Finding::absent(asked.named.python, what, error.to_string(), MEND),
    };
    vec![finding]
}
