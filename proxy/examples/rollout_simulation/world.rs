//! What is drawn at random, and rollouts played side by side.

use rand::Rng;
use rand::rngs::StdRng;

/// Plays so many rollouts, each by its number, on all processors.
pub(crate) fn play<T: Send>(runs: u64, one: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut played: Vec<(u64, T)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let one = &one;
                let mine = (thread..runs).step_by(threads as usize);
                scope.spawn(move || mine.map(|run| (run, one(run))).collect::<Vec<_>>())
            })
            .collect();
        let joined = workers.into_iter().flat_map(|worker| worker.join());
        joined.flatten().collect()
    });
    played.sort_by_key(|(run, _)| *run);
    played.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Requests until the next event of that rate, it included.
pub(crate) fn gap(rate: f64, random: &mut StdRng) -> u64 {
    let uniform = 1.0 - random.random::<f64>();
    // A rate of 0 gives no end, which is the greatest number.
    (uniform.ln() / (-rate).ln_1p()).ceil().max(1.0) as u64
}

/// A standard normal number (Box and Muller 1958).
pub(crate) fn normal(random: &mut StdRng) -> f64 {
    let (radius, turn): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}
