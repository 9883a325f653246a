//! What a face cannot have.

use super::*;

use crate::host::check_faces;

const FIRST: &str = "[function.first]\ntrigger = { queue = \"to-first\" }\n";

/// What is said of a file with these lines behind its function.
fn wrong(lines: &str) -> String {
    let file = format!("{FIRST}{lines}\n");
    let pipeline = Pipeline::parse(&file, &KINDS).unwrap();
    let said = check_faces(&pipeline).unwrap_err();
    // A host says the same.
    let services = services(Arc::new(ManualClock::default()));
    let local = Local::new(pipeline, &[], services, Settings::default());
    assert_eq!(local.http().map(|_| ()).unwrap_err(), said);
    said.to_string()
}

#[test]
fn what_a_face_cannot_have_is_said_with_its_place() {
    let face = |table: &str| {
        wrong(&format!(
            "[[http]]\nroute = \"POST /a\"\nfunction = \"first\"\n{table}"
        ))
    };
    let said = [
        face("request = { rows = \"/a\" }"),
        face("request = { values = { a = \"/nowhere\" } }"),
        face("wait = { artifact = \"a\", for = \"1h\" }"),
        face("wait = { artifact = \"a\", for = \"soon\" }"),
        face("response = { \"/a\" = \"/labels\" }"),
        face("response = { \"/a.b\" = \"/facts\", \"/c\" = { from = \"/facts\", round = 99 } }"),
        face("wiat = 1"),
        face("run = \"/path/id\""),
        face("[[http]]\nroute = \"POST /a\"\nfunction = \"first\""),
        wrong("[[http]]\nroute = \"POST /a\"\nfunction = \"frist\""),
        wrong("[[http]]\nroute = \"POST a\"\nfunction = \"first\""),
        wrong("[[http]]\nroute = \"POST /a\""),
        wrong("[[http]]\nroute = \"POST /a\"\nrun = \"/id\""),
    ];
    insta::assert_snapshot!(said.join("\n"), @"");
}

#[test]
fn what_a_face_of_the_registry_cannot_have_is_said() {
    let face = |registry: &str| {
        wrong(&format!(
            "[[http]]\nroute = \"POST /a/{{v}}\"\nresponse = {{ \"/a\" = \"/model\" }}\nregistry = {{ {registry} }}"
        ))
    };
    let said = [
        face("model = \"a/b\""),
        face("model = \"a\", promote = \"champion\""),
        face("model = \"a\", version = \"/path/v\", promote = \"boss\""),
        face("model = \"a\", version = \"/path/v\", roll_back = \"champion\""),
        face(
            "model = \"a\", version = \"/path/v\", promote = \"champion\", roll_back = \"champion\"",
        ),
        face("model = \"a\", force = \"/body/force\""),
        face("model = \"a\", version = \"v\""),
    ];
    insta::assert_snapshot!(said.join("\n"), @"");
}
