//! `[stage.X.compare]`: as written, and the [`Rules`] it comes to.

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use http::HeaderName;
use prost_reflect::DescriptorPool;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::Problem;
use super::values::{Bytes, TextOr, Texts};
use crate::compare::{Field, ImageTolerance, Path, Rules, Tolerance, Whitespace};
use crate::route::Weight;

/// What counts as a difference between the two sides' answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareFile {
    /// Whether answers are compared at all; `true` unless told. What is copied
    /// is then only counted.
    enabled: Option<bool>,
    /// The comparator that reads the bodies; chosen by Content-Type unless
    /// told.
    #[serde(rename = "as")]
    #[schemars(with = "Option<String>")]
    comparator: Option<Spanned<String>>,
    /// Headers that are compared, beside Content-Type.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    headers: Vec<Spanned<String>>,
    /// What is left out: `/a/*/b`, `header:etag`, `status`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    ignore: Vec<Spanned<String>>,
    /// How far apart numbers may be. Of several that fit a place, the one that
    /// is written last counts.
    #[serde(default)]
    number: Vec<NumberFile>,
    /// Arrays whose order does not count: `/reasons`, or a table with the place
    /// within an item that tells it from the others.
    #[serde(default)]
    #[schemars(with = "Vec<TextOr<KeyedFile>>")]
    unordered: Vec<Spanned<TextOr<KeyedFile>>>,
    /// Whether a missing member is the same as null: everywhere, or a list of
    /// places. `false` unless told.
    #[schemars(with = "Option<NullFile>")]
    null_is_missing: Option<Spanned<NullFile>>,
    /// How white space in text counts; `keep` unless told.
    #[serde(default)]
    whitespace: Whitespace,
    /// How far apart pictures may be, in levels from 0 to 255.
    #[serde(default)]
    image: ImageFile,
    /// What bodies in Protocol Buffers are.
    protobuf: Option<ProtobufFile>,
    /// Where a prediction stands.
    #[schemars(with = "Option<super::file::OneOrManyText>")]
    label: Option<Spanned<Texts>>,
    /// Where it stands how sure or how much.
    #[schemars(with = "Option<super::file::OneOrManyText>")]
    score: Option<Spanned<Texts>>,
    /// What is blackened before a request or an answer is kept, beside
    /// passwords, tokens and keys: `/customer/email`, `header:x-user`, `query:email`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    redact: Vec<Spanned<String>>,
    /// Of the safe requests, how many the monolith is asked twice to learn what
    /// differs by itself, in percent, or `off`; 1 unless told.
    #[schemars(with = "Option<NoiseFile>")]
    noise: Option<Spanned<NoiseFile>>,
    /// In `split` and `candidate`, how many requests are copied to the side that
    /// does not answer, in percent; 100 where the stage has a rollout, 0 where
    /// it has none unless told.
    #[schemars(with = "Option<f64>")]
    other_side: Option<Spanned<f64>>,
    /// What counts even where the monolith differs from itself.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    strict: Vec<Spanned<String>>,
    /// Of the pairs, how many are kept with both bodies, in percent; 1 unless
    /// told.
    #[schemars(with = "Option<f64>")]
    sample: Option<Spanned<f64>>,
    /// Bytes of a body, as it comes and decoded; a longer one is counted as not
    /// comparable. `1MiB` unless told.
    #[schemars(with = "Option<String>")]
    body: Option<Bytes>,
}

/// How far apart numbers may be: within any of what is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NumberFile {
    /// Where; everywhere else unless told.
    #[schemars(with = "Option<String>")]
    path: Option<Spanned<String>>,
    /// `|a - b|` at most.
    #[schemars(with = "Option<f64>")]
    abs: Option<Spanned<f64>>,
    /// `|a - b|` at most, as a part of the greater one.
    #[schemars(with = "Option<f64>")]
    rel: Option<Spanned<f64>>,
    /// Double-precision numbers apart, at most.
    ulps: Option<u64>,
}

/// An array whose items are told apart by a key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyedFile {
    /// The array.
    path: String,
    /// Where, within an item, its key stands.
    key: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "write true, or a list of places such as [\"/a/*\"]"
)]
enum NullFile {
    Everywhere(bool),
    At(Vec<String>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "write a percentage such as 1, or \"off\"")]
enum NoiseFile {
    Percent(f64),
    Word(OffFile),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum OffFile {
    Off,
}

/// How far apart pictures may be, in levels from 0 to 255.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImageFile {
    /// Of one channel at one point.
    #[schemars(with = "Option<f64>")]
    max: Option<Spanned<f64>>,
    /// Of one channel, on average.
    #[schemars(with = "Option<f64>")]
    mean: Option<Spanned<f64>>,
}

