//! The local stack: the functions of the service on engines embedded in one
//! process, and the programs around it.
//!
//! [`stack`] starts the engines of [`engine`] and the functions; [`front`],
//! [`poller`], [`incoming`], [`deliveries`] and [`schedule`] hand the functions the same
//! events as API Gateway, the table stream, S3, the bus and the scheduler do on AWS;
//! [`access`] stands in for the authorizer; [`guard`] refuses what a web page makes a browser send.
//! [`arenas`] keeps the memory of the program small.
//! [`replay`] sends files of events over HTTP; [`report`] shows how things stand.

pub mod access;
pub mod arenas;
pub mod assess;
pub mod cli;
pub mod command;
mod deliveries;
pub mod engine;
pub mod environment;
pub mod exports;
pub mod front;
pub mod functions;
pub mod guard;
mod incoming;
mod poller;
pub mod replay;
pub mod report;
mod schedule;
mod secret;
pub mod stack;
mod work;

/// What invoking a function takes: see [`stack::Stack::invoke`].
pub mod function {
    pub use function_edge::{Answer, Error, Function, RawValue};
}

/// Where the stack listens if nothing else is said; the engines take the ports after it.
pub const DEFAULT_PORT: u16 = 9000;
