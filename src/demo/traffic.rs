//! Clients: seeded, each on a connection of its own, asking without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

const CLIENTS: u64 = 3;

/// Of so many requests one asks for the health of the service, and one for a
/// customer whom the service knows.
const HEALTH: u64 = 20;

/// Customers of one request at most.
const MOST: u64 = 3;

#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    failed: AtomicU64,
    over: AtomicBool,
}

/// What came of it.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    pub(super) asked: u64,
    pub(super) failed: u64,
}

/// Clients that ask until they are told to end.
pub(super) struct Traffic {
    counts: Arc<Counts>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// `known` are the ids of customers whose stored rows can be scored.
    pub(super) fn start(url: &str, customers: &[Value], known: &[u64]) -> Traffic {
        let counts = Arc::new(Counts::default());
        let customers: Arc<[Value]> = customers.into();
        let known: Arc<[u64]> = known.into();
        let clients = (0..CLIENTS).map(|number| {
            let (counts, url) = (counts.clone(), url.to_owned());
            let (customers, known) = (customers.clone(), known.clone());
            thread::spawn(move || ask(number, &url, &customers, &known, &counts))
        });
        Traffic {
            clients: clients.collect(),
            counts,
        }
    }

    pub(super) fn counted(&self) -> Counted {
        Counted {
            asked: self.counts.asked.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
        }
    }

    /// Lets each client end its request.
    pub(super) fn end(mut self) -> Counted {
        self.join();
        self.counted()
    }

    fn join(&mut self) {
        self.counts.over.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // A client that panicked has failed its last request.
            if client.join().is_err() {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.join();
    }
}

fn ask(seed: u64, url: &str, customers: &[Value], known: &[u64], counts: &Counts) {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut draws = Draws(seed + 7);
    while !counts.over.load(Ordering::Relaxed) && !customers.is_empty() {
        let answer = match draws.below(HEALTH) {
            0 => agent.get(format!("{url}/health")).call(),
            1 if !known.is_empty() => {
                let id = &known[draws.below(known.len() as u64) as usize];
                agent.get(format!("{url}/customers/{id}/score")).call()
            }
            _ => {
                let rows: Vec<&Value> = (0..=draws.below(MOST))
                    .map(|_| &customers[draws.below(customers.len() as u64) as usize])
                    .collect();
                let id = rows[0]["customer_id"].to_string();
                agent
                    .post(format!("{url}/predict"))
                    .header("content-type", "application/json")
                    .header("x-customer-id", id)
                    .send(json!({ "customers": rows }).to_string())
            }
        };
        let good = answer.is_ok_and(|mut answer| {
            answer.status() == 200 && answer.body_mut().read_to_vec().is_ok()
        });
        counts.asked.fetch_add(1, Ordering::Relaxed);
        if !good {
            counts.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): enough for who asks what.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % n
    }
}
