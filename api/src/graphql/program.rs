//! Programs.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    OrganizationId, ProgramId, gathering, organization,
    program::{self, Address as AddressRow},
    vocabulary::{AsamEdition, GatheringKind, ProgramCapacity, ServiceKind, SortDirection},
};
use sea_orm::Order;

use super::{
    connection::{Paged, children, connection, paged},
    context::RequestContext,
    error::{coded, query_error},
    gathering_list::{WorkshopFilter, in_order},
    organization::Organization,
    program_operations::ProgramOperations,
    scalar::{LanguageTag, PhoneNumber, TimeZone, each},
    support_group::SupportGroupConnection,
    workshop::WorkshopConnection,
};
use crate::{
    domain::{
        place::{self, Near},
        program::{self as rules, By, Wanted, level_name},
    },
    store::{Class, PageArgs, Visible},
};

/// One of an organization's services: what people are referred to.
#[derive(Clone)]
pub(crate) struct Program(pub(crate) Visible<program::Entity>);

impl Program {
    /// What of one kind it runs that the viewer can find, by the next session.
    async fn gatherings(&self, ctx: &Context<'_>, kind: GatheringKind, args: PageArgs) -> Result<Paged<gathering::Entity>> {
        let access = ctx.access();
        let asked = WorkshopFilter::default().of_kind(kind);
        let find = asked.gatherings(ctx.store().find(&access)).map_err(query_error)?;
        children(ctx, in_order(ctx, find, None)?, gathering::Column::ProgramId, self.0.id, args).await
    }
}

/// One of an organization's services: what people are referred to.
#[Object]
impl Program {
    /// Its id.
    async fn id(&self) -> ProgramId {
        self.0.id
    }

    /// Whose it is.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let found = ctx.load_public::<organization::Entity>(self.0.organization_id).await?;
        found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "The program's organization has left."))
    }

    /// As people know it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// A few sentences for people who look for support.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The ASAM level it gives; null for peer support, which is none.
    async fn level_of_care(&self) -> Option<LevelOfCare> {
        LevelOfCare::of(self.0.level_edition?, self.0.level_code.as_deref()?)
    }

    /// The languages it serves in.
    async fn languages(&self) -> Vec<LanguageTag> {
        self.0.languages.iter().cloned().map(LanguageTag).collect()
    }

    /// Where it is; null when it only serves remotely.
    async fn address(&self) -> Option<Address> {
        self.0.address.clone().map(Into::into)
    }

    /// Its telephone.
    async fn phone(&self) -> Option<PhoneNumber> {
        self.0.phone.clone().map(PhoneNumber)
    }

    /// The zone that its clocks and sessions run in.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// The kinds of support it gives.
    async fn services(&self) -> Vec<ServiceKind> {
        self.0.services.to_vec()
    }

    /// Whether it serves by telephone or online.
    async fn serves_remotely(&self) -> bool {
        self.0.serves_remotely
    }

    /// States, counties or 3-digit ZIP codes, as it names them.
    async fn service_areas(&self) -> Vec<String> {
        self.0.service_areas.to_vec()
    }

    /// Whether it takes referrals at all.
    async fn accepts_referrals(&self) -> bool {
        self.0.accepts_referrals
    }

    /// Whether it can take on somebody new, as far as its peers' caseloads and who waits tell; more may come. Found out every ten minutes.
    async fn capacity(&self) -> ProgramCapacity {
        self.0.capacity
    }

    /// When its capacity was found out last (UTC).
    async fn capacity_as_of(&self) -> DateTime<Utc> {
        self.0.capacity_as_of.unwrap_or(self.0.created_at)
    }

    /// How far it is in kilometres, to the nearest tenth, from where `near` was asked about; null when it was not, and of a program that
    /// was reached in another way.
    async fn distance_km(&self) -> Option<f64> {
        self.0.measure().map(place::km_of)
    }

    /// Its workshops that the viewer can find, by their next session.
    async fn workshops(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<WorkshopConnection> {
        Ok(self.gatherings(ctx, GatheringKind::Workshop, PageArgs { first, after, last, before }).await?.into())
    }

    /// Its support groups that the viewer can find, by their next session.
    async fn support_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<SupportGroupConnection> {
        Ok(self.gatherings(ctx, GatheringKind::SupportGroup, PageArgs { first, after, last, before }).await?.into())
    }

    /// How it is run; null to others than its organization's staff.
    async fn operations(&self, ctx: &Context<'_>) -> Option<ProgramOperations> {
        if self.0.may_open(Class::Operations) {
            return Some(ProgramOperations(self.0.clone()));
        }
        if ctx.access().organization == Some(self.0.organization_id) {
            ctx.closed_by_role(Class::Operations);
        }
        None
    }
}

