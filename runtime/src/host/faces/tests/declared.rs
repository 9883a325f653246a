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
        wrong("[[http]]\nroute = \"POST /a\"\nresponse = { \"/a\" = \"/labels/0\" }"),
        wrong(
            "[[http]]\nroute = \"POST /a\"\nresponse = { \"/a\" = { value = 1 } }\nwait = { for = \"1s\" }",
        ),
        wrong(
            "[[http]]\nroute = \"POST /a\"\nresponse = { \"/a\" = { value = 1 } }\nrequest = { rows = \"/a\" }",
        ),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    6:11: http route "POST /a": request: the face takes a message and no rows: only body, values and file are for it
    6:28: http route "POST /a": request.values.a: "/nowhere": it starts with /body, /path or /query and has no `*`
    6:32: http route "POST /a": wait.for: it is more than 10 minutes
    6:32: http route "POST /a": wait.for: "soon": expected number at 0
    6:21: http route "POST /a": response."/a": "/labels" starts with none of /artifacts, /content, /count, /facts, /request, /run, /values
    6:40: http route "POST /a": response."/c": round is more than 30
    6:1: http: unknown field `wiat`, expected one of `route`, `function`, `run`, `registry`, `lookup`, `request`, `response`, `status`, `error`, `token`, `wait`, `until`
    6:7: http route "POST /a": run: a face has one of function, run, registry and lookup, or a response of nothing but constants and /request
    7:9: http route "POST /a" is there twice, also as "/a"; take one away
    5:12: http route "POST /a": function: there is no function "frist": the file has first
    4:9: http route "POST a": its path starts with `/` and has no `?`, `#` or `*`; write it like "POST /customers/{id}/score"
    3:1: http route "POST /a": function: a face has one of function, run, registry and lookup, or a response of nothing but constants and /request
    5:7: http route "POST /a": run: "/id": it starts with /body, /path or /query and has no `*`
    3:1: http route "POST /a": function: a face has one of function, run, registry and lookup, or a response of nothing but constants and /request
    6:8: http route "POST /a": wait: nothing works for this answer, so there is nothing to wait for
    6:11: http route "POST /a": request: the face takes a message and no rows: only body, values and file are for it
    "#);
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
    insta::assert_snapshot!(said.join("\n"), @r#"
    6:22: http route "POST /a/{v}": registry.model: "a/b" names no model: use 1 to 128 letters, digits, dots, dashes and underscores
    6:37: http route "POST /a/{v}": registry.promote: say beside it which version: version = "/path/…"
    6:58: http route "POST /a/{v}": registry.promote: "boss" is no alias: write champion or candidate
    6:60: http route "POST /a/{v}": registry.roll_back: it goes to the version before, whatever a request says
    6:82: http route "POST /a/{v}": registry.roll_back: a face promotes or rolls back: take one away
    6:35: http route "POST /a/{v}": registry.force: it is for promote, which is not there
    6:37: http route "POST /a/{v}": registry.version: "v": a pointer starts with `/`
    "#);
}
