//! How a program is run.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{program, program::StaffedHours as StaffedHoursRow, referral, vocabulary::Weekday};
use sea_orm::{ColumnTrait, Order};

use super::{
    clock_policy::ClockPolicy,
    connection::children,
    context::RequestContext,
    error::query_error,
    referral::ReferralConnection,
    referral_query::ReferralFilter,
    scalar::{Date, LocalTime},
};
use crate::{
    domain::{
        clock_policy,
        program::{holidays, staffed_hours},
    },
    store::{PageArgs, Visible},
};

/// How a program is run, for its organization's staff.
pub(crate) struct ProgramOperations(pub(super) Visible<program::Entity>);

/// How a program is run, for its organization's staff.
#[Object]
impl ProgramOperations {
    /// The referrals submitted to it that the viewer sees, newest first. None without the scope `referrals:read`.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn referrals_received(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which referrals; all when there is none.")] filter: Option<ReferralFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ReferralConnection> {
        self.referrals(ctx, referral::Column::ToProgramId, filter, PageArgs { first, after, last, before }).await
    }

    /// The referrals that it sent, drafts with them, that the viewer sees, newest first. None without the scope `referrals:read`.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn referrals_sent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which referrals; all when there is none.")] filter: Option<ReferralFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ReferralConnection> {
        self.referrals(ctx, referral::Column::FromProgramId, filter, PageArgs { first, after, last, before }).await
    }

    /// How long the clocks of its referrals run that start now. A clock that runs keeps the policy by which it started.
    async fn clock_policy(&self) -> ClockPolicy {
        clock_policy::ClockPolicy::current().into()
    }

    /// When it is staffed, from Monday, in its own time zone. A program that has set none: Monday to Friday from 09:00 to 17:00.
    async fn staffed_hours(&self) -> Vec<StaffedHours> {
        staffed_hours(&self.0).into_iter().map(Into::into).collect()
    }

    /// Days on which nobody is there, in order, in its own time zone.
    async fn holidays(&self) -> Vec<Date> {
        holidays(&self.0).into_iter().map(Date).collect()
    }

    /// UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// UTC.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl ProgramOperations {
    async fn referrals(
        &self,
        ctx: &Context<'_>,
        side: referral::Column,
        filter: Option<ReferralFilter>,
        args: PageArgs,
    ) -> Result<ReferralConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<referral::Entity>(&access);
        // A draft has not come to anybody.
        let find = match side {
            referral::Column::ToProgramId => find.by(referral::Column::SubmittedAt, |column| column.is_not_null()),
            _ => find,
        };
        let find = filter.unwrap_or_default().narrow(ctx.store(), &access, find).map_err(query_error)?;
        let find = find.ordered(referral::Column::CreatedAt, Order::Desc);
        Ok(children(ctx, find, side, self.0.id, args).await?.into())
    }
}

/// A part of a day of the week in which a program is staffed.
#[derive(SimpleObject)]
pub(crate) struct StaffedHours {
    /// On which day.
    weekday: Weekday,
    /// When people come.
    from: LocalTime,
    /// When they have left; `00:00` is midnight at the end of the day.
    to: LocalTime,
}

impl From<StaffedHoursRow> for StaffedHours {
    fn from(row: StaffedHoursRow) -> Self {
        Self { weekday: row.weekday, from: LocalTime(row.from), to: LocalTime(row.to) }
    }
}

/// A part of a day of the week in which a program is staffed. Hours over midnight are two of them.
#[derive(InputObject)]
pub(crate) struct StaffedHoursInput {
    /// On which day.
    weekday: Weekday,
    /// When people come.
    from: LocalTime,
    /// When they have left, after `from`; `00:00` is midnight at the end of the day.
    to: LocalTime,
}

impl From<StaffedHoursInput> for StaffedHoursRow {
    fn from(input: StaffedHoursInput) -> Self {
        Self { weekday: input.weekday, from: input.from.0, to: input.to.0 }
    }
}
