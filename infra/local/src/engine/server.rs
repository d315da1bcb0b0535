//! Listening, serving until stopped.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::DATE;
use axum::middleware::map_response;
use axum::response::Response;
use chrono::Utc;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::guard::Guard;

/// How long requests under way may take to finish once a stop is asked for.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Takes the port of the address for the engine called `name`; 0 takes a free one.
pub(crate) fn bind(name: &str, address: IpAddr, port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((address, port)).map_err(|e| match e.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {port} ({name}) is in use: stop the program that listens on it, or choose another with --port"
        ),
        _ => anyhow!("cannot listen on port {port} ({name}): {e}: choose another with --port"),
    })?;
    listener.set_nonblocking(true).context("cannot set up a listening socket")?;
    Ok(listener)
}

/// Where this machine reaches the socket: on loopback, if it listens on all addresses.
pub(crate) fn url(listener: &TcpListener) -> Result<String> {
    let address = listener.local_addr().context("a listening socket has no address")?;
    let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    Ok(format!("http://{}", SocketAddr::new(ip, address.port())))
}

/// A server in the background.
pub(crate) struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    /// Where it has threads of its own.
    _threads: Option<Threads>,
}

/// A runtime that may be given up anywhere: its threads end without being waited for.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Serves what `router` answers, behind `guard`, on the current runtime.
pub(crate) fn serve(listener: TcpListener, router: Router, guard: &Guard) -> Result<Server> {
    serve_on(&Handle::current(), None, listener, router, guard)
}

/// As [`serve`], on threads that do nothing else: it answers however busy the current runtime is.
pub(crate) fn serve_apart(listener: TcpListener, router: Router, guard: &Guard) -> Result<Server> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("gateway")
        .enable_all()
        .build()
        .context("cannot start the threads of the gateway")?;
    let handle = runtime.handle().clone();
    serve_on(&handle, Some(Threads(Some(runtime))), listener, router, guard)
}

fn serve_on(
    runtime: &Handle,
    threads: Option<Threads>,
    listener: TcpListener,
    router: Router,
    guard: &Guard,
) -> Result<Server> {
    let router = dated(guard.before(router));
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener).context("cannot hand a socket to the runtime")?
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let task = runtime.spawn(async move {
        // Also when the sender is dropped: nobody could stop it any more.
        let shutdown = async { drop(stopped.await) };
        if let Err(e) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
            tracing::error!(error = %e, "a local server ended");
        }
    });
    Ok(Server { stop, task, _threads: threads })
}

/// Answers with the time of day. hyper would, by a time that it keeps and that stands still once the
/// clock is set back: the SDKs would sign by it, and be refused until it is reached again.
pub(crate) fn dated(router: Router) -> Router {
    router.layer(map_response(with_date))
}

async fn with_date(mut answer: Response) -> Response {
    let now = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(now) = HeaderValue::from_str(&now) {
        answer.headers_mut().insert(DATE, now);
    }
    answer
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
