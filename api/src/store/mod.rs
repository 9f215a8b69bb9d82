//! The only module that holds a database connection.

pub mod vault;
