//! [`Models`]: a face of the registry shows versions of a model, and moves its
//! aliases.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answer::{Answer, refused, unavailable};
use super::{Asked, Declared};
use crate::face::mapping::{MappingError, Place, RegistryWritten, TaskFace};
use crate::store::registry::{
    Alias, ModelName, Registered, Registry, RegistryError, VersionNumber,
};

/// The versions of a model, and what is done with them.
pub(in crate::host) struct Models {
    model: ModelName,
    /// Where a request says which version.
    version: Option<Place>,
    act: Act,
}

enum Act {
    Look,
    /// Points the alias to the version; also to one that did not pass its gate
    /// where a request says so at this place.
    Promote(Alias, Option<Place>),
    RollBack(Alias),
}

impl Models {
    /// # Errors
    /// When a key makes no sense.
    pub(super) fn new(face: &TaskFace, written: &RegistryWritten) -> Result<Models, MappingError> {
        let place = |key: &str, pointer: &Option<String>| {
            let place = pointer.as_ref().map(|pointer| face.place(key, pointer));
            place.transpose()
        };
        let alias = |key: &str, name: &str| {
            let known = Alias::ALL.into_iter().find(|alias| alias.name() == name);
            let why = format!("{name:?} is no alias: write champion or candidate");
            known.ok_or_else(|| face.problem(key, why))
        };
        let model = written.model.parse();
        let wrong = |key: &str, why: &str| Err(face.problem(&format!("registry.{key}"), why));
        let version = place("registry.version", &written.version)?;
        let force = place("registry.force", &written.force)?;
        let act = match (&written.promote, &written.roll_back) {
            (None, None) if force.is_some() => {
                return wrong("force", "it is for promote, which is not there");
            }
            (None, None) => Act::Look,
            (Some(_), None) if version.is_none() => {
                return wrong(
                    "promote",
                    "say beside it which version: version = \"/path/…\"",
                );
            }
            (Some(to), None) => Act::Promote(alias("registry.promote", to)?, force),
            (None, Some(_)) if version.is_some() || force.is_some() => {
                return wrong(
                    "roll_back",
                    "it goes to the version before, whatever a request says",
                );
            }
            (None, Some(back)) => Act::RollBack(alias("registry.roll_back", back)?),
            (Some(_), Some(_)) => {
                return wrong("roll_back", "a face promotes or rolls back: take one away");
            }
        };
        Ok(Models {
            model: model.map_err(|error| face.problem("registry.model", format!("{error}")))?,
            version,
            act,
        })
    }

    /// Whether it moves an alias.
    pub(super) fn changes(&self) -> bool {
        !matches!(self.act, Act::Look)
    }

    pub(super) async fn answer(&self, to: &Declared, asked: Asked) -> Result<Answer, Response> {
        let mut space = to.services.space.clone();
        // What a copy moves, it moves where nobody sees it.
        let mut shadow = None;
        if asked.is_copy && self.changes() {
            let Some(shadows) = &to.shadows else {
                let body = json!({"id": asked.id, "shadow": true});
                return Ok(Answer::of((StatusCode::ACCEPTED, body)));
            };
            shadow = shadows.begin(&asked.id);
            match &shadow {
                Some(shadow) => space = shadow.services().space.clone(),
                None => {
                    let why = "too many copies are being worked on";
                    return Err(refused(StatusCode::SERVICE_UNAVAILABLE, why));
                }
            }
        }
        let registry = space.registry();
        let found = match self.done(to, &registry, &asked).await? {
            None => None,
            Some(number) => {
                let found = registry.version(&self.model, number).await;
                Some(found.map_err(|error| self.failed(to, &error))?)
            }
        };
        let document = self.document(to, &registry, found, asked).await;
        drop(shadow);
        let document = document.map_err(|error| self.failed(to, &error))?;
        Ok(Answer::of(to.face.answer(&document)))
    }