/// Programs that something names, together with those of all that this level asks for.
pub(crate) async fn programs(ctx: &Context<'_>, ids: impl Iterator<Item = ProgramId>) -> Result<Vec<Program>> {
    let found = futures_util::future::try_join_all(ids.map(|id| ctx.load::<program::Entity>(id))).await?;
    Ok(found.into_iter().flatten().map(Program).collect())
}

connection!(Program, ProgramConnection, ProgramEdge, program::Entity, "programs");

/// A level of care of the ASAM criteria.
#[derive(Clone, SimpleObject)]
pub(crate) struct LevelOfCare {
    /// Of which edition.
    edition: AsamEdition,
    /// Its code there.
    code: String,
    /// Its name there.
    name: &'static str,
}

impl LevelOfCare {
    pub(crate) fn of(edition: AsamEdition, code: &str) -> Option<Self> {
        Some(Self { edition, code: code.to_owned(), name: level_name(edition, code)? })
    }
}

/// A level of care by its code.
#[derive(InputObject)]
pub(crate) struct LevelOfCareInput {
    /// Of which edition.
    edition: AsamEdition,
    /// Its code there.
    code: String,
}

impl From<LevelOfCareInput> for (AsamEdition, String) {
    fn from(input: LevelOfCareInput) -> Self {
        (input.edition, input.code)
    }
}

/// A postal address, or as much of it as there is.
#[derive(Clone, SimpleObject)]
pub(crate) struct Address {
    /// Street and number.
    line1: Option<String>,
    /// The rest of it.
    line2: Option<String>,
    /// City.
    city: Option<String>,
    /// State or region.
    region: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    country: String,
    /// Degrees north.
    latitude: Option<f64>,
    /// Degrees east.
    longitude: Option<f64>,
}

impl From<AddressRow> for Address {
    fn from(row: AddressRow) -> Self {
        let AddressRow { line1, line2, city, region, postal_code, country, latitude, longitude } = row;
        Self { line1, line2, city, region, postal_code, country, latitude, longitude }
    }
}

/// A postal address, or as much of it as there is.
#[derive(InputObject)]
pub(crate) struct AddressInput {
    /// Street and number.
    line1: Option<String>,
    /// The rest of it.
    line2: Option<String>,
    /// City.
    city: Option<String>,
    /// State or region.
    region: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    country: String,
    /// Degrees north, -90 to 90.
    latitude: Option<f64>,
    /// Degrees east, -180 to 180.
    longitude: Option<f64>,
}

impl From<AddressInput> for AddressRow {
    fn from(input: AddressInput) -> Self {
        let AddressInput { line1, line2, city, region, postal_code, country, latitude, longitude } = input;
        Self { line1, line2, city, region, postal_code, country, latitude, longitude }
    }
}

