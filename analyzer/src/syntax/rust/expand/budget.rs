//! What expanding may cost.

/// Tokens that one call outside of any expansion may make, and steps of
/// matching and writing that it may take.
const CALL: Budget = Budget {
    steps: 400_000,
    tokens: 40_000,
};

/// The same for all calls of a file.
const FILE: Budget = Budget {
    steps: 4_000_000,
    tokens: 400_000,
};

/// Steps and tokens that are left. Once either is used up, none is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    steps: u32,
    tokens: u32,
}

impl Budget {
    pub(super) fn of_file() -> Self {
        FILE
    }

    /// What one call gets of what its file has left.
    pub(super) fn of_call(&self) -> Self {
        Budget {
            steps: CALL.steps.min(self.steps),
            tokens: CALL.tokens.min(self.tokens),
        }
    }

    /// Takes off what a call used that began with `given` and ended with `left`.
    pub(super) fn settle(&mut self, given: Budget, left: Budget) {
        self.steps -= given.steps - left.steps;
        self.tokens -= given.tokens - left.tokens;
    }

    /// Takes `n` steps; `None` if there are not as many left.
    pub(super) fn steps(&mut self, n: usize) -> Option<()> {
        match u32::try_from(n)
            .ok()
            .and_then(|n| self.steps.checked_sub(n))
        {
            Some(left) => self.steps = left,
            None => self.spend(),
        }
        (!self.is_spent()).then_some(())
    }

    /// Makes `n` tokens; `None` if there are not as many left.
    pub(super) fn tokens(&mut self, n: usize) -> Option<()> {
        match u32::try_from(n)
            .ok()
            .and_then(|n| self.tokens.checked_sub(n))
        {
            Some(left) => self.tokens = left,
            None => self.spend(),
        }
        self.steps(n)
    }

    /// Leaves nothing.
    pub(super) fn spend(&mut self) {
        self.steps = 0;
        self.tokens = 0;
    }

    pub(super) fn is_spent(&self) -> bool {
        self.steps == 0
    }
}