/// What bodies in Protocol Buffers are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProtobufFile {
    /// A file of descriptors: `protoc --include_imports --descriptor_set_out`.
    #[schemars(with = "PathBuf")]
    descriptors: Spanned<PathBuf>,
    /// The answer's message, such as `scoring.v1.Answer`.
    #[schemars(with = "String")]
    message: Spanned<String>,
}

type Checked<T> = Result<T, Problem>;

/// What is said of `stage` when something is wrong.
struct Check<'a> {
    stage: &'a str,
    rules: Rules,
}

/// `read` reads the files that the table names.
pub(super) fn rules(
    stage: &str,
    file: &CompareFile,
    read: &mut dyn FnMut(&FilePath) -> io::Result<Vec<u8>>,
) -> Checked<Arc<Rules>> {
    let mut check = Check {
        stage,
        rules: Rules::default(),
    };
    check.rules.enabled = file.enabled.unwrap_or(true);
    check.rules.whitespace = file.whitespace;
    check.body(file)?;
    check.numbers(&file.number)?;
    check.fields(file)?;
    check.kept(file)?;
    match (&file.protobuf, &file.comparator) {
        (Some(protobuf), _) => check.protobuf(protobuf, read)?,
        (None, Some(comparator)) if comparator.get_ref() == "protobuf" => {
            let problem = check.problem(comparator, "as: protobuf needs to know the message");
            let label = "add protobuf = { descriptors = \"api.binpb\", message = \"a.b.C\" }";
            return Err(problem.label(label));
        }
        (None, _) => {}
    }
    Ok(Arc::new(check.rules))
}

