//! Path templates, and which of them a path matches.
//!
//! A template is a path whose segments may hold one parameter, `{name}`, with
//! text before and after it, and whose last segment may be `{*name}`, which
//! takes the rest of the path, slashes and all, but not nothing:
//!
//! ```text
//! /predict        /models/{version}/deploy        /v{n}/score        /static/{*path}
//! ```
//!
//! A parameter matches at least one character and no slash. Where several
//! templates match, the more literal segment wins, from the left: text, then
//! text around a parameter, then a bare parameter, then the rest. A template
//! whose rules refuse the request (another method, another host) gives way to
//! the next.

use std::collections::HashMap;

/// Values found by path; each may be found under several templates.
#[derive(Clone, Debug)]
pub(crate) struct Paths<T> {
    root: Node<T>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    literals: HashMap<Box<str>, Node<T>>,
    /// Most specific first.
    parameters: Vec<(Affixes, Node<T>)>,
    rest: Vec<T>,
    here: Vec<T>,
}

/// The text around a segment's parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Affixes {
    prefix: Box<str>,
    suffix: Box<str>,
}

/// One segment of a template.
#[derive(Debug, PartialEq, Eq)]
enum Segment<'a> {
    Literal(&'a str),
    Parameter(&'a str, &'a str),
    Rest,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is relative.
    #[error("a path template starts with `/`")]
    NotAbsolute,
    /// It holds a query, a fragment, white space or a control character.
    #[error("`{0}` cannot stand in a path template")]
    Character(char),
    /// Two parameters in one segment cannot be told apart.
    #[error("segment `{0}` holds more than one parameter")]
    TwoParameters(String),
    /// A brace without its partner, or a parameter without a name.
    #[error("segment `{0}` is not text with one `{{name}}`")]
    Braces(String),
    /// Something stands behind the rest of the path.
    #[error("`{{*{0}}}` takes the rest of the path: nothing can follow it")]
    AfterRest(String),
}

impl<T> Default for Paths<T> {
    fn default() -> Paths<T> {
        Paths {
            root: Node::default(),
        }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node {
            literals: HashMap::new(),
            parameters: Vec::new(),
            rest: Vec::new(),
            here: Vec::new(),
        }
    }
}

impl<T> Paths<T> {
    /// Adds `value` under `template`, behind what is there under the same one.
    pub(crate) fn insert(&mut self, template: &str, value: T) -> Result<(), TemplateError> {
        let segments = segments(template)?;
        let mut node = &mut self.root;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.into()).or_default(),
                Segment::Parameter(prefix, suffix) => node.parameter(prefix, suffix),
                Segment::Rest => {
                    node.rest.push(value);
                    return Ok(());
                }
            };
        }
        node.here.push(value);
        Ok(())
    }

    /// The first value, most specific template first, that `accepts` takes.
    pub(crate) fn find<'t>(&'t self, path: &str, accepts: &impl Fn(&T) -> bool) -> Option<&'t T> {
        self.root.find(path.strip_prefix('/'), accepts)
    }
}

impl<T> Node<T> {
    fn parameter(&mut self, prefix: &str, suffix: &str) -> &mut Node<T> {
        let affixes = Affixes {
            prefix: prefix.into(),
            suffix: suffix.into(),
        };
        let found = self.parameters.iter().position(|(a, _)| *a == affixes);
        let at = found.unwrap_or_else(|| {
            let shorter = |(a, _): &(Affixes, Node<T>)| a.len() < affixes.len();
            let at = self.parameters.iter().position(shorter);
            let at = at.unwrap_or(self.parameters.len());
            self.parameters.insert(at, (affixes, Node::default()));
            at
        });
        &mut self.parameters[at].1
    }

    /// `left` is the path behind this node's slash, or nothing at its end.
    fn find<'t>(&'t self, left: Option<&str>, accepts: &impl Fn(&T) -> bool) -> Option<&'t T> {
        let Some(left) = left else {
            return self.here.iter().find(|value| accepts(value));
        };
        let (segment, behind) = match left.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (left, None),
        };
        let literal = || self.literals.get(segment)?.find(behind, accepts);
        let parameter = || {
            let mut fitting = self.parameters.iter().filter(|(a, _)| a.fit(segment));
            fitting.find_map(|(_, node)| node.find(behind, accepts))
        };
        let rest = || {
            let mut values = self.rest.iter().filter(|_| !left.is_empty());
            values.find(|value| accepts(value))
        };
        literal().or_else(parameter).or_else(rest)
    }
}

