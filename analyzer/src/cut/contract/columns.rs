//! Columns over a line: those that the functions on either side name, with
//! the helpers of their stage through which the frame passes. Keys of
//! mappings count where the crossing itself is handed one.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::super::{ContractEntry, CutLine, EntryKind};
use super::Reach;
use super::code::{At, Code, Text};
use super::records::{fields, is_record};
use super::transforms::{Transforms, only_table, selected, sources};
use super::types::Types;
use crate::graph::data::Via;
use crate::graph::{FuncId, Held};
use crate::syntax::facts::{ArgKind, ExprKind};

/// What one function says of columns.
#[derive(Default)]
struct Mentions {
    columns: Vec<Text>,
    dropped: BTreeSet<SmolStr>,
}

pub(super) fn entries(
    code: &Code<'_>,
    types: &Types,
    transforms: &Transforms,
    reach: &Reach<'_>,
    line: &CutLine,
    out: &mut Vec<ContractEntry>,
) {
    let mut near: BTreeSet<FuncId> = BTreeSet::new();
    let (mut makers, mut users) = (BTreeSet::new(), BTreeSet::new());
    for crossing in line
        .crossings
        .iter()
        .filter(|crossing| crossing.via.is_some())
    {
        if crossing.via == Some(Via::Environment) {
            continue;
        }
        near.extend([crossing.from, crossing.to]);
        makers.insert(crossing.from);
        users.insert(crossing.to);
    }
    let mut funcs = reach.upstream(makers, line.from);
    funcs.extend(reach.downstream(users, line.to));
    let mut found: BTreeMap<SmolStr, Text> = BTreeMap::new();
    let mut dropped = BTreeSet::new();
    for func in &funcs {
        let mentions = mentions(code, types, *func, near.contains(func));
        for text in mentions.columns {
            found.entry(text.text.clone()).or_insert(text);
        }
        if reach.stages[func.0 as usize] == line.from {
            dropped.extend(mentions.dropped);
        }
        for made in transforms.of(*func) {
            found.entry(made.name.clone()).or_insert(Text {
                text: made.name.clone(),
                file: made.file,
                line: made.line,
            });
        }
    }
    for (name, text) in found {
        if dropped.contains(&name) || !is_name(&name) {
            continue;
        }
        out.push(ContractEntry {
            kind: EntryKind::Column,
            value: types.of(&name),
            name,
            optional: false,
            made: None,
            file: text.file,
            line: text.line,
        });
    }
}

/// A column's name, not a path or a sentence.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 80 && !name.contains(['/', '\\', '{', '\n', ':', '%', '*'])
}

const FRAMES: [&str; 4] = ["pandas.", "polars.", "pyspark.", "dask."];

fn is_frame(code: &Code<'_>, at: At) -> bool {
    let held = code.ctx.call_graph.held(at.file, at.expr);
    held.iter().any(|held| match held {
        Held::Object(path, _) => FRAMES.iter().any(|frame| path.starts_with(frame)),
        _ => false,
    })
}

/// `x["text"]`.
fn is_plain(code: &Code<'_>, at: At) -> bool {
    match code.kind(at) {
        ExprKind::Item { index, .. } => {
            matches!(code.kind(at.part(*index)), ExprKind::Str(_))
        }
        _ => false,
    }
}

/// `os.environ`.
fn is_environment(code: &Code<'_>, base: At) -> bool {
    let named = code.facts(base.file).dotted(base.expr);
    named.is_some_and(|name| name == "environ" || name == "os.environ")
}

