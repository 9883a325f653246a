//! Names of queues, containers and functions: what Azure takes, each once.

use std::collections::BTreeSet;

/// Azure takes 3 to 63 small letters, digits and single dashes.
const LONGEST: usize = 63;

/// Names that were given.
#[derive(Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// The name of a queue or container made of `parts`; another's is not given
    /// again. The same calls give the same names.
    pub(super) fn azure(&mut self, parts: &[&str]) -> String {
        let whole = slug(&parts.join("-"), '-');
        let mut name = match whole.len() {
            0..3 => format!("{whole}-{}", tail(&whole)),
            3..=LONGEST => whole.clone(),
            _ => format!(
                "{}-{}",
                whole[..LONGEST - 9].trim_end_matches('-'),
                tail(&whole)
            ),
        };
        name = name.trim_start_matches('-').to_owned();
        self.once(&name, &format!("{whole}/{}", parts.join("/")))
    }

    /// The name of a function made of `parts`, which Python takes too.
    pub(super) fn function(&mut self, parts: &[&str]) -> String {
        let mut name = slug(&parts.join("_"), '_');
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            name = format!("f_{name}");
        }
        let name = name.chars().take(LONGEST).collect::<String>();
        self.once(name.trim_end_matches('_'), &parts.join("/"))
            .replace('-', "_")
    }

    fn once(&mut self, name: &str, whole: &str) -> String {
        let mut given = name.to_owned();
        let mut salt = whole.to_owned();
        while !self.taken.insert(given.clone()) {
            let cut: String = name.chars().take(LONGEST - 9).collect();
            given = format!("{}-{}", cut.trim_end_matches(['-', '_']), tail(&salt));
            salt.push('+');
        }
        given
    }
}

/// Small letters and digits, whatever else as a single `gap`.
pub(super) fn slug(text: &str, gap: char) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if slug.is_empty() || slug.ends_with(gap) => {}
            _ => slug.push(gap),
        }
    }
    slug.trim_end_matches(gap).to_owned()
}

/// Eight digits that tell texts apart (FNV-1a).
fn tail(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{hash:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_azures(name: &str) -> bool {
        let is_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (3..=63).contains(&name.len())
            && name.chars().all(is_char)
            && !name.starts_with('-')
            && !name.ends_with('-')
            && !name.contains("--")
    }

    #[test]
    fn names_are_azures() {
        let mut names = Names::default();
        let long = "a very long name of a repository with much in it";
        for parts in [
            &["churn_flask", "training", "to", "evaluation"][..],
            &["Ünïcode!!", "x"],
            &["", ""],
            &["a"],
            &["--", "--"],
            &[long, "preprocessing", "to", "evaluation"],
            &[long, "preprocessing", "to", "deployment"],
        ] {
            let name = names.azure(parts);
            assert!(is_azures(&name), "{parts:?}: {name}");
        }
    }

    #[test]
    fn the_same_name_is_not_given_twice_and_always_in_the_same_way() {
        let given = || {
            let mut names = Names::default();
            let parts = [&["a_b", "c"], &["a", "b_c"], &["a-b", "c"], &["A b", "C"]];
            parts.map(|parts| names.azure(parts))
        };
        let names = given();
        assert_eq!(names[0], "a-b-c");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 4);
        assert!(names.iter().all(|name| is_azures(name)), "{names:?}");
        assert_eq!(names, given());
    }

    #[test]
    fn functions_are_called_what_python_takes() {
        let mut names = Names::default();
        let route = names.function(&["get", "/models/{version}/metrics"]);
        assert_eq!(route, "get_models_version_metrics");
        assert_ne!(names.function(&["get", "/models/version/metrics"]), route);
        assert_eq!(names.function(&["3"]), "f_3");
    }
}
