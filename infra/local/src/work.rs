//! Where requests are worked on: never on the threads that accept connections.
//!
//! On AWS each request has a process of its own. Here all of them share one, and to decode and redact a
//! large body takes a processor for as long as it takes. So the gateway's own threads only read requests
//! and answer what takes no work, liveness among it; everything else goes to the runtime of the functions,
//! and large bodies to threads of their own, of which there are few, so that small requests get between them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use function_edge::{Answer, Error, Route};
use futures::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Requests that are worked on at once; others wait, with their bodies.
const CONCURRENT: usize = 32;
/// Large bodies that are worked on at once: as many as keep two processors busy.
const CONCURRENT_HEAVY: usize = 2;
/// From this size on a body is large.
const HEAVY_BYTES: usize = 64 * 1024;
/// How long a request waits for its turn, as long as API Gateway waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much work a request may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// None worth mentioning: liveness, and pages that are made once.
    None,
    /// What waits for the store, and has a small body.
    Light,
    /// A body that may take a processor for seconds.
    Heavy,
}

impl Weight {
    /// The weight of a request by what can be seen of it from outside.
    pub(crate) fn of(route: Option<Route>, headers: &HeaderMap, body_bytes: usize) -> Self {
        match route {
            // However large its body is, nobody reads it.
            None | Some(Route::Health | Route::Dashboard | Route::OpenApi) if body_bytes <= HEAVY_BYTES => Weight::None,
            // What is compressed may be large once it is not.
            _ if body_bytes > HEAVY_BYTES || headers.contains_key(header::CONTENT_ENCODING) => Weight::Heavy,
            _ => Weight::Light,
        }
    }
}

/// What became of a request.
pub(crate) enum Done {
    Answered(Result<Answer, Error>),
    Panicked,
    /// Its turn did not come.
    Busy,
}

/// The runtime on which functions work, and the turns of those who wait for it.
#[derive(Clone)]
pub(crate) struct Work {
    runtime: Handle,
    turns: Arc<Semaphore>,
    heavy_turns: Arc<Semaphore>,
}

impl Work {
    /// On the current runtime.
    pub(crate) fn here() -> Self {
        Self {
            runtime: Handle::current(),
            turns: Arc::new(Semaphore::new(CONCURRENT)),
            heavy_turns: Arc::new(Semaphore::new(CONCURRENT_HEAVY)),
        }
    }

    /// Runs an invocation where its weight belongs. Once it has begun it goes on to its end, even where
    /// nobody waits for it any more, and keeps its turn until then.
    pub(crate) async fn run<I>(&self, weight: Weight, invocation: I) -> Done
    where
        I: Future<Output = Result<Answer, Error>> + Send + 'static,
    {
        let turns = match weight {
            Weight::None => {
                return AssertUnwindSafe(invocation).catch_unwind().await.map_or(Done::Panicked, Done::Answered);
            }
            Weight::Light => &self.turns,
            Weight::Heavy => &self.heavy_turns,
        };
        let Ok(Ok(turn)) = tokio::time::timeout(PATIENCE, Arc::clone(turns).acquire_owned()).await else {
            return Done::Busy;
        };
        let work = async move {
            let answered = invocation.await;
            drop(turn);
            answered
        };
        let worked = match weight {
            Weight::Heavy => {
                let runtime = self.runtime.clone();
                self.runtime.spawn_blocking(move || runtime.block_on(work)).await
            }
            Weight::None | Weight::Light => self.runtime.spawn(work).await,
        };
        worked.map_or(Done::Panicked, Done::Answered)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_heavy_by_its_size_or_where_its_size_is_hidden() {
        let plain = HeaderMap::new();
        let mut gzip = HeaderMap::new();
        gzip.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(Weight::of(Some(Route::Health), &plain, 0), Weight::None);
        assert_eq!(Weight::of(Some(Route::Health), &gzip, 10), Weight::None);
        assert_eq!(Weight::of(None, &plain, 0), Weight::None);
        assert_eq!(Weight::of(Some(Route::Health), &plain, HEAVY_BYTES + 1), Weight::Heavy);
        assert_eq!(Weight::of(Some(Route::PostEvents), &plain, HEAVY_BYTES), Weight::Light);
        assert_eq!(Weight::of(Some(Route::PostEvents), &gzip, 10), Weight::Heavy);
        assert_eq!(Weight::of(Some(Route::PostEvents), &plain, HEAVY_BYTES + 1), Weight::Heavy);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_takes_processors_leaves_the_threads_that_asked_for_it() {
        let here = std::thread::current().id();
        let busy = || async move {
            assert_ne!(std::thread::current().id(), here);
            std::thread::sleep(Duration::from_millis(300));
            Ok(Answer::Json(json!("done")))
        };
        let work = Work::here();
        let all: Vec<_> = (0..6)
            .map(|_| {
                let (work, busy) = (work.clone(), busy());
                tokio::spawn(async move { work.run(Weight::Heavy, busy).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begun = std::time::Instant::now();
        let light = work.run(Weight::Light, async { Ok(Answer::Json(json!("light"))) }).await;
        assert!(matches!(light, Done::Answered(Ok(Answer::Json(answer))) if answer == "light"));
        assert!(begun.elapsed() < Duration::from_millis(250), "a small request does not wait: {:?}", begun.elapsed());
        for one in all {
            assert!(matches!(one.await.unwrap(), Done::Answered(Ok(_))));
        }
    }

    #[tokio::test]
    async fn a_panic_is_the_requests_own() {
        let work = Work::here();
        for weight in [Weight::None, Weight::Light, Weight::Heavy] {
            let done = work.run(weight, async { panic!("on purpose") }).await;
            assert!(matches!(done, Done::Panicked), "{weight:?}");
            let again = work.run(weight, async { Ok(Answer::Json(json!(1))) }).await;
            assert!(matches!(again, Done::Answered(Ok(_))), "{weight:?}: its turn is given back");
        }
    }
}
