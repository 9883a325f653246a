//! Text constants computed: concatenation, format strings, paths.
//!
//! Which file a call touches is often `os.path.join(BASE, f"{name}.csv")`.
//! A part that nobody knows is written `{name}`, so that the same path built
//! in two places is still the same text.

use smol_str::{SmolStr, format_smolstr};

use super::solve::{EMPTY, Node, Solver, Use};
use crate::syntax::FileFacts;
use crate::syntax::facts::{BinaryOp, ExprId, ExprKind};

/// Combinations beyond this are not spelled out.
const MAX_RESULTS: usize = 16;
/// Longer texts are no names.
const MAX_LENGTH: usize = 4_000;

/// A computation on texts.
#[derive(Clone, Debug)]
pub(crate) struct TextOp {
    kind: Kind,
    pub(crate) inputs: Vec<Node>,
    holes: Vec<SmolStr>,
    dst: Node,
    fired: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Concat,
    Percent,
    Path,
    Format(Vec<Option<SmolStr>>),
    Join,
    Replace,
    Same,
    Lower,
    Upper,
    Strip,
    Parent,
    Name,
    WithSuffix,
    WithExtension,
    WithName,
}

impl TextOp {
    pub(crate) fn concat(inputs: Vec<Node>, holes: Vec<SmolStr>) -> TextOp {
        TextOp::new(Kind::Concat, inputs, holes)
    }

    /// `os.path.join(a, b)` and `a / b`.
    pub(crate) fn path(inputs: Vec<Node>, holes: Vec<SmolStr>) -> TextOp {
        TextOp::new(Kind::Path, inputs, holes)
    }

    pub(crate) fn parent(input: Node) -> TextOp {
        TextOp::new(Kind::Parent, vec![input], vec!["".into()])
    }

    pub(crate) fn name(input: Node) -> TextOp {
        TextOp::new(Kind::Name, vec![input], vec!["".into()])
    }

    pub(crate) fn same(input: Node) -> TextOp {
        TextOp::new(Kind::Same, vec![input], vec!["".into()])
    }

    fn new(kind: Kind, inputs: Vec<Node>, holes: Vec<SmolStr>) -> TextOp {
        TextOp {
            kind,
            inputs,
            holes,
            dst: EMPTY,
            fired: false,
        }
    }

    pub(crate) fn binary(op: BinaryOp, inputs: Vec<Node>, holes: Vec<SmolStr>) -> TextOp {
        let kind = match op {
            BinaryOp::Div => Kind::Path,
            BinaryOp::Mod => Kind::Percent,
            _ => Kind::Concat,
        };
        TextOp::new(kind, inputs, holes)
    }

    /// The operation a method of a text or path stands for.
    pub(crate) fn method(
        name: &str,
        inputs: Vec<Node>,
        holes: Vec<SmolStr>,
        names: Vec<Option<SmolStr>>,
    ) -> Option<TextOp> {
        let kind = match name {
            "format" => Kind::Format(names),
            "join" if inputs.len() == 2 => Kind::Join,
            "joinpath" => Kind::Path,
            "with_extension" => Kind::WithExtension,
            "with_file_name" => Kind::WithName,
            "replace" if inputs.len() == 3 => Kind::Replace,
            "lower" => Kind::Lower,
            "upper" => Kind::Upper,
            "strip" | "rstrip" | "lstrip" if inputs.len() == 1 => Kind::Strip,
            "with_suffix" => Kind::WithSuffix,
            "with_name" => Kind::WithName,
            "resolve" | "absolute" | "expanduser" | "as_posix" | "to_string" | "to_owned"
            | "clone" | "as_str" | "as_path" | "to_path_buf" | "into" | "encode" | "decode" => {
                Kind::Same
            }
            _ => return None,
        };
        let inputs = match kind {
            Kind::Same => inputs.into_iter().take(1).collect(),
            _ => inputs,
        };
        Some(TextOp::new(kind, inputs, holes))
    }

