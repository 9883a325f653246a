//! `cutline completions` and `cutline man`: both from the definitions of the
//! commands themselves.

use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::Cli;
use crate::console::Console;
use crate::error::CommandError;

/// Prints what a shell needs to complete commands and flags.
///
/// For bash: cutline completions bash > ~/.local/share/bash-completion/completions/cutline
#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    shell: Shell,
}

/// Prints the man page, or writes one for each command.
#[derive(Args)]
pub(crate) struct ManArgs {
    /// Writes cutline.1 and a page for each command into DIR.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs, console: &Console) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cutline", &mut script);
    console.print(&String::from_utf8_lossy(&script))
}

pub(crate) fn man(args: &ManArgs, console: &Console) -> Result<(), CommandError> {
    let mut cutline = Cli::command();
    cutline.build();
    let Some(out) = &args.out else {
        let page = page(cutline, "cutline").context("the page cannot be written")?;
        return console.print(&String::from_utf8_lossy(&page));
    };
    fs::create_dir_all(out)
        .with_context(|| format!("cannot create the folder {}", out.display()))?;
    let mut written = 0;
    let mut open = vec![(String::new(), cutline)];
    while let Some((above, command)) = open.pop() {
        let name = format!("{above}{}", command.get_name());
        let inner = command.get_subcommands().cloned();
        let inner = inner.filter(|inner| !inner.is_hide_set() && inner.get_name() != "help");
        open.extend(inner.map(|inner| (format!("{name}-"), inner)));
        let file = out.join(format!("{name}.1"));
        page(command, &name)
            .and_then(|page| fs::write(&file, page))
            .with_context(|| format!("cannot write {}", file.display()))?;
        written += 1;
    }
    console.print(&format!("Wrote {written} pages to {}\n", out.display()))
}

fn page(command: Command, name: &str) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).title(name).render(&mut page)?;
    Ok(page)
}
