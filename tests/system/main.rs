//! The system as its users meet it: the program, its HTTP API, its files.
//!
//! Everything here runs on the embedded engines and needs nothing but Rust.

mod aggregation;
mod api;
mod bare;
mod client;
mod command_line;
mod corrections;
mod counting;
mod decoding;
mod erasure;
mod health;
mod incoming;
mod ingestion;
mod kill;
mod meaning;
// It can do more than is asked of it here.
#[allow(dead_code)]
#[path = "../proof/meter.rs"]
mod meter;
mod model;
mod payloads;
mod preparation;
mod privacy;
mod quality;
mod readiness;
mod real_events;
mod routes;
mod sample;
#[path = "../signing.rs"]
mod signing;
mod strangers;
mod support;
mod sweep;
mod template;
mod watched;
mod wire;
