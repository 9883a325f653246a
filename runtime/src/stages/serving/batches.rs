//! [`Batches`]: rows of several requests predicted together.
//!
//! A request that comes while nothing is predicted is predicted at once, alone.
//! Those that come meanwhile wait for no longer than that takes, and are then
//! predicted together: the more there are, the more rows there are to a table.
//! What is wrong with one of them is told to that one alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::loaded::Loaded;
use crate::face::{LeftOut, Predicted, Refusal, Refused, Rows};

/// What came while others were predicted.
#[derive(Default)]
pub(super) struct Batches(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    requests: Vec<Request>,
    /// Somebody predicts, and looks here when that is done.
    is_busy: bool,
}

struct Request {
    rows: Rows,
    answer: oneshot::Sender<Answered>,
}

/// What is said of a request's rows, and the rows again.
type Answered = (Result<Predicted, Refusal>, Rows);

impl Batches {
    /// Predicts a request's rows, with others' or alone; at most `most` rows
    /// together.
    pub(super) async fn predict(loaded: Arc<Loaded>, rows: Rows, most: usize) -> Answered {
        let coming = match loaded.batches.begin_or_wait(rows) {
            Ok(rows) => {
                let turn = Turn(&loaded.batches);
                let predicted = loaded.predict(&rows);
                if turn.goes_on() {
                    tokio::spawn(async move { drain(&loaded, most) });
                }
                return (predicted, rows);
            }
            Err(coming) => coming,
        };
        coming.await.unwrap_or_else(|_| {
            let broken = Refusal::new(Refused::Failed, "the model broke off");
            (Err(broken), Rows::default())
        })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows again where nobody predicts, and nobody else begins now; or what
    /// their answer comes through.
    fn begin_or_wait(&self, rows: Rows) -> Result<Rows, oneshot::Receiver<Answered>> {
        let mut waiting = self.lock();
        if !waiting.is_busy {
            waiting.is_busy = true;
            return Ok(rows);
        }
        let (answer, coming) = oneshot::channel();
        waiting.requests.push(Request { rows, answer });
        Err(coming)
    }

    /// Those that are predicted next: of the same columns, and not too many.
    fn next(&self, most: usize) -> Vec<Request> {
        let mut waiting = self.lock();
        let mut n_rows = 0;
        let requests = &waiting.requests;
        let fits = |request: &&Request| {
            n_rows += request.rows.n_rows();
            request.rows.columns() == requests[0].rows.columns() && n_rows <= most
        };
        let n = requests.iter().take_while(fits).count().max(1);
        let n = n.min(requests.len());
        waiting.requests.drain(..n).collect()
    }
}

/// Of whoever predicts now.
struct Turn<'b>(&'b Batches);

impl Turn<'_> {
    /// Whether somebody waits, for whom the turn is taken over; if nobody does,
    /// whoever comes next begins.
    fn goes_on(self) -> bool {
        let mut waiting = self.0.lock();
        waiting.is_busy = !waiting.requests.is_empty();
        let goes_on = waiting.is_busy;
        drop(waiting);
        std::mem::forget(self);
        goes_on
    }
}

/// A prediction that panics breaks off who waits, and lets the next one begin.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.lock() = Waiting::default();
    }
}

/// Predicts all that waits, until nothing does.
fn drain(loaded: &Loaded, most: usize) {
    loop {
        let turn = Turn(&loaded.batches);
        let requests = loaded.batches.next(most);
        match &*requests {
            [] => {}
            [_] => requests.into_iter().for_each(|one| alone(loaded, one)),
            _ => together(loaded, requests),
        }
        if !turn.goes_on() {
            return;
        }
    }
}

fn alone(loaded: &Loaded, request: Request) {
    let predicted = loaded.predict(&request.rows);
    // Its client may be gone.
    let _ = request.answer.send((predicted, request.rows));
}

fn together(loaded: &Loaded, requests: Vec<Request>) {
    let mut all = requests[0].rows.clone();
    for request in &requests[1..] {
        all.append(&request.rows);
    }
    let Ok(mut predicted) = loaded.predict(&all) else {
        // One of them is wrong; the others are not to be told.
        return requests
            .into_iter()
            .for_each(|request| alone(loaded, request));
    };
    for request in requests {
        let own = first(&mut predicted, request.rows.n_rows());
        match own.left_out {
            // Which rules it was is known of all of them together.
            Some(_) => alone(loaded, request),
            None => drop(request.answer.send((Ok(own), request.rows))),
        }
    }
}

/// Takes what is said of the first rows out.
fn first(predicted: &mut Predicted, n_rows: usize) -> Predicted {
    let mut left_out = None;
    if let Some(all) = &mut predicted.left_out {
        let n = all.rows.partition_point(|row| *row < n_rows);
        let rows: Vec<usize> = all.rows.drain(..n).collect();
        all.rows.iter_mut().for_each(|row| *row -= n_rows);
        left_out = (!rows.is_empty()).then(|| LeftOut {
            rows,
            why: all.why.clone(),
        });
    }
    let n = n_rows - left_out.as_ref().map_or(0, |left_out| left_out.rows.len());
    Predicted {
        labels: predicted.labels.drain(..n).collect(),
        probabilities: taken(&mut predicted.probabilities, n),
        scores: taken(&mut predicted.scores, n),
        left_out,
    }
}

/// The first `n`, where there are any at all.
fn taken<T>(all: &mut Vec<T>, n: usize) -> Vec<T> {
    let n = n.min(all.len());
    all.drain(..n).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_many_rows_each_request_gets_its_own() {
        let mut all = Predicted {
            labels: vec![json!(0), json!(1), json!(2), json!(3)],
            probabilities: vec![vec![0.0], vec![1.0], vec![2.0], vec![3.0]],
            scores: Vec::new(),
            left_out: Some(LeftOut {
                rows: vec![1, 4],
                why: "known".to_owned(),
            }),
        };
        let one = first(&mut all, 2);
        assert_eq!(one.left_out_rows(), [1]);
        assert_eq!(one.labels, [json!(0)]);
        let other = first(&mut all, 2);
        assert_eq!(other.labels, [json!(1), json!(2)]);
        assert_eq!(other.left_out, None);
        let last = first(&mut all, 2);
        assert_eq!(last.labels, [json!(3)]);
        assert_eq!(last.probabilities, [[3.0]]);
        assert_eq!(last.left_out_rows(), [0]);
    }
}
