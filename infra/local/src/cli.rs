//! The command line.

use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};
use fincoach_simulate::Simulation;
use function_edge::Scope;
use learning_core::store::Quarantine;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

use crate::access::Access;
use crate::assess::Assess;
use crate::command::{self, Format, Question, Upkeep};
use crate::engine::Credentials;
use crate::exports::exports_at;
use crate::guard::{ALLOWED_HOSTS, Guard};
use crate::replay::{self, Source};
use crate::stack::{Options, Stack};
use crate::{DEFAULT_PORT, environment, report};

/// Where the data folder remembers that the bundled sample was replayed.
const SAMPLE_MARKER: &str = "sample-replayed";

/// FinCoach continuous learning on one machine: events in, prepared training
/// datasets out.
///
/// Without a command it starts the whole service (API, DynamoDB- and
/// S3-compatible engines, bus, schedule) on a data folder, replays a bundled
/// sample of simulated users, shows how the datasets stand, and keeps serving
/// until Ctrl-C. Settings are environment variables that begin with LEARNING_;
/// README.md lists them.
#[derive(Debug, Parser)]
#[command(version, name = "fincoach-local", args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Args)]
struct Serve {
    /// Replay these files of events instead of the bundled sample: JSON lines (NDJSON) or
    /// a JSON array, in UTF-8 or UTF-16, plain or compressed by gzip or zstd; `-` is standard
    /// input. With --exit, the program exits with 1 where a line is rejected.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "no_replay")]
    events: Vec<PathBuf>,
    /// Exit with 0 although lines of --events are rejected.
    #[arg(long, requires = "events")]
    allow_rejected: bool,
    #[command(flatten)]
    place: Place,
    /// Only serve: replay nothing.
    #[arg(long)]
    no_replay: bool,
    /// Stop when everything is replayed, assessed and prepared.
    #[arg(long)]
    exit: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Who reaches the service.
#[derive(Debug, Args)]
struct Reach {
    /// Let only those use the API who show a token, as on AWS; `token` makes one.
    #[arg(long)]
    require_auth: bool,
    /// The address to listen on. Whoever reaches the tables and the bucket there may
    /// change them: no other than this machine's own should be open to strangers.
    #[arg(long, value_name = "ADDRESS", default_value_t = Ipv4Addr::LOCALHOST.into())]
    listen: IpAddr,
    /// A further name, without a port, that requests may be sent to; the names of this machine's own loopback
    /// always are. May be given several times.
    #[arg(long, value_name = "HOST", env = ALLOWED_HOSTS, value_delimiter = ',')]
    allow_host: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Place {
    /// Where tables and objects are kept; made where absent.
    #[arg(long, value_name = "FOLDER", default_value = ".local")]
    data_dir: PathBuf,
    /// Port of the API; S3, DynamoDB and the bus take the three after it. 0 takes any free ones.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what could not be accepted, with the reasons.
    Quarantine {
        #[command(flatten)]
        place: Place,
        /// One JSON object a line instead of a table.
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Upkeep(Upkeep),
    #[command(flatten)]
    Ask(Question),
    /// Start the service and keep serving; replay nothing.
    Serve {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        reach: Reach,
    },
    /// Print a token for a stack that was started with --require-auth; it lasts a day.
    Token {
        #[command(flatten)]
        place: Place,
        /// The token of this end user, which reaches nobody else's data; without it, a service's.
        #[arg(long, value_name = "UUID")]
        user: Option<Uuid>,
        /// What it allows; everything, if none is named.
        #[arg(long = "scope", value_parser = scope)]
        scopes: Vec<Scope>,
    },
    /// Print the variables by which AWS's tools reach the S3, DynamoDB and bus of a running stack.
    ///
    /// In a shell: eval "$(fincoach-local env)"
    Env {
        #[command(flatten)]
        place: Place,
    },
    /// Count the stored events of a data folder anew, and compare with what is kept.
    ///
    /// Exits with 1 where a count differs. Nothing else may be using the folder.
    Reconcile {
        #[command(flatten)]
        place: Place,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the completions of a shell, to be sourced.
    Completions { shell: clap_complete::Shell },
    /// Judge the quality of files of events, or of the datasets of a running service.
    ///
    /// With FILE, the events in these files are judged here, as the service would judge
    /// them once they were sent: `assess events.ndjson --dataset spending`. Without FILE,
    /// a running service assesses what --dataset names: `assess --dataset spending --url
    /// https://host`, with a token from FINCOACH_TOKEN, where one is needed.
    ///
    /// Exits with 0, with 1 where a dataset is below the quality gate, and with 2
    /// where there is no judgement.
    #[command(verbatim_doc_comment)]
    Assess(Assess),
    /// Write simulated events as NDJSON: the bundled sample, or others.
    Simulate {
        #[arg(long, default_value_t = Simulation::default().seed)]
        seed: u64,
        #[arg(long, default_value_t = Simulation::default().users)]
        users: u32,
        /// Days of behaviour.
        #[arg(long, default_value_t = Simulation::default().days)]
        days: u32,
        /// The last day.
        #[arg(long, default_value_t = Simulation::default().end)]
        end: NaiveDate,
        /// Share of events with a fault, 0 to 1.
        #[arg(long, default_value_t = Simulation::default().dirt)]
        dirt: f64,
        /// The file to write; standard output if there is none.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
}

impl Cli {
    /// # Errors
    /// One line that says what is wrong and what to do.
    pub async fn run(self) -> Result<ExitCode> {
        match self.command {
            Some(Command::Assess(assess)) => return Ok(assess.run().await),
            Some(Command::Ask(question)) => return question.run().await,
            Some(Command::Completions { shell }) => command::completions(shell),
            Some(Command::Reconcile { place, format }) => {
                log();
                return command::reconcile(&place.alone(), format).await;
            }
            Some(Command::Serve { place, reach }) => {
                log();
                serve(&Serve { events: Vec::new(), allow_rejected: false, place, no_replay: true, exit: false, reach })
                    .await?;
            }
            Some(Command::Token { place, user, scopes }) => {
                let scopes = if scopes.is_empty() { Scope::ALL.to_vec() } else { scopes };
                println!("{}", Access::token(&place.data_dir, &scopes, user)?);
            }
            Some(Command::Env { place }) => {
                println!("{}", exports_at(place.port, Credentials::existing(&place.data_dir)?)?);
            }
            Some(Command::Upkeep(upkeep)) => upkeep.run().await?,
            None => {
                log();
                serve(&self.serve).await?;
            }
            Some(Command::Quarantine { place, json }) => {
                log();
                quarantine(&place, json).await?;
            }
            Some(Command::Simulate { seed, users, days, end, dirt, output }) => {
                simulate(&Simulation { seed, users, days, end, dirt }, output.as_deref())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn scope(name: &str) -> Result<Scope, String> {
    let known = || Scope::ALL.map(Scope::name).join(", ");
    Scope::ALL.into_iter().find(|scope| scope.name() == name).ok_or_else(|| format!("there are {}", known()))
}

/// Warnings and worse, on standard error; `RUST_LOG` shows more. The engines warn
/// of every condition that fails, which is how duplicates are found.
pub(crate) fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,dynoxide=error,s3s=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

async fn serve(serve: &Serve) -> Result<()> {
    environment::check()?;
    // Opened first: a file that is not there should not cost a start.
    let files: Vec<Source> = serve.events.iter().map(|file| Source::open(file)).collect::<Result<_>>()?;
    let Reach { require_auth, listen, allow_host } = &serve.reach;
    let guard = Guard::new(allow_host, *listen)?;
    let access = if *require_auth { Access::guarded(&serve.place.data_dir)? } else { Access::Open };
    let stack = Stack::start_on(*listen, &guard, &serve.place.options(), access).await?;
    let outcome = tokio::select! {
        outcome = work(serve, &stack, files) => outcome,
        stopped = told_to_stop() => {
            stopped.context("cannot listen for signals")?;
            eprintln!("\nStopping. What was taken in is kept; the next start goes on from here.");
            Ok(())
        }
    };
    stack.stop().await;
    outcome
}

/// By Ctrl-C, or as container engines and service managers do it.
async fn told_to_stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

async fn work(serve: &Serve, stack: &Stack, files: Vec<Source>) -> Result<()> {
    let data_dir = &serve.place.data_dir;
    println!("{}\n", report::addresses(stack, data_dir));
    let replayed = if serve.no_replay {
        None
    } else if files.is_empty() {
        replay_sample(stack, data_dir).await?
    } else {
        Some(replay::replay(stack, files).await?)
    };
    if let Some(tally) = &replayed {
        println!("{}", report::replay(tally));
    }
    let settled = settle(stack, data_dir, replayed.as_ref()).await;
    if serve.exit {
        settled?;
        return replayed
            .filter(|_| !serve.events.is_empty())
            .map_or(Ok(()), |tally| everything_was_ingested(serve, &tally));
    }
    // Events may be coming in all the time, or something failed for a moment: who serves goes on.
    if let Err(error) = settled {
        tracing::warn!(
            error = format!("{error:#}"),
            "what was left to do at the start is not done; the schedule takes it up"
        );
    }
    println!("\nServing; Ctrl-C stops.");
    std::future::pending().await
}

/// # Errors
/// One line, where files hold what was not ingested.
fn everything_was_ingested(serve: &Serve, tally: &replay::Tally) -> Result<()> {
    if let Some(problem) = tally.unreadable.first() {
        let others = tally.unreadable.len() - 1;
        let others = if others == 0 { String::new() } else { format!(" (and {others} more files)") };
        bail!("{problem}{others}: what came before is ingested; repair the file and replay it again");
    }
    if !tally.is_complete() && !serve.allow_rejected {
        bail!(
            "{} lines were rejected: see above and `quarantine`, fix the sender or the file and replay it again, or \
             accept them with --allow-rejected",
            report::grouped(tally.refused())
        );
    }
    Ok(())
}

/// Waits until nothing is left to do, and tells how the datasets stand then.
async fn settle(stack: &Stack, data_dir: &Path, replayed: Option<&replay::Tally>) -> Result<()> {
    stack.settle().await?;
    println!("\n{}", report::datasets(stack, data_dir, replayed).await?);
    Ok(())
}

/// Replays the bundled sample, unless the data folder has all of it.
async fn replay_sample(stack: &Stack, data_dir: &Path) -> Result<Option<replay::Tally>> {
    let marker = data_dir.join(SAMPLE_MARKER);
    let sample = Simulation::default();
    let identity = format!("{sample:?}\n");
    if std::fs::read_to_string(&marker).is_ok_and(|replayed| replayed == identity) {
        println!("The bundled sample is in {} already; nothing is replayed.", data_dir.display());
        return Ok(None);
    }
    println!("Replaying the bundled sample: {} simulated users over {} days.", sample.users, sample.days);
    let tally = replay::replay(stack, vec![Source::sample()?]).await?;
    std::fs::write(&marker, identity).with_context(|| format!("cannot write {}", marker.display()))?;
    Ok(Some(tally))
}

async fn quarantine(place: &Place, json: bool) -> Result<()> {
    let stack = Stack::start(&place.alone()).await?;
    let listed = Quarantine::new(&stack.clients).list().await;
    stack.stop().await;
    let listed = listed?;
    if !json {
        println!("{}", report::quarantine(&listed));
        return Ok(());
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    for one in &listed {
        serde_json::to_writer(&mut out, one)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

fn simulate(simulation: &Simulation, output: Option<&Path>) -> Result<()> {
    let generated = simulation.generate()?;
    let mut out: Box<dyn Write> = match output {
        None => Box::new(BufWriter::new(std::io::stdout().lock())),
        Some(path) => {
            let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
    };
    for event in generated.events {
        serde_json::to_writer(&mut out, &event)?;
        out.write_all(b"\n")?;
    }
    out.flush().context("cannot write the events")?;
    Ok(())
}

impl Place {
    fn options(&self) -> Options {
        Options { data_dir: self.data_dir.clone(), port: self.port }
    }

    /// For a command that has the folder to itself: any free ports do.
    pub(crate) fn alone(&self) -> Options {
        Options { port: 0, ..self.options() }
    }
}
