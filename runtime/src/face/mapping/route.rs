//! [`Route`]: method and path of a face.

use std::fmt;

use axum::http::Method;
use axum::routing::MethodFilter;

use super::error::MappingError;

/// A method and a path whose segments are texts or `{names}`.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) filter: MethodFilter,
    pub(super) path: String,
    params: Vec<String>,
}

/// The method and the path of `POST /customers/{id}/score`.
pub(crate) fn route_parts(text: &str) -> Option<(&str, &str)> {
    let (method, path) = text.split_once(' ')?;
    Some((method, path.trim()))
}

impl Route {
    /// Reads `POST /customers/{id}/score`.
    pub(super) fn parse(text: &str) -> Result<Route, MappingError> {
        let problem = |problem: String| MappingError::Route {
            route: text.to_owned(),
            problem,
        };
        let (method, path) =
            route_parts(text).ok_or_else(|| problem("it has no method".to_owned()))?;
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|_| problem("its method does not read".to_owned()))?;
        let filter = MethodFilter::try_from(method.clone());
        let filter = filter.map_err(|_| problem(format!("its method {method} is not taken")))?;
        if !path.starts_with('/') || path.contains(['?', '#', '*']) {
            return Err(problem(
                "its path starts with `/` and has no `?`, `#` or `*`".to_owned(),
            ));
        }
        let mut params: Vec<String> = Vec::new();
        for segment in path.split('/') {
            let inner = segment
                .strip_prefix('{')
                .and_then(|inner| inner.strip_suffix('}'));
            match inner {
                Some(name) if is_name(name) && !params.iter().any(|known| known == name) => {
                    params.push(name.to_owned());
                }
                None if !segment.contains(['{', '}']) && !segment.starts_with(':') => {}
                _ => {
                    return Err(problem(format!(
                        "its segment {segment:?} is neither a text nor one new {{name}}"
                    )));
                }
            }
        }
        Ok(Route {
            method,
            filter,
            path: path.to_owned(),
            params,
        })
    }

    pub(super) fn has_param(&self, name: &str) -> bool {
        self.params.iter().any(|param| param == name)
    }

    /// The path without the names of its parameters: paths of one shape take
    /// the same requests.
    pub(super) fn shape(&self) -> String {
        let segments = self
            .path
            .split('/')
            .map(|segment| match segment.starts_with('{') {
                true => "{}",
                false => segment,
            });
        segments.collect::<Vec<_>>().join("/")
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_read_and_what_is_none_is_said() {
        let route = Route::parse("GET /customers/{id}/score").unwrap();
        assert!(route.has_param("id") && !route.has_param("customers"));
        assert_eq!(route.shape(), "/customers/{}/score");
        for bad in [
            "/predict",
            "POST predict",
            "P{}ST /a",
            "BREW /a",
            "GET /{*rest}",
            "GET /a{b}",
            "GET /{a}/{a}",
            "GET /{}",
            "GET /a?b",
            "GET /:a",
            "GET /{a}b",
        ] {
            assert!(Route::parse(bad).is_err(), "{bad}");
        }
    }
}
