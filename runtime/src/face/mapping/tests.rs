use super::super::sample::{ask, churn, customers, post, request};
use super::*;

fn face(toml: &str) -> Result<Face, String> {
    let written: HttpWritten = toml::from_str(toml).map_err(|error| error.to_string())?;
    Face::new(&written).map_err(|error| error.to_string())
}

async fn say(toml: &str, request: axum::http::Request<axum::body::Body>) -> String {
    let faces = [(face(toml).unwrap(), "churn".to_owned())];
    let (status, body) = ask(router(&churn(), &customers(), faces), request).await;
    format!("{} {body}", status.as_u16())
}

const LIST: &str = r#"
route = "POST /predict"
function = "inference"
request = { rows = "/customers", optional = ["age"], pass = ["customer_id"] }
response = { "/model" = "/model/version", "/predictions/*/customer_id" = "/rows/*/customer_id", "/predictions/*/score" = { from = "/probabilities/*/1", round = 2 }, "/predictions/*/label" = "/labels/*" }
error = { status = 422, body = { error = "/message" } }
"#;

#[tokio::test]
async fn a_list_of_objects() {
    let body = r#"{"customers": [{"customer_id": 7, "age": 33.333, "plan": "free"}, {"customer_id": 8, "age": 80, "plan": "pro"}], "x": 1}"#;
    insta::assert_snapshot!(say(LIST, post("/predict", body)).await, @r#"200 {"model":"3","predictions":[{"customer_id":7,"score":0.33,"label":0},{"customer_id":8,"score":0.8,"label":1}]}"#);
    let none = say(LIST, post("/predict", r#"{"customers": []}"#)).await;
    assert_eq!(none, r#"200 {"model":"3","predictions":[]}"#);
    let missing = say(
        LIST,
        post("/predict", r#"{"customers": [{"plan": "free"}]}"#),
    )
    .await;
    assert_eq!(
        missing,
        r#"200 {"model":"3","predictions":[{"customer_id":null,"score":null,"label":0}]}"#
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_monoliths_shape() {
    let mut said = Vec::new();
    for body in [
        "{",
        "{}",
        r#"{"customers": 1}"#,
        r#"{"customers": [1]}"#,
        r#"{"customers": [{"age": 1}]}"#,
        r#"{"customers": [{"age": 1, "plan": "a", "colour": "red"}]}"#,
        r#"{"customers": [{"age": [1], "plan": "a"}]}"#,
        r#"{"customers": [{"age": 1, "plan": "a"}, {"age": "old", "plan": "a"}]}"#,
    ] {
        said.push(say(LIST, post("/predict", body)).await);
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    422 {"error":"the body does not read as JSON: EOF while parsing an object at line 1 column 1"}
    422 {"error":"/customers is missing"}
    422 {"error":"/customers is a number, not rows"}
    422 {"error":"row 0: it is a number, not a row"}
    422 {"error":"row 0, column plan: it is missing"}
    422 {"error":"row 0, column colour: it is not known"}
    422 {"error":"row 0, column age: it is a list, not a value"}
    422 {"error":"row 1, column age: \"old\" is not a number"}
    "#);
}

#[tokio::test]
async fn one_flat_object_lists_of_lists_and_columns_apart() {
    let flat = r#"
        route = "POST /one"
        function = "f"
        status = 201
        response = { "/label" = "/labels/0", "/kind" = { value = "churn" }, "/verdict" = { from = "/labels/0", names = { "1" = "leaves", "0" = "stays" } } }
    "#;
    let said = say(flat, post("/one", r#"{"age": 60, "plan": "free"}"#)).await;
    assert_eq!(said, r#"201 {"label":1,"kind":"churn","verdict":"leaves"}"#);

    let lists = r#"
        route = "POST /lists"
        function = "f"
        request = { rows = "/data", names = ["plan", "age"] }
        response = { "/*" = "/labels/*" }
    "#;
    assert_eq!(
        say(lists, post("/lists", r#"{"data": [["a", 60], ["b", 10]]}"#)).await,
        "200 [1,0]"
    );
    assert_eq!(
        say(lists, post("/lists", r#"{"data": ["a", 60]}"#)).await,
        "200 [1]"
    );
    assert!(
        say(lists, post("/lists", r#"{"data": [["a"]]}"#))
            .await
            .starts_with("400 ")
    );

    let apart = r#"
        route = "POST /apart"
        function = "f"
        request = { columns = { age = "/people/*/years", plan = "/plan" } }
        response = { "/out/*" = { from = "/probabilities/*/1", at_least = 0.5 } }
    "#;
    let said = say(
        apart,
        post(
            "/apart",
            r#"{"people": [{"years": 60}, {"years": 1}], "plan": "a"}"#,
        ),
    )
    .await;
    assert_eq!(said, r#"200 {"out":[true,false]}"#);
}

const DERIVED: &str = r#"
route = "POST /derived"
function = "f"
request = { rows = "/customers", optional = ["age"], pass = ["visits"] }

[response]
"/customers/*/risk" = { from = "/probabilities/*/1", bands = [[0.3, "Low"], [0.6, "Medium"], "High"] }
"/customers/*/sure" = { from = "/probabilities/*", reduce = "max" }
"/customers/*/percent" = { derive = "probability * 100", round = 1 }
"/customers/*/perhaps" = { derive = "where(label == 1 and plan == 'free', visits * 2, missing)" }
"/customers/*/doubt" = { derive = "1 - confidence", round = 2, bands = [[0.25, false], true] }
"/first" = { derive = "plan + '!'" }
"/score" = { derive = "score" }
"#;

#[tokio::test]
async fn rows_are_banded_reduced_and_derived() {
    let body = r#"{"customers": [{"age": 80, "plan": "free", "visits": 3}, {"plan": "pro"}, {"age": 59, "plan": "free", "visits": 1.5}]}"#;
    insta::assert_snapshot!(say(DERIVED, post("/derived", body)).await, @r#"200 {"customers":[{"risk":"High","sure":0.8,"percent":80.0,"perhaps":6,"doubt":false},{"risk":null,"sure":null,"percent":null,"perhaps":null,"doubt":null},{"risk":"Medium","sure":0.59,"percent":59.0,"perhaps":3.0,"doubt":true}],"first":"free!","score":null}"#);
    let wrong = body.replace("1.5", "\"often\"");
    let said = say(DERIVED, post("/derived", &wrong)).await;
    assert!(said.starts_with("400 "), "{said}");
    assert!(said.contains("row 2: expression"), "{said}");
    let unknown = DERIVED.replace("visits * 2", "visit * 2");
    let said = say(&unknown, post("/derived", body)).await;
    assert!(said.starts_with("500 "), "{said}");
    assert!(
        said.contains("a row has no visit, only its columns"),
        "{said}"
    );
}

const EXPECTS: &str = r#"
route = "POST /expects"
function = "f"
response = { "/labels" = "/labels" }

[request]
rows = "/customers"
optional = ["age"]
pass = ["code", "member"]

[request.expect]
age = { type = "int64", min = 18, max = 110, required = true }
plan = { type = "string", one_of = ["free", "pro"] }
code = { pattern = "[A-Z]{2}", max_length = 2 }
member = { type = "bool" }
"#;

#[tokio::test]
async fn rows_are_as_expected_or_refused() {
    let good = r#"{"age": 31.0, "plan": "pro", "code": "DE", "member": true}"#;
    let mut said = Vec::new();
    for (from, to) in [
        ("", ""),
        ("31.0", "17"),
        ("31.0", "110.5"),
        ("31.0", "111"),
        ("31.0", "\"31\""),
        ("31.0", "null"),
        ("\"age\": 31.0, ", ""),
        ("\"pro\"", "\"gold\""),
        ("\"pro\"", "null"),
        ("\"DE\"", "\"de\""),
        ("\"DE\"", "7"),
        ("true", "1"),
    ] {
        let body = format!(r#"{{"customers": [{good}, {}]}}"#, good.replace(from, to));
        let body = if from.is_empty() {
            format!(r#"{{"customers": [{good}]}}"#)
        } else {
            body
        };
        said.push(say(EXPECTS, post("/expects", &body)).await);
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    200 {"labels":[0]}
    400 {"error":"row 1, column age: 17 is below the minimum 18"}
    400 {"error":"row 1, column age: 110.5 is no whole number, and int64 is expected"}
    400 {"error":"row 1, column age: 111 is above the maximum 110"}
    400 {"error":"row 1, column age: \"31\" is a text, and int64 is expected"}
    400 {"error":"row 1, column age: it has no value"}
    400 {"error":"row 1, column age: it has no value"}
    400 {"error":"row 1, column plan: \"gold\" is none of \"free\", \"pro\""}
    200 {"labels":[0,0]}
    400 {"error":"row 1, column code: \"de\" does not match \"[A-Z]{2}\""}
    400 {"error":"row 1, column code: 7 is a number, not a text"}
    400 {"error":"row 1, column member: 1 is a number, and bool is expected"}
    "#);
}

#[tokio::test]
async fn texts_are_read_as_the_type_that_is_expected() {
    let query = r#"
        route = "GET /score"
        function = "f"
        request = { body = "none", query = { age = "age", plan = "plan", member = "member" }, pass = ["member"], expect = { age = { type = "int64", max = 99 }, plan = { type = "string" }, member = { type = "bool" } } }
        response = { "/score" = "/probabilities/0/1", "/member" = "/rows/0/member" }
    "#;
    let mut said = Vec::new();
    for asked in [
        "age=60&plan=7&member=true",
        "age=sixty&plan=7&member=true",
        "age=100&plan=7",
        "age=60&plan=7&member=1",
    ] {
        said.push(say(query, request("GET", &format!("/score?{asked}"), "", "")).await);
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    200 {"score":0.6,"member":true}
    400 {"error":"row 0, column age: \"sixty\" is a text, and int64 is expected"}
    400 {"error":"row 0, column age: 100 is above the maximum 99"}
    400 {"error":"row 0, column member: \"1\" is a text, and bool is expected"}
    "#);
}

#[test]
fn what_cannot_be_expected_is_said() {
    let with = |expect: &str| {
        let from = EXPECTS.find("[request.expect]").unwrap();
        let file = format!("{}[request.expect]\nage = {{ {expect} }}", &EXPECTS[..from]);
        face(&file).unwrap_err()
    };
    let said = [
        with("type = \"int64\", min = \"a\""),
        with("min = 3, max = 2"),
        with("min = true"),
        with("one_of = []"),
        with("type = \"float64\", pattern = \"a\""),
        with("pattern = \"(\""),
        with("one_of = [[1]]"),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    http route "POST /expects": request.expect.age.min: "a" is a text, and the column is int64
    http route "POST /expects": request.expect.age.max: 2 is not at least min, which is 3
    http route "POST /expects": request.expect.age.min: a truth value is no limit: write a number or a text
    http route "POST /expects": request.expect.age.one_of: no value is among none: name some
    http route "POST /expects": request.expect.age.pattern: it is for texts: write type = "string", or leave one of the two away
    http route "POST /expects": request.expect.age.pattern: regex parse error:
        ^(?:()$
         ^
    error: unclosed group
    http route "POST /expects": request.expect.age.one_of: [1] is no text, number or truth value
    "#);
    assert!(with("unique = true").contains("unknown field `unique`"));
    assert!(with("type = \"int\"").contains("unknown variant `int`"));
}

#[tokio::test]
async fn where_one_object_is_expected_a_list_is_refused() {
    let one = r#"
        route = "POST /one"
        function = "f"
        response = { "/label" = "/labels/0", "/version" = "/model/version" }
    "#;
    let row = r#"{"age": 60, "plan": "free"}"#;
    assert_eq!(
        say(one, post("/one", row)).await,
        r#"200 {"label":1,"version":"3"}"#
    );
    let refused = r#"400 {"error":"the body is a list: one object is expected"}"#;
    for body in [
        "[]".to_owned(),
        format!("[{row}]"),
        format!("[{row}, {row}]"),
    ] {
        assert_eq!(say(one, post("/one", &body)).await, refused);
    }
    // Where the answer tells of more than the first row, there may be more.
    for more in [
        "\"/all\" = \"/labels\"",
        "\"/n\" = \"/count\"",
        "\"/x/*\" = \"/labels/*\"",
    ] {
        let several = one.replace("\"/version\" = \"/model/version\"", more);
        let said = say(&several, post("/one", &format!("[{row}, {row}]"))).await;
        assert!(said.starts_with("200 "), "{said}");
    }
    let apart = one.replace(
        "response",
        "request = { columns = { age = \"/people/*/age\", plan = \"/plan\" } }\nresponse",
    );
    let body = r#"{"people": [{"age": 60}, {"age": 1}], "plan": "a"}"#;
    assert_eq!(
        say(&apart, post("/one", body)).await,
        r#"400 {"error":"there are 2 rows: one is expected"}"#
    );
}

#[tokio::test]
async fn forms_queries_and_paths() {
    let form = r#"
        route = "POST /form"
        function = "f"
        request = { body = "form", unknown = "ignore" }
        response = { "/label" = "/labels/0", "/age" = "/rows/0/age" }
    "#;
    let asked = request(
        "POST",
        "/form",
        "application/x-www-form-urlencoded; charset=utf-8",
        "age=60&plan=a+b&region=&submit=Go",
    );
    assert_eq!(say(form, asked).await, r#"200 {"label":1,"age":60}"#);
    assert!(say(form, post("/form", "{}")).await.starts_with("400 "));

    let path = r#"
        route = "GET /customers/{age}/score"
        function = "f"
        request = { body = "none", path = { age = "age" }, query = { plan = "p" }, constants = { region = "north" } }
        response = { "/score" = "/probabilities/0/1", "/asked" = "/request/path/age", "/p" = "/request/query/p" }
    "#;
    let asked = request("GET", "/customers/60/score?p=free", "", "");
    assert_eq!(
        say(path, asked).await,
        r#"200 {"score":0.6,"asked":"60","p":"free"}"#
    );
    let said = say(path, request("GET", "/customers/60/score", "", "")).await;
    assert_eq!(said, r#"400 {"error":"row 0, column plan: it is missing"}"#);
}

#[test]
fn a_face_that_cannot_work_is_refused_before_it_starts() {
    let with = |keys: &str| {
        face(&format!(
            "route = \"POST /p/{{id}}\"\nfunction = \"f\"\n{keys}"
        ))
        .unwrap_err()
    };
    let answer = r#"response = { "/x" = "/labels" }"#;
    let said = [
        with(""),
        with(r#"response = { "/x" = "/label" }"#),
        with(r#"response = { "/x/*" = "/labels" }"#),
        with(&format!("{answer}\nstatus = 99")),
        with(&format!("{answer}\nrequest = {{ rows = \"a\" }}")),
        with(&format!("{answer}\nrequest = {{ rows = \"/a/*\" }}")),
        with(&format!(
            "{answer}\nrequest = {{ path = {{ age = \"age\" }} }}"
        )),
        with(&format!(
            "{answer}\nrequest = {{ columns = {{ age = \"/*/*\" }} }}"
        )),
        with(&format!(
            "{answer}\nrequest = {{ body = \"none\", rows = \"/a\" }}"
        )),
        with(&format!(
            "{answer}\nerror = {{ body = {{ error = \"/labels\" }} }}"
        )),
        with(r#"response = { "/x" = { derive = "label +" } }"#),
        with(r#"response = { "/x" = { derive = "label", from = "/labels/0" } }"#),
        with(r#"response = { "/x/*/*" = { derive = "label" } }"#),
    ];
    insta::assert_snapshot!(said.join("\n"), @r#"
    http route "POST /p/{id}": response: it is empty, so there would be no answer
    http route "POST /p/{id}": response."/x": "/label" starts with none of /classes, /count, /labels, /model, /probabilities, /request, /rows, /scores
    http route "POST /p/{id}": response."/x/*": it has 1 `*`, and what it comes from 0
    http route "POST /p/{id}": status: 99 is no status of an answer
    http route "POST /p/{id}": request.rows: "a": a pointer starts with `/`
    http route "POST /p/{id}": request.rows: it points at the list itself, without `*`
    http route "POST /p/{id}": request.path.age: the route has no {age}
    http route "POST /p/{id}": request.columns.age: it has more than one `*`
    http route "POST /p/{id}": request.body: it is none, but columns are to be found there
    http route "POST /p/{id}": error.body."error": "/labels" starts with none of /column, /message, /row, /status
    http route "POST /p/{id}": response."/x": derive: expression `label +`, character 8: a value is expected here
    http route "POST /p/{id}": response."/x": it has one of from, value and derive
    http route "POST /p/{id}": response."/x/*/*": what is derived stands once, or once per row
    "#);
}

#[test]
fn two_faces_on_one_route_are_refused() {
    let face = |route: &str| {
        let toml =
            format!("route = \"{route}\"\nfunction = \"f\"\nresponse = {{ \"/x\" = \"/labels\" }}");
        face(&toml).unwrap()
    };
    let joined = |routes: &[&str]| {
        let mut taken = Taken::default();
        routes.iter().try_for_each(|route| taken.face(&face(route)))
    };
    assert!(joined(&["GET /a/{x}", "POST /a/{x}", "GET /a/b"]).is_ok());
    assert!(joined(&["GET /a/{x}", "GET /a/{x}"]).is_err());
    let error = joined(&["GET /a/{x}", "POST /a/{y}"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"http route "POST /a/{y}" is there twice, also as "/a/{x}"; take one away"#
    );
}

#[tokio::test]
async fn what_the_preparation_does_not_take_is_refused_or_left_out() {
    let body = r#"{"customers": [{"customer_id": 7, "age": -1, "plan": "free"}, {"customer_id": 8, "age": 80, "plan": "pro"}]}"#;
    let refused = say(LIST, post("/predict", body)).await;
    assert_eq!(refused, r#"422 {"error":"row 0: it is not usable: born"}"#);
    let lenient = LIST.replace("optional =", "unusable = \"leave-out\", optional =");
    let left = say(&lenient, post("/predict", body)).await;
    assert_eq!(
        left,
        r#"200 {"model":"3","predictions":[{"customer_id":8,"score":0.8,"label":1}]}"#
    );
}

const STORED: &str = r#"
route = "GET /customers/{customer_id}/score"
function = "inference"
request = { body = "none", lookup = { sql = "churn", query = "SELECT * FROM customers WHERE customer_id = :customer_id" } }
response = { "/customer_id" = "/rows/0/customer_id", "/score" = { from = "/probabilities/0/1", round = 2 } }
"#;

#[tokio::test]
async fn the_rows_of_a_request_can_be_looked_up() {
    let get = |path: &str| request("GET", path, "", "");
    assert_eq!(
        say(STORED, get("/customers/7/score")).await,
        r#"200 {"customer_id":7,"score":0.4}"#
    );
    assert_eq!(
        say(STORED, get("/customers/8/score")).await,
        r#"404 {"error":"there is no such row"}"#
    );
}

#[test]
fn a_lookup_that_makes_no_sense_is_refused_with_its_key() {
    for (wrong, right, key) in [
        (
            "SELECT * FROM customers",
            "DELETE FROM customers",
            "request.lookup.query",
        ),
        ("sql = \"churn\"", "sql = \"\"", "request.lookup.sql"),
        ("body = \"none\"", "rows = \"/customers\"", "request.rows"),
    ] {
        let error = face(&STORED.replace(wrong, right)).map(drop).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
}
