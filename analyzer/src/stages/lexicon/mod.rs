//! Words that hint at a stage, in names, docstrings, routes and literals.
//!
//! A word counts wherever it stands in a name that is split at case and
//! underscores. Weights are relative; how much a word in a function's name
//! counts against one in a folder's name is learnt (see `weights`).

use std::sync::LazyLock;

mod pairs;
mod purpose;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use super::Stage;
use pairs::PAIRS;
pub(super) use purpose::purposes;

/// Stages with weights.
type Hints = Vec<(Stage, f64)>;

/// Word, stage, weight. A word that ends in `*` is the start of a word.
const WORDS: &[(&str, Stage, f64)] = {
    use Stage::*;
    &[
        ("acquire", Ingestion, 1.0),
        ("acquisition", Ingestion, 1.0),
        ("collect*", Ingestion, 0.8),
        ("consume*", Ingestion, 0.6),
        ("crawl*", Ingestion, 1.2),
        ("download*", Ingestion, 1.0),
        ("extract", Ingestion, 0.5),
        ("fetch*", Ingestion, 0.8),
        ("harvest*", Ingestion, 1.0),
        ("ingest*", Ingestion, 1.6),
        ("kaggle", Ingestion, 1.0),
        ("producer", Ingestion, 0.6),
        ("produce", Ingestion, 0.4),
        ("pull", Ingestion, 0.4),
        ("raw", Ingestion, 0.7),
        ("scrap*", Ingestion, 1.2),
        ("source", Ingestion, 0.4),
        ("crawler", Ingestion, 1.2),
        ("import", Ingestion, 0.4),
        ("landing", Ingestion, 0.8),
        ("tweets", Ingestion, 0.5),
        ("upload*", Ingestion, 0.3),
        ("dataset*", Ingestion, 0.2),
        ("etl", Ingestion, 0.6),
        ("kafka", Ingestion, 0.6),
        ("topic*", Ingestion, 0.3),
        ("stream*", Ingestion, 0.3),
        ("s3", Ingestion, 0.3),
        ("simulat*", Ingestion, 0.5),
        ("importer", Ingestion, 0.9),
        ("loader", Ingestion, 0.4),
        ("datos", Ingestion, 0.2),
        ("aggregat*", Preprocessing, 0.7),
        ("integrity", Preprocessing, 0.7),
        ("quality", Preprocessing, 0.4),
        ("annotation*", Preprocessing, 0.4),
        ("convert*", Preprocessing, 0.4),
        ("parse*", Preprocessing, 0.2),
        ("filter*", Preprocessing, 0.4),
        ("remov*", Preprocessing, 0.4),
        ("replac*", Preprocessing, 0.3),
        ("limpi*", Preprocessing, 1.2),
        ("dividir", Preprocessing, 0.9),
        ("division", Preprocessing, 0.6),
        ("augment*", Preprocessing, 1.0),
        ("bin", Preprocessing, 0.4),
        ("categorical", Preprocessing, 0.8),
        ("clean*", Preprocessing, 1.3),
        ("column*", Preprocessing, 0.3),
        ("crop*", Preprocessing, 0.6),
        ("dedup*", Preprocessing, 0.9),
        ("drop*", Preprocessing, 0.5),
        ("duplicates", Preprocessing, 0.7),
        ("encod*", Preprocessing, 0.8),
        ("engineer*", Preprocessing, 1.0),
        ("feature", Preprocessing, 0.8),
        ("featur*", Preprocessing, 0.9),
        ("fill*", Preprocessing, 0.6),
        ("imput*", Preprocessing, 1.1),
        ("lemma*", Preprocessing, 1.1),
        ("merge*", Preprocessing, 0.6),
        ("missing", Preprocessing, 0.7),
        ("normaliz*", Preprocessing, 0.9),
        ("onehot", Preprocessing, 1.0),
        ("outlier*", Preprocessing, 0.9),
        ("prepar*", Preprocessing, 0.7),
        ("preprocess*", Preprocessing, 1.7),
        ("process*", Preprocessing, 0.4),
        ("resize*", Preprocessing, 0.8),
        ("sampl*", Preprocessing, 0.3),
        ("scaler", Preprocessing, 0.8),
        ("schema*", Preprocessing, 0.4),
        ("split*", Preprocessing, 0.8),
        ("stem*", Preprocessing, 0.5),
        ("stopwords", Preprocessing, 1.1),
        ("tokeniz*", Preprocessing, 0.8),
        ("transform*", Preprocessing, 0.8),
        ("valid*", Preprocessing, 0.3),
        ("vectoriz*", Preprocessing, 0.9),
        ("wrangl*", Preprocessing, 1.2),
        ("nan*", Preprocessing, 0.5),
        ("interim", Preprocessing, 0.8),
        ("backbone", Training, 0.8),
        ("backward", Training, 1.0),
        ("callback*", Training, 0.4),
        ("checkpoint*", Training, 0.7),
        ("classifier*", Training, 0.3),
        ("epoch*", Training, 1.2),
        ("estimator*", Training, 0.5),
        ("finetun*", Training, 1.3),
        ("fit", Training, 1.0),
        ("grid", Training, 0.5),
        ("hidden", Training, 0.5),
        ("hyperparam*", Training, 1.2),
        ("layer*", Training, 0.6),
        ("learn*", Training, 0.4),
        ("loss*", Training, 0.8),
        ("optimi*", Training, 0.9),
        ("optuna", Training, 1.0),
        ("params", Training, 0.2),
        ("regressor", Training, 0.4),
        ("retrain*", Training, 1.1),
        ("search", Training, 0.2),
        ("train*", Training, 1.5),
        ("trial*", Training, 0.7),
        ("tune*", Training, 1.1),
        ("tuning", Training, 1.1),
        ("tuner", Training, 1.1),
        ("fold*", Training, 0.4),
        ("xgb*", Training, 0.4),
        ("lstm", Training, 0.5),
        ("network", Training, 0.3),
        ("entren*", Training, 1.4),
        ("accuracy", Evaluation, 1.0),
        ("evalua*", Evaluation, 1.5),
        ("mape", Evaluation, 1.0),
        ("residual*", Evaluation, 0.7),
        ("threshold*", Evaluation, 0.3),
        ("auc", Evaluation, 1.0),
        ("benchmark*", Evaluation, 0.8),
        ("compar*", Evaluation, 0.5),
        ("confusion", Evaluation, 1.2),
        ("eval", Evaluation, 1.2),
        ("evaluat*", Evaluation, 1.6),
        ("f1", Evaluation, 1.0),
        ("gate*", Evaluation, 0.8),
        ("mae", Evaluation, 0.9),
        ("metric*", Evaluation, 0.8),
        ("mse", Evaluation, 0.9),
        ("precision", Evaluation, 0.9),
        ("r2", Evaluation, 0.8),
        ("recall", Evaluation, 0.9),
        ("rmse", Evaluation, 1.0),
        ("roc", Evaluation, 1.0),
        ("importance*", Evaluation, 0.6),
        ("shap", Evaluation, 0.7),
        ("explain*", Evaluation, 0.3),
        ("slices", Evaluation, 0.3),
        ("slicing", Evaluation, 0.3),
        ("plot*", Evaluation, 0.4),
        ("scor*", Evaluation, 0.3),
        ("assess*", Evaluation, 0.8),
        ("bless*", Evaluation, 0.7),
        ("accept*", Evaluation, 0.4),
        ("behavioral", Evaluation, 0.7),
        ("alias*", Deployment, 0.6),
        ("artifact*", Deployment, 0.3),
        ("canary", Deployment, 1.3),
        ("challenger", Deployment, 0.8),
        ("champion", Deployment, 0.8),
        ("deploy*", Deployment, 1.7),
        ("docker*", Deployment, 0.7),
        ("image", Deployment, 0.1),
        ("kubernetes", Deployment, 0.8),
        ("package*", Deployment, 0.5),
        ("production", Deployment, 0.6),
        ("promot*", Deployment, 1.4),
        ("provision*", Deployment, 1.2),
        ("publish*", Deployment, 0.6),
        ("push*", Deployment, 0.5),
        ("regist*", Deployment, 0.7),
        ("release*", Deployment, 0.8),
        ("rollback", Deployment, 1.3),
        ("rollout", Deployment, 1.3),
        ("ship*", Deployment, 0.7),
        ("stag*", Deployment, 0.3),
        ("version*", Deployment, 0.4),
        ("aks", Deployment, 0.8),
        ("aci", Deployment, 0.8),
        ("terraform", Deployment, 0.8),
        ("release", Deployment, 0.8),
        ("export*", Deployment, 0.4),
        ("answer*", Inference, 0.4),
        ("batch", Inference, 0.1),
        ("classif*", Inference, 0.5),
        ("endpoint", Inference, 0.3),
        ("forecast*", Inference, 0.7),
        ("generat*", Inference, 0.1),
        ("infer*", Inference, 1.5),
        ("predec*", Inference, 1.2),
        ("predic*", Inference, 1.2),
        ("payload", Inference, 0.5),
        ("predict*", Inference, 1.4),
        ("predictor", Inference, 0.9),
        ("proba*", Inference, 0.6),
        ("rank*", Inference, 0.4),
        ("recommend*", Inference, 0.8),
        ("request*", Inference, 0.3),
        ("respon*", Inference, 0.3),
        ("score", Inference, 0.3),
        ("serve*", Inference, 1.1),
        ("serving", Inference, 1.2),
        ("similar*", Inference, 0.3),
        ("api", Inference, 0.2),
        ("inputs", Inference, 0.2),
        ("alarm*", Monitoring, 1.0),
        ("alert*", Monitoring, 1.1),
        ("dashboard", Monitoring, 0.7),
        ("drift*", Monitoring, 1.7),
        ("evidently", Monitoring, 1.2),
        ("feedback", Monitoring, 0.6),
        ("grafana", Monitoring, 1.0),
        ("health*", Monitoring, 0.4),
        ("heartbeat", Monitoring, 0.6),
        ("latency", Monitoring, 0.6),
        ("monitor*", Monitoring, 1.7),
        ("observ*", Monitoring, 0.7),
        ("prometheus", Monitoring, 1.1),
        ("psi", Monitoring, 1.0),
        ("reference", Monitoring, 0.5),
        ("telemetry", Monitoring, 0.8),
        ("uptime", Monitoring, 0.7),
        ("watch*", Monitoring, 0.6),
        ("anomal*", Monitoring, 0.4),
        ("stats", Monitoring, 0.2),
        ("incident*", Monitoring, 0.7),
        ("base", Shared, 0.3),
        ("cache*", Shared, 0.3),
        ("cfg", Shared, 0.8),
        ("cli", Shared, 0.4),
        ("common", Shared, 0.8),
        ("conf", Shared, 0.8),
        ("config*", Shared, 1.0),
        ("connect*", Shared, 0.5),
        ("constant*", Shared, 0.7),
        ("dag", Shared, 0.8),
        ("db", Shared, 0.4),
        ("env", Shared, 0.5),
        ("exception*", Shared, 1.0),
        ("flow", Shared, 0.5),
        ("helper*", Shared, 0.7),
        ("hook*", Shared, 0.3),
        ("io", Shared, 0.4),
        ("json", Shared, 0.5),
        ("log", Shared, 0.5),
        ("logg*", Shared, 1.0),
        ("main", Shared, 0.6),
        ("orchestrat*", Shared, 1.0),
        ("path*", Shared, 0.3),
        ("pipeline*", Shared, 0.5),
        ("retry", Shared, 0.5),
        ("run*", Shared, 0.3),
        ("seed*", Shared, 0.6),
        ("session", Shared, 0.3),
        ("settings", Shared, 0.9),
        ("setup", Shared, 0.3),
        ("timer", Shared, 0.8),
        ("timing", Shared, 0.7),
        ("tool*", Shared, 0.4),
        ("util*", Shared, 0.6),
        ("workflow", Shared, 0.8),
        ("yaml", Shared, 0.8),
        ("pickle", Shared, 0.3),
        ("object", Shared, 0.2),
        ("directories", Shared, 0.6),
        ("credential*", None, 0.4),
        ("username", None, 0.9),
        ("unauthorized", None, 0.9),
        ("token*", None, 0.2),
        ("streamlit", None, 0.6),
        ("slide*", None, 0.4),
        ("slider", None, 0.8),
        ("button", None, 0.8),
        ("header", None, 0.5),
        ("footer", None, 0.8),
        ("markdown", None, 0.7),
        ("display*", None, 0.5),
        ("eda", None, 1.2),
        ("explor*", None, 0.8),
        ("describe", None, 0.3),
        ("overview", None, 0.7),
        ("sphinx", None, 1.0),
        ("docs", None, 0.8),
        ("mock*", None, 0.8),
        ("fake*", None, 0.5),
        ("cors", None, 0.6),
        ("middleware", None, 0.5),
        ("favicon", None, 1.0),
        ("welcome", None, 0.9),
        ("manage", None, 0.6),
        ("queryset", None, 0.5),
        ("about", None, 0.8),
        ("account*", None, 0.7),
        ("admin", None, 0.8),
        ("auth*", None, 1.0),
        ("css", None, 0.8),
        ("email*", None, 0.6),
        ("form*", None, 0.4),
        ("home", None, 0.9),
        ("html", None, 0.5),
        ("index", None, 0.6),
        ("login", None, 1.3),
        ("logout", None, 1.3),
        ("menu", None, 0.8),
        ("migration*", None, 0.6),
        ("page*", None, 0.6),
        ("password", None, 0.7),
        ("permission*", None, 0.7),
        ("profile", None, 0.4),
        ("render*", None, 0.5),
        ("signup", None, 1.2),
        ("static", None, 0.5),
        ("template*", None, 0.5),
        ("user*", None, 0.5),
        ("view*", None, 0.4),
        ("widget", None, 0.7),
        ("annotat*", None, 0.2),
        ("tag*", None, 0.2),
        ("str", None, 0.8),
        ("repr", None, 0.8),
        ("title", None, 0.4),
        ("sidebar", None, 0.7),
        ("root", None, 0.3),
    ]
};

