//! Commands that work on this machine alone.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use learning_core::usecase::Reconcile;

use super::Format;
use crate::cli::Cli;
use crate::report::{grouped, table};
use crate::stack::{Options, Stack};

/// Prints what a shell needs to complete the commands.
pub fn completions(shell: Shell) {
    generate(shell, &mut Cli::command(), "fincoach-local", &mut std::io::stdout());
}

/// Counts the stored events of a data folder anew. Exits with 1 where what is kept differs.
///
/// # Errors
/// Whatever the store says.
pub async fn reconcile(options: &Options, format: Format) -> Result<ExitCode> {
    let stack = Stack::start(options).await?;
    let checks = Reconcile::new(&stack.clients, &stack.settings).reconcile().await;
    stack.stop().await;
    let checks = checks?;
    let different = checks.iter().filter(|check| check.differs()).count();
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&checks)?),
        Format::Table => {
            let rows = checks.iter().map(|check| {
                let verdict = if check.differs() { "DIFFERS" } else { "" };
                [check.what.clone(), grouped(check.kept), grouped(check.counted), verdict.to_owned()]
            });
            println!("{}", table(["what", "kept", "counted", ""], rows, &[1, 2]));
            println!("{different} of {} counts differ.", checks.len());
        }
    }
    Ok(if different == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
