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
mod stop;
mod traffic;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Instant;

use cutline_analyzer::Report;
use cutline_analyzer::report::{self, Format, Style};

use crate::console::Console;
use crate::error::CommandError;
use files::Folder;
use monolith::Monolith;
use overlay::Overlaid;
use process::{Process, cutline};
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

/// The stage that moves.
const STAGE: &str = "inference";

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
    folder.write("routes.toml", &routes.with_candidate(STAGE, wrong.url())?)?;
    let proxy = Process::start(
        "proxy",
        cutline(&["proxy", "--config", "routes.toml"]).current_dir(folder.path()),
        &folder.log("proxy"),
        "clients ",
        &stop,
    )?;
    let watch = Watch::of(&folder, STAGE)?;
    say(&format!(
        "  clients: {}; dashboard: {}\n",
        proxy.url(),
        watch.dashboard()
    ))?;
    say(&routes.policy(STAGE))?;
    let traffic = Traffic::start(proxy.url(), &folder.customers()?);

    say(&act(6, "A candidate that rounds scores"))?;
    watch.told("start")?;
    let caught = watch.until_back(&traffic, &stop, console)?;
    say(&format!("  {caught}\n"))?;
    drop(wrong);

    say(&act(7, "The right one"))?;
    folder.write(
        "routes.toml",
        &routes.with_candidate(STAGE, candidate.url())?,
    )?;
    proxy.reload()?;
    watch.reloaded(candidate.url(), &stop)?;
    watch.told("resume")?;
    let evidence = watch.until_done(&traffic, &stop, console)?;

    say(&act(8, "What is left"))?;
    let counted = traffic.end();
    say(&left(&report))?;
    say(&format!(
        "\n  {} requests, {} failed; {} answered by the stages\n",
        counted.asked, counted.failed, evidence.by_candidate
    ))?;
    for step in &evidence.steps {
        say(&format!("  {step}\n"))?;
    }
    drop((proxy, candidate, monolith));
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
    let open = report::render(report, Format::Functions, &Style::default())
        .matches("# TODO ")
        .count();
    format!(
        "  $ cutline init .\n  {} files, {} routes, {} hazards; {} steps of preparation read, {open} values open\n  order: {}\n",
        report.summary.files,
        report.routes.len(),
        report.findings.len(),
        report.operations.len(),
        order.join(" → ")
    )
}

/// Trains the stages on the monolith's data, and lets them serve its model.
fn candidate(
    folder: &Folder,
    python: &Path,
    monolith: &Monolith,
    stop: &Stop,
    console: &Console,
) -> Result<Process, CommandError> {
    let sent = ["queue", "send", "raw-arrived", "name=may", "--id", "may"];
    console.print("  $ cutline queue send raw-arrived name=may\n  $ cutline run\n")?;
    process::run(cutline(&sent).current_dir(folder.path()))?;
    let start = || {
        Process::start(
            "run",
            cutline(&["run"]).current_dir(folder.path()),
            &folder.log("run"),
            "clients: ",
            stop,
        )
    };
    let running = start()?;
    running.answers("/v2/health/ready", stop)?;
    running.end();
    let threshold = monolith.threshold().to_string();
    let model = folder.path().join("var/current.joblib");
    let model = model.to_string_lossy().into_owned();
    let name = overlay::model(folder)?;
    let python = python.to_string_lossy().into_owned();
    let import = [
        "import-model",
        &name,
        &model,
        "--key",
        "model",
        "--threshold",
        &threshold,
        "--python",
        &python,
    ];
    console.print(&format!(
        "  $ cutline import-model {name} var/current.joblib --key model --threshold {threshold}\n"
    ))?;
    process::run(
        cutline(&import)
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
        cutline(&["run", "--config", "rounding/functions.toml"]).current_dir(folder.path()),
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

/// Which routes are still the monolith's, and what could answer them.
fn left(report: &Report) -> String {
    let text = report::render(report, Format::Functions, &Style::default());
    let mut lines = text
        .lines()
        .skip_while(|line| !line.starts_with("# Routes that the monolith still answers"));
    let head = lines
        .next()
        .map_or("  Nothing stays with the monolith.".to_owned(), |_| {
            "  The monolith goes on for these, each with its way out:".to_owned()
        });
    let rest = lines.map(|line| format!("   {}", line.trim_start_matches('#')));
    std::iter::once(head)
        .chain(rest)
        .map(|line| line + "\n")
        .collect()
}
