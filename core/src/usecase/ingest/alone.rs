//! A record that panics whoever takes it in fails alone: those that came with it
//! are taken in all the same, and the process goes on.

use std::ops::Range;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

/// Why some work was not done.
#[derive(Debug, PartialEq, Eq)]
pub enum Failed<E> {
    Error(E),
    Panicked,
}

/// Does `work`; a panic is a failure like another. What `work` shares with others
/// must bear to be left half done.
///
/// # Errors
/// What `work` says, or that it panicked.
pub async fn caught<R, E, W>(work: impl FnOnce() -> W) -> Result<R, Failed<E>>
where
    W: Future<Output = Result<R, E>>,
{
    match AssertUnwindSafe(async { work().await }).catch_unwind().await {
        Ok(done) => done.map_err(Failed::Error),
        Err(_) => Err(Failed::Panicked),
    }
}

/// Does `work` on `count` records together, which is cheapest; where that panics,
/// on each by itself. Answers in their order, with the place of each that panics.
///
/// # Errors
/// What `work` says: the records are to be brought again.
pub async fn alone<R, E, W>(count: usize, work: impl Fn(Range<usize>) -> W) -> Result<Vec<Result<R, usize>>, E>
where
    W: Future<Output = Result<Vec<R>, E>>,
{
    match caught(|| work(0..count)).await {
        Ok(done) => return Ok(done.into_iter().map(Ok).collect()),
        Err(Failed::Error(error)) => return Err(error),
        Err(Failed::Panicked) => tracing::error!(records = count, "records panicked the handler; each is tried alone"),
    }
    let mut outcomes = Vec::with_capacity(count);
    for place in 0..count {
        match caught(|| work(place..place + 1)).await {
            Ok(done) => outcomes.extend(done.into_iter().map(Ok)),
            Err(Failed::Error(error)) => return Err(error),
            Err(Failed::Panicked) => outcomes.push(Err(place)),
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes in `records`, of which some panic, some fail, and odd ones are none.
    async fn take(records: &[u32]) -> Result<Vec<Result<u32, usize>>, String> {
        let work = |places: Range<usize>| async move {
            let mut taken = Vec::new();
            for record in &records[places] {
                match record {
                    666 => panic!("a record that nobody foresaw"),
                    503 => return Err("the store does not answer".to_owned()),
                    record if record % 2 == 0 => taken.push(*record),
                    _ => {}
                }
            }
            Ok(taken)
        };
        alone(records.len(), work).await
    }

    #[tokio::test]
    async fn what_panics_panics_alone_and_the_others_keep_their_order() {
        assert_eq!(take(&[2, 3, 4]).await, Ok(vec![Ok(2), Ok(4)]));
        assert_eq!(take(&[2, 666, 3, 4, 666]).await, Ok(vec![Ok(2), Err(1), Ok(4), Err(4)]));
        assert_eq!(take(&[2, 503, 4]).await, Err("the store does not answer".to_owned()));
        assert_eq!(take(&[666, 503]).await, Err("the store does not answer".to_owned()));
    }
}
