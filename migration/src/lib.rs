//! How the tables of aftercare came to be: one file per step, never edited once it has landed.

mod column;
mod m0001_directory;
mod m0002_log;
mod m0003_client;
mod m0004_referral;
mod m0005_schedule;
mod m0006_issuer;
mod m0007_program_search;
mod m0008_staffed_hours;
mod m0009_referral_life;
mod m0010_time;
mod m0011_work_about_clients;
mod m0012_referral_offer;
mod m0013_emergency_access;
mod m0014_merge;
mod m0015_erasure;
mod m0016_contact_addendum;
mod m0017_contact_schedule;
mod m0018_bulk_operation;
mod m0019_client_access;
mod m0020_milestone;
mod m0021_contact_follow_up;
mod m0022_referral_order;
mod m0023_access_reuse;
mod m0024_series;
mod m0025_gathering;
mod m0026_gathering_place;
mod m0027_private_calendar;
mod m0028_listed_meeting;
mod rebuild;

use sea_orm_migration::prelude::*;

/// All steps, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_directory::Migration),
            Box::new(m0002_log::Migration),
            Box::new(m0003_client::Migration),
            Box::new(m0004_referral::Migration),
            Box::new(m0005_schedule::Migration),
            Box::new(m0006_issuer::Migration),
            Box::new(m0007_program_search::Migration),
            Box::new(m0008_staffed_hours::Migration),
            Box::new(m0009_referral_life::Migration),
            Box::new(m0010_time::Migration),
            Box::new(m0011_work_about_clients::Migration),
            Box::new(m0012_referral_offer::Migration),
            Box::new(m0013_emergency_access::Migration),
            Box::new(m0014_merge::Migration),
            Box::new(m0015_erasure::Migration),
            Box::new(m0016_contact_addendum::Migration),
            Box::new(m0017_contact_schedule::Migration),
            Box::new(m0018_bulk_operation::Migration),
            Box::new(m0019_client_access::Migration),
            Box::new(m0020_milestone::Migration),
            Box::new(m0021_contact_follow_up::Migration),
            Box::new(m0022_referral_order::Migration),
            Box::new(m0023_access_reuse::Migration),
            Box::new(m0024_series::Migration),
            Box::new(m0025_gathering::Migration),
            Box::new(m0026_gathering_place::Migration),
            Box::new(m0027_private_calendar::Migration),
            Box::new(m0028_listed_meeting::Migration),
        ]
    }
}
