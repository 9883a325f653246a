//! What holds for every plan.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::testing::Given;
use crate::graph::FuncId;
use crate::graph::data::{Flow, Via};
use crate::stages::Stage;

const FUNCTIONS: usize = 8;

fn given(stages: &[usize]) -> Given {
    let text: String = (0..FUNCTIONS)
        .map(|idx| format!("def f{idx}(): pass\n"))
        .collect();
    Given::of(&[("a.py", &text)], |name| {
        let idx = name
            .strip_prefix('f')
            .and_then(|idx| idx.parse::<usize>().ok());
        idx.map_or(Stage::None, |idx| Stage::ALL[stages[idx]])
    })
}

fn flow() -> impl Strategy<Value = Flow> {
    let via = prop::sample::select(vec![
        Via::Argument,
        Via::Return,
        Via::Global,
        Via::File,
        Via::Table,
    ]);
    let func = 1..=FUNCTIONS as u32;
    (func.clone(), func, via, "[ab]", 1..FUNCTIONS as u32).prop_map(
        |(from, to, via, name, line)| Flow {
            from: FuncId(from),
            to: FuncId(to),
            via,
            name: name.into(),
            file: crate::modules::FileId(0),
            line,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lines_cover_each_crossing_once_and_the_order_each_stage(
        stages in prop::collection::vec(0..9usize, FUNCTIONS),
        flows in prop::collection::vec(flow(), 0..30),
        turn in 0..30usize,
    ) {
        let mut given = given(&stages);
        given.data_flow.flows = flows.clone();
        let plan = super::plan(&given.context(), &[]);

        let stage = |func: FuncId| given.stages.stage(func);
        let crossing: BTreeSet<_> = flows
            .iter()
            .filter(|flow| stage(flow.from).is_pipeline() && stage(flow.to).is_pipeline())
            .filter(|flow| stage(flow.from) != stage(flow.to))
            .map(|flow| (flow.from, flow.to, flow.via, flow.name.clone()))
            .collect();
        let mut listed = Vec::new();
        for line in &plan.lines {
            prop_assert_ne!(line.from, line.to);
            for crossing in &line.crossings {
                prop_assert!(line.price >= crossing.price);
                prop_assert_eq!((line.from, line.to), (stage(crossing.from), stage(crossing.to)));
                let via = crossing.via.expect("only flows cross here");
                listed.push((crossing.from, crossing.to, via, crossing.name.clone()));
            }
        }
        listed.sort();
        prop_assert_eq!(listed, crossing.into_iter().collect::<Vec<_>>());

        let present: BTreeSet<Stage> =
            given.stages.of.iter().map(|staging| staging.stage).filter(|stage| stage.is_pipeline()).collect();
        let mut ordered: Vec<Stage> = plan.order.iter().map(|step| step.stage).collect();
        ordered.sort_unstable();
        prop_assert_eq!(ordered, present.into_iter().collect::<Vec<_>>());

        let turn = turn.min(flows.len());
        given.data_flow.flows.rotate_left(turn);
        given.effects.resources.reverse();
        let again = super::plan(&given.context(), &[]);
        prop_assert_eq!(plan.lines, again.lines);
        prop_assert_eq!(plan.order, again.order);
        prop_assert_eq!(plan.contracts, again.contracts);
        prop_assert_eq!(plan.shared, again.shared);
    }
}
