use super::*;
use crate::function::{Facts, Invocation, Invoked, StageContext};

/// Does nothing, and takes any parameters that are texts.
struct Nothing;

impl StageFn for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn invoke<'a>(&'a self, _: &'a StageContext, _: Invocation) -> Invoked<'a> {
        Box::pin(std::future::ready(Ok(Facts::new())))
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    #[expect(dead_code, reason = "only its shape is tested")]
    label: Option<String>,
}

fn configure(params: &Params) -> Result<Arc<dyn StageFn>, Problem> {
    params.read::<Label>()?;
    Ok(Arc::new(Nothing))
}

fn parse(text: &str) -> Result<Pipeline, Problem> {
    let kinds = ["ingestion", "training", "inference"].map(|name| Kind { name, configure });
    Pipeline::parse(text, &kinds)
}

/// The place and the text of what is wrong.
#[track_caller]
fn wrong(text: &str) -> String {
    parse(text).err().expect("something is wrong").to_string()
}

const GOOD: &str = r#"
[function.ingestion]
trigger = { queue = "raw-arrived" }
input = { customers = { blob = "raw/{name}/customers.csv" }, calls = { sql = "postgres://u:secret@db/x", query = "SELECT 1" } }
output = { artifact = "customers", queue = "customers-ready" }

[function.daily]
stage = "training"
trigger = { queue = "customers-ready" }
input = { artifact = "customers" }
label = "churned"
output = { artifact = "model", artifacts = { log = "training-log" }, queue = "model-trained" }

[function.inference]
trigger = { http = true }
input = { model = "churn@champion" }

[[http]]
route = "POST /predict"
"#;

