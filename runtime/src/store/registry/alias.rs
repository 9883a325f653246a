//! Which version serves: aliases, moved one at a time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ModelName, Registered, Registry, RegistryError, VersionNumber};
use crate::store::cells::{Revision, Swapped, document, read_document};
use crate::store::clock::Timestamp;

/// A name that points to one version of a model at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alias {
    /// The version that serves.
    Champion,
    /// The version that may come to.
    Candidate,
}

/// One move of an alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Which one it was, counted for the alias from 1.
    pub serial: u32,
    /// Where it pointed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<VersionNumber>,
    /// Where it points since.
    pub to: VersionNumber,
    /// Whether it went back.
    pub back: bool,
    /// Who moved it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl Alias {
    /// Every alias.
    pub const ALL: [Alias; 2] = [Alias::Candidate, Alias::Champion];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Alias::Champion => "champion",
            Alias::Candidate => "candidate",
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Registry {
    /// The last move of an alias, and so the version it points to.
    pub async fn alias(
        &self,
        model: &ModelName,
        alias: Alias,
    ) -> Result<Option<Move>, RegistryError> {
        let last = self.last(model, alias).await?;
        Ok(last.map(|(last, _)| last))
    }

    /// The version an alias points to.
    pub async fn serving(
        &self,
        model: &ModelName,
        alias: Alias,
    ) -> Result<Option<Registered>, RegistryError> {
        match self.alias(model, alias).await? {
            Some(last) => self.version(model, last.to).await.map(Some),
            None => Ok(None),
        }
    }

    /// Points an alias to a version, if `seen` is still its last move. Whoever
    /// comes second gets [`RegistryError::Conflict`], with the move that holds;
    /// who made that very move and died before he knew is told that he did.
    pub async fn point(
        &self,
        model: &ModelName,
        alias: Alias,
        seen: Option<&Move>,
        to: VersionNumber,
        by: &str,
        why: &str,
    ) -> Result<Move, RegistryError> {
        // What there is not cannot serve.
        self.version(model, to).await?;
        self.push(
            model,
            alias,
            seen,
            new_move(seen, to, false, (by, why), self.clock.now()),
        )
        .await
    }

    /// Points an alias back to the version it pointed to before the one it
    /// points to now; again, and it goes back further.
    pub async fn roll_back(
        &self,
        model: &ModelName,
        alias: Alias,
        by: &str,
        why: &str,
    ) -> Result<Move, RegistryError> {
        let history = self.history(model, alias).await?;
        let Some(to) = before(&history) else {
            return Err(RegistryError::NothingBefore {
                model: model.clone(),
                alias,
            });
        };
        self.version(model, to).await?;
        let seen = history.last();
        self.push(
            model,
            alias,
            seen,
            new_move(seen, to, true, (by, why), self.clock.now()),
        )
        .await
    }

    /// Every move of an alias, the first first.
    pub async fn history(
        &self,
        model: &ModelName,
        alias: Alias,
    ) -> Result<Vec<Move>, RegistryError> {
        // In this order a move that becomes history meanwhile is seen twice,
        // and never not at all.
        let last = self.alias(model, alias).await?;
        let mut moves = Vec::new();
        for (key, cell) in self
            .cells
            .list(&format!("history/{model}/{alias}/"))
            .await?
        {
            moves.push(read_document::<Move>(&key, &cell)?);
        }
        if let Some(last) = last {
            moves.retain(|known| known.serial < last.serial);
            moves.push(last);
        }
        Ok(moves)
    }

    async fn last(
        &self,
        model: &ModelName,
        alias: Alias,
    ) -> Result<Option<(Move, Revision)>, RegistryError> {
        let key = alias_key(model, alias);
        let cell = self.cells.read(&key).await?;
        let read = cell.map(|cell| Ok((read_document(&key, &cell)?, cell.revision)));
        read.transpose()
    }

    async fn push(
        &self,
        model: &ModelName,
        alias: Alias,
        seen: Option<&Move>,
        next: Move,
    ) -> Result<Move, RegistryError> {
        let last = self.last(model, alias).await?;
        if last.as_ref().map(|(last, _)| last) != seen {
            return self.second(model, alias, next, last.map(|(last, _)| last));
        }
        if let Some((last, _)) = &last {
            let key = format!("history/{model}/{alias}/{:08}", last.serial);
            // Where it is written down already, it is the same.
            self.cells.swap(&key, None, document(&key, last)?).await?;
        }
        let key = alias_key(model, alias);
        let revision = last.as_ref().map(|(_, revision)| revision);
        match self
            .cells
            .swap(&key, revision, document(&key, &next)?)
            .await?
        {
            Swapped::Done(_) => Ok(next),
            Swapped::Lost(cell) => {
                let winner = cell.map(|cell| read_document(&key, &cell)).transpose()?;
                self.second(model, alias, next, winner)
            }
        }
    }

    /// Of one whose move came second, unless the first was his own.
    fn second(
        &self,
        model: &ModelName,
        alias: Alias,
        next: Move,
        winner: Option<Move>,
    ) -> Result<Move, RegistryError> {
        let model = model.clone();
        match winner {
            Some(winner)
                if winner
                    == (Move {
                        at: winner.at,
                        ..next.clone()
                    }) =>
            {
                Ok(winner)
            }
            Some(winner) => Err(RegistryError::Conflict {
                model,
                alias,
                winner: Box::new(winner),
            }),
            None => Err(RegistryError::NeverPointed { model, alias }),
        }
    }
}

fn new_move(
    seen: Option<&Move>,
    to: VersionNumber,
    back: bool,
    (by, why): (&str, &str),
    at: Timestamp,
) -> Move {
    Move {
        serial: seen.map_or(1, |seen| seen.serial + 1),
        from: seen.map(|seen| seen.to),
        to,
        back,
        by: by.to_owned(),
        why: why.to_owned(),
        at,
    }
}

/// The version to go back to: moves pile up, and going back takes one off.
fn before(history: &[Move]) -> Option<VersionNumber> {
    let mut pile = Vec::new();
    for step in history {
        match step.back {
            true => drop(pile.pop()),
            false => pile.push(step.to),
        }
    }
    pile.pop();
    pile.pop()
}

fn alias_key(model: &ModelName, alias: Alias) -> String {
    format!("alias/{model}/{alias}")
}
