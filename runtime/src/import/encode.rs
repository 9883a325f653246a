//! OneHotEncoder and OrdinalEncoder of `sklearn.preprocessing`; the script has
//! already worked out which column or code each category has.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::cell::Cell;
use super::check::{MOST_COLUMNS, Names, Place};
use super::document::{Real, Scalar};
use super::error::{ImportError, PredictError};
use super::imported::Kind;
use super::step::{Made, Step, shown};

/// One-hot encoding, column by column.
#[derive(serde::Deserialize)]
pub(super) struct OneHotWritten {
    features: Vec<OneHotFeature>,
}

/// `columns` says of each category which of the `width` columns is 1, if any;
/// so does `unknown` of all others, unless they are refused.
#[derive(serde::Deserialize)]
struct OneHotFeature {
    categories: Vec<Option<Scalar>>,
    columns: Vec<Option<usize>>,
    width: usize,
    #[serde(deserialize_with = "unknown")]
    unknown: Unknown,
}

/// Ordinal encoding, column by column.
#[derive(serde::Deserialize)]
pub(super) struct OrdinalWritten {
    features: Vec<OrdinalFeature>,
}

/// The code of each category, and of all others, unless they are refused.
#[derive(serde::Deserialize)]
struct OrdinalFeature {
    categories: Vec<Option<Scalar>>,
    codes: Vec<Real>,
    unknown: Option<Real>,
}

enum Unknown {
    Refused,
    Column(Option<usize>),
}

fn unknown<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Unknown, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Written {
        Word(Word),
        Column(Option<usize>),
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        Refuse,
    }
    Ok(match serde::Deserialize::deserialize(from)? {
        Written::Word(Word::Refuse) => Unknown::Refused,
        Written::Column(column) => Unknown::Column(column),
    })
}

/// Categories with what each becomes.
struct Feature<T> {
    name: Arc<str>,
    kind: Kind,
    texts: FxHashMap<Box<str>, T>,
    /// By their bits, of which 0 and a missing value have one form.
    numbers: FxHashMap<u64, T>,
    unknown: Option<T>,
}

impl<T: Copy> Feature<T> {
    fn new(
        name: &Arc<str>,
        categories: &[Option<Scalar>],
        becomes: &[T],
        unknown: Option<T>,
    ) -> Feature<T> {
        let (mut texts, mut numbers) = (FxHashMap::default(), FxHashMap::default());
        for (category, becomes) in categories.iter().zip(becomes) {
            match value(category.as_ref()) {
                Cell::Text(text) => texts.insert(text.into(), *becomes),
                Cell::Number(number) => numbers.insert(bits(number), *becomes),
            };
        }
        let kind = if texts.is_empty() {
            Kind::Number
        } else {
            Kind::Text
        };
        Feature {
            name: name.clone(),
            kind,
            texts,
            numbers,
            unknown,
        }
    }

    fn of(&self, cell: Cell<'_>) -> Result<T, PredictError> {
        let known = match cell {
            Cell::Text(text) => self.texts.get(text),
            Cell::Number(number) => self.numbers.get(&bits(number)),
        };
        known
            .copied()
            .or(self.unknown)
            .ok_or_else(|| PredictError::UnknownCategory {
                column: self.name.to_string(),
                value: shown(cell),
            })
    }
}

/// What a scalar of a document is as a cell.
pub(super) fn value(scalar: Option<&Scalar>) -> Cell<'_> {
    match scalar {
        None => Cell::MISSING,
        Some(Scalar::Bool(bool)) => Cell::Number(f64::from(*bool)),
        Some(Scalar::Int(int)) => Cell::Number(*int as f64),
        Some(Scalar::Float { float }) => Cell::Number(float.0),
        Some(Scalar::Text(text)) => Cell::Text(text),
    }
}

fn bits(number: f64) -> u64 {
    match number {
        _ if number.is_nan() => f64::NAN.to_bits(),
        _ if number == 0.0 => 0,
        _ => number.to_bits(),
    }
}

struct OneHot {
    features: Vec<(Feature<Option<usize>>, usize)>,
}

pub(super) fn one_hot(
    written: OneHotWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    at.length("features", written.features.len(), names.len())?;
    let widths = written
        .features
        .iter()
        .map(|feature| feature.width.min(MOST_COLUMNS + 1));
    at.columns(widths.fold(0, usize::saturating_add))?;
    let (mut features, mut made) = (Vec::new(), Names::new());
    for (feature, name) in written.features.into_iter().zip(names) {
        at.length("columns", feature.columns.len(), feature.categories.len())?;
        at.indices(
            "a category's column",
            feature.columns.iter().flatten(),
            feature.width,
        )?;
        let unknown = match feature.unknown {
            Unknown::Refused => None,
            Unknown::Column(column) => Some(column),
        };
        at.indices(
            "the unknown's column",
            unknown.iter().flatten(),
            feature.width,
        )?;
        let checked = Feature::new(name, &feature.categories, &feature.columns, unknown);
        features.push((checked, feature.width));
        made.extend(std::iter::repeat_n(name.clone(), feature.width));
    }
    Ok((Box::new(OneHot { features }), made))
}

impl Step for OneHot {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        for (cell, (feature, width)) in row.iter().zip(&self.features) {
            let start = out.len();
            let column = feature.of(*cell)?;
            out.resize(start + width, Cell::Number(0.0));
            if let Some(column) = column {
                out[start + column] = Cell::Number(1.0);
            }
        }
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        self.features
            .iter()
            .map(|(feature, _)| Some(feature.kind))
            .collect()
    }
}

struct Ordinal {
    features: Vec<Feature<f64>>,
}

pub(super) fn ordinal(
    written: OrdinalWritten,
    names: &Names,
    at: &Place,
) -> Result<Made, ImportError> {
    at.length("features", written.features.len(), names.len())?;
    let mut features = Vec::new();
    for (feature, name) in written.features.into_iter().zip(names) {
        let codes = at.per_column("codes", feature.codes, feature.categories.len())?;
        let unknown = feature.unknown.map(|real| real.0);
        features.push(Feature::new(name, &feature.categories, &codes, unknown));
    }
    Ok((Box::new(Ordinal { features }), names.clone()))
}

impl Step for Ordinal {
    fn apply<'r>(&'r self, row: &[Cell<'r>], out: &mut Vec<Cell<'r>>) -> Result<(), PredictError> {
        for (cell, feature) in row.iter().zip(&self.features) {
            out.push(Cell::Number(feature.of(*cell)?));
        }
        Ok(())
    }

    fn takes(&self) -> Vec<Option<Kind>> {
        self.features
            .iter()
            .map(|feature| Some(feature.kind))
            .collect()
    }
}
