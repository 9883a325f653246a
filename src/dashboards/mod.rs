//! What shows figures and spans to people, made of the lists of the proxy's and
//! the runtime's figures: a dashboard for Grafana, rules for Prometheus, and a
//! workbook for Azure Monitor.

mod grafana;
mod kql;
mod rules;
mod workbook;

pub(crate) use self::grafana::grafana;
pub(crate) use self::rules::rules;
pub(crate) use self::workbook::workbook;

use cutline_proxy::metrics as proxy;
use cutline_runtime::host as functions;

/// A figure, whoever keeps it.
#[derive(Clone, Copy, Debug)]
struct Figure {
    part: Part,
    name: &'static str,
    prometheus: &'static str,
    kind: Kind,
    unit: &'static str,
    labels: &'static [&'static str],
    what: &'static str,
}

/// Who keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Proxy,
    Functions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All figures: the proxy's, and the runtime's.
fn figures() -> Vec<Figure> {
    let proxy = proxy::FIGURES.iter().map(|own| Figure {
        part: Part::Proxy,
        name: own.name,
        prometheus: own.prometheus,
        kind: match own.kind {
            proxy::FigureKind::Counter => Kind::Counter,
            proxy::FigureKind::Gauge => Kind::Gauge,
            proxy::FigureKind::Histogram => Kind::Histogram,
        },
        unit: own.unit,
        labels: own.labels,
        what: own.what,
    });
    let functions = functions::FIGURES.iter().map(|own| Figure {
        part: Part::Functions,
        name: own.name,
        prometheus: own.prometheus,
        kind: match own.kind {
            functions::FigureKind::Counter => Kind::Counter,
            functions::FigureKind::Gauge => Kind::Gauge,
            functions::FigureKind::Histogram => Kind::Histogram,
        },
        unit: own.unit,
        labels: own.labels,
        what: own.what,
    });
    proxy.chain(functions).collect()
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Part::Proxy => "Proxy",
            Part::Functions => "Functions",
        }
    }
}

impl Figure {
    /// What it says, as the beginning of a sentence.
    fn sentence(&self) -> String {
        let mut chars = self.what.chars();
        let first = chars.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + chars.as_str()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};
    use promql_parser::util::{ExprVisitor, walk_expr};

    use super::*;

    /// OpenTelemetry's rules of how Prometheus calls a metric (Prometheus and
    /// OpenMetrics Compatibility, of the specification 1.48).
    fn translated(figure: &Figure) -> String {
        let name: String = figure
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let unit = match figure.unit {
            "s" => "_seconds",
            "%" => "_percent",
            "" => "",
            unit if unit.starts_with('{') => "",
            unit => panic!("{}: {unit}", figure.name),
        };
        let total = if figure.kind == Kind::Counter {
            "_total"
        } else {
            ""
        };
        format!("{name}{unit}{total}")
    }

    /// The figures that a query in PromQL asks for. It panics where it is none,
    /// or names a figure or a label that nobody keeps.
    pub(super) fn named(query: &str) -> BTreeSet<String> {
        let tree = parse(query).unwrap_or_else(|error| panic!("{error}: {query}"));
        let mut asked = Asked::default();
        walk_expr(&mut asked, &tree).unwrap();
        let figures = figures();
        let mut labels = BTreeSet::from(["le"]);
        let names = asked.names.iter().map(|name| {
            let name = name.trim_end_matches("_bucket");
            let found = figures.iter().find(|own| own.prometheus == name);
            let found = found.unwrap_or_else(|| panic!("{name}: {query}"));
            labels.extend(found.labels);
            name.to_owned()
        });
        let names = names.collect();
        for label in &asked.labels {
            assert!(labels.contains(&**label), "{label}: {query}");
        }
        names
    }

    #[derive(Default)]
    struct Asked {
        names: BTreeSet<String>,
        labels: BTreeSet<String>,
    }

    impl ExprVisitor for Asked {
        type Error = Infallible;

        fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
            match expr {
                Expr::VectorSelector(asked) => self.asks(asked),
                Expr::MatrixSelector(asked) => self.asks(&asked.vs),
                Expr::Aggregate(asked) => {
                    if let Some(LabelModifier::Include(by)) = &asked.modifier {
                        self.labels.extend(by.labels.iter().cloned());
                    }
                }
                _ => {}
            }
            Ok(true)
        }
    }

    impl Asked {
        fn asks(&mut self, asked: &VectorSelector) {
            self.names.extend(asked.name.clone());
            let matched = asked.matchers.matchers.iter();
            self.labels
                .extend(matched.map(|matcher| matcher.name.clone()));
        }
    }

    #[test]
    fn names_are_those_of_opentelemetry() {
        for figure in figures() {
            assert_eq!(figure.prometheus, translated(&figure));
            let parts = figure.name.split('.').collect::<Vec<_>>();
            assert!(parts.len() > 1, "{}: it is in a namespace", figure.name);
            let known = ["cutline", "http", "messaging"];
            assert!(known.contains(&parts[0]), "{}", figure.name);
            assert!(!figure.what.ends_with('.'), "{}", figure.name);
        }
    }
}
