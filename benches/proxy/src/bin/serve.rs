//! cutline's proxy and nothing around it, told what to do by lines on its
//! standard input:
//!
//! ```text
//! shift STAGE PERCENT      reload FILE      metrics      stop
//! ```

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Parser;
use cutline_proxy::route::{Mode, Share, Weight};
use cutline_proxy::{Config, Proxy, RoutesFile, Running};

/// As in the released binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// cutline's proxy and nothing around it.
#[derive(Parser)]
struct Args {
    /// The routes file.
    #[arg(long)]
    config: PathBuf,
    /// Threads that serve.
    #[arg(long, default_value_t = 1)]
    workers: usize,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let running = Proxy::bind(config(&args.config)?)?.start(args.workers)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "serving {:?}", running.addresses())?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line == "stop" {
            break;
        }
        let said = obey(&running, &line)?;
        writeln!(out, "{said}\n.")?;
        out.flush()?;
    }
    running.stop();
    Ok(())
}

fn obey(running: &Running, line: &str) -> anyhow::Result<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    match *words {
        ["shift", stage, percent] => {
            let weight = Weight::from_percent(percent.parse()?)?;
            let share = Share {
                mode: Mode::Split,
                weight,
            };
            let known = running.shift(stage, share);
            Ok(format!("{known}"))
        }
        ["reload", file] => {
            running.replace(config(Path::new(file))?);
            Ok("reloaded".to_owned())
        }
        ["metrics"] => Ok(running.metrics()),
        _ => bail!("`{line}` is no command"),
    }
}

fn config(file: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let secret = |path: &Path| std::fs::read(path);
    RoutesFile::check(&text, secret).map_err(|problem| anyhow::anyhow!("{problem}"))
}
