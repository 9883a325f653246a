//! [`Missing`]: the words that stand for "no value".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The words that pandas' `read_csv` takes for a missing value by default
/// (pandas 2.2, `pandas._libs.parsers.STR_NA_VALUES`).
pub const PANDAS_WORDS: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// The words that stand for a missing value, matched exactly: case counts, and
/// spaces do. As in pandas it makes no difference whether they are quoted.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
#[schemars(with = "Vec<String>")]
pub struct Missing {
    words: Vec<String>,
    /// The words by their first byte.
    by_first: Vec<Vec<String>>,
    empty: bool,
}

impl Missing {
    /// Exactly these.
    pub fn words<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Missing {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        let mut by_first = vec![Vec::new(); 256];
        for word in &words {
            if let Some(first) = word.bytes().next() {
                by_first[usize::from(first)].push(word.clone());
            }
        }
        Missing {
            empty: words.iter().any(String::is_empty),
            words,
            by_first,
        }
    }

    /// Whether `text` stands for a missing value.
    #[inline]
    pub fn is(&self, text: &[u8]) -> bool {
        let Some(first) = text.first() else {
            return self.empty;
        };
        let mut words = self.by_first[usize::from(*first)].iter();
        words.any(|word| word.as_bytes() == text)
    }
}

impl Default for Missing {
    fn default() -> Missing {
        Missing::words(PANDAS_WORDS)
    }
}

impl From<Vec<String>> for Missing {
    fn from(words: Vec<String>) -> Missing {
        Missing::words(words)
    }
}

impl From<Missing> for Vec<String> {
    fn from(missing: Missing) -> Vec<String> {
        missing.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pandas_words_by_default() {
        let missing = Missing::default();
        assert!(PANDAS_WORDS.iter().all(|word| missing.is(word.as_bytes())));
        for word in ["na", " NA", "NAN", "none", "0", "-", "#"] {
            assert!(!missing.is(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn a_list_in_a_document_replaces_them() {
        let missing: Missing = serde_json::from_str(r#"["-999", "?"]"#).unwrap();
        assert!(missing.is(b"-999") && missing.is(b"?"));
        assert!(!missing.is(b"") && !missing.is(b"NA"));
        let written = serde_json::to_string(&missing).unwrap();
        assert_eq!(written, r#"["-999","?"]"#);
    }
}
