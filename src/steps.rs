//! The next steps for one repository: what `cutline init` says and writes.

mod state;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use cutline_analyzer::Report;
use cutline_analyzer::report::{self, OpenValue, RouteEntry};
use cutline_analyzer::stages::Stage;
use state::state;

/// Checks that the report can still be made and the files are still right.
pub(crate) const CI: &str = "\
# A check for continuous integration (GitHub Actions): the monolith can still be
# analysed, and what routes.toml and functions.toml say is right. Copy it to
# .github/workflows/cutline.yml.
name: cutline
on: [pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: cargo install cutline --locked
      - run: cutline analyze . --format markdown >> \"$GITHUB_STEP_SUMMARY\"
      - run: cutline proxy check --config cutline/routes.toml
      # Ends with 4 as long as functions.toml has a TODO in it.
      - run: cutline functions --config cutline/functions.toml
";

/// What is kept beside the files, and is nobody else's: the proxy's token and
/// journal, the functions' data, what arrives for them.
pub(crate) const IGNORED: &str = ".cutline/\n/cutline-data/\n/incoming/\n";

/// The proxy's state folder is beside its file.
const STATE: &str = "--state cutline/.cutline";

/// What is left to do.
pub(crate) struct Steps<'r> {
    report: &'r Report,
    /// The stages that `routes.toml` has, with their routes.
    moving: Vec<(Stage, Vec<&'r RouteEntry>)>,
    /// What is still open in `functions.toml`.
    open: Vec<OpenValue>,
}

pub(crate) fn of(report: &Report) -> Steps<'_> {
    Steps {
        report,
        moving: report::moving_stages(report),
        open: report::open_values(report),
    }
}

impl Steps<'_> {
    /// For the terminal.
    pub(crate) fn summary(&self, out: &Path) -> String {
        let open = match self.open.len() {
            0 => "nothing is open in functions.toml".to_owned(),
            1 => "one value is open in functions.toml".to_owned(),
            open => format!("{open} values are open in functions.toml"),
        };
        let first = self.moving.first();
        let first = first.map_or(String::new(), |(stage, _)| format!("; {stage} moves first"));
        format!("{open}{first}. Next: {}\n", out.join("README.md").display())
    }

    /// `README.md`: commands to be run in the repository, in their order.
    pub(crate) fn readme(&self) -> String {
        let mut out = String::new();
        let name = line(&self.report.name);
        put(&mut out, &format!("# Taking {name} apart\n"));
        put(
            &mut out,
            "Written by `cutline init`; the [report](report.md) says why. Run the commands in the repository's folder.\n",
        );
        self.proxy(&mut out);
        self.functions(&mut out);
        self.order(&mut out);
        self.fat(&mut out);
        put(
            &mut out,
            &format!(
                "## When something is wrong\n\n\
                 `cutline doctor` says what is missing or cannot be reached; \
                 `cutline status {STATE}` shows every stage; `cutline diff STAGE {STATE}` shows what differs; \
                 `cutline shift STAGE 0 {STATE}` sends everything back to the monolith at once.",
            ),
        );
        out
    }

    fn proxy(&self, out: &mut String) {
        put(
            out,
            "## 1. Put the proxy in front\n\n\
             Everything still goes to the monolith. Set in `cutline/routes.toml` where it listens (`monolith.upstream`), and point your clients at `listen`.\n\n\
             ```console\n\
             $ cutline proxy check --config cutline/routes.toml\n\
             $ cutline proxy --config cutline/routes.toml\n\
             ```\n",
        );
    }

    fn functions(&self, out: &mut String) {
        put(out, "## 2. Complete functions.toml\n");
        match self.open.is_empty() {
            true => put(out, "Nothing is open in it: read it beside the code once."),
            false => {
                put(out, "What the code does not say is `\"TODO\"` there:\n");
                for open in &self.open {
                    let open = format!("{}: {}", open.key, open.look);
                    put(out, &format!("- [ ] {}", line(&open)));
                }
            }
        }
        put(
            out,
            "\n```console\n$ cutline functions --config cutline/functions.toml\n\
             $ cutline run --config cutline/functions.toml\n```\n\n\
             To serve what the monolith has trained before anything is trained anew, import its model, in the monolith's own Python:\n\n\
             ```console",
        );
        let folder = "--config cutline/functions.toml";
        put(
            out,
            &format!(
                "$ cutline import-model {} FILE.joblib --python PYTHON {folder}",
                report::model_name(self.report)
            ),
        );
        put(out, "```\n");
    }

    fn order(&self, out: &mut String) {
        put(out, "## 3. Move the stages, one at a time\n");
        for (number, (stage, routes)) in (1..).zip(&self.moving) {
            put(out, &format!("### {number}. {stage}\n"));
            for route in routes {
                put(
                    out,
                    &format!(
                        "- `{} {}`: {}",
                        line(&route.method),
                        line(&route.path),
                        effect(route)
                    ),
                );
            }
            if let Some(state) = state(self.report, *stage) {
                put(out, &format!("\n{state}"));
            }
            put(
                out,
                &format!(
                    "\nName its candidate in `cutline/routes.toml`, then:\n\n\
                     ```console\n\
                     $ cutline mode {stage} shadow {STATE}     # it answers copies of what is safe to copy\n\
                     $ cutline diff {stage} {STATE}            # what differs\n\
                     $ cutline shift {stage} 10 {STATE}        # and on, to 100\n\
                     ```\n"
                ),
            );
        }
        if self.moving.is_empty() {
            put(
                out,
                "No stage has a route that a face answers: what runs on a schedule or in scripts moves by `cutline run` alone.\n",
            );
        }
        let stays =
            |route: &RouteEntry| !route.method.is_empty() && !route.fat && !self.moves(route);
        if self.report.routes.iter().any(stays) {
            put(
                out,
                "Below its stages `cutline/routes.toml` lists the routes that stay with the monolith, and what could answer each.\n",
            );
        }
        let moving: BTreeSet<Stage> = self.moving.iter().map(|(stage, _)| *stage).collect();
        let order = self.report.order.iter().map(|step| step.stage);
        let alone = order.filter(|stage| !moving.contains(stage));
        let kept: Vec<(Stage, String)> = alone
            .filter_map(|stage| Some((stage, state(self.report, stage)?)))
            .collect();
        if !kept.is_empty() {
            put(
                out,
                "Stages that `cutline/routes.toml` has no routes of keep something too:\n",
            );
            for (stage, state) in kept {
                put(out, &format!("- {stage}. {state}"));
            }
            put(out, "");
        }
    }

    /// A stage of `routes.toml` owns the route.
    fn moves(&self, route: &RouteEntry) -> bool {
        let mut own = self.moving.iter().flat_map(|(_, routes)| routes);
        own.any(|own| own.method == route.method && own.path == route.path)
    }

    fn fat(&self, out: &mut String) {
        let fat: BTreeSet<String> = self
            .report
            .routes
            .iter()
            .filter(|route| route.fat && !route.method.is_empty() && !self.moves(route))
            .map(|route| {
                let stages: Vec<&str> = route.stages.iter().map(|stage| stage.name()).collect();
                format!(
                    "- `{} {}` ({}:{}) spans {}",
                    line(&route.method),
                    line(&route.path),
                    line(&route.place.file),
                    route.place.line,
                    stages.join(", ")
                )
            })
            .collect();
        if fat.is_empty() {
            return;
        }
        put(
            out,
            "## Routes that span several stages\n\n\
             They stay with the monolith until their stages have moved; then a face in functions.toml starts the first of them and answers 202, or waits for the last.\n",
        );
        for route in fat {
            put(out, &route);
        }
        put(out, "");
    }
}

