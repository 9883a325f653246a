//! k-means: rows in clusters, each near its centre.

mod lloyd;
mod start;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use self::lloyd::{Rows, nearest};
use super::params::require;
use super::{
    Algorithm, Event, Label, Labels, ModelError, Prediction, Predictor, Progress, Target,
    TrainingSet, matrix,
};

const KIND: &str = "k-means";

/// How to train [`KMeansModel`] by Lloyd's algorithm. From the same start it
/// finds the clusters that scikit-learn's `KMeans` finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    /// How many clusters there are. 8.
    pub n_clusters: usize,
    /// Where centres start. `"k-means++"`.
    pub init: Init,
    /// From how many starts the best clusters are taken. 1; given centres are
    /// one start.
    pub n_init: usize,
    /// After so many iterations the clusters are taken as they are. 300.
    pub max_iter: usize,
    /// The clusters are good when the squares of the centres' moves sum to less
    /// than this share of the columns' mean variance. 1e-4.
    pub tol: f64,
    /// What starts are drawn by. 0.
    pub seed: u64,
}

/// Where centres start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Init {
    /// At drawn rows.
    Drawn(Drawn),
    /// At these points, a list of numbers for each.
    Centers(Vec<Vec<f64>>),
}

/// How rows to start at are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Drawn {
    /// Far from each other (Arthur and Vassilvitskii 2007, "k-means++: the
    /// advantages of careful seeding"), the best of a few draws each time.
    #[serde(rename = "k-means++")]
    PlusPlus,
    /// As likely as their weights.
    #[serde(rename = "random")]
    Random,
}

/// Centres of clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KMeansModel {
    /// A row for each cluster.
    #[serde(with = "matrix")]
    pub(crate) centers: Array2<f64>,
    /// The weighted squares of the distances between the rows it was trained on
    /// and their centres.
    pub(crate) inertia: f64,
}

impl Default for KMeans {
    fn default() -> KMeans {
        KMeans {
            n_clusters: 8,
            init: Init::Drawn(Drawn::PlusPlus),
            n_init: 1,
            max_iter: 300,
            tol: 1e-4,
            seed: 0,
        }
    }
}

impl Algorithm for KMeans {
    type Fitted = KMeansModel;

    fn check(&self) -> Result<(), ModelError> {
        let tol = self.tol;
        require(
            self.n_clusters > 0,
            KIND,
            "n_clusters",
            self.n_clusters,
            "at least 1",
        )?;
        require(self.n_init > 0, KIND, "n_init", self.n_init, "at least 1")?;
        require(
            self.max_iter > 0,
            KIND,
            "max_iter",
            self.max_iter,
            "at least 1",
        )?;
        require(
            tol.is_finite() && tol >= 0.0,
            KIND,
            "tol",
            tol,
            "finite and not negative",
        )?;
        let Init::Centers(centers) = &self.init else {
            return Ok(());
        };
        let columns = centers.first().map_or(0, Vec::len);
        let even = centers.iter().all(|center| center.len() == columns);
        let finite = centers.iter().flatten().all(|cell| cell.is_finite());
        let usable = even && finite && centers.len() == self.n_clusters;
        let expected = "a finite center for each cluster, all equally long";
        require(
            usable,
            KIND,
            "init",
            format!("{} centers", centers.len()),
            expected,
        )
    }

    fn train(
        &self,
        data: &TrainingSet<'_>,
        progress: &dyn Progress,
    ) -> Result<KMeansModel, ModelError> {
        data.finite()?;
        let rows = Rows::new(data);
        if rows.x.nrows() < self.n_clusters {
            let (needed, found) = (self.n_clusters, rows.x.nrows());
            return Err(ModelError::TooFewRows {
                kind: KIND,
                needed,
                found,
                of: String::new(),
            });
        }
        let starts = match self.init {
            Init::Drawn(_) => self.n_init,
            Init::Centers(_) => 1,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut best: Option<KMeansModel> = None;
        for done in 1..=starts {
            let start = self.start(&rows, &mut rng)?;
            let found = self.from(start, &rows, progress);
            let objective = Some(found.inertia);
            progress.tell(Event::Step {
                what: "start",
                done,
                most: starts,
                objective,
            });
            if best
                .as_ref()
                .is_none_or(|best| found.inertia < best.inertia)
            {
                best = Some(found);
            }
        }
        match best.filter(|model| model.inertia.is_finite()) {
            Some(model) => Ok(model),
            None => Err(ModelError::Overflow {
                kind: KIND,
                what: "a squared distance",
            }),
        }
    }
}

impl KMeans {
    /// Centres to start at, seen from the columns' means.
    fn start(&self, rows: &Rows<'_>, rng: &mut ChaCha8Rng) -> Result<Array2<f64>, ModelError> {
        let centers = match &self.init {
            Init::Drawn(Drawn::PlusPlus) => {
                return Ok(start::far_apart(rows, self.n_clusters, rng));
            }
            Init::Drawn(Drawn::Random) => return Ok(start::drawn(rows, self.n_clusters, rng)),
            Init::Centers(centers) => centers,
        };
        let columns = rows.x.ncols();
        let found = centers.first().map_or(0, Vec::len);
        let expected = "a number for each column in each center";
        require(
            found == columns,
            KIND,
            "init",
            format!("{found} numbers a center"),
            expected,
        )?;
        let cell = |(center, column): (usize, usize)| centers[center][column];
        Ok(Array2::from_shape_fn((centers.len(), columns), cell) - &rows.means)
    }

    fn from(&self, start: Array2<f64>, rows: &Rows<'_>, progress: &dyn Progress) -> KMeansModel {
        let still = self.tol * rows.variance();
        let found = lloyd::settle(rows, start, still, self.max_iter);
        if found.moved > still {
            let (iterations, left) = (self.max_iter, found.moved);
            progress.tell(Event::Unconverged {
                kind: KIND,
                iterations,
                left,
            });
        }
        KMeansModel {
            centers: found.centers + &rows.means,
            inertia: found.inertia,
        }
    }
}

impl KMeansModel {
    /// The weighted squares of the distances between the rows it was trained on
    /// and their centres.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// A row for each cluster.
    pub fn centers(&self) -> ArrayView2<'_, f64> {
        self.centers.view()
    }
}

/// The target is the cluster's number, counted from 0; the score is the distance
/// to its centre.
impl Predictor for KMeansModel {
    fn n_features(&self) -> usize {
        self.centers.ncols()
    }

    fn check(&self) -> Result<(), ModelError> {
        match self.centers.is_empty() {
            false => Ok(()),
            true => Err(ModelError::Shape {
                kind: KIND,
                problem: "it has no centers".to_owned(),
            }),
        }
    }

    fn predict_checked(&self, x: ArrayView2<'_, f64>) -> Prediction {
        // Seen from the centres' mean, as in training: what is far from 0 and
        // near each other would be lost in rounding.
        let mean = self.centers.mean_axis(Axis(0)).unwrap_or_default();
        let codes = nearest(&(&x - &mean), &(&self.centers - &mean));
        let distance = |(row, code): (ndarray::ArrayView1<'_, f64>, &u32)| {
            let apart = &row - &self.centers.row(*code as usize);
            apart.dot(&apart).sqrt()
        };
        let scores: Array1<f64> = x.rows().into_iter().zip(&codes).map(distance).collect();
        let clusters = (0..self.centers.nrows() as i64).map(Label::Int);
        Prediction {
            target: Target::Labels(Labels::of_codes(clusters.collect(), codes)),
            probabilities: None,
            scores: Some(scores),
        }
    }
}
