//! Whatever functions.toml says that is odd: both formats can be read, names are
//! within Azure's limits, and a text stays a text.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::read_bicep::Value;
use super::{in_bicep, in_terraform, read_bicep, read_terraform};

/// A name of a function: at most 60 of what a queue's name may have.
fn name() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,4}"
}

/// What may stand in a path, and would end or open something elsewhere.
fn path() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "'", "\"", "$", "${", "%{", "\\", "'''", "\n", "\r\n", "\t", "\u{7}", "#", "//", "é", "😀",
        "\u{2028}", "}", "a", ".csv",
    ];
    let odd = prop::sample::select(ODD);
    prop::collection::vec(odd, 0..8).prop_map(|parts| parts.concat())
}

fn pipeline(account: &str, names: &BTreeSet<String>, before: &str, behind: &str) -> String {
    let text = |text: &str| toml::Value::from(text).to_string();
    let mut pipeline =
        format!("[store]\nurl = \"azure:https://{account}.blob.core.windows.net/kept\"\n");
    for (index, name) in names.iter().enumerate() {
        let blob = text(&format!("{before}x{{name}}x{behind}"));
        pipeline.push_str(&format!(
            "[function.{name}]\nstage = \"ingestion\"\ntrigger = {{ queue = \"queue-{index}\" }}\ninput = {{ blob = {blob} }}\noutput = {{ artifact = \"rows-{index}\" }}\n"
        ));
    }
    pipeline
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn odd_names_and_paths(
        account in "[a-z0-9]{3,24}",
        names in prop::collection::btree_set(name(), 1..5),
        before in path(),
        behind in path(),
    ) {
        let text = pipeline(&account, &names, &before, &behind);
        let Ok(bicep) = in_bicep(&text) else {
            // The path leaves its folder, or has a brace of its own.
            prop_assert!(before.contains(['{', '}', '/', '\\']) || behind.contains(['{', '}', '/', '\\']), "{}", in_bicep(&text).unwrap_err());
            return Ok(());
        };
        let terraform = in_terraform(&text).unwrap();
        let blocks = read_terraform::blocks(&terraform);
        prop_assert!(!blocks.is_empty());

        let begins = format!("/blobServices/default/containers/incoming/blobs/{before}x");
        let ends = format!("x{behind}");
        let modules = read_bicep::modules(&bicep);
        let (_, events) = modules.iter().find(|(symbol, _)| symbol == "events").unwrap();
        let Some(Value::List(told)) = events.at("params.subscriptions") else {
            panic!("{events:?}")
        };
        prop_assert_eq!(told.len(), names.len());
        for told in told {
            prop_assert_eq!(told.at("begins"), Some(&Value::Text(begins.clone())));
            prop_assert_eq!(told.at("ends"), Some(&Value::Text(ends.clone())));
        }
        let subscriptions = read_terraform::local(&terraform, "subscriptions");
        for (_, told) in read_terraform::entries(&subscriptions) {
            let told = read_terraform::entries(&told);
            prop_assert_eq!(read_terraform::text(&told[0].1), begins.clone());
            prop_assert_eq!(read_terraform::text(&told[1].1), ends.clone());
        }

        let symbols = read_bicep::resources(&bicep);
        let symbols: Vec<&str> = symbols.iter().map(|resource| resource.symbol.as_str()).collect();
        for symbol in symbols {
            prop_assert!(symbol.starts_with(|c: char| c.is_ascii_alphabetic()));
        }
        let keys = read_terraform::texts(&read_terraform::local(&terraform, "apps"));
        prop_assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), names.len());
        for key in keys {
            prop_assert!((1..=32).contains(&key.len()), "{}", key);
        }
        let mut hosts = BTreeSet::new();
        for (name, default) in read_bicep::parameters(&bicep) {
            match name.as_str() {
                "name" => prop_assert!((2..=20).contains(&default.len()) && default.starts_with(|c: char| c.is_ascii_lowercase())),
                "vaultName" => prop_assert!((3..=24).contains(&default.len())),
                host if host.starts_with("host_") => {
                    prop_assert!((3..=24).contains(&default.len()));
                    prop_assert!(default.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
                    prop_assert!(hosts.insert(default));
                }
                _ => {}
            }
        }
        prop_assert_eq!(hosts.len(), names.len());
    }
}
