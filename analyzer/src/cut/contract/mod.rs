//! What must pass at each line and each HTTP route: one file per kind of
//! entry. An entry's place is where the code says it; where the code does not
//! say, its value is `None` and the place is where to look.
//!
//! Words of transformations: those of the catalog (`bins`, `one-hot`,
//! `ordinal`, `scale`, `min-max`, `fill`, `clip`, `join`, …) with the columns
//! in brackets, `ratio`, `difference`, `product`, `sum` of two columns, a
//! function's own name where the word would lose it (`log1p`), and
//! `mean(calls.minutes) by customer_id` for an aggregate.

mod code;
mod columns;
mod estimators;
mod files;
mod predicted;
mod recipe;
mod records;
mod request;
mod response;
mod shape;
mod tables;
mod transforms;
mod types;
mod wire;

use std::collections::BTreeSet;

use code::Code;

use super::{Contract, ContractEntry, ContractPlace, CutLine, Operation};
use crate::graph::FuncId;
use crate::hazards::Context;
use crate::routes::RouteKind;
use crate::stages::Stage;

/// Contracts of the lines, by their stages, then of the HTTP routes; and what
/// is done to tables.
pub(super) fn contracts(
    ctx: &Context<'_>,
    stages: &[Stage],
    lines: &[CutLine],
) -> (Vec<Contract>, Vec<Operation>) {
    let code = Code::new(ctx);
    let types = types::Types::new(&code);
    let transforms = transforms::Transforms::new(&code, &types);
    let reach = Reach::new(ctx, stages);
    let predicted = predicted::Predicted::of(ctx);
    let mut found = Vec::new();
    for line in lines {
        let mut entries = Vec::new();
        columns::entries(&code, &types, &transforms, &reach, line, &mut entries);
        files::entries(&code, line, &mut entries);
        tables::entries(&code, line, &mut entries);
        estimators::entries(&code, &reach, line, &mut entries);
        transforms.entries(&code, &reach, line, &mut entries);
        found.push(Contract {
            at: ContractPlace::Line(line.from, line.to),
            ignores: false,
            entries: tidy(entries),
        });
    }
    for (idx, route) in ctx.routes.iter().enumerate() {
        if route.kind != RouteKind::Http {
            continue;
        }
        let mut follow = shape::Follow::new(&code, predicted);
        let returned = follow.function(route.handler, shape::Given::default());
        let mut entries = Vec::new();
        // Where there are too many, the first are told.
        let _ = request::entries(&code, route, &follow, &mut entries);
        let _ = response::entries(&code, route, &follow, &returned, &mut entries);
        for entry in &mut entries {
            // A field that nothing types has the type of the column of its name.
            let last = entry.name.rsplit(['.', ']']).next().unwrap_or(&entry.name);
            if entry.value.is_none() {
                entry.value = types.of(last);
            }
        }
        found.push(Contract {
            at: ContractPlace::Route(idx),
            ignores: follow.picks(),
            entries: tidy(entries),
        });
    }
    found.sort_by(|a, b| a.at.cmp(&b.at));
    (found, recipe::operations(&code, stages))
}

/// Sorts, and keeps of the same entry the first place; an unknown value gives
/// way to a known one.
fn tidy(mut entries: Vec<ContractEntry>) -> Vec<ContractEntry> {
    let key = |entry: &ContractEntry| (entry.kind, entry.name.clone());
    entries.sort_by(|a, b| {
        (key(a), a.value.is_none(), &a.value, a.file, a.line).cmp(&(
            key(b),
            b.value.is_none(),
            &b.value,
            b.file,
            b.line,
        ))
    });
    entries.dedup_by(|b, a| key(a) == key(b) && (a.value == b.value || b.value.is_none()));
    entries
}

