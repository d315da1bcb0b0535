//! Listening on 127.0.0.1, serving until stopped.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long requests under way may take to finish once a stop is asked for.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Takes the port for the engine called `name`; 0 takes a free one.
pub(crate) fn bind(name: &str, port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {port} ({name}) is in use: stop the program that listens on it, or choose another with --port"
        ),
        _ => anyhow!("cannot listen on port {port} ({name}): {e}: choose another with --port"),
    })?;
    listener.set_nonblocking(true).context("cannot set up a listening socket")?;
    Ok(listener)
}

pub(crate) fn url(listener: &TcpListener) -> Result<String> {
    Ok(format!("http://{}", listener.local_addr().context("a listening socket has no address")?))
}

/// A server in the background of the current runtime.
pub(crate) struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

pub(crate) fn serve(listener: TcpListener, router: Router) -> Result<Server> {
    let listener = tokio::net::TcpListener::from_std(listener).context("cannot hand a socket to the runtime")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        // Also when the sender is dropped: nobody could stop it any more.
        let shutdown = async { drop(stopped.await) };
        if let Err(e) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
            tracing::error!(error = %e, "a local server ended");
        }
    });
    Ok(Server { stop, task })
}

impl Server {
    pub(crate) async fn stop(mut self) {
        // It fails if the server has ended by itself, which is as well.
        let _ = self.stop.send(());
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}
