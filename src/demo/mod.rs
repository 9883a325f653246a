//! The story that `cutline demo` tells: one monolith, from its first request to
//! the last one that it answers for a stage.
//!
//! Every part of it is a process of its own that anybody could have started by
//! hand; the commands are printed as they are run.

mod files;
mod monolith;
mod overlay;
mod process;
mod python;
mod rare;
mod stop;
mod traffic;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Instant;

use cutline_analyzer::Report;
use cutline_analyzer::report::{self, Format, Style};
use cutline_analyzer::routes::RouteKind;

use crate::console::Console;
use crate::error::CommandError;
use files::{Folder, token};
use monolith::Monolith;
use overlay::Overlaid;
use process::{Process, cutline};
use rare::Group;
use stop::Stop;
use traffic::Traffic;
use watch::Watch;

/// How it is told.
pub(crate) struct Options {
    pub(crate) fast: bool,
    pub(crate) python: Option<PathBuf>,
    pub(crate) keep: Option<PathBuf>,
}

/// Rows that the monolith is trained on.
const ROWS: u32 = 2000;
const FEW_ROWS: u32 = 800;

/// The stage that moves first: many ask it, and nothing else has to have moved.
const FIRST: &str = "inference";

/// # Errors
/// What could not be started or did not answer, and what to do about it.
pub(crate) fn tell(options: &Options, console: &Console) -> Result<(), CommandError> {
    let began = Instant::now();
    let stop = Stop::listen()?;
    let folder = Folder::open(options.keep.as_deref())?;
    let say = |text: &str| console.print(text);

    say(&act(1, "A monolith that must keep answering"))?;
    let python = python::find(options.python.as_deref(), &folder, console)?;
    let rows = if options.fast { FEW_ROWS } else { ROWS };
    let monolith = Monolith::start(&folder, &python, rows, &stop)?;
    say(&format!(
        "  {} answers at {}; {rows} customers, model {} live\n",
        monolith.what(),
        monolith.url(),
        monolith.version()
    ))?;

    say(&act(2, "What is in it"))?;
    let report = folder.analyzed()?;
    say(&read(&report))?;
    let functions = report::render(&report, Format::Functions, &Style::default());
    let routes = report::render(&report, Format::Routes, &Style::default());

    say(&act(3, "What a person adds"))?;
    let functions = Overlaid::functions(&functions)?;
    let routes = Overlaid::routes(&routes, options.fast)?;
    for overlaid in [&functions, &routes] {
        say(&overlaid.diff())?;
    }
    folder.write("functions.toml", functions.text())?;

    say(&act(4, "Its stages, and its own model"))?;
    let candidate = candidate(&folder, &python, &monolith, &stop, console)?;
    say(&format!("  the stages answer at {}\n", candidate.url()))?;

    say(&act(5, "The proxy in front, and clients"))?;
    let routes = routes.with_monolith(monolith.url())?;
    let wrong = rounding(&folder, &functions, &stop)?;
    let with_wrong = routes.with_candidates(FIRST, wrong.url(), candidate.url())?;
    folder.write("routes.toml", &with_wrong)?;
    let proxy = Process::start(
        "proxy",
        cutline(&["proxy", "--config", "routes.toml"]).current_dir(folder.path()),
        &folder.log("proxy"),
        "clients ",
        &stop,
    )?;
    let watch = Watch::of(&folder, FIRST)?;
    say(&format!(
        "  clients: {}; dashboard: {}\n",
        proxy.url(),
        watch.dashboard()
    ))?;
    let customers = folder.customers()?;
    let known = monolith.known(&customers)?;
    let traffic = Traffic::start(proxy.url(), &customers, &known);

    say(&act(6, "A candidate that rounds scores"))?;
    say(&format!("  policy: {}\n", routes.policy(FIRST)?))?;
    watch.told("start")?;
    let caught = watch.until_back(&traffic, &stop, console)?;
    say(&format!("  {caught}\n"))?;
    drop(wrong);

    say(&act(7, "The right one"))?;
    let right = routes.with_candidates(FIRST, candidate.url(), candidate.url())?;
    folder.write("routes.toml", &right)?;
    proxy.reload()?;
    watch.reloaded(candidate.url(), &stop)?;
    watch.told("resume")?;
    let mut steps = watch.until_done(&traffic, &stop, console)?;

    say(&act(8, "The other stages"))?;
    say(
        "  The plan's order is by price. Inference came first, since nothing else has to have\n  moved for it; now what shares files, then who writes tables that others read.\n",
    )?;
    let scene = Scene {
        folder: &folder,
        routes: &routes,
        proxy: &proxy,
        candidate: &candidate,
        traffic: &traffic,
        stop: &stop,
        console,
    };
    for group in &rare::GROUPS {
        steps.extend(scene.moved(group)?);
    }

    say(&act(9, "Without the monolith"))?;
    let ways: Vec<String> = report
        .routes
        .iter()
        .filter(|route| route.kind == RouteKind::Http)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let left = routes.unowned(&ways)?;
    match left.is_empty() {
        true => {
            drop(monolith);
            say("  no route is left to the monolith; its process has ended\n")?;
            scene.all_answer()?;
        }
        false => {
            say(&format!("  the monolith goes on for {}\n", left.join(", ")))?;
            drop(monolith);
        }
    }
    let counted = traffic.end();
    say(&format!(
        "\n  {} requests, {} failed; {} answered by the stages; by this evidence:\n",
        counted.asked,
        counted.failed,
        watch.by_candidates()?
    ))?;
    for step in &steps {
        say(&format!("  {step}\n"))?;
    }
    drop((proxy, candidate));
    say(&format!(
        "  told in {} s; everything it started has ended\n",
        began.elapsed().as_secs()
    ))?;
    if let Some(folder) = folder.kept() {
        say(&format!("  its files are in {}\n", folder.display()))?;
    }
    match counted.failed {
        0 => Ok(()),
        failed => Err(CommandError::message(
            crate::error::Kind::Internal,
            format!("{failed} requests failed"),
        )
        .hint("run it with --keep DIR, and look at the logs there")),
    }
}

