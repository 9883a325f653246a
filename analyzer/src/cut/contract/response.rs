//! Fields of a response: the declared model, or the mapping that the handler
//! answers with.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::super::{ContractEntry, EntryKind, Making};
use super::code::Code;
use super::records::{class_in, is_record};
use super::request::{Add, MOST_FIELDS, Told, nested, room};
use super::shape::{Follow, Shape, is_several};
use crate::routes::Route;
use crate::syntax::facts::{ExprKind, StmtKind};
use smol_str::{SmolStr, format_smolstr};

pub(super) fn entries(
    code: &Code<'_>,
    route: &Route,
    follow: &Follow<'_, '_>,
    returned: &Shape,
    out: &mut Vec<ContractEntry>,
) -> ControlFlow<()> {
    let (file, scope) = code.scope_of(route.handler);
    let definition = code.facts(file).scope(scope);
    let makings = Made::of(follow, returned).fields;
    let begun = out.len();
    let mut add = |told: Told| {
        out.push(ContractEntry {
            kind: EntryKind::ResponseField,
            made: makings.get(&told.name).cloned(),
            name: told.name,
            value: told.ty,
            optional: told.optional,
            file: told.file,
            line: told.line,
        });
        room(out.len() - begun)
    };
    let model = definition.decorators.iter().find_map(|decorator| {
        match &code.facts(file).expr(*decorator).kind {
            ExprKind::Call { args, .. } => code.arg(args, "response_model", None),
            _ => None,
        }
    });
    let around = code.facts(file).scope(scope).parent.unwrap_or(scope);
    let declared = model
        .or(definition.returns)
        .and_then(|expr| class_in(code, file, around, expr));
    if let Some((class, in_list)) = declared
        && is_record(code, class)
    {
        return nested(code, class, if in_list { "[]." } else { "" }, 0, &mut add);
    }
    shape(code, follow, returned, "", 0, &mut add)?;
    let nothing = matches!(returned, Shape::Other(_) | Shape::Refused) || returned.is_unknown();
    if nothing && answers(definition) {
        let line = definition.line;
        add(Told::new("*".into(), None, (file, line)))?;
    }
    ControlFlow::Continue(())
}

/// Mappings are followed through this many others.
const MAX_DEPTH: u32 = 4;

/// With what the names of the fields inside of a field begin; of a list, its
/// elements say the rest.
fn inside(name: &str, shape: &Shape) -> String {
    match shape {
        Shape::List(_) => name.to_owned(),
        _ => format!("{name}."),
    }
}

/// How each field is made, as far as that is known.
#[derive(Default)]
struct Made {
    fields: BTreeMap<SmolStr, Making>,
    /// Which models say something of it.
    models: BTreeSet<SmolStr>,
    n_seen: usize,
}

impl Made {
    fn of(follow: &Follow<'_, '_>, returned: &Shape) -> Made {
        let mut made = Made::default();
        made.add(follow, returned, "", (0, false));
        // A function of inference has one model, and which one of several that
        // is nobody knows.
        if made.models.len() > 1 || made.models.iter().any(|model| is_several(model)) {
            for making in made.fields.values_mut() {
                if matches!(making, Making::Model(_)) {
                    *making = Making::Otherwise;
                }
            }
        }
        made
    }

