//! What no template can be written of.

use super::{in_bicep, in_terraform, sample};

fn told(text: &str) -> String {
    let told = in_bicep(text).err().unwrap_or_default();
    assert_eq!(in_terraform(text).err().unwrap_or_default(), told);
    told
}

#[test]
fn an_account_is_one_that_can_be_made() {
    const URL: &str = "azure:https://churn.blob.core.windows.net/kept";
    let elsewhere = |url: &str| told(&sample().replace(URL, url));
    for url in [
        "azure:https://churn.blob.core.usgovcloudapi.net/kept",
        "azure:https://ch-urn.blob.core.windows.net/kept",
        "azure:https://churn.blob.core.windows.net:444/kept",
    ] {
        let told = elsewhere(url);
        assert!(
            told.contains("no account that a template can make"),
            "{told}"
        );
    }
    let emulated = sample().replace(
        &format!("url = \"{URL}\""),
        "url = \"azure:http://127.0.0.1:1/dev/kept\"\nqueues = \"http://127.0.0.1:2/dev\"",
    );
    assert!(told(&emulated).contains("no account that a template can make"));
    let folder = sample().replace(&format!("url = \"{URL}\""), "");
    assert!(told(&folder).contains("store.url"));
}

#[test]
fn what_opens_an_account_otherwise_is_not_taken() {
    let signed = sample().replace("[store]", "[store]\nsas = { env = \"CHURN_SAS\" }");
    assert!(told(&signed).contains("store.sas: the account of the templates takes no signature"));
}

#[test]
fn a_variable_is_one_that_a_setting_becomes() {
    for name in ["CHURN-TOKEN", "7TOKEN", "T'${x}", ""] {
        let named = sample().replace("CHURN_TOKEN", name);
        let told = told(&named);
        assert!(
            told.contains("names no variable that an app's setting"),
            "{told}"
        );
    }
}

#[test]
fn what_cannot_be_published_has_no_place() {
    let odd = sample().replace("15m", "7m");
    assert!(told(&odd).contains("every 7m cannot be said as NCRONTAB"));
}
