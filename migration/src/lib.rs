//! How the tables came to be.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Every step, in order.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}