    fn add(
        &mut self,
        follow: &Follow<'_, '_>,
        of: &Shape,
        prefix: &str,
        (depth, scattered): (u32, bool),
    ) {
        if depth > MAX_DEPTH || self.n_seen > MOST_FIELDS {
            return;
        }
        let dict = match of {
            Shape::Dict(id) => *id,
            Shape::Record(class) => match follow.built.get(class) {
                Some(id) => *id,
                None => return,
            },
            Shape::List(Some(element)) => {
                let prefix = format!("{prefix}[].");
                return self.add(follow, element, &prefix, (depth + 1, scattered));
            }
            Shape::Tuple(parts) => {
                if let Some(first) = parts.first() {
                    self.add(follow, first, prefix, (depth + 1, scattered));
                }
                return;
            }
            _ => return,
        };
        let scattered = scattered || follow.is_scattered(dict);
        for (name, field) in &follow.dicts[dict] {
            self.n_seen += 1;
            let name = format_smolstr!("{prefix}{name}");
            let inner = inside(&name, &field.shape);
            self.add(follow, &field.shape, &inner, (depth + 1, scattered));
            self.models.extend(Follow::model(&field.shape).cloned());
            let making = match follow.making(&field.shape) {
                Some(Making::Model(said)) if scattered && said.each_row => Some(Making::Otherwise),
                making => making,
            };
            if let Some(making) = making {
                self.fields.insert(name, making);
            }
        }
    }
}

/// The handler returns something.
fn answers(scope: &crate::syntax::facts::Scope) -> bool {
    let mut answers = false;
    super::code::each_stmt(&scope.body, &mut |stmt| {
        answers |= matches!(stmt.kind, StmtKind::Return(Some(_)))
    });
    answers
}

