//! `functions.toml`, the folders that it names, and who uses them.

use std::fs;
use std::path::Path;

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
    vec![
        Finding::good(file, said),
        data(&home.join(&pipeline.store.folder)),
        incoming(&home.join(&pipeline.store.incoming)),
    ]
}

/// The data folder: whether it can be written.
fn data(folder: &Path) -> Finding {
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

fn incoming(folder: &Path) -> Finding {
    let what = "incoming";
    let shown = folder.display();
    match folder.is_dir() {
        true => Finding::good(what, format!("{shown}")),
        false => Finding::missing(what, format!("{shown}: files from outside are put there")),
    }
}
