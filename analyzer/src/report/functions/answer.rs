//! `[http.response]`: what a field of an answer becomes. The expression that
//! makes it decides; where the code does not lead to one, its name and type.

use super::super::document::ContractItem;
use super::toml::{Lines, at, quoted, value};
use crate::cut::{Making, Prediction, Says};

/// What is known beside the field.
pub(super) struct Asked<'r> {
    /// The column that is predicted.
    pub(super) label: Option<&'r str>,
    /// What a row of the request holds.
    pub(super) columns: Vec<&'r str>,
    /// What stands before a column in the name of a request's field.
    pub(super) prefix: String,
}

/// Puts the entry of a field.
pub(super) fn put(out: &mut Lines, field: &ContractItem, asked: &Asked<'_>) {
    let each = match field.name.contains("[]") {
        true => "*",
        false => "0",
    };
    let place = pointer(&field.name);
    let entry = match &field.made {
        Some(Making::Constant { value: constant }) => {
            value(constant).map(|text| format!("{{ value = {text} }}"))
        }
        Some(Making::Request { field }) => {
            let column = field.strip_prefix(asked.prefix.as_str());
            let column = column.filter(|column| asked.columns.contains(column));
            column.map(|column| quoted(&format!("/rows/{each}/{column}")))
        }
        Some(Making::Model(said)) if contradicts(field, said) => None,
        Some(Making::Model(said)) => return predicted(out, field, said),
        Some(Making::Otherwise) => None,
        None => match meaning(field, asked) {
            Meaning::Label if field.value == "bool" => {
                let from = "from = \"/probabilities/";
                let entry = format!("{{ {from}{each}/1\", at_least = \"TODO\" }}");
                let key = quoted(&place);
                return out.open(&format!("{key} = {entry}"), &key, &at(&field.place));
            }
            meaning => by_name(field, meaning, each),
        },
    };
    let key = quoted(&place);
    match entry {
        Some(entry) => out.put(&format!("{key} = {entry}")),
        None => out.todo(&key, Some(&field.place)),
    }
}

/// `predictions[].score` as a JSON Pointer: `/predictions/*/score`.
pub(super) fn pointer(name: &str) -> String {
    let name = name.replace("[]", ".*");
    let parts = name.split('.').filter(|part| !part.is_empty());
    parts
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// A field is, or is named as, what a model says.
pub(super) fn says(field: &ContractItem, asked: &Asked<'_>) -> bool {
    match &field.made {
        Some(Making::Model(_)) => true,
        Some(Making::Otherwise) | None => {
            matches!(meaning(field, asked), Meaning::Label | Meaning::Probability)
        }
        _ => false,
    }
}

/// What is called a probability, and is what `predict` answers.
fn contradicts(field: &ContractItem, said: &Prediction) -> bool {
    let plain = said.says == Says::Label && said.test.is_none() && said.names.is_empty();
    let words = words(&field.name);
    plain
        && words
            .last()
            .is_some_and(|word| word.starts_with("prob") || word == "confidence")
}

/// What a model says, as far as the code goes.
fn predicted(out: &mut Lines, field: &ContractItem, said: &Prediction) {
    let lists = field.name.matches("[]").count();
    let mut place = pointer(&field.name);
    let each = match (lists, said.one_row, said.each_row) {
        (1, true, true) | (0, false, _) => "/*",
        (0, true, false) => "/0",
        // The first row's in a list, or that of the last step of a loop.
        _ => return out.todo(&quoted(&place), Some(&field.place)),
    };
    let plain = said.round.is_none() && said.test.is_none() && said.names.is_empty();
    let whole = said.says != Says::Score && said.class.is_none() && plain && !said.one_row;
    let each = match whole {
        true => "",
        false => each,
    };
    if !said.one_row && !whole {
        place.push_str("/*");
    }
    let from = match (said.says, said.class) {
        (Says::Label, _) => format!("/labels{each}"),
        (Says::Probability, Some(class)) => format!("/probabilities{each}/{class}"),
        (Says::Probability, None) => format!("/probabilities{each}"),
        (Says::Score, _) => format!("/scores{each}/0"),
    };
    let key = quoted(&place);
    if plain {
        return out.put(&format!("{key} = {}", quoted(&from)));
    }
    // What has no name in TOML (null) cannot be said, nor can the others without it.
    let names = said.names.iter().map(|(name, given)| {
        let given = value(given)?;
        Some(format!("{} = {given}", super::toml::named(name)))
    });
    let Some(names) = names.collect::<Option<Vec<String>>>() else {
        return out.todo(&key, Some(&field.place));
    };
    let mut parts = vec![format!("from = {}", quoted(&from))];
    parts.extend(said.round.map(|digits| format!("round = {digits}")));
    let open = said
        .test
        .as_ref()
        .is_some_and(|test| test.at_least.is_none());
    parts.extend(said.test.as_ref().map(|test| match test.at_least {
        Some(number) => format!("at_least = {number:?}"),
        None => "at_least = \"TODO\"".to_owned(),
    }));
    if !names.is_empty() {
        parts.push(format!("names = {{ {} }}", names.join(", ")));
    }
    let line = format!("{key} = {{ {} }}", parts.join(", "));
    match open {
        true => out.open(&line, &key, &at(&field.place)),
        false => out.put(&line),
    }
}

/// What a field is by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Label,
    Probability,
    Version,
    Count,
    Column,
    Unknown,
}

