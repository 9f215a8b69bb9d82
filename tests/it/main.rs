//! Integration tests.

mod databases;
mod licences;
mod tidy;
