use std::process::ExitCode;

use clap::Parser;
use fincoach_local::arenas;
use fincoach_local::cli::Cli;

fn main() -> ExitCode {
    // Before there is a second thread.
    arenas::limit();
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