impl Affixes {
    fn len(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    fn fit(&self, segment: &str) -> bool {
        let inside = segment
            .strip_prefix(&*self.prefix)
            .and_then(|behind| behind.strip_suffix(&*self.suffix));
        inside.is_some_and(|inside| !inside.is_empty())
    }
}

fn segments(template: &str) -> Result<Vec<Segment<'_>>, TemplateError> {
    let path = template
        .strip_prefix('/')
        .ok_or(TemplateError::NotAbsolute)?;
    let forbidden = |c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control();
    if let Some(character) = path.chars().find(|c| forbidden(*c)) {
        return Err(TemplateError::Character(character));
    }
    let mut parsed = Vec::new();
    let mut texts = path.split('/').peekable();
    while let Some(text) = texts.next() {
        let segment = segment(text)?;
        if segment == Segment::Rest && texts.peek().is_some() {
            let name = text.trim_matches(['{', '*', '}']);
            return Err(TemplateError::AfterRest(name.to_owned()));
        }
        parsed.push(segment);
    }
    Ok(parsed)
}

fn segment(text: &str) -> Result<Segment<'_>, TemplateError> {
    let wrong = || TemplateError::Braces(text.to_owned());
    let Some((prefix, behind)) = text.split_once('{') else {
        return match text.contains('}') {
            true => Err(wrong()),
            false => Ok(Segment::Literal(text)),
        };
    };
    let (name, suffix) = behind.split_once('}').ok_or_else(wrong)?;
    if suffix.contains('{') {
        return Err(TemplateError::TwoParameters(text.to_owned()));
    }
    let rest = name.strip_prefix('*');
    let named = !rest.unwrap_or(name).is_empty() && !name.contains('{');
    if !named || prefix.contains('}') || suffix.contains('}') {
        return Err(wrong());
    }
    match rest {
        Some(_) if prefix.is_empty() && suffix.is_empty() => Ok(Segment::Rest),
        Some(_) => Err(wrong()),
        None => Ok(Segment::Parameter(prefix, suffix)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(templates: &[&'static str]) -> Paths<&'static str> {
        let mut paths = Paths::default();
        for template in templates {
            paths.insert(template, *template).unwrap();
        }
        paths
    }

    fn check(templates: &[&'static str], path: &str, expected: Option<&str>) {
        let paths = paths(templates);
        let found = paths.find(path, &|_| true).copied();
        assert_eq!(found, expected, "{path} among {templates:?}");
    }

    #[test]
    fn text_matches_itself_alone() {
        check(&["/predict"], "/predict", Some("/predict"));
        check(&["/predict"], "/predict/", None);
        check(&["/predict"], "/predictions", None);
        check(&["/predict/"], "/predict/", Some("/predict/"));
        check(&["/"], "/", Some("/"));
        check(&["/"], "/a", None);
    }

    #[test]
    fn a_parameter_takes_one_segment_and_never_nothing() {
        let template = "/models/{version}/deploy";
        check(&[template], "/models/3/deploy", Some(template));
        check(&[template], "/models//deploy", None);
        check(&[template], "/models/3/4/deploy", None);
        check(
            &["/v{n}.json"],
            "/v12.json",
            Some("/v12.json").and(Some("/v{n}.json")),
        );
        check(&["/v{n}.json"], "/v.json", None);
    }

    #[test]
    fn the_rest_takes_slashes_and_never_nothing() {
        check(
            &["/static/{*path}"],
            "/static/a/b.css",
            Some("/static/{*path}"),
        );
        check(&["/static/{*path}"], "/static/", None);
        check(&["/{*path}"], "/", None);
    }

    #[test]
    fn the_more_literal_template_wins() {
        let all = ["/{*rest}", "/{a}/x", "/v{a}/x", "/v1/x", "/v1{a}/x"];
        check(&all, "/v1/x", Some("/v1/x"));
        check(&all, "/v12/x", Some("/v1{a}/x"));
        check(&all, "/v2/x", Some("/v{a}/x"));
        check(&all, "/w/x", Some("/{a}/x"));
        check(&all, "/w/y", Some("/{*rest}"));
    }

    #[test]
    fn a_refused_rule_gives_way_to_the_next_template() {
        let paths = paths(&["/a/{x}", "/a/b", "/{*rest}"]);
        let not = |refused: &'static [&str]| move |value: &&str| !refused.contains(value);
        assert_eq!(paths.find("/a/b", &not(&["/a/b"])), Some(&"/a/{x}"));
        assert_eq!(
            paths.find("/a/b", &not(&["/a/b", "/a/{x}"])),
            Some(&"/{*rest}")
        );
    }

    #[test]
    fn what_is_no_template_says_why() {
        let error = |text: &str| segments(text).unwrap_err().to_string();
        assert_eq!(error("predict"), "a path template starts with `/`");
        assert_eq!(error("/a?b"), "`?` cannot stand in a path template");
        assert_eq!(
            error("/{a}{b}"),
            "segment `{a}{b}` holds more than one parameter"
        );
        assert_eq!(error("/{}"), "segment `{}` is not text with one `{name}`");
        assert_eq!(error("/a}"), "segment `a}` is not text with one `{name}`");
        assert_eq!(
            error("/x{*a}"),
            "segment `x{*a}` is not text with one `{name}`"
        );
        assert_eq!(
            error("/{*a}/b"),
            "`{*a}` takes the rest of the path: nothing can follow it"
        );
    }
}
