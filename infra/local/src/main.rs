use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fincoach_local::arenas;
use fincoach_local::cli::Cli;

/// How long a body that is being worked on may go on after the stack was stopped.
const GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // Before there is a second thread.
    arenas::limit();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the program's threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run());
    runtime.shutdown_timeout(GRACE);
    code
}

async fn run() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