    fn compute(&self, parts: &[&str]) -> Option<SmolStr> {
        let first = *parts.first()?;
        Some(match &self.kind {
            Kind::Concat => parts.concat().into(),
            Kind::Percent => percent(first, &parts[1..]),
            Kind::Path => join_path(parts),
            Kind::Format(names) => format_text(first, &parts[1..], names),
            Kind::Join => return None,
            Kind::Replace => first.replace(parts[1], parts[2]).into(),
            Kind::Same => first.into(),
            Kind::Lower => lower_known(first).into(),
            Kind::Upper => match first.contains('{') {
                true => first.into(),
                false => first.to_uppercase().into(),
            },
            Kind::Strip => first.trim().into(),
            Kind::Parent => parent(first).into(),
            Kind::Name => first.rsplit('/').next().unwrap_or(first).into(),
            Kind::WithSuffix => {
                let base = first.rsplit_once('.').map_or(first, |(base, _)| base);
                format_smolstr!("{base}{}", parts.get(1)?)
            }
            Kind::WithExtension => {
                let base = first.rsplit_once('.').map_or(first, |(base, _)| base);
                format_smolstr!("{base}.{}", parts.get(1)?)
            }
            Kind::WithName => join_path(&[parent(first), parts.get(1)?]),
        })
    }
}

fn lower_known(text: &str) -> String {
    match text.contains('{') {
        true => text.to_owned(),
        false => text.to_lowercase(),
    }
}

fn parent(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// As `os.path.join`: an absolute part starts anew; `.` and `..` are folded.
pub(crate) fn join_path(parts: &[&str]) -> SmolStr {
    let mut joined: Vec<&str> = Vec::new();
    let mut absolute = false;
    for part in parts {
        if part.starts_with('/') {
            joined.clear();
            absolute = true;
        }
        for step in part.split('/') {
            match step {
                "" | "." => {}
                ".." if joined
                    .last()
                    .is_some_and(|last| *last != ".." && !last.starts_with('{')) =>
                {
                    joined.pop();
                }
                step => joined.push(step),
            }
        }
    }
    let path = joined.join("/");
    match absolute {
        true => format_smolstr!("/{path}"),
        false => path.into(),
    }
}

fn percent(format: &str, values: &[&str]) -> SmolStr {
    let mut text = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| c.is_ascii_alphabetic() || c == '%');
        match end {
            Some(end) if rest[end..].starts_with('%') => text.push('%'),
            Some(_) => text.push_str(values.next().unwrap_or(&"{}")),
            None => break,
        }
        rest = &rest[end.map_or(0, |end| end + 1)..];
    }
    text.push_str(rest);
    text.into()
}

fn format_text(format: &str, values: &[&str], names: &[Option<SmolStr>]) -> SmolStr {
    let mut text = String::new();
    let mut next = 0;
    let mut rest = format;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            text.push('{');
            rest = after;
            continue;
        }
        let Some(end) = rest.find('}') else { break };
        let field = rest[..end].split([':', '!']).next().unwrap_or_default();
        let idx = match field {
            "" => {
                next += 1;
                Some(next - 1)
            }
            _ => field
                .parse()
                .ok()
                .or_else(|| names.iter().position(|name| name.as_deref() == Some(field))),
        };
        match idx.and_then(|idx: usize| values.get(idx)) {
            Some(value) => text.push_str(value),
            None => text.push_str(&format!("{{{field}}}")),
        }
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    text.into()
}

/// How an unknown part is written.
pub(crate) fn hole(facts: &FileFacts, expr: ExprId) -> SmolStr {
    let mut at = expr;
    loop {
        match &facts.expr(at).kind {
            ExprKind::Name(name) | ExprKind::Attr { name, .. } => {
                return format_smolstr!("{{{name}}}");
            }
            ExprKind::Str(text) => return text.clone(),
            ExprKind::Number(number) => return number.clone(),
            ExprKind::Item { base, index } => match &facts.expr(*index).kind {
                ExprKind::Str(key) => return format_smolstr!("{{{key}}}"),
                _ => at = *base,
            },
            ExprKind::Call { callee, args } => match args.first() {
                Some(arg) if args.len() == 1 => at = arg.value,
                _ => at = *callee,
            },
            ExprKind::Await(inner) => at = *inner,
            _ => return "{}".into(),
        }
    }
}

