use super::super::written::SourceTable;
use super::finish::rounded;
use super::*;
use proptest::prelude::*;
use serde_json::json;

const ROOTS: [&str; 3] = ["a", "b", "count"];

fn template(written: Value) -> Result<Template, MappingError> {
    let written = serde_json::from_value(written).unwrap();
    Template::new("GET /", "response", &written, &ROOTS)
}

fn filled(written: Value) -> String {
    let document = json!({
        "a": [[0.1, 0.9], [0.75, 0.25]], "b": {"c": ["x", "y"], "d": 2.675}, "count": 2,
    });
    template(written).unwrap().fill(&document).to_string()
}

#[test]
fn stars_stand_for_rows() {
    let said = filled(json!({
        "/rows/*/second": "/a/*/1", "/rows/*/name": "/b/c/*", "/rows/*/all": "/a/*",
        "/rows/*/source": {"value": "model"}, "/rows/*/d": "/b/d", "/first": "/a/0/0", "plain": "/b/d",
    }));
    assert_eq!(
        said,
        r#"{"rows":[{"second":0.9,"name":"x","all":[0.1,0.9],"source":"model","d":2.675},{"second":0.25,"name":"y","all":[0.75,0.25],"source":"model","d":2.675}],"first":0.1,"plain":2.675}"#
    );
    assert_eq!(filled(json!({"/*/*": "/a/*/*"})), "[[0.1,0.9],[0.75,0.25]]");
    assert_eq!(filled(json!({"": "/b/c"})), r#"["x","y"]"#);
    assert_eq!(
        filled(json!({"/x/*/y": "/b/d/*", "/z": "/b/none"})),
        r#"{"x":[],"z":null}"#
    );
}

#[test]
fn values_are_rounded_judged_and_named() {
    // Python: round(2.675, 2) is 2.67, round(0.125, 2) is 0.12.
    assert_eq!(
        filled(json!({"/x": {"from": "/b/d", "round": 2}})),
        r#"{"x":2.67}"#
    );
    assert_eq!(rounded(0.125, 2), 0.12);
    assert_eq!(rounded(0.5, 0), 0.0);
    let said = filled(
        json!({"/*": {"from": "/a/*/1", "at_least": 0.5, "names": {"true": 1, "false": "no"}}}),
    );
    assert_eq!(said, r#"[1,"no"]"#);
}

#[test]
fn numbers_fall_into_bands_and_lists_become_numbers() {
    let bands = json!([[0.3, "Low"], [0.75, {"risk": 2}], "High"]);
    assert_eq!(
        filled(json!({"/*": {"from": "/a/*/0", "bands": bands}})),
        r#"["Low","High"]"#
    );
    assert_eq!(
        filled(json!({"/*": {"from": "/a/*/1", "bands": bands, "names": {"High": 3}}})),
        r#"[3,"Low"]"#
    );
    // Rounded first; what is no number stays.
    let rounded = json!({"/x": {"from": "/b/d", "round": 2, "bands": [[2.673, 1], 2]}, "/y": {"from": "/b/c/0", "bands": [[1, 2], 3]}});
    assert_eq!(filled(rounded), r#"{"x":1,"y":"x"}"#);

    let largest = json!({"/rows/*/sure": {"from": "/a/*", "reduce": "max", "round": 1}, "/least": {"from": "/a/1", "reduce": "min"}});
    assert_eq!(
        filled(largest),
        r#"{"rows":[{"sure":0.9},{"sure":0.8}],"least":0.25}"#
    );
    let of = |reduce: &str, list: Value| {
        let written = json!({"/x": {"from": "/a", "reduce": reduce}});
        let answer = template(written).unwrap().fill(&json!({"a": list}));
        answer["x"].to_string()
    };
    assert_eq!(of("sum", json!([1, 0, 1])), "2");
    assert_eq!(of("sum", json!([1, 0.5, null])), "1.5");
    assert_eq!(of("mean", json!([1, 2])), "1.5");
    assert_eq!(of("max", json!([1, 3, 2])), "3");
    let none = ["max", "mean", "min", "sum"].map(|reduce| of(reduce, json!([])));
    assert_eq!(none, ["null", "null", "null", "0"]);
}

#[test]
fn the_first_whose_when_is_so_is_taken() {
    let first = json!([
        {"when": {"/b/d": 1}, "value": "one"},
        {"when": {"/b/d": 2.675, "/b/c/0": "x"}, "value": "both"},
        {"from": "/b/d"},
    ]);
    assert_eq!(filled(json!({"/x": first})), r#"{"x":"both"}"#);
    let none = json!({"/x": {"when": {"/b/none": true}, "from": "/b/d"}, "/y": "/b/d"});
    assert_eq!(filled(none), r#"{"x":null,"y":2.675}"#);
    let names = template(json!({"/x": {"when": {"/b/d": 1}, "value": 2}})).unwrap();
    assert!(names.names("b") && !names.names("a"));
}

#[test]
fn what_is_in_several_places_is_gathered() {
    let document = json!({"a": {"columns": [
        {"name": "age", "score": 0.25, "drifted": true},
        {"name": "plan", "drifted": false},
        {"name": 3, "score": 0.125, "drifted": true},
    ]}});
    let filled = |written| template(written).unwrap().fill(&document).to_string();
    let columns = json!({"from": "/a/columns/*/score", "by": "/a/columns/*/name", "round": 2});
    assert_eq!(
        filled(json!({"/columns": columns})),
        r#"{"columns":{"age":0.25,"plan":null,"3":0.12}}"#
    );
    let drifted = json!({"from": "/a/columns/*/name", "only": "/a/columns/*/drifted"});
    assert_eq!(
        filled(json!({"/drifted": drifted})),
        r#"{"drifted":["age",3]}"#
    );
    assert_eq!(
        filled(json!({"/x": {"from": "/a/none/*", "by": "/a/none/*"}})),
        r#"{"x":{}}"#
    );
}

#[test]
fn what_cannot_be_laid_out_is_said() {
    let wrong = [
        json!({"/x": "/a/*"}),
        json!({"/x/*": "/c/*"}),
        json!({"/x": "a"}),
        json!({"/x": "/a", "/x/y": "/b"}),
        json!({"/x/*": "/a/*", "/x/y": "/b"}),
        json!({"/x": {"from": "/a", "value": 1}}),
        json!({"/x": {}}),
        json!({"/x/*/*": {"value": 1}}),
        json!({"/x": {"from": "/a", "round": 99}}),
        json!({"/~": "/a"}),
        json!({"/x": {"from": "/a", "by": "/a/*"}}),
        json!({"/x": {"from": "/a/*", "by": "/b/*"}}),
        json!({"/x/*": {"from": "/a/*", "only": "/a/*"}}),
        json!({"/x": [{"from": "/a", "when": {"/c": 1}}]}),
        json!({"/x": {"from": "/a", "when": {"/a/*": 1}}}),
        json!({"/x": {"from": "/a", "bands": ["Low"]}}),
        json!({"/x": {"from": "/a", "bands": [[0.6, "Low"], [0.3, "Medium"], "High"]}}),
        json!({"/x": {"from": "/a", "bands": [0.3, "Low"]}}),
        json!({"/x": {"from": "/a", "bands": [["0.3", "Low"], "High"]}}),
        json!({"/x": {"from": "/a", "bands": [[0.3, "Low"], "High"], "at_least": 1}}),
        json!({"/x": {"derive": "a + 1"}}),
        json!({"/x": {"from": "/a", "reduce": "median"}}),
    ];
    let said = wrong.map(|written| template(written).unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @r#"
    http route "GET /": response."/x": it has 0 `*`, and what it comes from 1
    http route "GET /": response."/x/*": "/c/*" starts with none of /a, /b, /count
    http route "GET /": response."/x": "a": a pointer starts with `/`
    http route "GET /": response."/x/y": it cannot stand beside "/x"
    http route "GET /": response."/x/y": it cannot stand beside "/x/*"
    http route "GET /": response."/x": it has one of from, value and derive
    http route "GET /": response."/x": it has one of from, value and derive
    http route "GET /": response."/x/*/*": a constant stands once, or once per row
    http route "GET /": response."/x": round is more than 30
    http route "GET /": response."/~": in a pointer `~` is written ~0 and `/` is written ~1
    http route "GET /": response."/x": what is gathered has one `*` in from
    http route "GET /": response."/x": by: "/b/*" is not of the list that from is of
    http route "GET /": response."/x/*": what is gathered stands once
    http route "GET /": response."/x": "/c" starts with none of /a, /b, /count
    http route "GET /": response."/x": when: "/a/*" has a `*`
    http route "GET /": response."/x": bands: there are fewer than two; write them like [[0.3, "Low"], [0.6, "Medium"], "High"]
    http route "GET /": response."/x": bands: the limit 0.3 is not above the one before it; write them like [[0.3, "Low"], [0.6, "Medium"], "High"]
    http route "GET /": response."/x": bands: 0.3 is no limit with a value; write them like [[0.3, "Low"], [0.6, "Medium"], "High"]
    http route "GET /": response."/x": bands: ["0.3","Low"] has no number as its limit; write them like [[0.3, "Low"], [0.6, "Medium"], "High"]
    http route "GET /": response."/x": it has at_least and bands: take one away
    http route "GET /": response."/x": derive is for faces of functions that predict rows
    http route "GET /": response."/x": reduce: "median" is none of max, mean, min and sum
    "#);
}

proptest! {
    /// Whatever is declared: it is refused, or it makes an answer of JSON.
    #[test]
    fn any_template_is_refused_or_fills(
        entries in prop::collection::vec(("(/[xy*0]){0,3}", "/(a|b|count)(/[c*01]){0,3}", prop::option::of(0_usize..40)), 0..5),
        n_rows in 0_usize..4,
    ) {
        let written = entries.into_iter().map(|(to, from, round)| {
            let table = SourceTable { from: Some(from), round, ..SourceTable::default() };
            (to, SourceWritten::Table(Box::new(table)))
        });
        if let Ok(template) = Template::new("GET /", "response", &written.collect(), &ROOTS) {
            let document = json!({"a": vec![vec![0.5; 2]; n_rows], "b": {"c": vec!["x"; n_rows]}, "count": n_rows});
            let text = template.fill(&document).to_string();
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
