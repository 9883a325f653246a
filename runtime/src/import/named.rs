//! Names for the columns of a model that was trained on arrays: written into
//! its document, which is then read as any other.

use serde_json::{Value, json};

use super::error::ImportError;
use super::imported::Imported;

/// What libraries call the columns of an array, followed by their numbers.
const NUMBERED: [&str; 3] = ["x", "f", "Column_"];

impl Imported {
    /// Whether the document names its columns. Where the model was trained on
    /// arrays they are numbered: `x0`, `x1` ….
    pub fn is_named(&self) -> bool {
        let is_numbered = |prefix: &&str| {
            let mut inputs = self.inputs().iter().enumerate();
            inputs.all(|(index, input)| *input.name == *format!("{prefix}{index}"))
        };
        !NUMBERED.iter().any(is_numbered)
    }

    /// The document that [`Imported::read`] reads, with other names of its
    /// columns, in its order.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn document_of(document: &[u8], columns: &[String]) -> Result<Vec<u8>, ImportError> {
        renamed(document, "/inputs", columns)
    }

    /// The same of a file that [`Imported::lightgbm`] reads. No name may have a
    /// space in it.
    pub fn lightgbm_of(text: &str, columns: &[String]) -> String {
        let names = format!("feature_names={}", columns.join(" "));
        let lines = text.split('\n').map(|line| match line {
            line if line.starts_with("feature_names=") => &*names,
            line => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The same of a file that [`Imported::xgboost`] reads.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn xgboost_of(document: &[u8], columns: &[String]) -> Result<Vec<u8>, ImportError> {
        renamed(document, "/learner/feature_names", columns)
    }
}

fn renamed(document: &[u8], at: &str, columns: &[String]) -> Result<Vec<u8>, ImportError> {
    let read = serde_json::from_slice(document);
    let mut document: Value = read.map_err(|source| ImportError::Json { source })?;
    if let Some(names) = document.pointer_mut(at) {
        *names = json!(columns);
    }
    Ok(document.to_string().into_bytes())
}
