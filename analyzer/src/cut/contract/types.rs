//! What the code says of the types of columns, by name.
//!
//! Evidence has a strength; of contradicting evidence the strongest wins, of
//! equally strong evidence `float` over `int`, else none: a column is then of
//! unknown type.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use sqlparser::ast::{DataType, Statement};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::code::{At, Code, each_stmt};
use super::records::{fields, is_record};
use super::shape::number_type;
use crate::graph::ClassId;
use crate::syntax::facts::{Arg, ExprId, ExprKind, StmtKind};

/// A schema of a table says it.
const SCHEMA: u8 = 5;
/// The code converts the column, or declares a field of that name.
const DECLARED: u8 = 4;
/// A value that is computed has the type of the computation.
const COMPUTED: u8 = 3;
/// What fills its gaps.
const FILLED: u8 = 2;
/// What it is compared with.
const COMPARED: u8 = 1;

/// Types by column, and schemas by table.
#[derive(Debug, Default)]
pub(super) struct Types {
    known: FxHashMap<SmolStr, Vec<(u8, SmolStr)>>,
    /// Columns of each table that the code creates, with the place of the
    /// statement.
    pub(super) schemas: FxHashMap<SmolStr, Vec<SmolStr>>,
}

impl Types {
    pub(super) fn new(code: &Code<'_>) -> Types {
        let mut types = Types::default();
        for (_, facts) in code.ctx.modules.iter() {
            for expr in &facts.exprs {
                if let ExprKind::Str(text) = &expr.kind {
                    types.schema(text);
                }
            }
        }
        for class in 0..code.ctx.program.classes.len() as u32 {
            let class = ClassId(class);
            if is_record(code, class) {
                for field in fields(code, class) {
                    let ty = field.ty.unwrap_or_default();
                    if is_column_type(ty.trim_end_matches(" | None")) {
                        types.say(&field.name, DECLARED, ty.trim_end_matches(" | None"));
                    }
                }
            }
        }
        for func in code.ctx.program.func_ids() {
            code.each_expr(func, &mut |at| types.expr(code, at));
            let (file, scope) = code.scope_of(func);
            each_stmt(&code.facts(file).scope(scope).body, &mut |stmt| {
                if let StmtKind::Assign { targets, value, .. } = &stmt.kind {
                    for target in targets {
                        let target = At {
                            file,
                            scope,
                            expr: *target,
                        };
                        types.assigned(code, target, target.part(*value));
                    }
                }
            });
        }
        types
    }

    /// The type of the column `name`.
    pub(super) fn of(&self, name: &str) -> Option<SmolStr> {
        let known = self.known.get(name)?;
        let strongest = known.iter().map(|(strength, _)| *strength).max()?;
        let mut types: Vec<&SmolStr> = known
            .iter()
            .filter(|(strength, _)| *strength == strongest)
            .map(|(_, ty)| ty)
            .collect();
        types.sort_unstable();
        types.dedup();
        match types.as_slice() {
            [only] => Some((*only).clone()),
            [a, b] if *a == "float" && *b == "int" => Some((*a).clone()),
            _ => None,
        }
    }

    pub(super) fn say(&mut self, name: &str, strength: u8, ty: &str) {
        self.known
            .entry(name.into())
            .or_default()
            .push((strength, ty.into()));
    }

    fn schema(&mut self, text: &str) {
        let is_create = text.len() > 12 && text.to_ascii_lowercase().contains("create table");
        if !is_create {
            return;
        }
        let parsed = Parser::new(&GenericDialect {})
            .with_recursion_limit(64)
            .try_with_sql(text);
        let Ok(statements) = parsed.and_then(|mut parser| parser.parse_statements()) else {
            return;
        };
        for statement in statements {
            let Statement::CreateTable(create) = statement else {
                continue;
            };
            let table: SmolStr = create.name.to_string().replace(['"', '`'], "").into();
            let mut columns = Vec::new();
            for column in &create.columns {
                let name: SmolStr = column.name.value.as_str().into();
                if let Some(ty) = sql_type(&column.data_type) {
                    self.say(&name, SCHEMA, ty);
                }
                columns.push(name);
            }
            self.schemas.insert(table, columns);
        }
    }

    fn expr(&mut self, code: &Code<'_>, at: At) {
        match code.kind(at) {
            ExprKind::Call { callee, args } => {
                let ExprKind::Attr { base, name } = code.kind(at.part(*callee)) else {
                    return;
                };
                self.method(code, at, *base, name, args);
            }
            ExprKind::Dict(entries) => {
                for (key, value) in entries {
                    let (Some(key), value) = (*key, at.part(*value)) else {
                        continue;
                    };
                    if let (ExprKind::Str(name), Some(ty)) =
                        (code.kind(at.part(key)), converted(code, value))
                    {
                        self.say(name, COMPUTED, ty);
                    }
                }
            }
            ExprKind::Compare { operands, .. } => {
                if let [left, right] = operands.as_ref()
                    && let ExprKind::Item { index, .. } = code.kind(at.part(*left))
                    && let ExprKind::Str(name) = code.kind(at.part(*index))
                    && let Some(ty) = literal_type(code, at.part(*right))
                {
                    // `x > 0` holds for floats too.
                    if ty != "int" {
                        self.say(name, COMPARED, ty);
                    }
                }
            }
            _ => {}
        }
    }