/// Which programs.
#[derive(InputObject, Default)]
pub(crate) struct ProgramFilter {
    /// Those that take referrals, or do not.
    accepts_referrals: Option<bool>,
    /// Those with one of these capacities.
    capacity: Option<Vec<ProgramCapacity>>,
    /// Those that give one of these kinds of support.
    services: Option<Vec<ServiceKind>>,
    /// Those that serve in one of these languages; `es` finds `es-MX` as well.
    languages: Option<Vec<LanguageTag>>,
    /// Those of these organizations.
    organization_ids: Option<Vec<OrganizationId>>,
    /// Those that give one of these levels of care.
    levels_of_care: Option<Vec<LevelOfCareInput>>,
    /// Those near a place. A program whose place is not known is not found so.
    near: Option<NearInput>,
    /// Those that serve by telephone or online, or do not.
    serves_remotely: Option<bool>,
    /// Those whose name or description has words that begin like each of these, whatever their case and accents.
    search: Option<String>,
}

/// Near a place: by both coordinates, or by postal code and country. It is rounded to a hundredth of a degree, about a kilometre. Send it by
/// POST: an address of a query ends up in logs.
#[derive(InputObject)]
pub(crate) struct NearInput {
    /// Degrees north, -90 to 90.
    latitude: Option<f64>,
    /// Degrees east, -180 to 180.
    longitude: Option<f64>,
    /// A postal code, for its middle.
    postal_code: Option<String>,
    /// Of which country: ISO 3166-1 alpha-2. Postal codes are known of `US`; more may come.
    country: Option<String>,
    /// How far away at most, in kilometres: up to 1000.
    within_km: f64,
}

impl From<NearInput> for Near {
    fn from(near: NearInput) -> Self {
        let NearInput { latitude, longitude, postal_code, country, within_km } = near;
        Self { latitude, longitude, postal_code, country, within_km }
    }
}

impl From<ProgramFilter> for Wanted {
    fn from(filter: ProgramFilter) -> Self {
        Self {
            accepts_referrals: filter.accepts_referrals,
            capacities: filter.capacity,
            serves_remotely: filter.serves_remotely,
            organizations: filter.organization_ids,
            services: filter.services,
            languages: filter.languages.map(each),
            levels: filter.levels_of_care.map(|levels| levels.into_iter().map(|level| (level.edition, level.code)).collect()),
            near: filter.near.map(Into::into),
            search: filter.search,
        }
    }
}

/// What programs can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ProgramOrderField {
    /// By name.
    Name,
    /// By how far they are from where `near` asks about.
    Distance,
    /// Those that can take on somebody new first: CAPACITY, ADDITIONAL_ASSESSMENT_REQUIRED, WAITLIST, NO_CAPACITY.
    Capacity,
}

impl From<ProgramOrderField> for By {
    fn from(field: ProgramOrderField) -> Self {
        match field {
            ProgramOrderField::Name => Self::Name,
            ProgramOrderField::Distance => Self::Distance,
            ProgramOrderField::Capacity => Self::Capacity,
        }
    }
}

/// In which order.
#[derive(InputObject)]
pub(crate) struct ProgramOrder {
    /// By what.
    field: ProgramOrderField,
    /// Which way.
    direction: SortDirection,
}

/// Queries.
#[derive(Default)]
pub(crate) struct ProgramQuery;

#[Object]
impl ProgramQuery {
    /// The programs that work here, by name unless ordered otherwise. Public.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn programs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which programs; all when there is none.")] filter: Option<ProgramFilter>,
        #[graphql(desc = "In which order; by name when there is none.")] order_by: Option<ProgramOrder>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ProgramConnection> {
        let (by, order) = match order_by {
            Some(order) => (order.field.into(), if order.direction == SortDirection::Desc { Order::Desc } else { Order::Asc }),
            None => (By::Name, Order::Asc),
        };
        let access = ctx.access();
        let wanted = filter.unwrap_or_default().into();
        let find = rules::find(ctx.store(), &access, &wanted, by, order).map_err(query_error)?;
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }

    /// The program with this id. Public.
    async fn program(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: ProgramId) -> Result<Option<Program>> {
        Ok(ctx.store().fetch::<program::Entity>(&ctx.access(), id).await.map_err(query_error)?.map(Program))
    }
}
