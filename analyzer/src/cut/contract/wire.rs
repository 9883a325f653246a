//! What the fields of a record are called where they are written out: by
//! serde's attributes (serde.rs, "Attributes"), or by an alias of pydantic.

use smol_str::SmolStr;

use super::code::{At, Code};
use crate::graph::ClassId;
use crate::syntax::facts::{Arg, ArgKind, ExprId, ExprKind};

/// How one field is written out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wire {
    /// Its name there, where that is another.
    pub(super) name: Option<SmolStr>,
    /// It may be left out.
    pub(super) optional: bool,
    /// It is not written at all.
    pub(super) skipped: bool,
    /// Its own fields stand in its place.
    pub(super) flat: bool,
}

/// What is said of all fields of `class`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    rename_all: Option<Case>,
    optional: bool,
}

impl Rules {
    pub(super) fn of(code: &Code<'_>, class: ClassId) -> Rules {
        let class = code.ctx.program.class(class);
        let facts = code.facts(class.file);
        let mut rules = Rules::default();
        for decorator in &facts.scope(class.scope).decorators {
            let at = At {
                file: class.file,
                scope: class.scope,
                expr: *decorator,
            };
            each_said(code, at, &mut |said, value| match said {
                "rename_all" => rules.rename_all = value.and_then(Case::named),
                "default" => rules.optional = true,
                _ => {}
            });
        }
        rules
    }

    /// How the field `name` is written, of which `decorators` say the rest.
    pub(super) fn field(&self, code: &Code<'_>, name: &str, target: At) -> Wire {
        let mut wire = Wire {
            name: self.rename_all.map(|case| case.of(name)),
            optional: self.optional,
            ..Wire::default()
        };
        let facts = code.facts(target.file);
        let decorators = facts.field_decorators.get(&target.expr);
        for decorator in decorators.into_iter().flatten() {
            each_said(
                code,
                target.part(*decorator),
                &mut |said, value| match said {
                    "rename" => wire.name = value.map(SmolStr::from).or(wire.name.take()),
                    "default" | "skip_serializing_if" => wire.optional = true,
                    "skip" => wire.skipped = true,
                    "flatten" => wire.flat = true,
                    _ => {}
                },
            );
        }
        wire
    }
}

/// What `Field(…)` of pydantic says: an alias, and whether there is a default.
pub(super) fn of_value(code: &Code<'_>, value: At) -> Wire {
    let ExprKind::Call { args, .. } = code.kind(value) else {
        return Wire {
            optional: !is_required(code, value),
            ..Wire::default()
        };
    };
    let text = |arg: &Arg| match code.kind(value.part(arg.value)) {
        ExprKind::Str(text) => Some(text.clone()),
        _ => None,
    };
    let named = |name: &str| {
        let mut args = args.iter();
        args.find(|arg| arg.name.as_deref() == Some(name))
    };
    let alias = ["alias", "validation_alias", "serialization_alias"];
    let alias = alias.into_iter().find_map(named).and_then(text);
    let first = args.first().filter(|arg| arg.kind == ArgKind::Positional);
    let default = named("default").or(first);
    let given = default.is_some_and(|arg| !is_required(code, value.part(arg.value)));
    Wire {
        name: alias,
        optional: given || named("default_factory").is_some(),
        ..Wire::default()
    }
}

/// `...`, which stands for no default.
fn is_required(code: &Code<'_>, value: At) -> bool {
    matches!(code.kind(value), ExprKind::Name(name) if name == "Ellipsis")
        || matches!(code.kind(value), ExprKind::Opaque(parts) if parts.is_empty())
}

/// Visits what a `#[serde(…)]` says: `flatten`, `rename = "x"`. What is only
/// said of one direction, `rename(serialize = "x")`, has no text here.
fn each_said(code: &Code<'_>, decorator: At, visit: &mut dyn FnMut(&str, Option<&str>)) {
    let ExprKind::Call { callee, args } = code.kind(decorator) else {
        return;
    };
    let called = |callee: ExprId| code.facts(decorator.file).dotted(callee);
    if called(*callee).as_deref() != Some("serde") {
        return;
    }
    let text = |expr: ExprId| match code.kind(decorator.part(expr)) {
        ExprKind::Str(text) => Some(text.as_str()),
        _ => None,
    };
    for arg in args {
        match (&arg.name, code.kind(decorator.part(arg.value))) {
            (Some(name), _) => visit(name, text(arg.value)),
            (None, ExprKind::Name(name)) => visit(name, None),
            (None, ExprKind::Call { callee, .. }) => {
                if let Some(name) = called(*callee) {
                    visit(&name, None);
                }
            }
            _ => {}
        }
    }
}