/// Which functions of a stage stand behind a crossing: those that make what
/// its producer hands over, and those that its consumer hands it to.
struct Reach<'a> {
    stages: &'a [Stage],
    makers: Vec<Vec<FuncId>>,
    users: Vec<Vec<FuncId>>,
    callees: Vec<Vec<FuncId>>,
}

impl<'a> Reach<'a> {
    fn new(ctx: &Context<'_>, stages: &'a [Stage]) -> Reach<'a> {
        let n = stages.len();
        let mut reach = Reach {
            stages,
            makers: vec![Vec::new(); n],
            users: vec![Vec::new(); n],
            callees: vec![Vec::new(); n],
        };
        let mut add = |from: FuncId, to: FuncId| {
            let (f, t) = (from.0 as usize, to.0 as usize);
            if f < n && t < n && f != t {
                reach.makers[t].push(from);
                reach.users[f].push(to);
            }
        };
        for flow in &ctx.data_flow.flows {
            add(flow.from, flow.to);
        }
        for call in &ctx.call_graph.seen_through {
            // What is called works for its caller.
            add(call.callee, call.caller);
        }
        for call in &ctx.call_graph.seen_through {
            let (caller, callee) = (call.caller.0 as usize, call.callee.0 as usize);
            if caller < n && callee < n {
                reach.callees[caller].push(call.callee);
            }
        }
        for list in reach
            .makers
            .iter_mut()
            .chain(&mut reach.users)
            .chain(&mut reach.callees)
        {
            list.sort_unstable();
            list.dedup();
        }
        reach
    }

    /// `starts` and the functions of `stage` that make what they have.
    fn upstream(&self, starts: BTreeSet<FuncId>, stage: Stage) -> BTreeSet<FuncId> {
        self.within(starts, stage, &self.makers)
    }

    /// `starts`, the functions of `stage` that they hand data to, and what
    /// these call there.
    fn downstream(&self, starts: BTreeSet<FuncId>, stage: Stage) -> BTreeSet<FuncId> {
        let users = self.within(starts, stage, &self.users);
        self.within(users, stage, &self.callees)
    }

    /// Each function is visited once, however many of `starts` lead to it.
    fn within(
        &self,
        starts: BTreeSet<FuncId>,
        stage: Stage,
        edges: &[Vec<FuncId>],
    ) -> BTreeSet<FuncId> {
        let mut open: Vec<FuncId> = starts.iter().copied().collect();
        let mut found = starts;
        while let Some(func) = open.pop() {
            for func in edges.get(func.0 as usize).into_iter().flatten() {
                let own = self.stages[func.0 as usize];
                if own == stage && found.insert(*func) {
                    open.push(*func);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::cut::testing::{Given, contract_texts};

    #[test]
    fn a_line_says_columns_and_how_they_are_made() {
        let given = Given::new(
            "import pandas as pd\n\
             def prep():\n    frame = pd.read_csv('raw.csv')\n    \
             frame['rate'] = frame['calls'] / frame['months']\n    \
             frame['band'] = pd.cut(frame['age'], bins=[0, 1])\n    return frame\n\
             def fit(frame):\n    return frame['rate']\n\
             def main():\n    fit(prep())\n",
            &[
                ("prep", "preprocessing"),
                ("fit", "training"),
                ("main", "shared"),
            ],
        );
        let text = given.with_plan(contract_texts);
        for entry in [
            "preprocessing | training: Column rate = float :4",
            "preprocessing | training: Column calls = ? :4",
            "preprocessing | training: Transform rate = ratio(calls, months) :4",
            "preprocessing | training: Transform band = bins(age) :5",
        ] {
            assert!(
                text.lines().any(|line| line == entry),
                "{entry} is not in\n{text}"
            );
        }
    }

    #[test]
    fn a_field_that_the_code_adds_is_none_that_a_client_sends() {
        let given = Given::new(
            "import pandas as pd\nfrom flask import request, jsonify\n\
             def score():\n    frame = pd.DataFrame(request.get_json()['rows'])\n    \
             frame['ratio'] = frame['a'] / frame['b']\n    \
             if 'age' not in frame:\n        frame['age'] = None\n    \
             return jsonify({'n': model.predict(frame[['a', 'ratio', 'age']])[0]})\n",
            &[("score", "inference")],
        );
        let given = given.route("POST", "/score", "score", "flask");
        let text = given.with_plan(contract_texts);
        let lines = text.lines();
        let fields = lines.filter_map(|line| line.strip_prefix("route 0: RequestField "));
        let names: Vec<&str> = fields.filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["rows", "rows[].a", "rows[].age", "rows[].b"]);
    }

    #[track_caller]
    fn ignores(body: &str, expected: bool) {
        let text = format!(
            "import pandas as pd\nfrom flask import request, jsonify\n\
             def taken(row):\n    return [row['age'], row.get('plan')]\n\
             def score():\n    body = request.get_json()\n    {body}\n"
        );
        let given = Given::new(&text, &[("score", "inference")]);
        let given = given.route("POST", "/score", "score", "flask");
        let found = given.with_plan(|_, plan| {
            let routes = plan.contracts.iter();
            routes.filter(|contract| contract.ignores).count() == 1
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_route_that_picks_fields_by_name_ignores_others() {
        for body in [
            "return jsonify({'p': model.predict([[body['age'], body['plan']]])[0]})",
            "return jsonify({'p': model.predict([taken(row) for row in body['rows']])})",
            "if not body or 'age' not in body:\n        return 'no', 400\n    \
             return jsonify({'p': model.predict([taken(body)])[0]})",
            "return jsonify({'p': model.predict(pd.DataFrame([body])[['age', 'plan']])[0], 'n': body['n']})",
            "row = {name: body[name] for name in ['age', 'plan']}\n    \
             return jsonify({'p': model.predict(pd.DataFrame([row]))[0]})",
        ] {
            ignores(body, true);
        }
    }

    #[test]
    fn a_route_that_hands_its_request_on_may_mind_others() {
        for body in [
            "return jsonify({'p': model.predict(pd.DataFrame([body]))[0]})",
            "check(body)\n    return jsonify({'p': model.predict([taken(body)])[0]})",
            "if set(body) - {'age', 'plan'}:\n        return 'no', 400\n    \
             return jsonify({'p': model.predict([taken(body)])[0]})",
            "for name in body:\n        check(name)\n    \
             return jsonify({'p': model.predict([taken(body)])[0]})",
            "if len(body) != 2:\n        return 'no', 400\n    \
             return jsonify({'p': model.predict([taken(body)])[0]})",
            "if body.keys() - NAMES:\n        return 'no', 400\n    \
             return jsonify({'p': model.predict([taken(body)])[0]})",
            "return jsonify({'p': score_of(**body), 'age': body['age']})",
            "return jsonify({'n': len(body)})",
            "row = dict(body)\n    return jsonify({'p': model.predict([row])[0], 'age': body['age']})",
        ] {
            ignores(body, false);
        }
    }

    #[test]
    fn a_route_says_what_it_takes_and_answers() {
        let given = Given::new(
            "from flask import request, jsonify\n\
             def predict(key):\n    body = request.get_json()\n    \
             limit = float(body.get('limit', 5))\n    \
             for row in body['rows']:\n        print(row['age'])\n    \
             return jsonify({'score': limit, 'n': len(body['rows'])})\n",
            &[("predict", "inference")],
        )
        .route("POST", "/predict/{key}", "predict", "flask");
        let text = given.with_plan(contract_texts);
        for entry in [
            "route 0: RequestField limit = float :4",
            "route 0: RequestField rows = list :5",
            "route 0: RequestField rows[].age = ? :6",
            "route 0: ResponseField n = int :7",
        ] {
            assert!(
                text.lines().any(|line| line == entry),
                "{entry} is not in\n{text}"
            );
        }
    }
}