fn mentions(code: &Code<'_>, types: &Types, func: FuncId, near: bool) -> Mentions {
    let mut found = Mentions::default();
    // `settings["a"]` of `settings["a"]["b"]`: mappings of mappings, which
    // frames are not.
    let mut nested = BTreeSet::new();
    code.each_expr(func, &mut |at| {
        if let ExprKind::Item { base, .. } = code.kind(at)
            && is_plain(code, at.part(*base))
            && is_plain(code, at)
        {
            nested.insert((at.file, *base));
        }
    });
    code.each_expr(func, &mut |at| match code.kind(at) {
        ExprKind::Item { base, index } => {
            let (base, index) = (at.part(*base), at.part(*index));
            let named = matches!(
                code.kind(index),
                ExprKind::Str(_)
                    | ExprKind::List(_)
                    | ExprKind::Tuple(_)
                    | ExprKind::Name(_)
                    | ExprKind::Attr { .. }
                    | ExprKind::Binary { .. }
            );
            let plain = matches!(code.kind(index), ExprKind::Str(_));
            let of_settings = nested.contains(&(at.file, at.expr))
                || is_plain(code, base)
                || is_environment(code, base);
            let may_be = near && plain && !of_settings;
            if named && (is_frame(code, base) || may_be) {
                found.columns.extend(code.texts(index));
            }
        }
        ExprKind::Call { callee, args } => {
            let name = match code.kind(at.part(*callee)) {
                ExprKind::Attr { name, .. } | ExprKind::Name(name) => name.as_str(),
                _ => "",
            };
            let add = |found: &mut Mentions, name: &str, position: Option<usize>| {
                if let Some(expr) = code.arg(args, name, position) {
                    found.columns.extend(code.texts(at.part(expr)));
                }
            };
            match name {
                "drop" => {
                    let columns = code.arg(args, "columns", None).or_else(|| {
                        code.arg(args, "axis", None)?;
                        code.arg(args, "labels", Some(0))
                    });
                    if let Some(expr) = columns {
                        let texts = code.texts(at.part(expr)).into_iter();
                        found.dropped.extend(texts.map(|text| text.text));
                    }
                }
                "groupby" | "sort_values" => add(&mut found, "by", Some(0)),
                "drop_duplicates" | "dropna" => add(&mut found, "subset", Some(0)),
                "set_index" => add(&mut found, "keys", Some(0)),
                "merge" | "join" => add(&mut found, "on", None),
                "reindex" | "get_dummies" | "DataFrame" => add(&mut found, "columns", None),
                "read_csv" | "read_parquet" | "read_excel" | "read_table" => {
                    add(&mut found, "usecols", None);
                    add(&mut found, "parse_dates", None);
                    add(&mut found, "columns", None);
                    add(&mut found, "names", None);
                }
                "assign" if is_frame(code, at) => {
                    for arg in args.iter().filter(|arg| arg.kind == ArgKind::Named) {
                        if let Some(name) = &arg.name {
                            found.columns.push(Text {
                                text: name.clone(),
                                file: at.file,
                                line: code.line(at),
                            });
                        }
                    }
                }
                "get" if near => {
                    let key = args
                        .first()
                        .filter(|arg| matches!(code.kind(at.part(arg.value)), ExprKind::Str(_)));
                    if let Some(key) = key {
                        found.columns.extend(code.texts(at.part(key.value)));
                    }
                }
                "deserialize" | "put" | "dump" | "dumps" | "append" if near => {}
                _ => {}
            }
            for arg in args {
                // Lists of names handed to a helper that selects them.
                let value = at.part(arg.value);
                if matches!(code.kind(value), ExprKind::Name(_) | ExprKind::Attr { .. })
                    && code.value(value).is_some_and(|place| {
                        matches!(code.kind(place), ExprKind::List(_) | ExprKind::Tuple(_))
                    })
                {
                    let texts = code.texts(value);
                    if texts.len() > 1
                        && texts
                            .iter()
                            .all(|text| is_name(&text.text) && !text.text.contains(' '))
                    {
                        found.columns.extend(texts);
                    }
                }
                for text in code.ctx.call_graph.texts(at.file, arg.value) {
                    let line = code.facts(at.file).expr(arg.value).line;
                    let mut add = |name: SmolStr| {
                        found.columns.push(Text {
                            text: name,
                            file: at.file,
                            line,
                        })
                    };
                    for name in selected(&text).into_iter().chain(sources(&text)) {
                        if name != "*" {
                            add(name);
                        } else if let Some(columns) =
                            only_table(&text).and_then(|table| types.schemas.get(&table))
                        {
                            columns.iter().cloned().for_each(&mut add);
                        }
                    }
                }
            }
        }
        ExprKind::Dict(entries) if near => {
            for (key, _) in entries {
                if let Some(key) = key
                    && let ExprKind::Str(name) = code.kind(at.part(*key))
                {
                    found.columns.push(Text {
                        text: name.clone(),
                        file: at.file,
                        line: code.line(at.part(*key)),
                    });
                }
            }
        }
        _ => {}
    });
    // Rows that are records of the tree: the declared fields.
    let (file, scope) = code.scope_of(func);
    let definition = code.facts(file).scope(scope);
    if near && code.facts(file).rules.separator == "::" {
        let declared = definition
            .params
            .iter()
            .filter_map(|param| param.annotation)
            .chain(definition.returns);
        for annotation in declared {
            if let Some((class, _)) = super::records::class_in(code, file, scope, annotation)
                && is_record(code, class)
            {
                for field in fields(code, class) {
                    found.columns.push(Text {
                        text: field.name,
                        file: field.file,
                        line: field.line,
                    });
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::cut::EntryKind;
    use crate::cut::testing::Given;

    #[test]
    fn settings_and_the_environment_have_no_columns() {
        let given = Given::new(
            "
import os
def prepare(params):
    os.environ['MODE'] = 'a'
    share = params['split']['share']
    row = {}
    row['age'] = share
    return row
def fit(row):
    return row['income']
def run(params):
    fit(prepare(params))
",
            &[("prepare", "preprocessing"), ("fit", "training")],
        );
        let columns = given.with_plan(|_, plan| {
            let entries = plan.contracts.iter().flat_map(|contract| &contract.entries);
            let columns = entries.filter(|entry| entry.kind == EntryKind::Column);
            let mut names: Vec<&str> = columns.map(|entry| entry.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.join(" ")
        });
        assert_eq!(columns, "age income");
    }
}
