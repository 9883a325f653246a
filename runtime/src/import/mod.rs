//! What the monolith trained, as transformations and a model.