/// What the stages that are asked rarely move in.
struct Scene<'a> {
    folder: &'a Folder,
    routes: &'a Overlaid,
    proxy: &'a Process,
    candidate: &'a Process,
    traffic: &'a Traffic,
    stop: &'a Stop,
    console: &'a Console,
}

impl Scene<'_> {
    fn say(&self, text: &str) -> Result<(), CommandError> {
        self.console.print(text)
    }

    /// Takes stages from the monolith to their candidate; a line for each step.
    fn moved(&self, group: &Group) -> Result<Vec<String>, CommandError> {
        let names = group.stages.join(", ");
        self.say(&format!("\n  \x1b[1m{names}\x1b[0m: {}\n", group.why))?;
        let mut watches = Vec::new();
        for stage in group.stages {
            self.say(&format!("  policy: {}\n", self.routes.policy(stage)?))?;
            let watch = Watch::of(self.folder, stage)?;
            watch.told("start")?;
            watch.begun(self.stop)?;
            watches.push(watch);
        }
        for (watch, stage) in watches.iter().zip(group.stages) {
            let mut asked = 0;
            for round in 0..rare::RUNS {
                for request in rare::requests(stage, round) {
                    request.ask(self.proxy.url())?;
                    asked += 1;
                }
                watch.compared(asked, self.stop)?;
            }
        }
        let mut steps = Vec::new();
        for watch in &watches {
            watch.until_asked(self.traffic, self.stop, self.console)?;
        }
        for (watch, stage) in watches.iter().zip(group.stages) {
            self.say(&format!("  $ cutline rollout {stage} confirm\n"))?;
            watch.told("confirm")?;
        }
        for watch in &watches {
            steps.push(watch.until_moved(self.traffic, self.stop, self.console)?);
        }
        if let Some(stage) = group.hands_over {
            self.say(&format!("  $ cutline handover {stage}\n"))?;
            let args = ["handover", stage, "--run", self.candidate.url()];
            let handed = process::run(
                cutline(&args)
                    .env("CHURN_TOKEN", token())
                    .current_dir(self.folder.path()),
            )?;
            for line in handed.lines() {
                self.say(&format!("  {line}\n"))?;
            }
        }
        Ok(steps)
    }

    /// Every route is answered.
    fn all_answer(&self) -> Result<(), CommandError> {
        for request in rare::all() {
            self.stop.check()?;
            let status = request.ask(self.proxy.url())?;
            self.say(&format!("  {status} {}\n", request.line()))?;
        }
        Ok(())
    }
}

