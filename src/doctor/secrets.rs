//! Whether the secrets are where `functions.toml` says.

use std::path::Path;

use cutline_runtime::secret::Secrets;

use super::{Asked, Finding};
use crate::commands::pipeline;
use crate::secrets::Known;

pub(super) fn look(asked: &Asked<'_>) -> Vec<Finding> {
    // What is wrong with the file itself is said elsewhere.
    let Ok(pipeline) = pipeline::read(asked.functions) else {
        return Vec::new();
    };
    let home = asked.functions.parent().unwrap_or(Path::new(""));
    let secrets = pipeline.secrets(&[]);
    if secrets.is_empty() {
        return Vec::new();
    }
    let Ok(known) = Known::of(&pipeline, home) else {
        let mend = "see the identity of this machine (AZURE_TOKEN_CREDENTIALS)";
        return vec![Finding::wrong(
            "[secrets]",
            "the Key Vault cannot be asked",
            mend,
        )];
    };
    let found =
        secrets
            .into_iter()
            .map(|(key, from)| match pipeline::block_on(known.text(&from)) {
                Ok(Ok(_)) => Finding::good(key, format!("is in {from}")),
                Ok(Err(error)) => {
                    let said = format!("{:#}", anyhow::Error::new(error));
                    Finding::wrong(key, said, "put it there, or say where else it is")
                }
                Err(_) => Finding::wrong(key, "cannot be looked for", "try again"),
            });
    found.collect()
}
