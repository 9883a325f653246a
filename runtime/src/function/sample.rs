//! What tests of stages and hosts stand on: everything in memory.

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{Facts, Invocation, Kind, Services, StageContext, StageError};
use crate::pipeline::{Function, Pipeline};
use crate::queue::{MemoryQueues, Message};
use crate::stages;
use crate::store::artifact::{ArtifactId, Artifacts};
use crate::store::cells::BlobCells;
use crate::store::clock::{Clock, ManualClock};
use crate::store::owners::Owners;
use crate::store::space::Space;

/// A pipeline's functions, invoked one at a time.
pub(crate) struct Bench {
    pub(crate) services: Services,
    pub(crate) clock: ManualClock,
    functions: Vec<Arc<Function>>,
}

impl Bench {
    /// The seven stages, as this file declares them.
    pub(crate) fn new(text: &str) -> Bench {
        let clock = ManualClock::default();
        Bench {
            services: services(Arc::new(clock.clone())),
            clock,
            functions: functions(text, stages::ALL),
        }
    }

    /// From now on the functions are those of this file.
    pub(crate) fn declare(&mut self, text: &str) {
        self.functions = functions(text, stages::ALL);
    }

    pub(crate) fn function(&self, name: &str) -> Arc<Function> {
        let found = self.functions.iter().find(|function| function.name == name);
        Arc::clone(found.unwrap())
    }

    /// Puts a blob where what comes in is.
    pub(crate) async fn blob(&self, path: &str, text: impl Into<String>) {
        let text: String = text.into();
        let put = self
            .services
            .blobs
            .put(&Path::from(path), text.into())
            .await;
        put.unwrap();
    }

    /// Invokes a function, and adds what it made to the message.
    pub(crate) async fn invoke(
        &self,
        name: &str,
        message: &mut Message,
    ) -> Result<Facts, StageError> {
        let function = self.function(name);
        let services = self.services.clone();
        let ctx = StageContext::new(Arc::clone(&function), services, message.clone());
        let input = Invocation {
            message: message.clone(),
            dequeue_count: 1,
        };
        let facts = function.run.invoke(&ctx, input).await?;
        message.artifacts.extend(ctx.made().artifacts);
        Ok(facts)
    }

    /// What an artifact holds.
    pub(crate) async fn content(&self, id: &ArtifactId) -> Vec<u8> {
        let read = self.services.space.artifacts().read(id, "").await;
        read.unwrap().to_vec()
    }
}

/// Stores in memory.
pub(crate) fn services(clock: Arc<dyn Clock>) -> Services {
    let memory = || -> Arc<dyn ObjectStore> { Arc::new(InMemory::new()) };
    let queues = Arc::new(MemoryQueues::new(Arc::clone(&clock)));
    let cells = Arc::new(BlobCells::new(memory()));
    Services {
        space: Space::new(Artifacts::new(memory()), cells, queues, clock),
        blobs: memory(),
        logs: memory(),
        owners: Owners::default(),
        code: "cutline 0.0.0".into(),
    }
}

pub(crate) fn functions(text: &str, kinds: &[Kind]) -> Vec<Arc<Function>> {
    let pipeline = Pipeline::parse(text, kinds).unwrap();
    pipeline.functions.into_iter().map(Arc::new).collect()
}
