//! DynamoDB: dynoxide, a server of DynamoDB's protocol over one SQLite file.
//!
//! It holds one lock around the file and blocks the thread that waits for it,
//! so it gets threads and a runtime of its own.
//!
//! The file is in WAL mode with SQLite's default `synchronous = FULL`: what is
//! acknowledged survives the death of the process and, by the word of SQLite,
//! of the machine.

mod door;
pub(super) mod streams;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use dynoxide::Database;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::Credentials;
use super::server::{GRACE, dated};
use crate::guard::Guard;

/// DynamoDB itself promises to delete expired items "within a few days".
const TTL_SWEEP: Duration = Duration::from_secs(3600);

pub(super) struct Engine {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Opens `file`, made where absent, and serves it behind `guard` to who has `credentials`. Returns once it
/// answers.
pub(super) async fn start(
    file: PathBuf,
    listener: TcpListener,
    guard: Guard,
    credentials: Credentials,
) -> Result<Engine> {
    let (stop, stopped) = oneshot::channel();
    let (report, opened) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("dynamodb".to_owned())
        .spawn(move || match open(&file).and_then(|db| Ok((db, runtime()?))) {
            Ok((db, runtime)) => {
                let _ = report.send(Ok(()));
                serve(&runtime, db, listener, stopped, (&guard, credentials));
                // Ends whatever the grace did not, and with it the last handle
                // on the file, before the thread is joined.
                runtime.shutdown_timeout(GRACE);
            }
            Err(e) => drop(report.send(Err(e))),
        })
        .context("cannot start the thread of the DynamoDB engine")?;
    opened.await.context("the DynamoDB engine ended while it opened its file")??;
    Ok(Engine { stop, thread })
}

impl Engine {
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let joined = tokio::task::spawn_blocking(|| self.thread.join().is_ok()).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("the DynamoDB engine did not end in order; what it acknowledged is in its file");
        }
    }
}

fn open(file: &Path) -> Result<Database> {
    let name = file.to_str().with_context(|| format!("the path {} is not valid UTF-8", file.display()))?;
    let database = Database::new(name).map_err(|e| anyhow!("cannot open the database {name}: {e}"))?;
    streams::maintain(file).with_context(|| format!("cannot trim the streams in {name}"))?;
    Ok(database)
}

fn runtime() -> Result<Runtime> {
    // While one worker writes, the other reads and parses: about a tenth more
    // transactions than with one (an optimised engine, two cores).
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("dynamodb")
        .enable_all()
        .build()
        .context("cannot start the runtime of the DynamoDB engine")
}

fn serve(
    runtime: &Runtime,
    db: Database,
    listener: TcpListener,
    stopped: oneshot::Receiver<()>,
    (guard, credentials): (&Guard, Credentials),
) {
    let (stopping, grace) = oneshot::channel::<()>();
    let shutdown = async move {
        // Also when the sender is dropped: nobody could stop it any more.
        drop(stopped.await);
        drop(stopping);
    };
    let overdue = async move {
        drop(grace.await);
        tokio::time::sleep(GRACE).await;
    };
    let served = runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::spawn(delete_expired(db.clone()));
        let router = dated(guard.before(door::router(db, credentials)));
        tokio::select! {
            ended = axum::serve(listener, router).with_graceful_shutdown(shutdown) => ended,
            () = overdue => Ok(()),
        }
    });
    if let Err(e) = served {
        let e: std::io::Error = e;
        tracing::error!(error = %e, "the DynamoDB engine ended");
    }
}

async fn delete_expired(db: Database) {
    let mut hourly = tokio::time::interval(TTL_SWEEP);
    loop {
        hourly.tick().await;
        let db = db.clone();
        match tokio::task::spawn_blocking(move || db.sweep_ttl()).await {
            Ok(Ok(deleted)) => tracing::debug!(deleted, "expired items deleted"),
            Ok(Err(e)) => tracing::warn!(error = %e, "expired items could not be deleted"),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::engine::tests::{Scratch, plan};

    /// As dynoxide writes it for a scan that names a limit and no segment.
    const PAGE: &str = "SELECT pk, sk, item_json FROM events WHERE (pk, sk) > ('a', 'b')
        ORDER BY pk ASC, sk ASC LIMIT 9";

    #[test]
    fn a_page_of_a_scan_begins_where_the_last_one_ended() {
        let folder = Scratch::new();
        let file = folder.path().join("a.sqlite");
        let database = dynoxide::Database::new(file.to_str().unwrap()).unwrap();
        let table = serde_json::json!({
            "TableName": "events", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "u", "KeyType": "HASH"}, {"AttributeName": "e", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": "u", "AttributeType": "S"},
                                     {"AttributeName": "e", "AttributeType": "S"}],
        });
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
        drop(database);
        let database = Connection::open(&file).unwrap();
        assert_eq!(plan(&database, PAGE), "SEARCH events USING INDEX sqlite_autoindex_events_1 ((pk,sk)>(?,?))");
    }
}
