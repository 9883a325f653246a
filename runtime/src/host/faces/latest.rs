//! [`Latest`]: of a function that runs every so often, its last outcome.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::answer::{Answer, outcome, unavailable};
use super::{Asked, Declared};
use crate::pipeline::Function;

/// The function.
pub(in crate::host) struct Latest {
    function: String,
    /// What a stage that makes one artifact makes.
    main: Option<String>,
}

impl Latest {
    pub(super) fn of(function: &Function) -> Latest {
        Latest {
            function: function.name.clone(),
            main: function.output.artifacts.get("").cloned(),
        }
    }

    pub(super) async fn answer(&self, to: &Declared, asked: Asked) -> Result<Answer, Response> {
        let (face, services) = (&to.face, &to.services);
        let latest = services.space.runs().latest(&self.function).await;
        let latest = latest.map_err(|error| unavailable(&error))?;
        let Some(step) = latest else {
            let why = format!("{} has not run yet", self.function);
            return Err(face.refused(StatusCode::SERVICE_UNAVAILABLE, &why));
        };
        let main = self.main.as_ref();
        let made = main.and_then(|main| step.artifacts.get(main).copied());
        let run = json!({"function": step.function, "at": step.at});
        let mut document = outcome(services, &[step], made, face).await?;
        document.insert("run".to_owned(), run);
        asked.told(&mut document);
        Ok(Answer::of(face.answer(&document.into())))
    }
}
