//! The infrastructure of a pipeline, for Azure: in Bicep and in Terraform, of
//! one [`Infra`], which is made of the pipeline alone.
//!
//! What is the same for every pipeline lies here as files of their own format
//! (`bicep/modules/`, `terraform/*.tf`), and is given out as it is. What follows
//! from the pipeline is written: `main.bicep` and `roles.bicep`; `pipeline.tf`,
//! `roles.tf`, `settings.tf` and `variables.tf`. No such thing is decided twice:
//! both say what is in the [`Infra`], and a test holds the two sets of files
//! against each other.

mod bicep;
mod granted;
mod make;
mod model;
mod names;
mod readme;
mod terraform;
#[cfg(test)]
mod tests;

use super::{File, ManifestError};
use crate::pipeline::Pipeline;

/// Each of its functions as an app, with an identity and with all that it
/// touches, as modules of Bicep.
///
/// # Errors
/// When the pipeline cannot be hosted so.
pub fn bicep(pipeline: &Pipeline) -> Result<Vec<File>, ManifestError> {
    Ok(bicep::files(&make::infra(pipeline)?))
}

/// The same in Terraform.
///
/// # Errors
/// When the pipeline cannot be hosted so.
pub fn terraform(pipeline: &Pipeline) -> Result<Vec<File>, ManifestError> {
    Ok(terraform::files(&make::infra(pipeline)?))
}

fn file(path: &str, text: impl Into<String>) -> File {
    File {
        path: path.into(),
        text: text.into(),
    }
}
