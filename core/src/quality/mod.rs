//! Data quality.
