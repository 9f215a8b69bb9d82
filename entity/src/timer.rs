//! What falls due, and when.

use sea_orm::entity::prelude::*;

use crate::vocabulary::TimerKind;

/// Something to be done at an instant, once over all replicas. What it is about says, when it fires, whether it is still to be done.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "timer")]
pub struct Model {
    /// What is to be done.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: TimerKind,
    /// To what.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// When (UTC).
    pub due_at: DateTimeUtc,
    /// How often it could not be done.
    pub failures: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl sea_orm::TryFromU64 for TimerKind {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("a kind is never counted up"))
    }
}
