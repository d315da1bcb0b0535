//! How many arenas the allocator of glibc has.
//!
//! It gives threads up to eight a core, and each keeps what it once held. Preparations run on
//! whichever thread is free, so that in time every arena has held one. See ADR 83.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The allocator reads it before `main` begins.
const VARIABLE: &str = "MALLOC_ARENA_MAX";
const MOST: &str = "4";

/// Begins the program anew in the same process, with few arenas; not where its environment says
/// how many, or has another allocator. Where that cannot be done, it returns too.
pub fn limit() {
    if cfg!(not(target_env = "gnu")) || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut anew = Command::new(program);
    let mut arguments = std::env::args_os();
    if let Some(name) = arguments.next() {
        anew.arg0(name);
    }
    // It goes on with as many as it has.
    drop(anew.args(arguments).env(VARIABLE, MOST).exec());
}
