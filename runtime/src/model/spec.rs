//! [`ModelSpec`]: which kind of model to train, and how, as it is written.

use serde::{Deserialize, Serialize};

use super::tree::{DecisionTree, GradientBoosting, IsolationForest, RandomForest};
use super::{
    Algorithm, ElasticNet, GaussianNaiveBayes, KMeans, Lasso, LinearRegression, LogisticRegression,
    Model, ModelError, Progress, Ridge, TrainingSet,
};

/// A kind of model and its parameters: `{ kind = "logistic-regression", c = 1.0 }`.
/// Keys, meanings and defaults are scikit-learn's unless a key says otherwise;
/// an unknown key is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelSpec {
    /// One tree.
    DecisionTree(DecisionTree),
    /// Least squares with the sizes and squares of coefficients held small.
    ElasticNet(ElasticNet),
    /// Gaussian naive Bayes.
    GaussianNaiveBayes(GaussianNaiveBayes),
    /// Trees that mend what those before them left.
    GradientBoosting(GradientBoosting),
    /// How soon a row is alone.
    IsolationForest(IsolationForest),
    /// Clusters about centres.
    KMeans(KMeans),
    /// Least squares with the sizes of coefficients held small.
    Lasso(Lasso),
    /// Ordinary least squares.
    LinearRegression(LinearRegression),
    /// Logistic regression.
    LogisticRegression(LogisticRegression),
    /// Many trees, each of rows drawn at random.
    RandomForest(RandomForest),
    /// Least squares with the squares of coefficients held small.
    Ridge(Ridge),
}

impl Algorithm for ModelSpec {
    type Fitted = Model;

    fn check(&self) -> Result<(), ModelError> {
        match self {
            ModelSpec::DecisionTree(params) => params.check(),
            ModelSpec::ElasticNet(params) => params.check(),
            ModelSpec::GaussianNaiveBayes(params) => params.check(),
            ModelSpec::GradientBoosting(params) => params.check(),
            ModelSpec::IsolationForest(params) => params.check(),
            ModelSpec::KMeans(params) => params.check(),
            ModelSpec::Lasso(params) => params.check(),
            ModelSpec::LinearRegression(params) => params.check(),
            ModelSpec::LogisticRegression(params) => params.check(),
            ModelSpec::RandomForest(params) => params.check(),
            ModelSpec::Ridge(params) => params.check(),
        }
    }

    fn train(&self, data: &TrainingSet<'_>, progress: &dyn Progress) -> Result<Model, ModelError> {
        match self {
            ModelSpec::DecisionTree(params) => params.train(data, progress).map(Model::Tree),
            ModelSpec::ElasticNet(params) => params.train(data, progress).map(Model::Linear),
            ModelSpec::GaussianNaiveBayes(params) => {
                params.train(data, progress).map(Model::GaussianNb)
            }
            ModelSpec::GradientBoosting(params) => {
                params.train(data, progress).map(Model::Boosting)
            }
            ModelSpec::IsolationForest(params) => {
                params.train(data, progress).map(Model::IsolationForest)
            }
            ModelSpec::KMeans(params) => params.train(data, progress).map(Model::KMeans),
            ModelSpec::Lasso(params) => params.train(data, progress).map(Model::Linear),
            ModelSpec::LinearRegression(params) => params.train(data, progress).map(Model::Linear),
            ModelSpec::LogisticRegression(params) => {
                params.train(data, progress).map(Model::Logistic)
            }
            ModelSpec::RandomForest(params) => params.train(data, progress).map(Model::Forest),
            ModelSpec::Ridge(params) => params.train(data, progress).map(Model::Linear),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<ModelSpec, String> {
        toml::from_str(toml).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_is_the_default() {
        let spec = read("kind = 'ridge'\nalpha = 2.0").unwrap();
        let alpha = Ridge {
            alpha: 2.0,
            ..Ridge::default()
        };
        assert_eq!(spec, ModelSpec::Ridge(alpha));
        let spec = read("kind = 'k-means'\nn_clusters = 2\ninit = [[0.0], [1.0]]").unwrap();
        assert!(spec.check().is_ok());
    }

    #[test]
    fn what_is_unknown_is_refused_by_name() {
        let error = read("kind = 'ridge'\nalhpa = 2.0").unwrap_err();
        assert!(
            error.contains("alhpa") && error.contains("alpha"),
            "{error}"
        );
        let error = read("kind = 'rigde'").unwrap_err();
        assert!(
            error.contains("rigde") && error.contains("ridge"),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (toml, key) in [
            ("kind = 'ridge'\nalpha = -1.0", "`alpha` is -1"),
            ("kind = 'lasso'\nalpha = nan", "`alpha` is NaN"),
            ("kind = 'elastic-net'\nl1_ratio = 1.5", "`l1_ratio` is 1.5"),
            ("kind = 'logistic-regression'\nc = 0.0", "`c` is 0"),
            (
                "kind = 'logistic-regression'\nmax_iter = 0",
                "`max_iter` is 0",
            ),
            (
                "kind = 'gaussian-naive-bayes'\npriors = [0.5, 0.2]",
                "`priors` is",
            ),
            ("kind = 'k-means'\nn_clusters = 0", "`n_clusters` is 0"),
            ("kind = 'k-means'\ninit = [[1.0]]", "`init` is 1 centers"),
        ] {
            let error = read(toml).unwrap().check().unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
