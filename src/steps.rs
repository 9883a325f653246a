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
    /// What is still open in `functions.toml`.
    open: Vec<OpenValue>,
}

pub(crate) fn of(report: &Report) -> Steps<'_> {
    Steps {
        report,
        open: report::open_values(report),
    }
}

impl Steps<'_> {
    /// The stages that can move, in the order in which to move them.
    fn stages(&self) -> impl Iterator<Item = (Stage, Vec<&RouteEntry>)> {
        self.report.order.iter().map(|step| {
            let routes = self.report.routes.iter();
            let own = routes.filter(|route| route.stage == step.stage && !route.method.is_empty());
            (step.stage, own.collect())
        })
    }

    /// For the terminal.
    pub(crate) fn summary(&self, out: &Path) -> String {
        let open = match self.open.len() {
            0 => "nothing is open in functions.toml".to_owned(),
            1 => "one value is open in functions.toml".to_owned(),
            open => format!("{open} values are open in functions.toml"),
        };
        let first = self.stages().find(|(_, routes)| !routes.is_empty());
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
        let mut number = 1;
        let mut alone = Vec::new();
        for (stage, routes) in self.stages() {
            let state = state(self.report, stage);
            if routes.is_empty() {
                alone.push((stage, state));
                continue;
            }
            put(out, &format!("### {number}. {stage}\n"));
            number += 1;
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
            if let Some(state) = state {
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
        if number == 1 {
            put(
                out,
                "No stage has a route of its own: what runs on a schedule or in scripts moves by `cutline run` alone.\n",
            );
        }
        let kept = alone.into_iter();
        let kept: Vec<(Stage, String)> = kept
            .filter_map(|(stage, state)| Some((stage, state?)))
            .collect();
        if !kept.is_empty() {
            put(
                out,
                "Stages without a route of their own keep something too:\n",
            );
            for (stage, state) in kept {
                put(out, &format!("- {stage}. {state}"));
            }
            put(out, "");
        }
    }

    fn fat(&self, out: &mut String) {
        let fat: BTreeSet<String> = self
            .report
            .routes
            .iter()
            .filter(|route| route.fat && !route.method.is_empty())
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
