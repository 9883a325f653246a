//! What a SELECT says of columns: which it gives, from which tables, and
//! which are aggregates.

use smol_str::{SmolStr, format_smolstr};
use sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, SelectItem,
    SetExpr, Statement, TableFactor,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::effects::bound;

/// A text that is one SELECT, parsed.
pub(in crate::cut::contract) fn select(text: &str) -> Option<sqlparser::ast::Select> {
    let looks = text.len() > 12
        && text
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("select"));
    if !looks {
        return None;
    }
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(64)
        .try_with_sql(&bound(text));
    let statements = parsed
        .and_then(|mut parser| parser.parse_statements())
        .ok()?;
    let [Statement::Query(query)] = statements.as_slice() else {
        return None;
    };
    match query.body.as_ref() {
        SetExpr::Select(select) => Some((**select).clone()),
        _ => None,
    }
}

/// The only table that a query reads.
pub(in crate::cut::contract) fn only_table(text: &str) -> Option<SmolStr> {
    let select = select(text)?;
    match select.from.as_slice() {
        [only] if only.joins.is_empty() => match &only.relation {
            TableFactor::Table { name, .. } => Some(name.to_string().into()),
            _ => None,
        },
        _ => None,
    }
}

/// Columns that a query names, as they come out; `*` stands for all.
pub(in crate::cut::contract) fn selected(text: &str) -> Vec<SmolStr> {
    let Some(select) = select(text) else {
        return Vec::new();
    };
    select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::UnnamedExpr(SqlExpr::Identifier(name)) => Some(name.value.as_str().into()),
            SelectItem::UnnamedExpr(SqlExpr::CompoundIdentifier(parts)) => {
                parts.last().map(|name| name.value.as_str().into())
            }
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.as_str().into()),
            SelectItem::Wildcard(_) => Some("*".into()),
            _ => None,
        })
        .collect()
}

/// Columns of a table that a query reads.
pub(in crate::cut::contract) fn sources(text: &str) -> Vec<SmolStr> {
    let Some(select) = select(text) else {
        return Vec::new();
    };
    select
        .projection
        .iter()
        .flat_map(|item| match item {
            SelectItem::UnnamedExpr(SqlExpr::Identifier(name)) => {
                vec![SmolStr::from(name.value.as_str())]
            }
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => match expr {
                SqlExpr::Identifier(name) => vec![name.value.as_str().into()],
                SqlExpr::CompoundIdentifier(parts) => {
                    let name = parts.last().map(|name| name.value.as_str().into());
                    name.into_iter().collect()
                }
                SqlExpr::Function(function) => argument(function).into_iter().collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        })
        .collect()
}

pub(super) fn argument(function: &sqlparser::ast::Function) -> Option<SmolStr> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Identifier(name)))] => {
            Some(name.value.as_str().into())
        }
        _ => None,
    }
}

/// `SELECT AVG(late) AS share FROM payments GROUP BY id`
pub(in crate::cut::contract) fn sql_aggregates(text: &str) -> Vec<(SmolStr, SmolStr)> {
    let (Some(select), Some(table)) = (select(text), only_table(text)) else {
        return Vec::new();
    };
    let GroupByExpr::Expressions(keys, _) = &select.group_by else {
        return Vec::new();
    };
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let by = keys.join(", ");
    select
        .projection
        .iter()
        .filter_map(|item| {
            let SelectItem::ExprWithAlias {
                expr: SqlExpr::Function(function),
                alias,
            } = item
            else {
                return None;
            };
            let column = argument(function)?;
            let word = match function.name.to_string().to_ascii_lowercase().as_str() {
                "avg" => "mean".to_owned(),
                other => other.to_owned(),
            };
            Some((
                alias.value.as_str().into(),
                format_smolstr!("{word}({table}.{column}) by {by}"),
            ))
        })
        .collect()
}