struct Lexicon {
    exact: FxHashMap<&'static str, Vec<(Stage, f64)>>,
    starts: Vec<(&'static str, Stage, f64)>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon {
        exact: FxHashMap::default(),
        starts: Vec::new(),
    };
    for (word, stage, weight) in WORDS {
        match word.strip_suffix('*') {
            Some(start) => lexicon.starts.push((start, *stage, *weight)),
            Option::None => lexicon
                .exact
                .entry(word)
                .or_default()
                .push((*stage, *weight)),
        }
    }
    lexicon
});

/// What a text says: words and pairs of words that hint, in order.
pub(super) fn heard(text: &str) -> Vec<(SmolStr, Hints)> {
    let tokens = tokens(text);
    let mut heard = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let pair = tokens.get(at + 1).map(|next| (&*tokens[at], &**next));
        let pair = pair.and_then(|pair| PAIRS.iter().find(|(a, b, _)| (*a, *b) == pair));
        if let Some((first, second, hints)) = pair {
            if !hints.is_empty() {
                heard.push((format_smolstr!("{first} {second}"), hints.to_vec()));
            }
            at += 2;
            continue;
        }
        let hints = hints(&tokens[at]);
        if tokens[at].len() > 1 && !hints.is_empty() {
            heard.push((tokens[at].as_str().into(), hints));
        }
        at += 1;
    }
    heard
}