    /// Does it, and says which version it is about.
    async fn done(
        &self,
        to: &Declared,
        registry: &Registry,
        asked: &Asked,
    ) -> Result<Option<VersionNumber>, Response> {
        let failed = |error: RegistryError| self.failed(to, &error);
        let number = match &self.version {
            None => None,
            Some(place) => {
                let number = self.number(place, &asked.task.request);
                Some(number.map_err(|(status, why)| to.face.refused(status, &why))?)
            }
        };
        let (by, why) = (to.face.text(), format!("request {}", asked.id));
        match (&self.act, number) {
            (Act::RollBack(alias), _) => {
                let moved = registry.roll_back(&self.model, *alias, by, &why).await;
                Ok(Some(moved.map_err(failed)?.to))
            }
            (Act::Promote(alias, force), Some(number)) => {
                let version = registry.version(&self.model, number).await;
                let version = version.map_err(failed)?.version;
                let forced = force
                    .as_ref()
                    .is_some_and(|force| force.is_true(&asked.task.request));
                if version.passed == Some(false) && !forced {
                    let why = format!("{number} of {} did not pass its gate", self.model);
                    return Err(to.face.refused(StatusCode::CONFLICT, &why));
                }
                let seen = registry.alias(&self.model, *alias).await.map_err(failed)?;
                if seen.as_ref().is_none_or(|seen| seen.to != number) {
                    let moved =
                        registry.point(&self.model, *alias, seen.as_ref(), number, by, &why);
                    moved.await.map_err(failed)?;
                }
                Ok(Some(number))
            }
            (Act::Promote(..) | Act::Look, number) => Ok(number),
        }
    }

    fn number(
        &self,
        place: &Place,
        request: &Value,
    ) -> Result<VersionNumber, (StatusCode, String)> {
        let text = place
            .text(request)
            .ok_or_else(|| (StatusCode::BAD_REQUEST, "it names no version".to_owned()))?;
        text.parse().map_err(|_| {
            let why = format!("the model {} has no version {text}", self.model);
            (StatusCode::NOT_FOUND, why)
        })
    }

    fn failed(&self, to: &Declared, error: &RegistryError) -> Response {
        let status = match error {
            RegistryError::NoVersion { .. } | RegistryError::NothingBefore { .. } => {
                StatusCode::NOT_FOUND
            }
            RegistryError::Conflict { .. }
            | RegistryError::NeverPointed { .. }
            | RegistryError::Unsigned { .. } => StatusCode::CONFLICT,
            _ => return unavailable(error),
        };
        to.face.refused(status, &error.to_string())
    }

    /// What answers are laid out from.
    async fn document(
        &self,
        to: &Declared,
        registry: &Registry,
        found: Option<Registered>,
        asked: Asked,
    ) -> Result<Value, RegistryError> {
        let mut aliases = Vec::new();
        for alias in Alias::ALL {
            let last = registry.alias(&self.model, alias).await?;
            aliases.push((alias, last.map(|last| last.to)));
        }
        let mut document = Map::new();
        if to.face.names("versions") {
            let versions = registry.versions(&self.model).await?;
            let shown = versions.iter().map(|version| shown(version, &aliases));
            document.insert("versions".to_owned(), shown.collect());
        }
        let found = found.as_ref().map(|version| shown(version, &aliases));
        let aliases: Map<String, Value> = aliases
            .iter()
            .map(|(alias, to)| (alias.name().to_owned(), json!(to)))
            .collect();
        document.insert("version".to_owned(), found.unwrap_or(Value::Null));
        document.insert("aliases".to_owned(), aliases.into());
        document.insert("model".to_owned(), json!(self.model));
        asked.told(&mut document);
        Ok(document.into())
    }
}

/// A version, as answers are laid out from it.
fn shown(registered: &Registered, aliases: &[(Alias, Option<VersionNumber>)]) -> Value {
    let version = &registered.version;
    let mut shown = json!({
        "version": registered.number,
        "at": registered.at,
        "by": registered.by,
        "metrics": version.metrics,
        "parameters": version.parameters,
        "passed": version.passed,
    });
    for (alias, to) in aliases {
        shown[alias.name()] = json!(*to == Some(registered.number));
    }
    shown
}
