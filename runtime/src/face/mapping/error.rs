//! [`MappingError`]: what is wrong with a declared face.

/// What is wrong with a declared face; each names the route and the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The route does not read.
    #[error("http route {route:?}: {problem}; write it like \"POST /customers/{{id}}/score\"")]
    Route {
        /// The route, as written.
        route: String,
        /// What is wrong.
        problem: String,
    },
    /// Two faces answer the same requests.
    #[error("http route {route:?} is there twice, also as {other:?}; take one away")]
    Twice {
        /// The second.
        route: String,
        /// The path of the first.
        other: String,
    },
    /// A key of the table.
    #[error("http route {route:?}: {key}: {problem}")]
    Key {
        /// The route, as written.
        route: String,
        /// The key, like `request.rows`.
        key: String,
        /// What is wrong, and what to write.
        problem: String,
    },
}

impl MappingError {
    /// The key of the table that it is about.
    pub fn at(&self) -> &str {
        match self {
            MappingError::Route { .. } | MappingError::Twice { .. } => "route",
            MappingError::Key { key, .. } => key,
        }
    }

    /// Of a key of the face with that route.
    pub fn key(route: &str, key: &str, problem: impl Into<String>) -> MappingError {
        MappingError::Key {
            route: route.to_owned(),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }
}
