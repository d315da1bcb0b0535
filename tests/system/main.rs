//! The system as its users meet it: the program, its HTTP API, its files.
//!
//! Everything here runs on the embedded engines and needs nothing but Rust.

mod api;
mod command_line;
mod counting;
mod erasure;
mod ingestion;
mod kill;
mod payloads;
mod preparation;
mod privacy;
mod readiness;
mod real_events;
mod sample;
mod support;
