//! [`Progress`]: how far a training is, told while it runs.

/// Is told how far a training is. It may be called from several threads, and
/// must not block: the training waits for it.
pub trait Progress: Sync {
    /// Takes note of what has happened.
    fn tell(&self, event: Event);
}

/// What happens while a model is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A step was made: an iteration, a tree, a candidate of a search.
    Step {
        /// What was made.
        what: &'static str,
        /// How many of them are made.
        done: usize,
        /// How many there will be at most.
        most: usize,
        /// What the training makes small, after this step, where it is known.
        objective: Option<f64>,
    },
    /// The last iteration came before the optimum. The model is usable, but a
    /// higher `max_iter`, or scaled columns, would make it better.
    Unconverged {
        /// The kind of model.
        kind: &'static str,
        /// How many iterations were made.
        iterations: usize,
        /// What is left, in the unit of `tol`.
        left: f64,
    },
}

/// Nobody listens.
impl Progress for () {
    fn tell(&self, _: Event) {}
}