fn last_part(name: &str) -> &str {
    let name = name.trim_end_matches("[]");
    name.rsplit(['.', ']']).next().unwrap_or(name)
}

/// The words of a name: those of `churnProbability` are those of
/// `churn_probability`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in last_part(name).chars() {
        let begins = c.is_uppercase() && was_small || !c.is_alphanumeric();
        was_small = c.is_lowercase();
        if begins {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn meaning(field: &ContractItem, asked: &Asked<'_>) -> Meaning {
    let name = last_part(&field.name).to_ascii_lowercase();
    let ty = field.value.to_ascii_lowercase();
    let is = |known: &[&str]| known.contains(&name.as_str());
    if asked
        .columns
        .iter()
        .any(|column| column.to_ascii_lowercase() == name)
    {
        return Meaning::Column;
    }
    // A version may be the program's, and a model its name.
    let of_model = || {
        let said = own(&field.place.code, &name).to_ascii_lowercase();
        ["model", "version"]
            .iter()
            .all(|word| name.contains(word) || said.contains(word))
    };
    if is(&["model", "model_version", "version"]) && of_model() {
        return Meaning::Version;
    }
    if is(&["count", "n_rows", "rows", "total"]) && ty == "int" {
        return Meaning::Count;
    }
    let words = words(&field.name);
    let last = words.last().map_or("", String::as_str);
    let counts = matches!(
        words.first().map(String::as_str),
        Some("n" | "num" | "number" | "count" | "total")
    );
    let is_number = !matches!(ty.as_str(), "str" | "int" | "bool");
    match last {
        _ if counts => Meaning::Unknown,
        "confidence" | "proba" | "prob" | "probs" | "probability" | "probabilities"
            if is_number =>
        {
            Meaning::Probability
        }
        "score" | "scores" if is_number && words.len() == 1 => Meaning::Probability,
        "label" | "labels" | "prediction" | "predictions" | "predicted" => Meaning::Label,
        "class" if words.len() == 1 || words[0] == "predicted" => Meaning::Label,
        _ if asked
            .label
            .is_some_and(|label| label.to_ascii_lowercase() == name) =>
        {
            Meaning::Label
        }
        _ => Meaning::Unknown,
    }
}

/// Where in an answer a field of this meaning is; nothing where its type says
/// that it may be something else.
fn by_name(field: &ContractItem, meaning: Meaning, each: &str) -> Option<String> {
    let ty = field.value.to_ascii_lowercase();
    let list = ty.starts_with("list") || ty.starts_with("sequence");
    let name = last_part(&field.name);
    Some(quoted(&match meaning {
        Meaning::Version => "/model/version".to_owned(),
        Meaning::Count => "/count".to_owned(),
        Meaning::Column => format!("/rows/{each}/{name}"),
        // A confidence may be the greatest of all, and a score anything.
        Meaning::Probability if !words(name).iter().any(|word| word.starts_with("prob")) => {
            return None;
        }
        Meaning::Probability if list => format!("/probabilities/{each}"),
        Meaning::Probability => format!("/probabilities/{each}/1"),
        // A class is no fraction: it may be a probability.
        Meaning::Label if ty.contains("float") => return None,
        Meaning::Label if list => "/labels".to_owned(),
        Meaning::Label => format!("/labels/{each}"),
        Meaning::Unknown => return None,
    }))
}

/// What is said of a field on its line: from its name to the next comma that
/// is in no bracket.
fn own<'c>(code: &'c str, field: &str) -> &'c str {
    let named = [
        format!("\"{field}\""),
        format!("'{field}'"),
        format!("{field}="),
    ];
    let behind = named
        .iter()
        .find_map(|name| Some(code.split_once(name.as_str())?.1));
    let code = behind.unwrap_or(code);
    let mut depth = 0_i32;
    let end = code.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        (depth < 0 || depth == 0 && c == ',').then_some(at)
    });
    code.get(..end.unwrap_or(code.len())).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::super::super::document::Place;
    use super::*;
    use std::collections::BTreeMap;

    fn field(name: &str, ty: &str, made: Option<Making>) -> ContractItem {
        ContractItem {
            kind: crate::cut::EntryKind::ResponseField,
            name: name.to_owned(),
            value: ty.to_owned(),
            optional: false,
            made,
            place: Place {
                file: "app.py".to_owned(),
                line: 7,
                cell: None,
                code: String::new(),
            },
        }
    }

    fn entry(field: &ContractItem) -> String {
        let mut out = Lines::default();
        let asked = Asked {
            label: Some("churned"),
            columns: vec!["age"],
            prefix: "rows[].".to_owned(),
        };
        put(&mut out, field, &asked);
        out.text().trim_end().to_owned()
    }

    fn model(says: Says, one_row: bool, class: Option<u32>) -> Prediction {
        Prediction {
            says,
            one_row,
            each_row: false,
            class,
            round: None,
            test: None,
            names: BTreeMap::new(),
        }
    }

    #[test]
    fn the_expression_decides() {
        let of = |name: &str, said| entry(&field(name, "float", Some(Making::Model(said))));
        let probability = model(Says::Probability, true, Some(1));
        let mut each_row = probability.clone();
        each_row.each_row = true;
        for (name, said, expected) in [
            (
                "churn",
                probability.clone(),
                r#""/churn" = "/probabilities/0/1""#,
            ),
            (
                "rows[].churn",
                each_row.clone(),
                r#""/rows/*/churn" = "/probabilities/*/1""#,
            ),
            (
                "rows[].churn",
                probability.clone(),
                r#""/rows/*/churn" = "TODO" # TODO app.py:7"#,
            ),
            (
                "churn",
                each_row.clone(),
                r#""/churn" = "TODO" # TODO app.py:7"#,
            ),
            (
                "groups[].rows[].churn",
                each_row,
                r#""/groups/*/rows/*/churn" = "TODO" # TODO app.py:7"#,
            ),
            (
                "score",
                model(Says::Probability, false, Some(1)),
                r#""/score/*" = "/probabilities/*/1""#,
            ),
            (
                "all",
                model(Says::Probability, true, None),
                r#""/all" = "/probabilities/0""#,
            ),
            (
                "score",
                model(Says::Label, true, None),
                r#""/score" = "/labels/0""#,
            ),
            (
                "classes",
                model(Says::Label, false, None),
                r#""/classes" = "/labels""#,
            ),
            (
                "margin",
                model(Says::Score, true, None),
                r#""/margin" = "/scores/0/0""#,
            ),
            // A regressor's answer is no probability.
            (
                "probability",
                model(Says::Label, true, None),
                r#""/probability" = "TODO" # TODO app.py:7"#,
            ),
        ] {
            assert_eq!(of(name, said), expected);
        }
        let mut tested = probability;
        tested.round = Some(4);
        tested.test = Some(crate::cut::Test {
            at_least: Some(0.5),
        });
        tested.names = [("true", "yes"), ("false", "no")]
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into();
        assert_eq!(
            of("churn", tested.clone()),
            r#""/churn" = { from = "/probabilities/0/1", round = 4, at_least = 0.5, names = { false = "no", true = "yes" } }"#
        );
        tested
            .names
            .insert("other".to_owned(), serde_json::Value::Null);
        assert_eq!(
            of("churn", tested.clone()),
            r#""/churn" = "TODO" # TODO app.py:7"#
        );
        tested.names.clear();
        tested.test = Some(crate::cut::Test { at_least: None });
        assert_eq!(
            of("churn", tested),
            r#""/churn" = { from = "/probabilities/0/1", round = 4, at_least = "TODO" } # TODO app.py:7"#
        );
    }

    #[test]
    fn constants_and_what_the_request_says_are_repeated() {
        let constant = |value: serde_json::Value| Some(Making::Constant { value });
        let request = |field: &str| {
            Some(Making::Request {
                field: field.to_owned(),
            })
        };
        for (name, made, expected) in [
            (
                "version",
                constant("1.0.0".into()),
                r#""/version" = { value = "1.0.0" }"#,
            ),
            (
                "out[].years",
                request("rows[].age"),
                r#""/out/*/years" = "/rows/*/age""#,
            ),
            (
                "out[].id",
                request("id"),
                r#""/out/*/id" = "TODO" # TODO app.py:7"#,
            ),
            (
                "confidence",
                Some(Making::Otherwise),
                r#""/confidence" = "TODO" # TODO app.py:7"#,
            ),
        ] {
            assert_eq!(entry(&field(name, "str", made)), expected);
        }
    }

    #[test]
    fn a_name_decides_where_no_expression_is_known() {
        for (name, ty, expected) in [
            ("churn_probability", "float", r#""/probabilities/0/1""#),
            ("probabilityOfChurn", "float", r#""TODO" # TODO app.py:7"#),
            ("churn_label", "int", r#""/labels/0""#),
            ("prediction_time", "float", r#""TODO" # TODO app.py:7"#),
            ("n_predictions", "int", r#""TODO" # TODO app.py:7"#),
            ("predictions", "List[float]", r#""TODO" # TODO app.py:7"#),
            ("predictions", "List[int]", r#""/labels""#),
            ("churned", "unknown", r#""/labels/0""#),
            ("model_version", "str", r#""/model/version""#),
            ("version", "str", r#""TODO" # TODO app.py:7"#),
            ("confidence", "float", r#""TODO" # TODO app.py:7"#),
            ("score", "float", r#""TODO" # TODO app.py:7"#),
        ] {
            let place = pointer(name);
            let expected = format!("\"{place}\" = {expected}");
            assert_eq!(entry(&field(name, ty, None)), expected);
        }
    }

    #[test]
    fn a_version_is_the_models_where_its_expression_says_so() {
        for (name, code, expected) in [
            (
                "version",
                "\"version\": model.version,",
                r#""/model/version""#,
            ),
            (
                "model",
                "\"model\": current.version,",
                r#""/model/version""#,
            ),
            (
                "version",
                "\"model\": m, \"version\": app.version",
                r#""TODO" # TODO app.py:7"#,
            ),
            (
                "model",
                "\"model\": name, \"version\": v",
                r#""TODO" # TODO app.py:7"#,
            ),
        ] {
            let mut field = field(name, "str", None);
            field.place.code = code.to_owned();
            assert_eq!(entry(&field), format!("\"/{name}\" = {expected}"), "{code}");
        }
    }

    #[test]
    fn fields_become_pointers() {
        for (name, expected) in [
            ("score", "/score"),
            ("predictions[].score", "/predictions/*/score"),
            ("a.b", "/a/b"),
            ("[].x", "/*/x"),
        ] {
            assert_eq!(pointer(name), expected);
        }
    }
}
