//! Functions and what joins them, small enough to be drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Report;
use super::words;
use crate::graph::data::Via;
use crate::stages::Stage;

/// More edges than this nobody can follow in a picture.
const MAX_EDGES: usize = 300;

/// Nodes by stage, and edges between them.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Every node, by stage, then name.
    pub(super) nodes: Vec<Node>,
    /// Every edge, by ends.
    pub(super) edges: Vec<Edge>,
    /// What was left out or put together to make it small, in a sentence.
    pub(super) note: Option<String>,
}

/// A function, or a file's part in a stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    /// Whose cluster it stands in.
    pub(super) stage: Stage,
    /// What is written on it.
    pub(super) label: String,
    key: String,
}

/// Calls, or data that passes without one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// Index of a node.
    pub(super) from: usize,
    /// Index of a node.
    pub(super) to: usize,
    /// Data passes through something outside; otherwise a call.
    pub(super) data: bool,
    /// What passes, or how many edges it stands for.
    pub(super) label: String,
}

impl Network {
    /// The nodes of `stage`, with their indices.
    pub(super) fn of_stage(&self, stage: Stage) -> impl Iterator<Item = (usize, &Node)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(move |(_, node)| node.stage == stage)
    }

    /// Functions and calls, and flows through files, tables, queues and
    /// globals; per module where there are more edges than can be followed.
    pub(super) fn new(report: &Report) -> Network {
        let links = links(report);
        if links.len() <= MAX_EDGES {
            return per_function(report, &links);
        }
        per_module(report, &links)
    }
}

/// An edge by ids: from, to, data, name.
type Link<'a> = (&'a str, &'a str, bool, &'a str);

/// A file's part in a stage.
type Module<'a> = (Stage, &'a str);

fn links(report: &Report) -> BTreeSet<Link<'_>> {
    let calls = report
        .calls
        .iter()
        .map(|call| (call.caller.as_str(), call.callee.as_str(), false, ""));
    let apart = |via| !matches!(via, Via::Argument | Via::Return);
    let flows = report
        .flows
        .iter()
        .filter(|flow| apart(flow.via))
        .map(|flow| {
            (
                flow.from.as_str(),
                flow.to.as_str(),
                true,
                flow.name.as_str(),
            )
        });
    calls.chain(flows).collect()
}

fn per_function(report: &Report, links: &BTreeSet<Link<'_>>) -> Network {
    let linked: BTreeSet<&str> = links.iter().flat_map(|link| [link.0, link.1]).collect();
    let crowded = report.functions.len() > MAX_EDGES;
    let drawn = report
        .functions
        .iter()
        .filter(|function| !crowded || linked.contains(function.id.as_str()));
    let mut nodes: Vec<Node> = drawn
        .map(|function| Node {
            stage: function.stage,
            label: words::short(&function.id),
            key: function.id.clone(),
        })
        .collect();
    nodes.sort();
    let left_out = report.functions.len() - nodes.len();
    let index: BTreeMap<&str, usize> = index(&nodes);
    let edges = links
        .iter()
        .filter_map(|(from, to, data, name)| {
            Some(Edge {
                from: *index.get(from)?,
                to: *index.get(to)?,
                data: *data,
                label: (*name).to_string(),
            })
        })
        .collect();
    let note = format!(
        "{} that nothing here joins are left out",
        words::count(left_out, "function")
    );
    Network {
        edges,
        note: (left_out > 0).then_some(note),
        nodes,
    }
}

fn per_module(report: &Report, links: &BTreeSet<Link<'_>>) -> Network {
    let module_of: BTreeMap<&str, (Stage, &str)> = report
        .functions
        .iter()
        .map(|function| {
            (
                function.id.as_str(),
                (function.stage, function.file.as_str()),
            )
        })
        .collect();
    let mut weights: BTreeMap<(Module<'_>, Module<'_>), (usize, bool)> = BTreeMap::new();
    for (from, to, data, _) in links {
        let (Some(from), Some(to)) = (module_of.get(from), module_of.get(to)) else {
            continue;
        };
        if from != to {
            let weight = weights.entry((*from, *to)).or_insert((0, true));
            *weight = (weight.0 + 1, weight.1 && *data);
        }
    }
    let n_joined = weights.len();
    let mut heaviest: Vec<_> = weights.into_iter().collect();
    heaviest.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.cmp(&b.0)));
    heaviest.truncate(MAX_EDGES);

    let ends: BTreeSet<(Stage, &str)> = heaviest
        .iter()
        .flat_map(|(ends, _)| [ends.0, ends.1])
        .collect();
    let nodes: Vec<Node> = ends
        .iter()
        .map(|(stage, file)| Node {
            stage: *stage,
            label: (*file).to_string(),
            key: String::new(),
        })
        .collect();
    let index: BTreeMap<(Stage, &str), usize> = ends.into_iter().zip(0..).collect();
    let mut edges: Vec<Edge> = heaviest
        .iter()
        .map(|((from, to), (n_links, data))| Edge {
            from: index[from],
            to: index[to],
            data: *data,
            label: if *n_links > 1 {
                n_links.to_string()
            } else {
                String::new()
            },
        })
        .collect();
    edges.sort();
    let mut note = format!(
        "{} between functions are drawn per module",
        words::count(links.len(), "edge")
    );
    if n_joined > MAX_EDGES {
        note += &format!("; of {} the {MAX_EDGES} heaviest", words::grouped(n_joined));
    }
    Network {
        nodes,
        edges,
        note: Some(note),
    }
}

fn index(nodes: &[Node]) -> BTreeMap<&str, usize> {
    let keys = nodes.iter().map(|node| node.key.as_str());
    keys.zip(0..).collect()
}