fn shape(
    code: &Code<'_>,
    follow: &Follow<'_, '_>,
    shape_of: &Shape,
    prefix: &str,
    depth: u32,
    add: &mut Add<'_>,
) -> ControlFlow<()> {
    if depth > MAX_DEPTH {
        return ControlFlow::Continue(());
    }
    match shape_of {
        Shape::Dict(id) => {
            for (name, field) in &follow.dicts[*id] {
                let name = format_smolstr!("{prefix}{name}");
                let ty = follow.type_of(&field.shape);
                add(Told::new(name.clone(), ty, (field.file, field.line)))?;
                let inner = inside(&name, &field.shape);
                shape(code, follow, &field.shape, &inner, depth + 1, add)?;
            }
        }
        Shape::List(Some(element)) => {
            shape(
                code,
                follow,
                element,
                &format!("{prefix}[]."),
                depth + 1,
                add,
            )?;
        }
        Shape::Tuple(parts) => {
            if let Some(first) = parts.first() {
                shape(code, follow, first, prefix, depth + 1, add)?;
            }
        }
        Shape::Record(class) => nested(code, *class, prefix, depth, add)?,
        _ => {}
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use crate::cut::testing::Given;
    use crate::cut::{EntryKind, Making};

    /// How each field of `score`'s answer is made.
    fn check(code: &str, expected: &[(&str, &str)]) {
        let text = format!("from flask import Flask, jsonify, request\nimport numpy as np\n{code}");
        let given = Given::new(&text, &[("score", "inference")]);
        let given = given.route("POST", "/score", "score", "flask");
        let found = given.with_plan(|_, plan| {
            let contract = plan
                .contracts
                .iter()
                .find(|contract| matches!(contract.at, crate::cut::ContractPlace::Route(_)));
            let entries = contract.into_iter().flat_map(|contract| &contract.entries);
            let fields = entries.filter(|entry| entry.kind == EntryKind::ResponseField);
            let fields = fields.map(|entry| {
                let made = entry.made.as_ref();
                format!("{}: {}\n", entry.name, made.map_or("?".to_owned(), short))
            });
            fields.collect::<String>()
        });
        let expected = expected
            .iter()
            .map(|(name, made)| format!("{name}: {made}\n"));
        assert_eq!(found, expected.collect::<String>(), "{text}");
    }

    fn short(made: &Making) -> String {
        match made {
            Making::Constant { value } => format!("value {value}"),
            Making::Request { field } => format!("request {field}"),
            Making::Otherwise => "otherwise".to_owned(),
            Making::Model(said) => {
                let mut text = format!("{:?}", said.says).to_lowercase();
                match (said.one_row, said.each_row) {
                    (false, _) => text.push_str(" of all"),
                    (true, true) => text.push_str(" of each"),
                    (true, false) => {}
                }
                text.extend(said.class.map(|class| format!(" [{class}]")));
                text.extend(said.round.map(|digits| format!(" round {digits}")));
                text.extend(said.test.as_ref().map(|test| match test.at_least {
                    Some(number) => format!(" >= {number}"),
                    None => " >= ?".to_owned(),
                }));
                for (name, value) in &said.names {
                    text.push_str(&format!(" {name}={value}"));
                }
                text
            }
        }
    }

    #[test]
    fn nothing_or_a_text_is_no_constant() {
        check(
            "def score():\n    p = model.predict_proba(rows)[0][1]\n    \
             return {\"why\": None if request.args.get(\"quiet\") else \"no\", \"kind\": None}\n",
            &[("kind", "?"), ("why", "otherwise")],
        );
    }

    #[test]
    fn comprehensions_in_comprehensions_come_to_an_end() {
        let (open, close) = ("[".repeat(40), " for x in xs]".repeat(40));
        let code = format!("def score():\n    return {{\"all\": {open}1{close}}}\n");
        check(&code, &[("all", "otherwise")]);
    }

    #[test]
    fn mappings_that_hold_each_other_come_to_an_end() {
        let mut code = "def score():\n    d = {}\n".to_owned();
        for field in 0..200 {
            code.push_str(&format!("    d[\"f{field}\"] = d\n"));
        }
        code.push_str("    return d\n");
        let given = Given::new(
            &format!("from flask import Flask\n{code}"),
            &[("score", "inference")],
        );
        let given = given.route("POST", "/score", "score", "flask");
        given.with_plan(|_, plan| {
            let entries = plan.contracts.iter().map(|contract| contract.entries.len());
            let most = entries.max().unwrap();
            assert!((200..=super::MOST_FIELDS).contains(&most), "{most}");
        });
    }

    #[test]
    fn a_value_is_followed_through_variables() {
        check(
            "def score():\n    p = model.predict_proba(rows)[0]\n    confidence = float(max(p))\n    \
             churn = float(p[1])\n    exact = round(churn, 4)\n    label = \"Yes\" if churn >= 0.5 else \"No\"\n    \
             return jsonify({\"confidence\": confidence, \"churn\": churn, \"exact\": exact, \
             \"label\": label, \"percent\": churn * 100, \"stay\": 1 - churn, \"version\": \"1.0.0\"})\n",
            &[
                ("churn", "probability [1]"),
                ("confidence", "otherwise"),
                ("exact", "probability [1] round 4"),
                ("label", "probability [1] >= 0.5 false=\"No\" true=\"Yes\""),
                ("percent", "otherwise"),
                ("stay", "otherwise"),
                ("version", "value \"1.0.0\""),
            ],
        );
    }

    #[test]
    fn a_list_of_rows_is_followed_through_its_loop() {
        check(
            "def score():\n    found = model.predict_proba(rows)[:, 1]\n    out = []\n    \
             for name, p in zip(names, found):\n        \
             out.append({\"name\": name, \"p\": round(float(p), 6)})\n    \
             return jsonify({\"rows\": out, \"all\": found.tolist(), \
             \"labels\": [int(x) for x in model.predict(rows)]})\n",
            &[
                ("all", "probability of all [1]"),
                ("labels", "label of all"),
                ("rows", "?"),
                ("rows[].name", "?"),
                ("rows[].p", "probability of each [1] round 6"),
            ],
        );
    }

    #[test]
    fn branches_are_one_or_the_other() {
        check(
            "LIMIT = 0.7\n\
             def score():\n    p = model.predict_proba(rows)[0][1]\n    \
             if p > LIMIT:\n        risk = \"high\"\n    else:\n        risk = \"low\"\n    \
             if p > 0.9:\n        tier = \"a\"\n    elif p > 0.5:\n        tier = \"b\"\n    else:\n        tier = \"c\"\n    \
             return {\"risk\": risk, \"tier\": tier, \"at\": p >= settings.limit, \"is\": bool(p < 0.5)}\n",
            &[
                ("at", "probability [1] >= ?"),
                ("is", "otherwise"),
                (
                    "risk",
                    "probability [1] >= 0.7000000000000001 false=\"low\" true=\"high\"",
                ),
                ("tier", "otherwise"),
            ],
        );
    }

    #[test]
    fn a_label_may_be_looked_up() {
        check(
            "from sklearn.metrics import f1_score\n\
             NAMES = {0: \"no\", 1: \"yes\"}\n\
             def measure(y, p):\n    return f1_score(y, p)\n\
             def score():\n    pred = int(model.predict(rows)[0])\n    kinds = [\"a\", \"b\"]\n    \
             return {\"name\": NAMES[pred], \"kind\": kinds[pred], \"churn\": bool(pred), \
             \"text\": str(pred), \"said\": \"yes\" if pred == 1 else \"no\", \"back\": encoder.inverse_transform([pred])[0]}\n",
            &[
                ("back", "otherwise"),
                ("churn", "label >= 1"),
                ("kind", "label 0=\"a\" 1=\"b\""),
                ("name", "label 0=\"no\" 1=\"yes\""),
                ("said", "label >= 1 false=\"no\" true=\"yes\""),
                ("text", "otherwise"),
            ],
        );
    }

    #[test]
    fn functions_of_the_tree_are_entered() {
        check(
            "def ask(rows, digits=3):\n    p = model.predict_proba(rows)[0, 1]\n    \
             return {\"p\": round(float(p), digits), \"l\": p >= 0.4}\n\
             def score():\n    answer = ask(rows)\n    answer[\"more\"] = np.std(rows)\n    \
             return jsonify(answer)\n",
            &[
                ("l", "probability [1] >= 0.4"),
                ("more", "otherwise"),
                ("p", "probability [1] round 3"),
            ],
        );
    }

    #[test]
    fn a_list_that_is_written_out_has_no_part_for_each_row() {
        check(
            "def score():\n    p = model.predict_proba(rows)\n    \
             return {\"both\": [p[0][0], p[0][1]], \"kinds\": [\"a\", \"b\"][1], \
             \"classes\": [{\"name\": \"no\", \"p\": p[0][0]}, {\"name\": \"yes\", \"p\": p[0][1]}], \
             \"one\": [p[0][1]]}\n",
            &[
                ("both", "otherwise"),
                ("classes", "?"),
                ("classes[].name", "otherwise"),
                ("classes[].p", "otherwise"),
                ("kinds", "otherwise"),
                ("one", "otherwise"),
            ],
        );
    }

    #[test]
    fn which_row_an_index_means_is_known_of_the_first_and_of_a_loop() {
        check(
            "POSITIVE = 1\n\
             def score(n):\n    p = model.predict_proba(rows)\n    out = []\n    \
             for i, name in enumerate(names):\n        out.append({\"p\": p[i][POSITIVE], \"q\": p[n, 1]})\n    \
             for p_last in p[:, 1]:\n        pass\n    \
             [only] = [{\"p\": x} for x in p[:, 1]]\n    \
             return {\"only\": only[\"p\"], \"last\": p[-1][1], \"n\": p[n][1], \"first\": p[0][POSITIVE], \"out\": out, \
             \"left\": p_last, \"again\": [float(p[i, 1]) for i in range(len(rows))]}\n",
            &[
                ("again", "probability of all [1]"),
                ("first", "probability [1]"),
                ("last", "otherwise"),
                ("left", "probability of each [1]"),
                ("n", "otherwise"),
                ("only", "probability [1]"),
                ("out", "?"),
                ("out[].p", "probability of each [1]"),
                ("out[].q", "otherwise"),
            ],
        );
    }

    #[test]
    fn a_list_that_lacks_rows_or_has_them_in_another_order_is_not_the_rows() {
        check(
            "def score():\n    found = model.predict_proba(rows)[:, 1]\n    \
             some, skipped, sorted_ = [], [], [{\"p\": p} for p in found]\n    some = []\n    skipped = []\n    \
             for p in found:\n        if p > 0.5:\n            some.append({\"p\": p})\n    \
             for p in found:\n        if p < 0.1:\n            continue\n        skipped.append({\"p\": p})\n    \
             best = [{\"p\": p} for p in found]\n    best.sort(key=lambda row: row[\"p\"])\n    \
             return {\"some\": some, \"skipped\": skipped, \"best\": best, \
             \"top\": [p for p in found if p > 0.5], \"order\": sorted([{\"p\": p} for p in found])}\n",
            &[
                ("best", "?"),
                ("best[].p", "otherwise"),
                ("order", "?"),
                ("order[].p", "otherwise"),
                ("skipped", "?"),
                ("skipped[].p", "otherwise"),
                ("some", "?"),
                ("some[].p", "otherwise"),
                ("top", "otherwise"),
            ],
        );
    }

    #[test]
    fn what_several_models_say_is_not_said_by_one() {
        let two = |what: &str, made: &[(&str, &str)]| {
            check(
                &format!(
                    "def ask(clf):\n    return clf.predict_proba(rows)[0][1]\n\
                     def score():\n    one = load(\"a\")\n    other = load(\"b\")\n    return {what}\n"
                ),
                made,
            );
        };
        two(
            "{\"p\": one.predict_proba(rows)[0][1], \"label\": one.predict(rows)[0]}",
            &[("label", "label"), ("p", "probability [1]")],
        );
        two(
            "{\"p\": one.predict_proba(rows)[0][1], \"label\": other.predict(rows)[0]}",
            &[("label", "otherwise"), ("p", "otherwise")],
        );
        two(
            "{\"p\": ask(one), \"q\": ask(other)}",
            &[("p", "otherwise"), ("q", "otherwise")],
        );
        two(
            "{\"p\": ask(one), \"label\": one.predict(rows)[0]}",
            &[("label", "label"), ("p", "probability [1]")],
        );
        check(
            "class Scorer:\n    def __init__(self, path):\n        self.model = load(path)\n    \
             def ask(self):\n        return self.model.predict(rows)[0]\n\
             def score():\n    a = Scorer(\"a\")\n    b = Scorer(\"b\")\n    \
             return {\"a\": a.ask(), \"b\": b.ask()}\n",
            &[("a", "otherwise"), ("b", "otherwise")],
        );
        check(
            "import pickle\n\
             with open(\"a\") as f:\n    one = pickle.load(f)\n\
             with open(\"b\") as f:\n    other = pickle.load(f)\n\
             def score():\n    return {\"a\": one.predict(rows)[0], \"b\": other.predict(rows)[0]}\n",
            &[("a", "otherwise"), ("b", "otherwise")],
        );
        check(
            "def ask(name):\n    with open(f\"{name}.pkl\") as f:\n        model = load(f)\n    \
             return model.predict(rows)[0]\n\
             def score():\n    return {\"a\": ask(\"a\"), \"b\": ask(\"b\")}\n",
            &[("a", "otherwise"), ("b", "otherwise")],
        );
        check(
            "def score():\n    for model in models:\n        label = model.predict(rows)[0]\n    \
             return {\"label\": label}\n",
            &[("label", "otherwise")],
        );
    }

    #[test]
    fn a_label_is_one_of_two_classes_only_where_the_code_says_so() {
        check(
            "from sklearn.linear_model import Ridge\n\
             def train(rows, prices):\n    return Ridge().fit(rows, prices)\n\
             def score():\n    price = model.predict(rows)[0]\n    \
             return {\"dear\": bool(price > 100), \"one\": bool(price == 1), \"any\": bool(price), \
             \"whole\": int(price), \"price\": float(price)}\n",
            &[
                ("any", "otherwise"),
                ("dear", "label >= 100.00000000000001"),
                ("one", "otherwise"),
                ("price", "label"),
                ("whole", "otherwise"),
            ],
        );
    }

    #[test]
    fn probabilities_in_one_row_are_no_probability_of_a_row() {
        check(
            "def score():\n    p = model.predict_proba(rows)\n    \
             return {\"flat\": p.ravel()[1], \"np\": np.ravel(p)[1], \"squeezed\": p.squeeze()[1], \
             \"one\": p[:, 1].ravel().tolist()}\n",
            &[
                ("flat", "otherwise"),
                ("np", "otherwise"),
                ("one", "probability of all [1]"),
                ("squeezed", "otherwise"),
            ],
        );
    }

    #[test]
    fn what_is_changed_on_its_way_is_not_repeated() {
        check(
            "def score():\n    body = request.get_json()\n    n = min(body[\"n\"], 10)\n    \
             limit = body[\"limit\"]\n    if limit > 5:\n        limit = 5\n    \
             size = body[\"size\"]\n    size += 1\n    body[\"ratio\"] = body[\"a\"] / body[\"b\"]\n    \
             body[\"b\"] = 3\n    if wanted not in body:\n        body[\"lacks\"] = 3\n    kind = body[\"kind\"].strip()\n    \
             return {\"a\": body[\"a\"], \"b\": body[\"b\"], \"id\": int(body[\"id\"]), \"n\": n, \
             \"limit\": limit, \"or\": body.get(\"or\") or 3, \"else\": body.get(\"else\", 3), \
             \"null\": body.get(\"null\"), \"lacks\": body[\"lacks\"], \"sum\": take(body[\"sum\"], [\"a\", \"b\"]), \"minus\": -body[\"minus\"], \"size\": size, \
             \"ratio\": body[\"ratio\"], \"kind\": kind, \"list\": body[\"list\"][:3], \
             \"of\": body[\"of\"] if body[\"of\"] < 2 else 2, \"all\": body.get(\"all\", [])}\n",
            &[
                ("a", "request a"),
                ("all", "request all"),
                ("b", "otherwise"),
                ("else", "otherwise"),
                ("id", "request id"),
                ("kind", "otherwise"),
                ("lacks", "otherwise"),
                ("limit", "otherwise"),
                ("list", "otherwise"),
                ("minus", "otherwise"),
                ("n", "otherwise"),
                ("null", "request null"),
                ("of", "otherwise"),
                ("or", "otherwise"),
                ("ratio", "otherwise"),
                ("size", "otherwise"),
                ("sum", "?"),
            ],
        );
    }

    #[test]
    fn a_declared_answer_is_made_where_it_is_built() {
        check(
            "from pydantic import BaseModel\n\
             class Answer(BaseModel):\n    label: int\n    score: float\n    version: str = \"2\"\n\
             def score() -> Answer:\n    p = model.predict_proba(rows)[0]\n    \
             return Answer(label=int(model.predict(rows)[0]), score=p[0])\n",
            &[
                ("label", "label"),
                ("score", "probability [0]"),
                ("version", "value \"2\""),
            ],
        );
    }

    #[test]
    fn what_is_answered_to_an_error_is_no_field() {
        check(
            "from http import HTTPStatus\n\
             def refuse(message, status=400):\n    return jsonify({\"message\": message}), status\n\
             def late(message):\n    answer = jsonify({\"late\": message})\n    answer.status_code = 503\n    return answer\n\
             def score():\n    if not rows:\n        return jsonify({\"problem\": \"no rows\"}), HTTPStatus.BAD_REQUEST\n    \
             if one:\n        return refuse(\"one\")\n    if two:\n        return refuse(\"two\", 422)\n    \
             if three:\n        return late(\"three\")\n    \
             return jsonify({\"label\": model.predict(rows)[0]}), 201\n",
            &[("label", "label")],
        );
    }
}
