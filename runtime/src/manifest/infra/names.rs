//! Names within Azure's limits, each told from the others.
//! ("Naming rules and restrictions for Azure resources".)

use sha2::{Digest, Sha256};

use super::model::{ACCOUNT, NAME, VAULT};

/// A function's within 32 characters, so that a name before it and what it is of
/// behind it fit in the 60 of an app and the 64 of an endpoint.
pub(super) fn key(function: &str) -> String {
    const MOST: usize = 32;
    const TELLS: usize = 6;
    if function.len() <= MOST {
        return function.to_owned();
    }
    let beginning: String = function.chars().take(MOST - TELLS - 1).collect();
    let beginning = beginning.trim_end_matches('-');
    format!("{beginning}-{}", hash(function, TELLS))
}

/// What names begin with: a letter first.
pub(super) fn beginning(account: &str) -> String {
    let letter = match account.starts_with(|c: char| c.is_ascii_digit()) {
        true => "c",
        false => "",
    };
    format!("{letter}{account}")
        .chars()
        .take(*NAME.end())
        .collect()
}

/// Accounts are called so once in all of Azure.
pub(super) fn host(account: &str, function: &str) -> String {
    const TELLS: usize = 8;
    const OF: &str = "host";
    let tells = hash(&format!("{account}/{function}"), TELLS);
    let room = ACCOUNT.end() - OF.len() - TELLS;
    let beginning: String = account.chars().take(room).collect();
    format!("{beginning}{OF}{tells}")
}

/// Vaults are, too.
pub(super) fn vault(account: &str) -> String {
    format!("kv-{account}").chars().take(*VAULT.end()).collect()
}

/// Namespaces of event hubs are, too.
pub(super) fn namespace(account: &str) -> String {
    format!("evhns-{account}")
}

/// What a variable's secret is called in the vault, where letters are not told
/// apart by their case: what they alone tell apart has its hash behind it.
pub(super) fn secret(variable: &str) -> String {
    const MOST: usize = 100;
    let plain: String = variable.replace('_', "-").to_ascii_lowercase();
    let again = plain.replace('-', "_").to_ascii_uppercase();
    match again == variable && plain.len() <= MOST {
        true => plain,
        false => {
            let beginning: String = plain.chars().take(MOST).collect();
            format!("{beginning}-{}", hash(variable, 8))
        }
    }
}

fn hash(text: &str, digits: usize) -> String {
    let mut hash = hex::encode(Sha256::digest(text));
    hash.truncate(digits);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_were_where_they_fit() {
        assert_eq!(key("feature-building"), "feature-building");
        assert_eq!(beginning("churn"), "churn");
        assert_eq!(beginning("7churn"), "c7churn");
        assert_eq!(host("churn", "ingestion"), "churnhost93783311");
        assert_eq!(vault("churn"), "kv-churn");
        assert_eq!(namespace("churn"), "evhns-churn");
        assert_eq!(secret("CHURN_TOKEN"), "churn-token");
    }

    #[test]
    fn names_that_do_not_fit_are_told_apart() {
        let long = "a-function-with-the-longest-name-of-all";
        let (one, other) = (key(&format!("{long}-1")), key(&format!("{long}-2")));
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
        let account = "a".repeat(24);
        assert_eq!(host(&account, "ingestion").len(), 24);
        assert_eq!(vault(&account).len(), 24);
        assert_ne!(secret("Token"), secret("TOKEN"));
        assert_ne!(secret("TOKEN"), secret("token"));
    }
}
