//! Making and changing programs.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use entity::{ProgramId, vocabulary::ServiceKind};

use super::{
    context::RequestContext,
    error::command,
    guard::Requires,
    payload::payloads,
    program::{AddressInput, LevelOfCareInput, Program},
    program_operations::StaffedHoursInput,
    scalar::{Date, LanguageTag, PhoneNumber, TimeZone, each},
};
use crate::{
    access::Scope,
    domain::program::{NewProgram, ProgramChange, create, update},
};

/// A new program of the caller's organization.
#[derive(InputObject)]
pub(crate) struct ProgramCreateInput {
    /// As people know it; unique within the organization.
    name: String,
    /// A few sentences for people who look for support.
    description: Option<String>,
    /// The ASAM level it gives.
    level_of_care: Option<LevelOfCareInput>,
    /// The languages it serves in.
    languages: Option<Vec<LanguageTag>>,
    /// Where it is.
    address: Option<AddressInput>,
    /// Its telephone.
    phone: Option<PhoneNumber>,
    /// The organization's when none is given.
    time_zone: Option<TimeZone>,
    /// The kinds of support it gives.
    services: Option<Vec<ServiceKind>>,
    /// Whether it serves by telephone or online.
    serves_remotely: Option<bool>,
    /// States, counties or 3-digit ZIP codes.
    service_areas: Option<Vec<String>>,
    /// Whether it takes referrals; it does unless it says otherwise.
    accepts_referrals: Option<bool>,
    /// When it is staffed, in its own time zone: 1 to 50 ranges that do not overlap. Monday to Friday from 09:00 to 17:00 when it does not
    /// say.
    staffed_hours: Option<Vec<StaffedHoursInput>>,
    /// Days on which nobody is there, in its own time zone: at most 400.
    holidays: Option<Vec<Date>>,
}

impl From<ProgramCreateInput> for NewProgram {
    fn from(input: ProgramCreateInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            level: input.level_of_care.map(Into::into),
            languages: each(input.languages.unwrap_or_default()),
            address: input.address.map(Into::into),
            phone: input.phone.map(|phone| phone.0),
            time_zone: input.time_zone.map(|zone| zone.0),
            services: input.services.unwrap_or_default(),
            serves_remotely: input.serves_remotely.unwrap_or_default(),
            service_areas: input.service_areas.unwrap_or_default(),
            accepts_referrals: input.accepts_referrals.unwrap_or(true),
            staffed_hours: input.staffed_hours.map(each),
            holidays: input.holidays.map(each),
        }
    }
}

/// A change of a program. What is not given stays as it is, and so does what is null where null has no meaning of its own.
#[derive(InputObject)]
pub(crate) struct ProgramUpdateInput {
    /// Which.
    id: ProgramId,
    /// The version that was read; a stale one gives STALE. The present one when none is named.
    version: Option<i32>,
    /// As people know it; unique within the organization.
    name: Option<String>,
    /// A few sentences for people who look for support; null takes them away.
    description: MaybeUndefined<String>,
    /// The ASAM level it gives; null for none.
    level_of_care: MaybeUndefined<LevelOfCareInput>,
    /// The languages it serves in: all of them.
    languages: Option<Vec<LanguageTag>>,
    /// Where it is, all of it; null when it only serves remotely.
    address: MaybeUndefined<AddressInput>,
    /// Its telephone; null for none.
    phone: MaybeUndefined<PhoneNumber>,
    /// The zone that its clocks and hours run in. Sessions that are planned stay when they are.
    time_zone: Option<TimeZone>,
    /// The kinds of support it gives: all of them.
    services: Option<Vec<ServiceKind>>,
    /// Whether it serves by telephone or online.
    serves_remotely: Option<bool>,
    /// States, counties or 3-digit ZIP codes: all of them.
    service_areas: Option<Vec<String>>,
    /// Whether it takes referrals.
    accepts_referrals: Option<bool>,
    /// When it is staffed, in its own time zone, the whole week: 1 to 50 ranges that do not overlap. Null for Monday to Friday from 09:00
    /// to 17:00.
    staffed_hours: MaybeUndefined<Vec<StaffedHoursInput>>,
    /// Days on which nobody is there, in its own time zone, all of them: at most 400. Null for none.
    holidays: MaybeUndefined<Vec<Date>>,
}

impl From<ProgramUpdateInput> for ProgramChange {
    fn from(input: ProgramUpdateInput) -> Self {
        Self {
            name: input.name,
            description: input.description.into(),
            level: input.level_of_care.map_value(Into::into).into(),
            languages: input.languages.map(each),
            address: input.address.map_value(Into::into).into(),
            phone: input.phone.map_value(|phone| phone.0).into(),
            time_zone: input.time_zone.map(|zone| zone.0),
            services: input.services,
            serves_remotely: input.serves_remotely,
            service_areas: input.service_areas,
            accepts_referrals: input.accepts_referrals,
            staffed_hours: input.staffed_hours.map_value(each).into(),
            holidays: input.holidays.map_value(each).into(),
        }
    }
}

payloads! {
    ProgramCreatePayload = "programCreate", program: Program, "The program";
    ProgramUpdatePayload = "programUpdate", program: Program, "The program";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ProgramMutation;

#[Object]
impl ProgramMutation {
    /// Makes a program of the caller's organization. For administrators.
    #[graphql(guard = "Requires(Scope::Admin)")]
    async fn program_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The program.")] input: ProgramCreateInput,
    ) -> Result<Option<ProgramCreatePayload>> {
        let access = ctx.access();
        let made = create(ctx.store(), &access, input.into());
        let (program, user_errors) = command(ctx, "programCreate", made).await?;
        Ok(Some(ProgramCreatePayload { program: program.map(Program), user_errors }))
    }

    /// Changes a program. For administrators, and for coordinators of the program.
    #[graphql(guard = "Requires(Scope::Admin)")]
    async fn program_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: ProgramUpdateInput,
    ) -> Result<Option<ProgramUpdatePayload>> {
        let access = ctx.access();
        let (id, version) = (input.id, input.version);
        let changed = update(ctx.store(), &access, id, input.into(), version);
        let (program, user_errors) = command(ctx, "programUpdate", changed).await?;
        Ok(Some(ProgramUpdatePayload { program: program.map(Program), user_errors }))
    }
}