impl Check<'_> {
    fn body(&mut self, file: &CompareFile) -> Checked<()> {
        if let Some(comparator) = &file.comparator {
            let name = comparator.get_ref();
            let known = Rules::comparators();
            self.rules.comparator = known.clone().find(|known| known == name);
            if self.rules.comparator.is_none() {
                let names: Vec<_> = known.collect();
                let problem = self.problem(comparator, &format!("as: `{name}` is no comparator"));
                return Err(problem.label(format!("one of {}", names.join(", "))));
            }
        }
        for array in &file.unordered {
            let (path, key) = match array.get_ref() {
                TextOr::Text(path) => (path, None),
                TextOr::Table(keyed) => (&keyed.path, keyed.key.as_deref()),
            };
            let path = self.path(array, "unordered", path)?;
            let key = match key {
                Some(key) => Some(self.path(array, "unordered: key", key)?),
                None => None,
            };
            if key.as_ref().is_some_and(|key| !key.is_one_place()) {
                let problem = self.problem(array, "unordered: a key names one place");
                return Err(problem.label("leave `*` out"));
            }
            self.rules.unordered(&path, key.as_ref());
        }
        match file
            .null_is_missing
            .as_ref()
            .map(|null| (null, null.get_ref()))
        {
            None => {}
            Some((_, NullFile::Everywhere(everywhere))) => self.rules.null_is_missing = *everywhere,
            Some((null, NullFile::At(paths))) => {
                for path in paths {
                    let path = self.path(null, "null_is_missing", path)?;
                    self.rules.null_is_missing_at(&path);
                }
            }
        }
        if let Some(bytes) = file.body {
            self.rules.body = bytes.0;
        }
        self.rules.image = ImageTolerance {
            max: self.size("image: max", file.image.max.as_ref())?,
            mean: self.size("image: mean", file.image.mean.as_ref())?,
        };
        Ok(())
    }

    fn numbers(&mut self, files: &[NumberFile]) -> Checked<()> {
        for file in files {
            let tolerance = Tolerance {
                abs: self.size("number: abs", file.abs.as_ref())?.unwrap_or(0.0),
                rel: self.size("number: rel", file.rel.as_ref())?.unwrap_or(0.0),
                ulps: file.ulps.unwrap_or(0),
            };
            match &file.path {
                Some(path) => {
                    let path = self.path(path, "number", path.get_ref())?;
                    self.rules.tolerate(&path, tolerance);
                }
                None => self.rules.tolerance = tolerance,
            }
        }
        Ok(())
    }

    fn fields(&mut self, file: &CompareFile) -> Checked<()> {
        for header in &file.headers {
            let name = header.get_ref().parse::<HeaderName>().map_err(|_| {
                let what = format!("headers: `{}` is no name of a header", header.get_ref());
                self.problem(header, &what)
            })?;
            if !self.rules.headers.contains(&name) {
                self.rules.headers.push(name);
            }
        }
        for text in &file.ignore {
            let field = self.field(text, "ignore")?;
            self.rules.ignore(&field);
        }
        for text in &file.strict {
            let field = self.field(text, "strict")?;
            self.rules.noise.strict.insert(field);
        }
        for path in self.paths("label", file.label.as_ref())? {
            self.rules.label(&path);
        }
        for path in self.paths("score", file.score.as_ref())? {
            self.rules.score(&path);
        }
        Ok(())
    }

    fn kept(&mut self, file: &CompareFile) -> Checked<()> {
        for text in &file.redact {
            let named = self.rules.redact.name(text.get_ref());
            named.map_err(|error| {
                let problem = self.problem(text, &format!("redact: `{}`: {error}", text.get_ref()));
                problem.label("write /a/b, header:name or query:name")
            })?;
        }
        if let Some(sample) = &file.sample {
            self.rules.sample = self.percent("sample", sample, *sample.get_ref())?;
        }
        if let Some(other) = &file.other_side {
            let percent = self.percent("other_side", other, *other.get_ref())?;
            self.rules.other = Some(Weight::from_basis_points(percent as u16));
        }
        match file.noise.as_ref().map(|noise| (noise, noise.get_ref())) {
            None => {}
            Some((_, NoiseFile::Word(OffFile::Off))) => self.rules.noise.sample = 0,
            Some((noise, NoiseFile::Percent(percent))) => {
                self.rules.noise.sample = self.percent("noise", noise, *percent)?;
            }
        }
        Ok(())
    }

    fn protobuf(
        &mut self,
        file: &ProtobufFile,
        read: &mut dyn FnMut(&FilePath) -> io::Result<Vec<u8>>,
    ) -> Checked<()> {
        let path = file.descriptors.get_ref();
        let wrong = |what: String| {
            let what = format!("protobuf: descriptors {}: {what}", path.display());
            self.problem(&file.descriptors, &what)
        };
        let bytes = read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let pool = DescriptorPool::decode(&bytes[..]).map_err(|error| {
            let label = "made by: protoc --include_imports --descriptor_set_out=FILE";
            wrong(format!("are none: {error}")).label(label)
        })?;
        let name = file.message.get_ref();
        let message = pool.get_message_by_name(name.trim_start_matches('.'));
        if message.is_none() {
            let known: Vec<_> = pool.all_messages().take(5).collect();
            let known: Vec<_> = known.iter().map(|message| message.full_name()).collect();
            let problem = self.problem(&file.message, &format!("protobuf: no message `{name}`"));
            return Err(problem.label(format!("there is {}", known.join(", "))));
        }
        self.rules.protobuf = message;
        Ok(())
    }

    fn problem<T>(&self, place: &Spanned<T>, what: &str) -> Problem {
        let message = format!("stage {}: compare: {what}", self.stage);
        Problem::at(place.span(), message)
    }

    fn path<T>(&self, place: &Spanned<T>, of: &str, text: &str) -> Checked<Path> {
        Path::parse(text).map_err(|error| {
            let problem = self.problem(place, &format!("{of}: `{text}`: {error}"));
            match text.starts_with('/') {
                true => problem,
                false => problem.label(format!("write /{text}")),
            }
        })
    }

    fn field(&self, text: &Spanned<String>, of: &str) -> Checked<Field> {
        text.get_ref()
            .parse()
            .map_err(|error| self.problem(text, &format!("{of}: {error}")))
    }

    /// One path or a list of them.
    fn paths(&self, of: &str, texts: Option<&Spanned<Texts>>) -> Checked<Vec<Path>> {
        let Some(texts) = texts else {
            return Ok(Vec::new());
        };
        let read = |(span, text): &(Option<std::ops::Range<usize>>, String)| {
            let span = span.clone().unwrap_or_else(|| texts.span());
            let text = Spanned::new(span, text.clone());
            self.path(&text, of, text.get_ref())
        };
        texts.get_ref().0.iter().map(read).collect()
    }

    fn size(&self, of: &str, size: Option<&Spanned<f64>>) -> Checked<Option<f64>> {
        match size {
            Some(size) if !(size.get_ref().is_finite() && *size.get_ref() >= 0.0) => {
                let problem = self.problem(size, &format!("{of} is {}", size.get_ref()));
                Err(problem.label("write a number from 0 up"))
            }
            size => Ok(size.map(|size| *size.get_ref())),
        }
    }

    /// In 1 of 10,000.
    fn percent<T>(&self, of: &str, place: &Spanned<T>, percent: f64) -> Checked<u32> {
        let weight = crate::route::Weight::from_percent(percent)
            .map_err(|error| self.problem(place, &format!("{of}: {error}")))?;
        Ok(weight.basis_points().into())
    }
}
