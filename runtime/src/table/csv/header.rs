//! The names of the columns, from the first row.

use std::collections::HashSet;

use memchr::memchr_iter;

use crate::table::TableError;
use crate::table::blocks::closing_quote;

/// How many columns a table may have.
const MOST_COLUMNS: usize = 16_384;

/// What the header, the first row of the table, is read with.
pub(super) struct Header<'a> {
    pub(super) table: &'a str,
    pub(super) delimiter: u8,
    pub(super) encoding: &'static str,
}

impl Header<'_> {
    /// The names that the row gives, made unique as in pandas: a second `a` is
    /// `a.1`, and what has no name is `Unnamed: 3` by its place from 0.
    pub(super) fn names(&self, row: &[u8]) -> Result<Vec<String>, TableError> {
        if memchr_iter(self.delimiter, row).count() >= MOST_COLUMNS {
            return Err(self.too_wide());
        }
        let row = std::str::from_utf8(row)
            .ok()
            .filter(|row| !row.contains('\0'));
        let row = row.ok_or_else(|| TableError::Header {
            table: self.table.to_owned(),
            encoding: self.encoding,
        })?;
        let row = row.trim_end_matches(['\r', '\n']);
        Ok(unique(fields(row, self.delimiter)))
    }

    fn too_wide(&self) -> TableError {
        TableError::TooWide {
            table: self.table.to_owned(),
            most: MOST_COLUMNS,
            delimiter: self.delimiter.into(),
        }
    }
}

/// The texts of the row's fields.
fn fields(row: &str, delimiter: u8) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = row;
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => match closing_quote(quoted.as_bytes(), 0) {
                Some(close) => (quoted[..close].replace("\"\"", "\""), &quoted[close + 1..]),
                None => (quoted.to_owned(), ""),
            },
            None => (String::new(), rest),
        };
        let (tail, next) = match after.split_once(char::from(delimiter)) {
            Some((tail, next)) => (tail, Some(next)),
            None => (after, None),
        };
        names.push(name + tail);
        match next {
            Some(next) => rest = next,
            None => return names,
        }
    }
}

fn unique(names: Vec<String>) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let names = names.into_iter().enumerate().map(|(place, name)| {
        let name = match name.is_empty() {
            true => format!("Unnamed: {place}"),
            false => name,
        };
        let mut own = name.clone();
        let mut n_same = 0;
        while !taken.insert(own.clone()) {
            n_same += 1;
            own = format!("{name}.{n_same}");
        }
        own
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(row: &[u8]) -> Result<Vec<String>, String> {
        let header = Header {
            table: "x.csv",
            delimiter: b',',
            encoding: "UTF-8",
        };
        header.names(row).map_err(|error| error.to_string())
    }

    #[test]
    fn names_may_be_quoted_missing_and_repeated() {
        assert_eq!(names(b"a,\"b, \"\"c\"\"\"\r\n").unwrap(), ["a", "b, \"c\""]);
        assert_eq!(names(b"a,,a,a").unwrap(), ["a", "Unnamed: 1", "a.1", "a.2"]);
    }

    #[test]
    fn a_header_that_is_none_is_refused() {
        assert!(names(b"a,\xff").unwrap_err().contains("not valid UTF-8"));
        assert!(
            names(&b",".repeat(20_000))
                .unwrap_err()
                .contains("16384 columns")
        );
    }
}
