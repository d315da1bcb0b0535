//! Prepared datasets.