/// Asks processes of this machine, whatever the environment says of proxies.
fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().proxy(None).build();
    config.into()
}

fn act(number: u32, title: &str) -> String {
    format!("\n\x1b[1m{number}. {title}\x1b[0m\n")
}

/// What the report says, in a few lines.
fn read(report: &Report) -> String {
    let order: Vec<&str> = report.order.iter().map(|step| step.stage.name()).collect();
    let open = report::open_values(report).len();
    format!(
        "  $ cutline init .\n  {} files, {} routes, {} hazards; {} steps of preparation read, {open} values open\n  order: {}\n",
        report.summary.files,
        report.routes.len(),
        report.findings.len(),
        report.operations.len(),
        order.join(" → ")
    )
}

/// Prepares the monolith's rows, and lets the stages serve its model, with what
/// it measured.
fn candidate(
    folder: &Folder,
    python: &Path,
    monolith: &Monolith,
    stop: &Stop,
    console: &Console,
) -> Result<Process, CommandError> {
    let start = || {
        Process::start(
            "run",
            cutline(&["run"])
                .env("CHURN_TOKEN", token())
                .current_dir(folder.path()),
            &folder.log("run"),
            "clients: ",
            stop,
        )
    };
    console.print("  $ cutline run\n  $ curl -X POST /prepare/run\n")?;
    let running = start()?;
    for request in rare::requests("preprocessing", 0) {
        request.ask(running.url())?;
    }
    running.end();
    let model = overlay::model(folder)?;
    let file = |name: &str| folder.path().join("var").join(name);
    let metrics = format!("models/{}.metrics.json", monolith.version());
    let shown = format!(
        "import-model {model} var/current.joblib --key model --preprocessing last --metrics var/{metrics}"
    );
    console.print(&format!("  $ cutline {shown}\n"))?;
    let import = [
        "import-model",
        &model,
        "--key",
        "model",
        "--preprocessing",
        "last",
    ];
    process::run(
        cutline(&import)
            .arg(file("current.joblib"))
            .arg("--metrics")
            .arg(file(&metrics))
            .arg("--python")
            .arg(python)
            .current_dir(folder.path())
            .env("PYTHONPATH", folder.path()),
    )?;
    folder.make("rounding")?;
    process::run(cutline(&["backup", "rounding/cutline-data"]).current_dir(folder.path()))?;
    let running = start()?;
    running.answers("/v2/health/ready", stop)?;
    Ok(running)
}

/// The same stages on a copy of their data, but for a score that is rounded to
/// two digits.
fn rounding(folder: &Folder, functions: &Overlaid, stop: &Stop) -> Result<Process, CommandError> {
    let database = format!("sqlite:{}/var/", folder.path().display());
    let text = replaced(functions.text(), "round = 6", "round = 2")?;
    let text = replaced(&text, "sqlite:var/", &database)?;
    folder.write("rounding/functions.toml", &text)?;
    let running = Process::start(
        "rounding",
        cutline(&["run", "--config", "rounding/functions.toml"])
            .env("CHURN_TOKEN", token())
            .current_dir(folder.path()),
        &folder.log("rounding"),
        "clients: ",
        stop,
    )?;
    running.answers("/v2/health/ready", stop)?;
    Ok(running)
}

/// # Errors
/// When there is nothing to be replaced: the generated file has changed.
fn replaced(text: &str, this: &str, that: &str) -> Result<String, CommandError> {
    if !text.contains(this) {
        let message = format!("`{this}` is not in the generated file");
        return Err(CommandError::message(crate::error::Kind::Internal, message));
    }
    Ok(text.replace(this, that))
}
