//! The certificate that faces show: read from where `serve.tls` says, and again
//! when a signal says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use cutline_runtime::host::Certificate;
use cutline_runtime::pipeline::Tls;
use cutline_runtime::secret::Secrets;
use zeroize::Zeroizing;

use crate::error::{CommandError, Kind};
use crate::secrets::Known;

/// What is shown, and where it was read.
pub(crate) struct FacesTls {
    tls: Tls,
    home: PathBuf,
    secrets: Arc<Known>,
    shown: Certificate,
}

impl FacesTls {
    /// Of a file in the folder `home`; `None` where it names none.
    pub(crate) async fn read(
        tls: Option<Tls>,
        home: &Path,
        secrets: Arc<Known>,
    ) -> Result<Option<FacesTls>, CommandError> {
        let Some(tls) = tls else {
            return Ok(None);
        };
        let wrong = |error: anyhow::Error| CommandError::new(Kind::Configuration, error);
        let (chain, key) = files(&tls, home, &secrets).await.map_err(wrong)?;
        let shown = Certificate::parse(&chain, key.as_bytes());
        let shown = shown.with_context(|| format!("serve.tls: {}", tls.certificate));
        Ok(Some(FacesTls {
            shown: shown.map_err(wrong)?,
            home: home.to_owned(),
            tls,
            secrets,
        }))
    }

    /// What is shown.
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.shown
    }

    /// Reads it again; what cannot be used leaves what was shown.
    pub(crate) async fn reload(&self) {
        self.secrets.forget();
        let again = async {
            let (chain, key) = files(&self.tls, &self.home, &self.secrets).await?;
            anyhow::Ok(self.shown.replace(&chain, key.as_bytes())?)
        };
        match again.await {
            Ok(()) => tracing::info!("the certificate of the faces was read again"),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "the certificate of the faces stays as it was");
            }
        }
    }
}

async fn files(
    tls: &Tls,
    home: &Path,
    secrets: &Known,
) -> anyhow::Result<(Vec<u8>, Zeroizing<String>)> {
    let path = home.join(&tls.certificate);
    let chain = fs::read(&path);
    let chain = chain.with_context(|| format!("serve.tls: {} cannot be read", path.display()))?;
    let key = secrets.text(&tls.key).await;
    Ok((chain, key.context("serve.tls: key cannot be used")?))
}
