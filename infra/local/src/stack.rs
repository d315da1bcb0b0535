//! The running stack.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::Utc;
use function_edge::{Answer, Error, Function, RawValue};
use learning_core::dataset::Dataset;
use learning_core::dataset::lifecycle::{Preparation, State};
use learning_core::dataset::settings::Settings;
use learning_core::store::{Clients, Counters, Heads, ensure};
use learning_core::usecase::{Observe, Overview, Prepared, initialize};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::access::Access;
use crate::deliveries::{self, UnderWay};
use crate::engine::server::{self, Server};
use crate::engine::{self, Engines, Rules};
use crate::functions::Functions;
use crate::guard::Guard;
use crate::poller::Poller;
use crate::{environment, front, incoming, schedule};

#[derive(Clone, Debug)]
pub struct Options {
    pub data_dir: PathBuf,
    /// Of the API; S3, DynamoDB and the bus take the three after it. 0: any four free ports.
    pub port: u16,
}

pub struct Stack {
    /// URL of the API, without a path.
    pub api: String,
    pub engines: Engines,
    pub clients: Clients,
    pub settings: Settings,
    pub access: Arc<Access>,
    functions: Arc<Functions>,
    front: Server,
    tasks: Vec<JoinHandle<()>>,
    under_way: UnderWay,
}

impl Stack {
    /// Starts everything, makes what is absent, and takes up what an earlier
    /// process left unfinished.
    ///
    /// # Errors
    /// One line that says what to do: a setting that cannot be, a port in use, a
    /// folder that cannot be used or is used by somebody else.
    pub async fn start(options: &Options) -> Result<Self> {
        Self::start_with(options, Access::Open).await
    }

    /// As [`Stack::start`], with a say in who may use the API.
    ///
    /// # Errors
    /// See [`Stack::start`].
    pub async fn start_with(options: &Options, access: Access) -> Result<Self> {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), &Guard::default(), options, access).await
    }

    /// As [`Stack::start_with`], listening on this address, behind this guard.
    ///
    /// # Errors
    /// See [`Stack::start`].
    pub async fn start_on(address: IpAddr, guard: &Guard, options: &Options, access: Access) -> Result<Self> {
        environment::check()?;
        let after = |n: u16| if options.port == 0 { Some(0) } else { options.port.checked_add(n) };
        let (Some(s3_port), Some(dynamodb_port), Some(_)) = (after(1), after(2), after(3)) else {
            bail!("port {} leaves no room for the three ports after it: choose a lower --port", options.port);
        };
        let listener = server::bind("API", address, options.port)?;
        let api = server::url(&listener)?;
        let (sender, deliveries) = mpsc::unbounded_channel();
        let engine_options = engine::Options { data_dir: options.data_dir.clone(), s3_port, dynamodb_port };
        let engines = engine::start_on(address, guard, engine_options, Rules::bundled()?, sender).await?;
        let settings = environment::settings(&options.data_dir)?;
        let clients = environment::clients(&engines, &settings);
        ensure(&clients).await?;
        let heads = Heads::new(&clients);
        initialize(&Counters::new(&clients), &heads, Utc::now()).await?;
        // By an earlier process: the data folder is locked, and this one has begun none yet.
        let interrupted = heads.preparations().await?;

        let functions = Arc::new(Functions::new(&clients, &settings));
        let access = Arc::new(access);
        let under_way = UnderWay::default();
        let poller = Poller {
            client: environment::stream_client(&engines),
            table: settings.resources.datasets_table.clone(),
            functions: Arc::clone(&functions),
            under_way: under_way.clone(),
        };
        let tasks = vec![
            tokio::spawn(deliveries::run(deliveries, Arc::clone(&functions), under_way.clone())),
            tokio::spawn(poller.run()),
            tokio::spawn(incoming::run(clients.clone(), Arc::clone(&functions), under_way.clone())),
            tokio::spawn(take_over(interrupted, Arc::clone(&functions), under_way.clone())),
            tokio::spawn(schedule::run(Arc::clone(&functions))),
        ];
        let front = server::serve_apart(listener, front::router(Arc::clone(&functions), Arc::clone(&access)), guard)?;
        Ok(Self { api, engines, clients, settings, access, functions, front, tasks, under_way })
    }

    /// How all datasets stand.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn overviews(&self) -> Result<Vec<Overview>> {
        Observe::new(&self.clients, &self.settings).all().await
    }

    /// Invokes a function as its triggers do.
    ///
    /// # Errors
    /// What the function fails with.
    pub async fn invoke(&self, function: Function, payload: Box<RawValue>) -> Result<Answer, Error> {
        self.functions.invoke(function, payload).await
    }

    /// Lets a function fail on every invocation from now on, or work again: to see
    /// what the others do meanwhile.
    pub fn switch(&self, function: Function, on: bool) {
        self.functions.switch(function, on);
    }

    /// Waits until nothing is under way and nothing is left to do automatically.
    ///
    /// # Errors
    /// Whatever the store and the functions say; work that does not end.
    pub async fn settle(&self) -> Result<()> {
        const SWEEPS: usize = 20;
        for _ in 0..SWEEPS {
            self.rest().await;
            schedule::sweep(&self.functions).await?;
            self.rest().await;
            let overviews = self.overviews().await?;
            if overviews.iter().all(|overview| self.is_settled(overview)) {
                return Ok(());
            }
        }
        bail!("the pipeline does not come to rest: see the log for what fails (RUST_LOG=info shows more)")
    }

    /// Waits until nothing has been under way for a moment: a fact may be between
    /// two functions.
    async fn rest(&self) {
        let mut quiet = 0;
        while quiet < 3 {
            quiet = if self.under_way.is_nothing() { quiet + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether a sweep would leave the dataset as it is.
    fn is_settled(&self, overview: &Overview) -> bool {
        match overview.head.state {
            State::Collecting | State::Blocked => true,
            // An empty dataset is not assessed, and one that was assessed lately has to wait.
            State::Assessing => overview.records == 0 || !self.settings.min_interval.is_zero(),
            State::Ready => {
                let dataset = overview.head.dataset;
                !(self.settings.auto_prepares(dataset) && dataset.spec().preparable)
            }
            State::Preparing => false,
        }
    }

    /// Stops everything; what is under way and unfinished is taken up by the next start.
    pub async fn stop(self) {
        self.front.stop().await;
        for task in &self.tasks {
            task.abort();
        }
        self.engines.stop().await;
    }
}

/// Finishes preparations that nobody is at any more.
async fn take_over(interrupted: Vec<(Dataset, Preparation)>, functions: Arc<Functions>, under_way: UnderWay) {
    let _piece = under_way.begin();
    for (dataset, preparation) in interrupted {
        match functions.preparation.take_over(dataset, preparation.started_at).await {
            Ok(Prepared::New(version)) => {
                tracing::info!(%dataset, version = %version.version, "an interrupted preparation is finished");
            }
            Ok(Prepared::Current(_) | Prepared::NotDue) => {}
            Err(error) => {
                tracing::error!(%dataset, error = format!("{error:#}"), "an interrupted preparation cannot be finished");
            }
        }
    }
}