/// What a copy of its requests would do.
fn effect(route: &RouteEntry) -> String {
    match route.side_effects.as_slice() {
        [] => "changes nothing outside, so that its requests can be copied".to_owned(),
        [only] => format!(
            "{}: copies need a candidate that writes elsewhere",
            line(only)
        ),
        [first, rest @ ..] => format!(
            "{} and {} more: copies need a candidate that writes elsewhere",
            line(first),
            rest.len()
        ),
    }
}

/// Without what would break out of its line.
fn line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || c == '`' { ' ' } else { c })
        .collect()
}

fn put(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use cutline_analyzer::report::{Format, Style};
    use cutline_analyzer::{Catalog, Options, SourceOptions, SourceTree};

    fn reports() -> Vec<Report> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let report = |name: &str| {
            let tree = SourceTree::read(&fixtures.join(name), &SourceOptions::default());
            let options = Options {
                catalog: Catalog::built_in(),
                pins: Vec::new(),
            };
            cutline_analyzer::analyze(&tree.expect("the fixture is there"), &options)
        };
        ["churn_flask", "fraud_axum", "iris_axum", "tumor_fastapi"]
            .map(report)
            .into()
    }

    #[test]
    fn commands_name_stages_that_routes_toml_has() {
        for mut report in reports() {
            for _ in 0..2 {
                let routes = report::render(&report, Format::Routes, &Style::default());
                let routes: toml::Table = routes.parse().expect("it is TOML");
                let stages = routes.get("stage").and_then(toml::Value::as_table);
                let steps = of(&report);
                let readme = steps.readme();
                let commands = ["$ cutline mode ", "$ cutline diff ", "$ cutline shift "];
                let named: BTreeSet<&str> = commands
                    .iter()
                    .flat_map(|command| readme.split(*command).skip(1))
                    .filter_map(|rest| rest.split_whitespace().next())
                    .collect();
                let there: BTreeSet<&str> = stages
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| &**name)
                    .collect();
                assert_eq!(named, there, "{}: {readme}", report.name);
                let first = format!(
                    "; {} moves first",
                    steps.moving.first().map_or("", |of| of.0.name())
                );
                let summary = steps.summary(Path::new("cutline"));
                assert_eq!(summary.contains(&first), !there.is_empty(), "{summary}");
                // Nobody takes rows or predicts: no face answers anything.
                report.contracts.clear();
                report.routes.iter_mut().for_each(|route| route.fat = false);
            }
        }
    }
}