    fn method(&mut self, code: &Code<'_>, at: At, base: ExprId, name: &str, args: &[Arg]) {
        let first = args.first().map(|arg| at.part(arg.value));
        match name {
            "astype" => {
                let Some(wanted) = first else { return };
                if let ExprKind::Dict(entries) = code.kind(wanted) {
                    for (key, value) in entries {
                        if let (Some(key), Some(ty)) = (*key, dtype(code, at.part(*value))) {
                            for name in code.texts(at.part(key)) {
                                self.say(&name.text, DECLARED, ty);
                            }
                        }
                    }
                } else if let ExprKind::Comprehension { scope, .. } = code.kind(wanted) {
                    self.astype_each(
                        code,
                        At {
                            scope: *scope,
                            ..wanted
                        },
                    );
                } else if let Some(ty) = dtype(code, wanted) {
                    for name in columns_of(code, at.part(base)) {
                        self.say(&name, DECLARED, ty);
                    }
                }
            }
            "fillna" => {
                let Some(value) = first else { return };
                if let ExprKind::Dict(entries) = code.kind(value) {
                    for (key, value) in entries {
                        if let (Some(key), Some(ty)) = (*key, literal_type(code, at.part(*value))) {
                            for name in code.texts(at.part(key)) {
                                self.say(&name.text, FILLED, ty);
                            }
                        }
                    }
                } else if let Some(ty) = literal_type(code, value) {
                    for name in columns_of(code, at.part(base)) {
                        self.say(&name, FILLED, ty);
                    }
                }
            }
            "read_csv" | "read_excel" | "read_table" | "read_parquet" => {
                if let Some(dates) = code.arg(args, "parse_dates", None) {
                    for name in code.texts(at.part(dates)) {
                        self.say(&name.text, DECLARED, "datetime");
                    }
                }
                if let Some(types) = code.arg(args, "dtype", None) {
                    let types = at.part(types);
                    let place = code.value(types).unwrap_or(types);
                    if let ExprKind::Dict(entries) = code.kind(place) {
                        for (key, value) in entries {
                            if let (Some(key), Some(ty)) = (*key, dtype(code, place.part(*value))) {
                                for name in code.texts(place.part(key)) {
                                    self.say(&name.text, DECLARED, ty);
                                }
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// `astype({name: float for name in NAMES})`
    fn astype_each(&mut self, code: &Code<'_>, at: At) {
        each_stmt(&code.facts(at.file).scope(at.scope).body, &mut |stmt| {
            let StmtKind::Expr(expr) = &stmt.kind else {
                return;
            };
            let ExprKind::Yield(Some(pair)) = code.kind(at.part(*expr)) else {
                return;
            };
            let ExprKind::Tuple(pair) = code.kind(at.part(*pair)) else {
                return;
            };
            let [key, value] = pair.as_ref() else { return };
            if let Some(ty) = dtype(code, at.part(*value)) {
                for name in code.texts(at.part(*key)) {
                    self.say(&name.text, DECLARED, ty);
                }
            }
        });
    }

    /// `frame["x"] = value`
    fn assigned(&mut self, code: &Code<'_>, target: At, value: At) {
        let ExprKind::Item { index, .. } = code.kind(target) else {
            return;
        };
        let names = match code.kind(target.part(*index)) {
            ExprKind::Str(name) => vec![name.clone()],
            ExprKind::Name(_) | ExprKind::List(_) | ExprKind::Attr { .. } => code
                .texts(target.part(*index))
                .into_iter()
                .map(|text| text.text)
                .collect(),
            _ => return,
        };
        let (strength, ty) = match self.computed(code, value, 0) {
            Some(found) => found,
            None => return,
        };
        for name in names {
            self.say(&name, strength, &ty);
        }
    }

    /// The type that computing `at` gives, with how sure that is.
    fn computed(&self, code: &Code<'_>, at: At, depth: u32) -> Option<(u8, SmolStr)> {
        use crate::syntax::facts::BinaryOp;
        if depth > 8 {
            return None;
        }
        let sub = |expr: ExprId| self.computed(code, at.part(expr), depth + 1);
        if let Some(ty) = converted(code, at) {
            return Some((COMPUTED, ty.into()));
        }
        match code.kind(at) {
            ExprKind::Compare { .. } => Some((COMPUTED, "bool".into())),
            ExprKind::Binary { op, left, right } => match op {
                BinaryOp::Div => Some((COMPUTED, "float".into())),
                BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => {
                    let (left, right) = (sub(*left).map(|it| it.1), sub(*right).map(|it| it.1));
                    match (left, right) {
                        (Some(a), Some(b)) if a == b => Some((COMPUTED, a)),
                        (Some(a), Some(b)) if a == "float" || b == "float" => {
                            Some((COMPUTED, "float".into()))
                        }
                        (Some(a), None) | (None, Some(a)) if a == "float" => Some((COMPUTED, a)),
                        _ => None,
                    }
                }
                _ => None,
            },
            ExprKind::Item { index, .. } => match code.kind(at.part(*index)) {
                ExprKind::Str(name) => self.of(name).map(|ty| (COMPARED, ty)),
                _ => None,
            },
            ExprKind::Call { callee, args } => {
                let name = match code.kind(at.part(*callee)) {
                    ExprKind::Attr { name, base } => match name.as_str() {
                        "astype" => {
                            let ty = dtype(code, at.part(args.first()?.value))?;
                            return Some((DECLARED, ty.into()));
                        }
                        "fillna" | "clip" | "round" | "abs" | "copy" | "replace" | "where" => {
                            return sub(*base);
                        }
                        _ => name,
                    },
                    _ => return None,
                };
                let ty = match name.as_str() {
                    "cut" | "qcut" | "Categorical" => "category",
                    "to_datetime" => "datetime",
                    "to_numeric" | "log" | "log1p" | "log10" | "sqrt" | "exp" | "mean" | "std"
                    | "median" | "divide" => "float",
                    "isna" | "isnull" | "notna" | "notnull" | "isin" | "between" | "contains" => {
                        "bool"
                    }
                    "nunique" | "count" | "len" => "int",
                    "upper" | "lower" | "strip" | "title" => "str",
                    _ => return None,
                };
                Some((COMPUTED, ty.into()))
            }
            _ => None,
        }
    }
}

/// Columns that `frame["x"]`, `frame[["x", "y"]]` or a call chain on one is.
fn columns_of(code: &Code<'_>, mut at: At) -> Vec<SmolStr> {
    for _ in 0..8 {
        match code.kind(at) {
            ExprKind::Item { index, .. } => {
                let names = code.texts(at.part(*index));
                return names.into_iter().map(|text| text.text).collect();
            }
            ExprKind::Call { callee, .. } => match code.kind(at.part(*callee)) {
                ExprKind::Attr { base, .. } => at.expr = *base,
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        }
    }
    Vec::new()
}

/// The type of a literal, or of what a conversion gives.
fn converted(code: &Code<'_>, at: At) -> Option<&'static str> {
    match code.kind(at) {
        ExprKind::Call { callee, .. } => match code.kind(at.part(*callee)) {
            ExprKind::Name(name) => match name.as_str() {
                "int" | "len" => Some("int"),
                "float" => Some("float"),
                "str" => Some("str"),
                "bool" => Some("bool"),
                "round" => Some("float"),
                "utcnow" | "now" => Some("datetime"),
                _ => None,
            },
            ExprKind::Attr { name, .. } => match name.as_str() {
                "isoformat" | "strftime" => Some("str"),
                "now" | "utcnow" | "today" => Some("datetime"),
                _ => None,
            },
            _ => None,
        },
        _ => literal_type(code, at),
    }
}

fn literal_type(code: &Code<'_>, at: At) -> Option<&'static str> {
    Some(match code.kind(at) {
        ExprKind::Str(_) | ExprKind::Format(_) => "str",
        ExprKind::Bool(_) => "bool",
        ExprKind::Number(text) => number_type(text),
        ExprKind::Unary { operand, .. } => {
            return literal_type(code, at.part(*operand));
        }
        ExprKind::List(_) | ExprKind::Comprehension { .. } => "list",
        _ => return None,
    })
}

/// A pandas dtype as written.
fn dtype(code: &Code<'_>, at: At) -> Option<&'static str> {
    let text = match code.kind(at) {
        ExprKind::Name(name) | ExprKind::Attr { name, .. } | ExprKind::Str(name) => {
            name.to_ascii_lowercase()
        }
        _ => return None,
    };
    Some(match text.as_str() {
        text if text.starts_with("int") || text.starts_with("uint") => "int",
        text if text.starts_with("float") || text == "double" => "float",
        text if text.starts_with("datetime") => "datetime",
        text if text.starts_with("bool") => "bool",
        "str" | "string" | "object" => "str",
        "category" => "category",
        _ => return None,
    })
}

fn is_column_type(ty: &str) -> bool {
    matches!(
        ty,
        "int"
            | "float"
            | "str"
            | "bool"
            | "datetime"
            | "f64"
            | "f32"
            | "i64"
            | "i32"
            | "u64"
            | "u32"
            | "usize"
            | "String"
    )
}

fn sql_type(ty: &DataType) -> Option<&'static str> {
    let text = ty.to_string().to_ascii_uppercase();
    let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    Some(
        if starts(&[
            "INT",
            "BIGINT",
            "SMALLINT",
            "TINYINT",
            "SERIAL",
            "BIGSERIAL",
        ]) {
            "int"
        } else if starts(&["REAL", "FLOAT", "DOUBLE", "DECIMAL", "NUMERIC"]) {
            "float"
        } else if starts(&["TEXT", "VARCHAR", "CHAR", "CHARACTER", "STRING", "UUID"]) {
            "str"
        } else if starts(&["BOOL"]) {
            "bool"
        } else if starts(&["TIMESTAMP", "DATE", "TIME"]) {
            "datetime"
        } else {
            return None;
        },
    )
}
