use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/page")
}

fn names(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let files = files.filter(|file| file.file_type().unwrap().is_file());
    files
        .map(|file| format!("{prefix}{}", file.file_name().to_str().unwrap()))
        .collect()
}

#[test]
fn every_file_of_the_folder_is_served() {
    let mut there = names(&folder(), "");
    there.extend(names(&folder().join("vendor"), "vendor/"));
    let served = FILES
        .iter()
        .chain([&PAGE])
        .map(|(name, _, _)| (*name).to_owned());
    let mut served: BTreeSet<_> = served.collect();
    // What is not for browsers.
    served.extend(
        [
            "mod.rs",
            "tests.rs",
            "vendor/make.mjs",
            "vendor/vendor.json",
        ]
        .map(str::to_owned),
    );
    assert_eq!(there, served);
}

/// `make.mjs` makes them from what npm publishes; nobody edits them by hand.
#[test]
fn what_others_wrote_is_as_it_was_recorded() {
    let list = fs::read(folder().join("vendor/vendor.json")).unwrap();
    let list: Value = serde_json::from_slice(&list).unwrap();
    let mut recorded = BTreeMap::new();
    for entry in list.as_array().unwrap() {
        assert!(entry["integrity"].as_str().unwrap().starts_with("sha512-"));
        for file in entry["files"].as_array().unwrap() {
            let name = format!("vendor/{}", file["as"].as_str().unwrap());
            recorded.insert(name, file["sha256"].as_str().unwrap().to_owned());
        }
    }
    let found = FILES
        .iter()
        .filter(|(name, _, _)| name.starts_with("vendor/"));
    let found: BTreeMap<_, _> = found
        .map(|(name, _, bytes)| {
            let hash = Sha256::digest(bytes);
            let hash = hash.iter().map(|byte| format!("{byte:02x}"));
            ((*name).to_owned(), hash.collect::<String>())
        })
        .collect();
    assert_eq!(found, recorded);
}

/// Inline scripts and styles, and what is loaded from elsewhere, the policy
/// would refuse; names of files that are not there nobody would notice.
#[test]
fn the_markup_names_only_files_that_are_there() {
    let page = std::str::from_utf8(PAGE.2).unwrap();
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("onload"));
    let mut n_files = 0;
    for reference in page.split(['"']).filter(|text| text.starts_with('/')) {
        assert!(has(reference), "{reference}");
        n_files += 1;
    }
    assert_eq!(n_files, 3);
    for (name, kind, bytes) in FILES.iter().filter(|(_, kind, _)| *kind == JS) {
        let text = std::str::from_utf8(bytes).unwrap();
        for import in text
            .split("from\"")
            .skip(1)
            .chain(text.split("from \"").skip(1))
        {
            let import = import.split('"').next().unwrap();
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let path = format!("/assets/{folder}/{}", import.trim_start_matches("./"));
            assert!(has(&path.replace("//", "/")), "{name} imports {import}");
        }
        assert!(!text.contains("innerHTML=\"") && *kind == JS);
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let uri = Uri::from_static("/assets/page.js");
    let first = file(uri.clone(), HeaderMap::new()).await;
    assert_eq!(first.headers()[CONTENT_TYPE], JS);
    let tag = first.headers()[ETAG].clone();
    let again = file(
        uri.clone(),
        HeaderMap::from_iter([(IF_NONE_MATCH, tag.clone())]),
    )
    .await;
    assert_eq!(again.status(), 304);
    assert_eq!(again.headers()[ETAG], tag);
    let other = HeaderValue::from_static("\"x\"");
    let changed = file(uri, HeaderMap::from_iter([(IF_NONE_MATCH, other)])).await;
    assert_eq!(changed.status(), 200);
    for outside in ["/assets/../mod.rs", "/assets/mod.rs", "/assets/", "/other"] {
        assert!(!has(outside), "{outside}");
        assert_eq!(
            file(outside.parse().unwrap(), HeaderMap::new())
                .await
                .status(),
            404
        );
    }
}
