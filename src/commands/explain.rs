//! `cutline explain`

use clap::Args;
use cutline_analyzer::Catalog;
use cutline_analyzer::explain::{Topic, topics};

use crate::console::Console;
use crate::error::{CommandError, Kind};

/// Explains a hazard, a stage, or what is known of a library.
#[derive(Args)]
pub(crate) struct ExplainArgs {
    /// What to explain; without it, everything that can be is listed.
    name: Option<String>,
}

/// Prints what is known of a name, or the names.
pub(crate) fn explain(args: &ExplainArgs, console: &Console) -> Result<(), CommandError> {
    let topics = topics(&Catalog::built_in());
    let Some(name) = &args.name else {
        return console.print(&list(&topics));
    };
    let mut named = topics
        .iter()
        .filter(|topic| topic.name.eq_ignore_ascii_case(name))
        .peekable();
    if named.peek().is_none() {
        return Err(unknown(name, &topics));
    }
    for topic in named {
        console.print(&format!(
            "{} ({})\n\n{}\n",
            topic.name,
            topic.kind,
            topic.text.trim_end()
        ))?;
    }
    Ok(())
}

fn list(topics: &[Topic]) -> String {
    topics
        .chunk_by(|a, b| a.kind == b.kind)
        .map(|group| {
            let names: Vec<_> = group.iter().map(|topic| topic.name.as_str()).collect();
            format!("{:<9}{}\n", group[0].kind, names.join(", "))
        })
        .collect()
}

fn unknown(name: &str, topics: &[Topic]) -> CommandError {
    let error = CommandError::message(Kind::Usage, format!("nothing is known of `{name}`"));
    let nearest = topics
        .iter()
        .map(|topic| (distance(name, &topic.name), &topic.name))
        .min();
    match nearest {
        Some((distance, nearest)) if distance * 3 <= name.chars().count() => {
            error.hint(format!("did you mean `{nearest}`?"))
        }
        _ => error.hint("`cutline explain` lists every name"),
    }
}

/// How many letters must be changed, added or dropped to turn one word into
/// the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("training", "training"), 0);
        assert_eq!(distance("trainning", "training"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
    }
}