#[test]
fn a_file_becomes_a_pipeline() {
    let pipeline = parse(GOOD).unwrap();
    let folders = Place::Folders {
        data: "cutline-data".to_owned(),
        incoming: "incoming".to_owned(),
    };
    assert_eq!(pipeline.store.place, folders);
    assert_eq!(pipeline.store.keep_shadows.as_secs(), 3_600);
    assert_eq!(
        pipeline.queues(),
        ["raw-arrived", "customers-ready", "model-trained"]
    );
    let daily = pipeline.function("daily").unwrap();
    assert_eq!(
        (daily.stage.as_str(), &daily.parameters),
        ("training", &r#"{"label":"churned"}"#.to_owned())
    );
    assert_eq!(
        daily.inputs["input"],
        Input::Artifact("customers".to_owned())
    );
    assert_eq!(daily.output.artifact("").as_deref(), Some("model"));
    assert_eq!(
        daily.output.artifact("log").as_deref(),
        Some("training-log")
    );
    assert_eq!(daily.output.artifact("card").as_deref(), Some("model-card"));
    assert_eq!(
        daily.output.artifact("log-page").as_deref(),
        Some("training-log-page")
    );
    let inference = pipeline.function("inference").unwrap();
    assert_eq!(inference.output.artifact(""), None);
    assert_eq!(inference.output.artifact("page"), None);
    assert_eq!(pipeline.faces.len(), 1);
    let face: toml::Table = pipeline.faces[0].read().unwrap();
    assert_eq!(face["route"].as_str(), Some("POST /predict"));
}

#[test]
fn it_is_shown_without_what_is_secret() {
    let pipeline = parse(GOOD).unwrap();
    assert_eq!(
        pipeline.rows()[0],
        [
            "ingestion",
            "ingestion",
            "queue raw-arrived",
            "raw/{name}/customers.csv, postgres://u@db/x",
            "customers, queue customers-ready",
        ]
    );
    insta::assert_snapshot!(pipeline.mermaid(), @r#"
    graph LR
      q_raw_arrived[/"raw-arrived"/]
      q_customers_ready[/"customers-ready"/]
      q_model_trained[/"model-trained"/]
      f_ingestion["ingestion"]
      q_raw_arrived --> f_ingestion
      s_raw__name__customers_csv[("raw/*name*/customers.csv")] -. customers .-> f_ingestion
      s_SELECT_1[("a query")] -. calls .-> f_ingestion
      f_ingestion --> q_customers_ready
      f_daily["daily"]
      q_customers_ready --> f_daily
      f_daily --> q_model_trained
      f_inference["inference"]
      h_f_inference("HTTP") --> f_inference
      s_churn_champion[("churn@champion")] -. input .-> f_inference
    "#);
}

const SHARED: &str =
    "[database.one]\nstage = \"ingestion\"\nmonolith = \"sqlite:x\"\ntables = [\"a\"]\n";

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let function = |more: &str| format!("[function.training]\n{more}\n");
    let queued = |more: &str| function(&format!("trigger = {{ queue = \"ready\" }}\n{more}"));
    for (text, expected) in [
        (
            "functions = 1",
            "1:1: there is no key functions (the file has [store], [serve], [secrets], [signing], [database.NAME], [function.NAME] and [[http]])",
        ),
        (
            "http = 1",
            "1:8: http is not a list of tables (write [[http]])",
        ),
        (
            "[store]\nfile = 1",
            "2:1: store: unknown field `file`, expected one of `folder`, `url`, `queues`, `sas`, `key`, `incoming`, `keep_shadows`",
        ),
        (
            "[store]\nsas = { env = \"X\" }",
            "2:7: store: sas: it says how to ask Azure, and there is no url",
        ),
        (
            "[store]\nfolder = \"x\"\nurl = \"azure:https://a.blob.core.windows.net/kept\"",
            "2:10: store: folder: there is a url, too",
        ),
        (
            "[store]\nurl = \"azure:https://a.blob.core.windows.net\"",
            "2:7: store: url: \"azure:https://a.blob.core.windows.net\" names no container",
        ),
        (
            "[store]\nqueues = \"x\"\nurl = \"azure:https://a.blob.core.windows.net/kept\"",
            "2:10: store: queues: \"x\" names no",
        ),
        (
            "[store]\nincoming = \"../x\"\nurl = \"azure:https://a.blob.core.windows.net/kept\"",
            "2:12: store: incoming: \"../x\" names no container",
        ),
        (
            "[store]\nkey = { env = \"X\" }\nurl = \"azure:https://a.blob.core.windows.net/kept\"",
            "2:7: store: key: an account's key opens everything",
        ),
        (
            "[store]\nsas = \"sv=1&sig=s3cret\"\nurl = \"azure:https://a.blob.core.windows.net/kept\"",
            "2:7: store: sas: it says where the secret is, once",
        ),
        (
            "[store]\nkeep_shadows = \"0s\"",
            "2:16: store: keep_shadows: \"0s\" is no time (write 30s",
        ),
        (
            "[function.Training]\n",
            "1:11: \"Training\" is no name of a function",
        ),
        (
            "[function.x]\ntrigger = { http = true }",
            "1:11: function x: there is no stage \"x\" (give it stage = one of ingestion, training, inference)",
        ),
        (&function(""), "1:11: function training has no trigger"),
        (
            &function("trigger = { queue = \"abc\", http = true }"),
            "2:11: function training: a function has one trigger",
        ),
        (
            &function("trigger = { every = \"soon\" }"),
            "2:21: function training: \"soon\" is no time (write 30s",
        ),
        (
            &function("trigger = { queue = \"Raw\" }"),
            "2:21: \"Raw\" is no name of a queue",
        ),
        (
            &function("trigger = { queue = \"raw-poison\" }"),
            "2:21: the queue \"raw-poison\" is where failed messages of another go",
        ),
        (
            &queued("input = { blob = \"../x\" }"),
            "3:18: function training: input: blob: \"../x\" is not a path inside the store",
        ),
        (
            &queued("input = { x = { blob = \"a\", model = \"b\" } }"),
            "3:15: function training: input.x: a binding is one thing",
        ),
        (
            &queued("input = { x = { blub = \"a\" } }"),
            "3:17: function training: input.x: unknown field `blub`",
        ),
        (
            &queued("input = { artifact = \"nobody\" }"),
            "3:9: function training: input input: no function makes \"nobody\"",
        ),
        (
            &queued("input = { log = \"nobody\" }"),
            "3:17: function training: there is no function \"nobody\"",
        ),
        (
            &queued("labl = \"x\""),
            "3:1: function training: unknown field `labl`, expected `label`",
        ),
        (
            &queued(
                "output = { table = { sql = \"sqlite:x\", name = \"t\", key = [] } }\ninput = { blob = \"a.csv\" }",
            ),
            "3:20: function training: output.table has a key, or each row is added",
        ),
        (
            &queued(
                "output.table = { sql = \"sqlite:x\", name = \"t\", key = [\"id\"] }\n\
                 input = { a = { blob = \"a.csv\" }, b = { blob = \"b.csv\" } }",
            ),
            "3:16: function training: output.table takes the rows of one input, and there are 2: a, b \
             (write output.tables = { INPUT = { … } })",
        ),
        (
            &queued(
                "output.tables = { b = { sql = \"sqlite:x\", name = \"t\", append = true } }\ninput = { a = { blob = \"a.csv\" } }",
            ),
            "3:19: function training: output.tables: there is no input b (there is a)",
        ),
        (
            &queued("input = { a = { blob = \"a.csv\", optional = true } }"),
            "3:44: function training: input a cannot be optional",
        ),
        (
            &queued("input = { a = { sql = \"churn\", query = \"SELECT 1\" } }"),
            "3:23: function training: there is no database \"churn\" (write sqlite:PATH or postgres://…, or declare [database.NAME])",
        ),
        (
            "[database.churn]\nstage = \"ingestion\"\nmonolith = \"mysql://x\"\ntables = [\"a\"]",
            "3:12: database churn: monolith is no database",
        ),
        (
            "[database.churn]\nstage = \"ingestion\"\nmonolith = \"postgres://x\"\nown = \"sqlite:x\"\ntables = [\"a\"]",
            "4:7: database churn: only tables of one SQLite file can be handed over to another",
        ),
        (
            "[database.churn]\nstage = \"ingestion\"\nmonolith = \"sqlite:x\"\nown = \"sqlite:x\"\ntables = [\"a\"]",
            "4:7: database churn: own is where the monolith has it, too",
        ),
        (
            "[database.churn]\nstage = \"ingestion\"\nmonolith = \"sqlite:x\"\ntables = [\"a\", \"A\"]",
            "4:10: database churn: tables names what is handed over, each table once",
        ),
        (
            &format!(
                "{SHARED}\n[database.two]\nstage = \"monitoring\"\nmonolith = \"sqlite:x\"\ntables = [\"A\"]"
            ),
            "6:11: database two: the table A is in the database one too",
        ),
        (
            &format!(
                "{SHARED}{}",
                queued(
                    "input = { blob = \"a.csv\" }\noutput = { table = { sql = \"one\", name = \"b\", append = true } }"
                )
            ),
            "8:28: function training: the database one hands no table b over",
        ),
        ("a = [", "1:6: "),
    ] {
        let said = wrong(text);
        assert!(
            said.starts_with(expected),
            "{text}\n  said     {said}\n  expected {expected}"
        );
    }
}

#[test]
fn a_databases_path_is_relative_to_the_file() {
    let query = |url: &str| {
        let text = GOOD.replace("postgres://u:secret@db/x", url);
        let pipeline = parse(&text).unwrap().beside(Path::new("there"));
        match &pipeline.functions[0].inputs["calls"] {
            Input::Sql { url, .. } => url.clone(),
            other => panic!("{other:?} is no query"),
        }
    };
    assert_eq!(query("sqlite:var/a.db"), "sqlite:there/var/a.db");
    assert_eq!(query("sqlite:///var/a.db"), "sqlite:/var/a.db");
    assert_eq!(query("postgres://db/x"), "postgres://db/x");
}

#[test]
fn what_time_triggers_has_a_queue_of_its_own() {
    let file = |name: &str| {
        format!("[function.{name}]\nstage = \"training\"\ntrigger = {{ every = \"15m\" }}\n")
    };
    let pipeline = parse(&file("drift")).unwrap();
    assert_eq!(pipeline.functions[0].queue().as_deref(), Some("drift-due"));
    let long = "a".repeat(52);
    let queue = parse(&file(&long)).unwrap().functions[0].queue().unwrap();
    let queue: crate::queue::QueueName = queue.parse().unwrap();
    assert_eq!(queue.poison().to_string().len(), 63);
    let said = wrong(&file(&"a".repeat(53)));
    assert!(
        said.contains("its name is too long for its own queue"),
        "{said}"
    );
}

#[test]
fn two_functions_never_share_a_queue() {
    let text = GOOD.replace("customers-ready\" }\ninput", "raw-arrived\" }\ninput");
    let said = wrong(&text);
    assert!(
        said.contains("function daily: ingestion reads the queue raw-arrived too"),
        "{said}"
    );
}

#[test]
fn a_secret_of_no_vault_is_shown_where_the_file_refers_to_it() {
    for (text, expected) in [
        (
            "\n[store]\nurl = \"azure:https://a.blob.core.windows.net/kept\"\nsas = \"secret:vault:sas/43f7\"\n",
            "4:7: store.sas: secret:vault:sas/43f7: the file names no Key Vault (write [secrets]",
        ),
        (
            "[function.training]\ntrigger = { queue = \"ready\" }\ninput = { sql = \"secret:vault:db\", query = \"SELECT 1\" }\n",
            "3:17: function training: input input: sql: secret:vault:db: the file names",
        ),
        (
            "[[http]]\nroute = \"GET /a\"\nlookup = { sql = \"secret:vault:db\", query = \"SELECT 1\" }\n",
            "3:18: http: lookup: sql: secret:vault:db: the file names",
        ),
    ] {
        let said = wrong(text);
        assert!(said.starts_with(expected), "{said}\nexpected {expected}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_it(text in r#"(\[function\.[a-z]{1,3}\]|\[\[http\]\]|[a-z]{1,7} = |\{ | \}|"[a-z{}./-]{0,8}"|true|1|,|\n|\[|\]){0,30}"#) {
        let _ = parse(&text);
    }
}

#[test]
fn faces_are_for_this_machine_unless_it_is_said() {
    let parse = |text: &str| Pipeline::parse(text, crate::stages::ALL);
    let told = parse("[serve]\nlisten = \"0.0.0.0:7070\"\n").map(|_| ());
    let told = told.unwrap_err().to_string();
    assert!(
        told.contains("0.0.0.0:7070 can be reached from other machines"),
        "{told}"
    );
    let open = parse("[serve]\nlisten = \"0.0.0.0:7070\"\nopen = true\n").unwrap();
    assert_eq!(open.listen.port(), 7070);
    parse("[serve]\nlisten = \"[::1]:7070\"\n").unwrap();
    let token = "token = { env = \"TOKEN\", header = \"X-Admin-Token\" }";
    let plain = format!("[serve]\nlisten = \"0.0.0.0:7070\"\n{token}\n");
    let told = parse(&plain).map(|_| ()).unwrap_err().to_string();
    assert!(
        told.contains(
            "and faces send what they say as it is (write 127.0.0.1, or beside it tls = {"
        ),
        "{told}"
    );
    let tls = "tls = { certificate = \"faces.pem\", key = { file = \"faces.key\" } }";
    let asks = parse(&format!("{plain}{tls}\n")).unwrap();
    assert_eq!(
        asks.tls,
        Some(Tls {
            certificate: "faces.pem".to_owned(),
            key: SecretFrom::File("faces.key".to_owned()),
        })
    );
    assert_eq!(
        asks.token,
        Some(Token {
            from: SecretFrom::Env("TOKEN".to_owned()),
            header: Some("x-admin-token".parse().unwrap()),
        })
    );
    for (wrong, says) in [
        (
            "{ }",
            "3:9: serve: token: it says where the secret is, once",
        ),
        (
            "{ env = \"A\", file = \"b\" }",
            "3:9: serve: token: it says where the secret is, once",
        ),
        ("{ env = \"A\", header = \"a b\" }", "\"a b\" is no header"),
        ("\"s3cret\"", "3:9: serve: token: it says"),
        ("\"secret:s3cret\"", "3:9: serve: token: it says"),
        ("{ vault = \"s3_cret\" }", "vault names no secret"),
        (
            "{ vault = \"a\" }",
            "3:19: serve.token: secret:vault:a: the file names no Key Vault",
        ),
    ] {
        let told = parse(&format!("\n[serve]\ntoken = {wrong}\n")).map(|_| ());
        let told = told.unwrap_err().to_string();
        assert!(told.contains(says), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_schedules_own_queue_is_nobody_elses() {
    let text = r#"
        [function.monitoring]
        trigger = { every = "15m" }
        input = { log = { log = "inference" }, reference = { model = "churn@champion" } }
        output = { artifact = "drift" }

        [function.ingestion]
        trigger = { queue = "monitoring-due" }
        input = { blob = "a.csv" }
        output = { artifact = "rows" }
    "#;
    let told = Pipeline::parse(text, crate::stages::ALL).map(|_| ());
    let told = told.unwrap_err().to_string();
    assert!(
        told.contains("function ingestion: monitoring reads the queue monitoring-due too"),
        "{told}"
    );
}

#[test]
fn a_secret_may_be_anywhere_and_its_keys_are_listed() {
    let text = r#"
        [secrets]
        vault = "https://churn.vault.azure.net"

        [serve]
        token = { vault = "churn-token", header = "x-admin-token" }

        [store]
        url = "azure:https://churn.blob.core.windows.net/kept"
        sas = "secret:file:sas"

        [database.churn]
        stage    = "ingestion"
        monolith = "secret:vault:churn-db/43f7"
        tables   = ["customers"]

        [function.ingestion]
        trigger = { queue = "raw-arrived" }
        input   = { blob = "a.csv" }
        output  = { artifact = "rows", table = { sql = "churn", name = "customers", key = ["id"] } }

        [function.monitoring]
        trigger = { every = "15m" }
        input = { current = { sql = "secret:env:LIVE_DB", query = "SELECT 1" }, reference = { model = "churn@champion" } }
        output = { artifact = "drift" }
    "#;
    let pipeline = Pipeline::parse(text, crate::stages::ALL).unwrap();
    let listed = |only: &[&str]| {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        let secrets = pipeline.secrets(&only).into_iter();
        let said = secrets.map(|(key, from)| format!("{key}: {from}"));
        said.collect::<Vec<_>>()
    };
    let (sas, token) = (
        "store.sas: secret:file:sas",
        "serve.token: secret:vault:churn-token",
    );
    let shared = "database churn: monolith: secret:vault:churn-db/43f7";
    let live = "function monitoring: input current: sql: secret:env:LIVE_DB";
    assert_eq!(listed(&[]), [sas, token, shared, live]);
    assert_eq!(listed(&["ingestion"]), [sas, token, shared]);
    assert_eq!(listed(&["monitoring"]), [sas, token, live]);
    for (good, bad, says) in [
        (
            "secret:env:LIVE_DB",
            "secret:s3cret",
            "it does not say where the secret is",
        ),
        (
            "secret:vault:churn-db/43f7",
            "secret:vault:s3_cret",
            "it does not say where",
        ),
        (
            "https://churn.vault.azure.net",
            "http://s3cret.vault.azure.net",
            "it is the URL of no Key Vault",
        ),
    ] {
        let told = Pipeline::parse(&text.replace(good, bad), crate::stages::ALL).map(|_| ());
        let told = told.unwrap_err().to_string();
        assert!(told.contains(says), "{told}");
        assert!(!told.contains("s3"), "{told}");
    }
}
