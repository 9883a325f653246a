//! Paths of which parts are not known: which may be the same file.

use smol_str::SmolStr;

/// True if the two paths, at least one with a hole, may be the same: as many
/// steps, each alike, and the file's own name partly known in both.
pub(super) fn may_be_same(a: &str, b: &str) -> bool {
    if !a.contains('{') && !b.contains('{') {
        return false;
    }
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
    let n_steps = a.len();
    if n_steps != b.len() || n_steps < 2 {
        return false;
    }
    let names_known = is_hole(a[n_steps - 1]) || is_hole(b[n_steps - 1]);
    !names_known && a.iter().zip(&b).all(|(a, b)| alike(a, b))
}

/// True if `name` is one of `others` with its beginning unknown:
/// `{home}/raw.csv` beside `{SHOP_HOME}/raw.csv`.
pub(super) fn is_less_known(name: &str, others: &[&SmolStr]) -> bool {
    let Some((hole, tail)) = name.split_once('/') else {
        return false;
    };
    if !is_hole(hole) || is_variable(hole) || tail.is_empty() {
        return false;
    }
    others.iter().any(|other| {
        let begins = other.split('/').next().unwrap_or_default();
        let better = !is_hole(begins) || is_variable(begins);
        better
            && other
                .strip_suffix(tail)
                .is_some_and(|rest| rest.ends_with('/'))
    })
}

fn is_hole(step: &str) -> bool {
    step.starts_with('{') && step.find('}') == Some(step.len() - 1)
}

/// An environment variable in braces: a place, though set from outside.
fn is_variable(hole: &str) -> bool {
    let mut letters = hole.chars().filter(|c| c.is_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(char::is_uppercase)
}

/// Equal, or what is known at both ends of a hole agrees.
fn alike(a: &str, b: &str) -> bool {
    let ends = |step: &'_ str| -> Option<(String, String)> {
        let (start, _) = step.split_once('{')?;
        let (_, end) = step.rsplit_once('}')?;
        Some((start.to_owned(), end.to_owned()))
    };
    match (ends(a), ends(b)) {
        (None, None) => a == b,
        (Some((start, end)), None) => fits(b, &start, &end),
        (None, Some((start, end))) => fits(a, &start, &end),
        (Some((a_start, a_end)), Some((b_start, b_end))) => {
            // Two variables are two places.
            let two_places = is_variable(a) && is_variable(b) && a != b;
            !two_places
                && (a_start.starts_with(&b_start) || b_start.starts_with(&a_start))
                && (a_end.ends_with(&b_end) || b_end.ends_with(&a_end))
        }
    }
}

fn fits(step: &str, start: &str, end: &str) -> bool {
    step.len() >= start.len() + end.len() && step.starts_with(start) && step.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_asked_for_may_be_the_one_that_was_written() {
        assert!(may_be_same(
            "{HOME}/models/v{}/model.joblib",
            "{HOME}/models/{version}/model.joblib"
        ));
        assert!(may_be_same("data/raw.csv", "{folder}/raw.csv"));
        assert!(!may_be_same("data/raw.csv", "{folder}/test.csv"));
        assert!(!may_be_same("data/raw.csv", "{folder}/{name}"));
        assert!(!may_be_same("{A_HOME}/raw.csv", "{B_HOME}/raw.csv"));
        assert!(!may_be_same("a/raw.csv", "b/raw.csv"));
    }

    #[test]
    fn a_path_whose_beginning_is_known_elsewhere_is_not_told_again() {
        let known = SmolStr::from("{SHOP_HOME}/data/raw.csv");
        assert!(is_less_known("{home}/data/raw.csv", &[&known]));
        assert!(!is_less_known("{SHOP_HOME}/data/raw.csv", &[&known]));
        assert!(!is_less_known("{home}/data/test.csv", &[&known]));
    }
}