/// The cases that serde knows (serde.rs, "Container attributes",
/// `rename_all`), of names in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Upper,
    Pascal,
    Camel,
    Kebab,
    UpperKebab,
    Same,
}

impl Case {
    fn named(name: &str) -> Option<Case> {
        Some(match name {
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Case::Upper,
            "PascalCase" => Case::Pascal,
            "camelCase" => Case::Camel,
            "kebab-case" => Case::Kebab,
            "SCREAMING-KEBAB-CASE" => Case::UpperKebab,
            "lowercase" | "snake_case" => Case::Same,
            _ => return None,
        })
    }

    fn of(self, name: &str) -> SmolStr {
        match self {
            Case::Same => name.into(),
            Case::Upper => name.to_ascii_uppercase().into(),
            Case::Kebab => name.replace('_', "-").into(),
            Case::UpperKebab => name.to_ascii_uppercase().replace('_', "-").into(),
            Case::Pascal => capitals(name, true).into(),
            Case::Camel => capitals(name, false).into(),
        }
    }
}

/// `amount_due` as `AmountDue` or `amountDue`.
fn capitals(name: &str, mut next: bool) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '_' => next = true,
            c if std::mem::take(&mut next) => out.extend(c.to_uppercase()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::cut::testing::Given;
    use crate::cut::{ContractPlace, EntryKind};
    use crate::stages::Stage;

    /// Fields of the request and of the answer of `POST /score`; `?` marks one
    /// that may be left out.
    fn fields(file: &str, code: &str, framework: &'static str) -> String {
        let given = Given::of(&[(file, code)], |name| match name {
            "score" => Stage::Inference,
            _ => Stage::None,
        });
        let given = given.route("POST", "/score", "score", framework);
        given.with_plan(|_, plan| {
            let contracts = plan.contracts.iter();
            let of_route = contracts.filter(|it| matches!(it.at, ContractPlace::Route(_)));
            let entries = of_route.flat_map(|contract| &contract.entries);
            let told = entries.map(|entry| {
                let side = match entry.kind {
                    EntryKind::RequestField => "in",
                    _ => "out",
                };
                let optional = if entry.optional { "?" } else { "" };
                let ty = entry.value.as_deref().unwrap_or("unknown");
                format!("{side} {}{optional}: {ty}\n", entry.name)
            });
            told.collect()
        })
    }

    #[test]
    fn serde_says_what_fields_are_called() {
        let code = r#"
use axum::Json;
use serde::{Deserialize, Serialize};
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    card_id: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default = "euro")]
    currency: String,
    note: Option<String>,
    #[serde(skip)]
    seen: bool,
    #[serde(flatten)]
    place: Place,
    lines: Vec<Line>,
}
#[derive(Deserialize)]
pub struct Place { at_sea: bool }
#[derive(Deserialize)]
pub struct Line { unit_price: f64 }
#[derive(Deserialize)]
pub enum Kind { Online, Shop }
#[derive(Serialize)]
pub struct Said { #[serde(rename(serialize = "p"))] score: f64 }
pub async fn score(Json(ask): Json<Ask>) -> Json<Vec<Said>> { Json(vec![]) }
"#;
        insta::assert_snapshot!(fields("src/main.rs", code, "axum"), @r"
        in at_sea: bool
        in cardId: String
        in currency?: String
        in lines: Vec[Line]
        in lines[].unit_price: f64
        in note?: Option[String]
        in type: Kind
        out [].score: f64
        ");
    }

    #[test]
    fn an_alias_of_pydantic_is_the_name() {
        let code = "
from fastapi import FastAPI
from pydantic import BaseModel, Field
class Ask(BaseModel):
    card_id: str = Field(..., alias='cardId')
    amount: float
    currency: str = 'EUR'
    tags: list[str] = Field(default_factory=list)
app = FastAPI()
@app.post('/score')
def score(ask: Ask) -> dict:
    return {'p': 0.5}
";
        insta::assert_snapshot!(fields("app.py", code, "fastapi"), @r"
        in amount: float
        in cardId: str
        in currency?: str
        in tags?: list[str]
        out p: float
        ");
    }

    #[test]
    fn cases_are_serdes() {
        let all = [
            "lowercase",
            "UPPERCASE",
            "PascalCase",
            "camelCase",
            "snake_case",
            "SCREAMING_SNAKE_CASE",
            "kebab-case",
            "SCREAMING-KEBAB-CASE",
        ];
        let named = all.map(|name| super::Case::named(name).expect(name).of("very_tasty"));
        assert_eq!(
            named,
            [
                "very_tasty",
                "VERY_TASTY",
                "VeryTasty",
                "veryTasty",
                "very_tasty",
                "VERY_TASTY",
                "very-tasty",
                "VERY-TASTY",
            ]
        );
    }
}
