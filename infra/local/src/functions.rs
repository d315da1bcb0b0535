//! The four functions, in this process.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use data_preparation as preparation;
use event_ingestion as ingestion;
use function_edge::{Answer, Error, Function, LambdaEvent, RawValue};
use learning_core::dataset::settings::Settings;
use learning_core::store::Clients;
use quality_assessment as quality;
use readiness_check as readiness;

pub struct Functions {
    ingestion: ingestion::State,
    quality: quality::State,
    readiness: readiness::State,
    pub preparation: preparation::State,
    switched_off: Mutex<HashSet<Function>>,
}

impl Functions {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            ingestion: ingestion::State::new(clients, settings),
            quality: quality::State::new(clients, settings),
            readiness: readiness::State::new(clients, settings),
            preparation: preparation::State::new(clients, settings),
            switched_off: Mutex::default(),
        }
    }

    /// Lets a function fail on every invocation from now on, or work again.
    pub fn switch(&self, function: Function, on: bool) {
        let mut switched_off = self.switched_off();
        if on {
            switched_off.remove(&function);
        } else {
            switched_off.insert(function);
        }
    }

    fn switched_off(&self) -> MutexGuard<'_, HashSet<Function>> {
        // A panic elsewhere leaves the set whole: each change is one call.
        self.switched_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Invokes a function as the Lambda runtime does.
    ///
    /// # Errors
    /// What the function fails with.
    pub async fn invoke(&self, function: Function, payload: Box<RawValue>) -> Result<Answer, Error> {
        if self.switched_off().contains(&function) {
            return Err(format!("{} is switched off", function.name()).into());
        }
        let mut context = lambda_runtime::Context::default();
        context.request_id = uuid::Uuid::new_v4().to_string();
        let event = LambdaEvent::new(payload, context);
        match function {
            Function::EventIngestion => ingestion::handle(&self.ingestion, event).await,
            Function::QualityAssessment => quality::handle(&self.quality, event).await,
            Function::ReadinessCheck => readiness::handle(&self.readiness, event).await,
            Function::DataPreparation => preparation::handle(&self.preparation, event).await,
        }
    }
}
