//! The test kit.

pub mod databases;
