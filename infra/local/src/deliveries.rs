//! What the bus does on AWS: hands each delivery to its function, again if it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use function_edge::{Function, RawValue};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::engine::Delivery;
use crate::functions::Functions;

/// As Lambda tries asynchronous invocations: three times in all.
const ATTEMPTS: u32 = 3;

/// Work that is under way beside requests.
#[derive(Clone, Debug, Default)]
pub struct UnderWay(Arc<AtomicUsize>);

/// One piece of it, until dropped.
pub struct Piece(UnderWay);

impl UnderWay {
    pub fn begin(&self) -> Piece {
        self.0.fetch_add(1, Ordering::SeqCst);
        Piece(self.clone())
    }

    pub fn is_nothing(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Delivers until the bus is gone.
pub async fn run(mut deliveries: UnboundedReceiver<Delivery>, functions: Arc<Functions>, under_way: UnderWay) {
    while let Some(delivery) = deliveries.recv().await {
        let piece = under_way.begin();
        let functions = Arc::clone(&functions);
        tokio::spawn(async move {
            deliver(&functions, &delivery).await;
            drop(piece);
        });
    }
}

async fn deliver(functions: &Functions, delivery: &Delivery) {
    let Delivery { target, rule, event } = delivery;
    let Some(function) = Function::from_name(target) else {
        tracing::error!(rule, target, "the target of a rule is no function");
        return;
    };
    for attempt in 1..=ATTEMPTS {
        let outcome = match serde_json::value::to_raw_value(event) {
            Ok(payload) => functions.invoke(function, payload as Box<RawValue>).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(_) => return,
            Err(error) if attempt == ATTEMPTS => {
                tracing::error!(rule, target, %error, "a delivery failed; the next sweep takes it up");
            }
            Err(error) => {
                tracing::warn!(rule, target, %error, attempt, "a delivery failed; it is tried again");
                tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
            }
        }
    }
}
