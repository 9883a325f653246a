//! `[store]`: in folders, or on Azure.

use std::time::Duration;

use toml::Spanned;

use super::super::file::{SecretWritten, StoreFile};
use super::super::problem::Problem;
use super::super::{Place, Shows, Store, secrets};
use super::time;
use crate::store::place::{AzurePlace, NoAzurePlace};

/// Unless told.
const KEEP_SHADOWS: Duration = Duration::from_secs(3600);
const FOLDER: &str = "cutline-data";
const INCOMING: &str = "incoming";

pub(super) fn store(mut file: StoreFile) -> Result<Store, Problem> {
    let keep_shadows = match file.keep_shadows.take() {
        None => KEEP_SHADOWS,
        Some(keep) => time(&keep, "store: keep_shadows")?,
    };
    let place = match file.url.take() {
        Some(url) => on_azure(&url, file)?,
        None => in_folders(file)?,
    };
    Ok(Store {
        place,
        keep_shadows,
    })
}

fn in_folders(file: StoreFile) -> Result<Place, Problem> {
    let of_a_url = [
        ("queues", file.queues.map(|queues| queues.span())),
        ("sas", file.sas.map(|sas| sas.span())),
        ("key", file.key.map(|key| key.span())),
    ];
    for (name, span) in of_a_url {
        if let Some(span) = span {
            let message = format!("store: {name}: it says how to ask Azure, and there is no url");
            return Err(Problem::at(span, message)
                .label("write url = \"azure:https://ACCOUNT.blob.core.windows.net/CONTAINER\""));
        }
    }
    let or = |text: Option<Spanned<String>>, otherwise: &str| match text {
        Some(text) => text.into_inner(),
        None => otherwise.to_owned(),
    };
    Ok(Place::Folders {
        data: or(file.folder, FOLDER),
        incoming: or(file.incoming, INCOMING),
    })
}

fn on_azure(url: &Spanned<String>, file: StoreFile) -> Result<Place, Problem> {
    if let Some(folder) = file.folder {
        let message = "store: folder: there is a url, too";
        return Err(Problem::at(folder.span(), message).label("take one of them away"));
    }
    let queues = file.queues.as_ref();
    let kept = AzurePlace::parse(
        url.get_ref(),
        queues.map(|queues| queues.get_ref().as_str()),
    );
    let kept = kept.map_err(|error| match (&error, queues) {
        (NoAzurePlace::Service { .. }, Some(queues)) => wrong(queues, "queues", &error),
        _ => wrong(url, "url", &error),
    })?;
    let incoming = match &file.incoming {
        None => kept.beside(INCOMING),
        Some(name) => kept.beside(name.get_ref()),
    };
    let incoming = incoming.map_err(|error| {
        let written = file.incoming.as_ref().unwrap_or(url);
        wrong(written, "incoming", &error)
    })?;
    let shows = shows(file.sas, file.key, &kept)?;
    Ok(Place::Azure {
        kept: Box::new(kept),
        incoming: Box::new(incoming),
        shows,
    })
}

fn wrong(written: &Spanned<String>, key: &str, error: &NoAzurePlace) -> Problem {
    Problem::at(written.span(), format!("store: {key}: {error}"))
}

fn shows(
    sas: Option<Spanned<SecretWritten>>,
    key: Option<Spanned<SecretWritten>>,
    kept: &AzurePlace,
) -> Result<Shows, Problem> {
    match (sas, key) {
        (None, None) => Ok(Shows::Identity),
        (Some(sas), None) => Ok(Shows::Sas(secrets::found(sas, "store: sas")?)),
        (None, Some(key)) if kept.is_emulator() => {
            Ok(Shows::Key(secrets::found(key, "store: key")?))
        }
        (None, Some(key)) => {
            let message = "store: key: an account's key opens everything, and is taken for an emulator on this machine only";
            Err(Problem::at(key.span(), message)
                .label("leave it out for this machine's identity, or write sas = { env = \"…\" }"))
        }
        (Some(_), Some(key)) => {
            let message = "store: key: there is a sas, too";
            Err(Problem::at(key.span(), message).label("take one of them away"))
        }
    }
}
