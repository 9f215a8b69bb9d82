//! Places in line: how many are before somebody who waits for a seat, with one statement for as many as are asked about.

use std::collections::HashMap;

use entity::{RegistrationId, registration, vocabulary::RegistrationStatus};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, Func, Query, SubQueryStatement},
};
use uuid::Uuid;

use super::{Store, connection};
use crate::{access::Access, error::Result};

impl Store {
    /// The places of registrations that the caller was shown, each from 1 among those who wait for a seat of its kind at its session. None
    /// of those that do not wait.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn places_in_line(&self, _access: &Access, ids: &[RegistrationId]) -> Result<HashMap<RegistrationId, i32>> {
        use registration::Column;
        let of = |alias: &'static str, column: Column| Expr::col((alias, column));
        let waits = |alias: &'static str| {
            let states = [RegistrationStatus::Unconfirmed, RegistrationStatus::Waitlisted, RegistrationStatus::Offered];
            Condition::all().add(of(alias, Column::Status).is_in(states)).add(of(alias, Column::Seated).eq(false))
        };
        let (asked, other) = ("registration", "other");
        let earlier = of(other, Column::WaitingSince).lt(of(asked, Column::WaitingSince));
        let same = of(other, Column::WaitingSince).eq(of(asked, Column::WaitingSince));
        let before = Query::select()
            .expr(Func::count(of(other, Column::Id)))
            .from_as(registration::Entity, other)
            .cond_where(waits(other))
            .and_where(of(other, Column::SessionId).eq(of(asked, Column::SessionId)))
            .and_where(of(other, Column::Attendance).eq(of(asked, Column::Attendance)))
            .and_where(earlier.or(same.and(of(other, Column::Id).lt(of(asked, Column::Id)))))
            .take();
        let places = connection::select::<registration::Entity>().select_only().column(Column::Id);
        let places = places.expr_as(Expr::from(SubQueryStatement::from(before)), "before");
        let places = places.filter(Column::Id.is_in(ids.iter().copied())).filter(waits(asked));
        let places = places.into_tuple::<(Uuid, i64)>().all(self.reader()).await?;
        Ok(places.into_iter().map(|(id, before)| (id.into(), i32::try_from(before + 1).unwrap_or(i32::MAX))).collect())
    }
}
