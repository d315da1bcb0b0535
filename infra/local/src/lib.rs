//! The local stack: the functions of the service on engines embedded in one
//! process.

pub mod engine;
