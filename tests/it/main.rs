//! Integration tests.

mod databases;
