//! [`Graph`]: the operations in their order, each with where it finds its
//! inputs.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::node::Node;
use super::ops::{self, Op};
use super::proto::GraphProto;
use super::tensor::{Data, Tensor, Wrong};

/// More operations than any pipeline has.
const MOST_NODES: usize = 1 << 16;

/// A checked graph: every input of an operation is made before it.
pub(super) struct Graph {
    constants: Vec<(usize, Tensor)>,
    steps: Vec<Step>,
    n_values: usize,
    /// Where the graph's own inputs go, in order.
    pub(super) inputs: Vec<usize>,
    outputs: Vec<usize>,
    /// The classes in the order of probabilities, where the graph names them.
    pub(super) classes: Option<Data>,
}

struct Step {
    name: String,
    op: Box<dyn Op>,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
}

/// How an operation is done.
type Run = fn(&dyn Op, &[Option<&Tensor>]) -> Result<Vec<Tensor>, Wrong>;

/// Which operation failed, and why.
#[derive(Debug, PartialEq)]
pub(super) struct Failed {
    pub(super) at: String,
    pub(super) why: Wrong,
}

impl Graph {
    pub(super) fn new(written: &GraphProto) -> Result<Graph, Failed> {
        let failed = |at: &str, why: Wrong| Failed {
            at: at.to_owned(),
            why,
        };
        if written.node.len() > MOST_NODES {
            return Err(failed(
                "graph",
                format!("more than {MOST_NODES} operations"),
            ));
        }
        let mut places: FxHashMap<&str, usize> = FxHashMap::default();
        let mut constants = Vec::new();
        for tensor in &written.initializer {
            let read = Tensor::read(tensor).map_err(|why| failed(&tensor.name, why))?;
            let place = places.len();
            places.insert(&tensor.name, place);
            constants.push((place, read));
        }
        let mut inputs = Vec::new();
        for input in &written.input {
            let next = places.len();
            // Before version 4 constants were named among the inputs, too.
            if let std::collections::hash_map::Entry::Vacant(free) = places.entry(&input.name) {
                inputs.push(*free.insert(next));
            }
        }
        let mut steps = Vec::new();
        for node in &written.node {
            let shown = Node(node).shown();
            let find = |name: &String| match &**name {
                "" => Ok(None),
                name => match places.get(name) {
                    Some(place) => Ok(Some(*place)),
                    None => Err(failed(
                        &shown,
                        format!("{name:?}, which nothing makes before it"),
                    )),
                },
            };
            let inputs = node.input.iter().map(find).collect::<Result<_, _>>()?;
            let op = ops::op(&Node(node)).map_err(|why| failed(&shown, why))?;
            let mut outputs = Vec::new();
            for name in &node.output {
                let next = places.len();
                outputs.push(match &**name {
                    "" => None,
                    name => Some(*places.entry(name).or_insert(next)),
                });
            }
            steps.push(Step {
                name: shown,
                op,
                inputs,
                outputs,
            });
        }
        let outputs = written.output.iter().map(|output| {
            let place = places.get(&*output.name).copied();
            place.ok_or_else(|| {
                failed(
                    "graph",
                    format!("an output {:?} that nothing makes", output.name),
                )
            })
        });
        let outputs = outputs.collect::<Result<_, _>>()?;
        Ok(Graph {
            constants,
            steps,
            n_values: places.len(),
            inputs,
            outputs,
            classes: classes(written),
        })
    }

    /// What the graph makes of its inputs.
    pub(super) fn run(&self, inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Failed> {
        self.walk(inputs, |op, given| op.run(given))
    }

    /// What it makes of values that stand for any.
    pub(super) fn tried(&self, inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Failed> {
        self.walk(inputs, |op, given| op.tried(given))
    }

    fn walk(&self, inputs: Vec<Tensor>, run: Run) -> Result<Vec<Tensor>, Failed> {
        let mut values: Vec<Option<Tensor>> = vec![None; self.n_values];
        let mut constants: Vec<Option<&Tensor>> = vec![None; self.n_values];
        for (place, tensor) in &self.constants {
            constants[*place] = Some(tensor);
        }
        for (place, tensor) in self.inputs.iter().zip(inputs) {
            values[*place] = Some(tensor);
        }
        for step in &self.steps {
            let given: Vec<Option<&Tensor>> = step
                .inputs
                .iter()
                .map(|place| place.and_then(|place| values[place].as_ref().or(constants[place])))
                .collect();
            let made = run(&*step.op, &given).map_err(|why| Failed {
                at: step.name.clone(),
                why,
            })?;
            for (place, tensor) in step.outputs.iter().zip(made) {
                if let Some(place) = place {
                    values[*place] = Some(tensor);
                }
            }
        }
        let output = |place: &usize| {
            let constant = constants[*place].cloned();
            values[*place].take().or(constant).ok_or_else(|| Failed {
                at: "graph".to_owned(),
                why: "an output that was not made".to_owned(),
            })
        };
        self.outputs.iter().map(output).collect()
    }
}

/// The classes: as the map of the probabilities names them, or the classifier,
/// or the constant among which the label is looked up.
fn classes(written: &GraphProto) -> Option<Data> {
    let nodes = || written.node.iter().map(Node);
    let mapped = nodes().filter(|node| node.0.op_type == "ZipMap");
    if let Some(found) = mapped.filter_map(|node| node.classes()).next_back() {
        return Some(found);
    }
    // From the label back to what it was made of.
    let mut looked: Arc<str> = written.output.first()?.name.as_str().into();
    for _ in 0..written.node.len() {
        let maker = nodes().find(|node| node.0.output.iter().any(|output| **output == *looked))?;
        if let Some(found) = maker.classes() {
            return Some(found);
        }
        let from = maker.0.input.first()?;
        if maker.0.op_type == "ArrayFeatureExtractor" {
            let constant = written
                .initializer
                .iter()
                .find(|tensor| tensor.name == *from)?;
            return Tensor::read(constant).ok().map(|tensor| tensor.data);
        }
        looked = from.as_str().into();
    }
    None
}