/// Adds an operation whose result goes to `dst`.
pub(crate) fn add(solver: &mut Solver<'_>, mut op: TextOp, dst: Node) -> Node {
    op.dst = dst;
    let id = solver.text_ops.len() as u32;
    let mut inputs = op.inputs.clone();
    inputs.dedup();
    solver.text_ops.push(op);
    for input in inputs {
        solver.on(input, Use::Text { op: id });
    }
    dst
}

/// Computes the operation; without `fill`, only when every part is known or
/// is known to have no value.
pub(crate) fn evaluate(solver: &mut Solver<'_>, id: u32, fill: bool) {
    let op = solver.text_ops[id as usize].clone();
    let mut choices: Vec<Vec<SmolStr>> = Vec::new();
    for (input, hole) in op.inputs.iter().zip(&op.holes) {
        let texts = solver.texts(*input);
        let known = texts.iter().map(|sym| solver.symbols.text(*sym).clone());
        let mut known: Vec<SmolStr> = known.take(4).collect();
        if known.is_empty() {
            if !fill && *input != EMPTY {
                return;
            }
            known.push(hole.clone());
        }
        choices.push(known);
    }
    // A text that is all holes names nothing.
    let any_text = op
        .inputs
        .iter()
        .any(|input| !solver.texts(*input).is_empty());
    if !any_text {
        return;
    }
    solver.text_ops[id as usize].fired = true;
    for parts in combinations(&choices) {
        if let Some(text) = op.compute(&parts)
            && text.len() <= MAX_LENGTH
        {
            solver.put_text(op.dst, &text);
        }
    }
}

fn combinations(choices: &[Vec<SmolStr>]) -> Vec<Vec<&str>> {
    let mut all = vec![Vec::new()];
    for choice in choices {
        let mut next = Vec::new();
        for prefix in &all {
            for part in choice {
                let mut parts: Vec<&str> = prefix.clone();
                parts.push(part);
                next.push(parts);
                if next.len() >= MAX_RESULTS {
                    break;
                }
            }
        }
        next.truncate(MAX_RESULTS);
        all = next;
    }
    all
}

/// Computes, to the fixpoint, what has waited for a part nobody knows.
pub(crate) fn fill_unknown(solver: &mut Solver<'_>) {
    for _ in 0..6 {
        let mut any = false;
        for id in 0..solver.text_ops.len() as u32 {
            let op = &solver.text_ops[id as usize];
            if !op.fired {
                evaluate(solver, id, true);
                any |= solver.text_ops[id as usize].fired;
            }
        }
        solver.settle();
        if !any {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_as_python_joins_them() {
        assert_eq!(join_path(&["a", "b.csv"]), "a/b.csv");
        assert_eq!(join_path(&["a", "/b.csv"]), "/b.csv");
        assert_eq!(join_path(&["./var", "../x", "{name}.csv"]), "x/{name}.csv");
        assert_eq!(join_path(&["src/app/x.py", "..", ".."]), "src");
    }

    #[test]
    fn format_fields_are_filled_by_position_and_by_name() {
        let names = [None, Some("v".into())];
        assert_eq!(format_text("{}-{v:>3}.csv", &["a", "b"], &names), "a-b.csv");
        assert_eq!(format_text("{{x}} {0}", &["a"], &[None]), "{x}} a");
    }

    #[test]
    fn percent_fields_are_filled_in_order() {
        assert_eq!(percent("%s/%03d.csv", &["a", "7"]), "a/7.csv");
    }
}
