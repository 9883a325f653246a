//! Cases of a few lines: what a function says, and what its place says.

use super::{Stage, Staging};
use crate::line::{Options, examine};
use crate::source::{Language, SourceFile, SourceTree};
use crate::{Analysis, Catalog};

fn examined(files: &[(&str, &str)]) -> Analysis {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).into(),
        language: match path.ends_with(".rs") {
            true => Language::Rust,
            false => Language::Python,
        },
        text: (*text).to_owned(),
        cells: Vec::new(),
    };
    let tree = SourceTree {
        name: "tree".into(),
        files: files.iter().map(file).collect(),
        configs: Vec::new(),
        others: Vec::new(),
        skipped: Vec::new(),
    };
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    examine(&tree, &options)
}

/// The verdict on the function of that name.
fn verdict(analysis: &Analysis, qualname: &str) -> Staging {
    let mut funcs = analysis.program.func_ids();
    let func = funcs.find(|func| {
        let function = analysis.program.function(*func);
        let facts = analysis.modules.facts(function.file);
        facts.scope(function.scope).qualname == qualname
    });
    analysis.stages.of[func.expect("the case defines it").0 as usize].clone()
}

#[test]
fn a_logger_says_nothing() {
    let code = |log: &str| {
        format!(
            "import logging\nfrom sklearn.linear_model import Ridge\nlogger = logging.getLogger(__name__)\n\
             def build(x, y):\n    m = Ridge()\n    {log}\n    m.fit(x, y)\n    return m\n"
        )
    };
    let quiet = examined(&[("m.py", &code("pass"))]);
    let loud = examined(&[("m.py", &code("logger.info(\"done\")"))]);
    let (quiet, loud) = (verdict(&quiet, "build"), verdict(&loud, "build"));
    assert_eq!(loud.stage, quiet.stage);
    // `pass` is a statement and a log line is none; nothing else differs.
    assert!((quiet.confidence - loud.confidence).abs() < 0.05);
    assert!(
        !loud
            .evidence
            .iter()
            .any(|evidence| evidence.reason.contains("log"))
    );
}

#[test]
fn features_made_only_for_a_request_are_serving() {
    let helper = "def clean(df):\n    df = df.dropna()\n    return df.fillna(0)\n";
    let app = format!(
        "import joblib\nimport pandas as pd\nfrom flask import Flask, request, jsonify\napp = Flask(__name__)\n\
         model = joblib.load('model.pkl')\n{helper}\
         @app.route('/predict', methods=['POST'])\ndef predict():\n    df = pd.DataFrame(request.get_json())\n    return jsonify(model.predict(clean(df)))\n"
    );
    let served = verdict(&examined(&[("app.py", &app)]), "clean");
    let batch = format!(
        "import pandas as pd\n{helper}df = clean(pd.read_csv('raw.csv'))\ndf.to_csv('clean.csv')\n"
    );
    let batch = verdict(&examined(&[("app.py", &batch)]), "clean");
    assert_eq!(batch.stage, Stage::Preprocessing);
    let inference = super::features::index(Stage::Inference);
    assert!(served.distribution[inference] > 0.3);
    assert!(batch.distribution[inference] < 0.1);
}

#[test]
fn a_page_stands_outside() {
    let app = "import streamlit as st\ndef header():\n    st.title('x')\n    st.markdown('y')\ndef sidebar():\n    st.sidebar.button('z')\nheader()\nsidebar()\n";
    assert_eq!(
        verdict(&examined(&[("app.py", app)]), "header").stage,
        Stage::None
    );
}

#[test]
fn what_puts_stages_together_is_shared() {
    let code = "import pandas as pd\nfrom sklearn.linear_model import Ridge\nfrom sklearn.metrics import r2_score\n\
                def fetch_raw():\n    return pd.read_csv('https://example.org/x.csv')\n\
                def clean_features(df):\n    return df.dropna()\n\
                def train_model(df):\n    m = Ridge()\n    m.fit(df, df)\n    return m\n\
                def evaluate_model(m, df):\n    return r2_score(df, m.predict(df))\n\
                def run_pipeline():\n    df = clean_features(fetch_raw())\n    m = train_model(df)\n    return evaluate_model(m, df)\n";
    assert_eq!(
        verdict(&examined(&[("x.py", code)]), "run_pipeline").stage,
        Stage::Shared
    );
}

#[test]
fn what_a_library_asks_for_says_what_a_method_is_for() {
    let python = "import lightning as L\nclass Net(L.LightningModule):\n    \
                  def training_step(self, batch, idx):\n        return self.layer(batch)\n    \
                  def predict_step(self, batch, idx):\n        return self.layer(batch)\n";
    let rust = "use burn::data::dataloader::batcher::Batcher;\npub struct Rows;\n\
                impl<B: Backend> Batcher<B, Item, Batch<B>> for Rows {\n    \
                fn batch(&self, items: Vec<Item>) -> Batch<B> { stack(items) }\n}\n";
    let reasons = |analysis: &Analysis, qualname: &str| {
        let evidence = verdict(analysis, qualname).evidence.into_iter();
        let asked = evidence.filter(|evidence| evidence.reason.contains("asks for"));
        asked
            .map(|evidence| format!("{}: {}", evidence.stage, evidence.reason))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let python = examined(&[("net.py", python)]);
    assert_eq!(
        reasons(&python, "Net.training_step"),
        "training: is what lightning.LightningModule.training_step asks for"
    );
    assert_eq!(
        reasons(&python, "Net.predict_step"),
        "inference: is what lightning.LightningModule.predict_step asks for"
    );
    let rust = examined(&[("rows.rs", rust)]);
    assert_eq!(
        reasons(&rust, "Rows::batch"),
        "preprocessing: is what burn.data.dataloader.batcher.Batcher.batch asks for"
    );
}

#[test]
fn a_line_that_is_printed_is_no_work() {
    let code = |line: &str| {
        format!("use tracing::info;\npub fn build(rows: &[f64]) -> f64 {{ {line} rows[0] }}\n")
    };
    let said = |text: &str| {
        let of = verdict(&examined(&[("a.rs", text)]), "build");
        let mut reasons = of.evidence.into_iter().map(|evidence| evidence.reason);
        reasons.any(|reason| reason.contains("calls something named"))
    };
    for line in [
        "info!(\"x\");",
        "println!(\"x\");",
        "tracing::warn!(\"x\");",
    ] {
        assert!(!said(&code(line)), "{line}");
    }
}
