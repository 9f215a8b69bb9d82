//! The test kit.

pub mod app;
pub mod caller;
pub mod databases;
pub mod feeds;
pub mod follower;
pub mod handover;
pub mod identity_provider;
pub mod mail;
pub mod program;
pub mod workshops;