/// What a word hints at.
fn hints(word: &str) -> Vec<(Stage, f64)> {
    if let Some(exact) = LEXICON.exact.get(word) {
        return exact.clone();
    }
    let starts = LEXICON.starts.iter();
    let longest = starts
        .filter(|(start, ..)| word.starts_with(start))
        .max_by_key(|(start, ..)| start.len());
    longest
        .map(|(_, stage, weight)| (*stage, *weight))
        .into_iter()
        .collect()
}

/// Splits a name into lowercase words: `loadRawData`, `load_raw-data`.
fn tokens(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous = ' ';
    for c in name.chars() {
        let starts_word = c.is_uppercase() && previous.is_lowercase();
        if !c.is_alphanumeric() || starts_word {
            push(&mut words, &mut word);
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        previous = c;
    }
    push(&mut words, &mut word);
    words
}

fn push(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_case_and_marks() {
        assert_eq!(tokens("loadRawData_v2"), ["load", "raw", "data", "v2"]);
        assert_eq!(tokens("X_train"), ["x", "train"]);
    }

    #[test]
    fn a_pair_says_something_else_than_its_words() {
        let said = |text| heard(text).into_iter().map(|(said, _)| said);
        assert_eq!(
            said("train_test_split").next().as_deref(),
            Some("train test")
        );
        assert!(said("X_train").next().is_none());
    }

    #[test]
    fn the_longest_start_wins() {
        assert_eq!(hints("preprocessing"), [(Stage::Preprocessing, 1.7)]);
        assert_eq!(hints("processor"), [(Stage::Preprocessing, 0.4)]);
        assert!(hints("xylophone").is_empty());
    }
}
