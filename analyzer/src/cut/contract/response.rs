//! Fields of a response: the declared model, or the mapping that the handler
//! answers with.

use std::collections::BTreeMap;

use super::super::{ContractEntry, EntryKind, Making};
use super::code::Code;
use super::records::{class_in, is_record};
use super::request::nested;
use super::shape::{Follow, Shape};
use crate::modules::FileId;
use crate::routes::Route;
use crate::syntax::facts::{ExprKind, StmtKind};
use smol_str::{SmolStr, format_smolstr};

pub(super) fn entries(
    code: &Code<'_>,
    route: &Route,
    follow: &Follow<'_, '_>,
    returned: &Shape,
    out: &mut Vec<ContractEntry>,
) {
    let (file, scope) = code.scope_of(route.handler);
    let definition = code.facts(file).scope(scope);
    let mut makings = BTreeMap::new();
    made(follow, returned, "", 0, &mut makings);
    let mut add = |name: SmolStr, value: Option<SmolStr>, file: FileId, line: u32| {
        out.push(ContractEntry {
            kind: EntryKind::ResponseField,
            made: makings.get(&name).cloned(),
            name,
            value,
            file,
            line,
        });
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
        nested(code, class, if in_list { "[]." } else { "" }, 0, &mut add);
        return;
    }
    shape(code, follow, returned, "", 0, &mut add);
    let nothing = matches!(returned, Shape::Other(_) | Shape::Refused) || returned.is_unknown();
    if nothing && answers(definition) {
        let line = definition.line;
        add("*".into(), None, file, line);
    }
}

/// How each field is made, as far as that is known.
fn made(
    follow: &Follow<'_, '_>,
    of: &Shape,
    prefix: &str,
    depth: u32,
    makings: &mut BTreeMap<SmolStr, Making>,
) {
    if depth > 4 {
        return;
    }
    let dict = match of {
        Shape::Dict(id) => *id,
        Shape::Record(class) => match follow.built.get(class) {
            Some(id) => *id,
            None => return,
        },
        Shape::List(Some(element)) => {
            made(follow, element, &format!("{prefix}[]."), depth + 1, makings);
            return;
        }
        Shape::Tuple(parts) => {
            if let Some(first) = parts.first() {
                made(follow, first, prefix, depth + 1, makings);
            }
            return;
        }
        _ => return,
    };
    for (name, field) in &follow.dicts[dict] {
        let name = format_smolstr!("{prefix}{name}");
        let inner = match &field.shape {
            Shape::List(_) => name.to_string(),
            _ => format!("{name}."),
        };
        made(follow, &field.shape, &inner, depth + 1, makings);
        if let Some(making) = follow.making(&field.shape) {
            makings.insert(name, making);
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
    add: &mut dyn FnMut(SmolStr, Option<SmolStr>, FileId, u32),
) {
    if depth > 4 {
        return;
    }
    match shape_of {
        Shape::Dict(id) => {
            for (name, field) in &follow.dicts[*id] {
                let name = format_smolstr!("{prefix}{name}");
                add(
                    name.clone(),
                    follow.type_of(&field.shape),
                    field.file,
                    field.line,
                );
                let inner = match &field.shape {
                    Shape::List(_) => name.to_string(),
                    _ => format!("{name}."),
                };
                shape(code, follow, &field.shape, &inner, depth + 1, add);
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
            );
        }
        Shape::Tuple(parts) => {
            if let Some(first) = parts.first() {
                shape(code, follow, first, prefix, depth + 1, add);
            }
        }
        Shape::Record(class) => nested(code, *class, prefix, depth, add),
        _ => {}
    }
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
            fields.collect()
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
                if !said.one_row {
                    text.push_str(" of all");
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
                ("rows[].p", "probability [1] round 6"),
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
            "NAMES = {0: \"no\", 1: \"yes\"}\n\
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
