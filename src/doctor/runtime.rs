//! `functions.toml`, the folders that it names, and who uses them.

use std::fs;
use std::path::Path;

use cutline_runtime::pipeline::Place;

use super::{Asked, Finding};
use crate::commands::pipeline;
use crate::words::counted;

pub(super) fn look(asked: &Asked<'_>) -> Vec<Finding> {
    let file = asked.functions.display().to_string();
    if !asked.functions.exists() {
        let mend = "`cutline init` writes one, --functions names it";
        return vec![Finding::absent(
            asked.named.functions,
            file,
            "not there",
            mend,
        )];
    }
    let pipeline = match pipeline::read(asked.functions) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            let said = error.to_string();
            return vec![Finding::wrong(
                file,
                said,
                "write what stands under the place",
            )];
        }
    };
    let said = counted(pipeline.functions.len(), "function");
    let home = asked.functions.parent().unwrap_or(Path::new(""));
    let mut found = vec![Finding::good(file, said)];
    match &pipeline.store.place {
        Place::Folders { data, incoming } => {
            found.push(folder_of_data(&home.join(data)));
            found.push(folder_of_incoming(&home.join(incoming)));
        }
        // Looked at by whoever opens it: it needs what requests show.
        Place::Azure { kept, .. } => found.push(Finding::good("store", kept.to_string())),
    }
    found
}

/// The data folder: whether it can be written.
fn folder_of_data(folder: &Path) -> Finding {
    let what = "data folder";
    let shown = folder.display();
    match fs::metadata(folder) {
        Err(_) => Finding::missing(what, format!("{shown}: made when `cutline run` starts")),
        Ok(there) if !there.is_dir() => Finding::wrong(
            what,
            format!("{shown} is no folder"),
            "write another store.folder",
        ),
        Ok(there) if there.permissions().readonly() => Finding::wrong(
            what,
            format!("{shown} cannot be written"),
            format!("give its owner the right: chmod u+w {shown}"),
        ),
        Ok(_) => Finding::good(what, format!("{shown}")),
    }
}

fn folder_of_incoming(folder: &Path) -> Finding {
    let what = "incoming";
    let shown = folder.display();
    match folder.is_dir() {
        true => Finding::good(what, format!("{shown}")),
        false => Finding::missing(what, format!("{shown}: files from outside are put there")),
    }
}
