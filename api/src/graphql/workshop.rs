//! Workshops: what is public of them, and how they are run.

use async_graphql::{Context, Enum, ID, InputObject, Interface, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ProgramId, WorkshopId, program, session,
    vocabulary::{GatheringVisibility, Modality, SortDirection},
    workshop::{self, Series},
};
use rust_decimal::Decimal;
use sea_orm::Order;

use super::{
    connection::{children, connection, paged},
    context::{PublicUrl, RequestContext},
    error::{coded, query_error},
    event::DateTimeRange,
    program::{Address, Program},
    scalar::{Amount, Date, LanguageTag, LocalTime, RecurrenceRule, TimeZone, WebAddress, each},
    session::{Session, SessionConnection, SessionFilter},
};
use crate::{
    domain::{
        schedule::{self, About, Standing, next_session, upcoming},
        topic::{self, by_code},
        wall_time::zone_of,
        workshop::{address_for_all, in_force},
    },
    error::Error,
    store::{Class, Find, PageArgs, Visible},
};

/// A workshop: what peers teach and practise together, in one session or several.
#[derive(Clone)]
pub(crate) struct Workshop(pub(crate) Visible<workshop::Entity>);

/// What people come together for: a workshop, and other kinds to come.
#[allow(clippy::duplicated_attributes, reason = "fields of one type")]
#[derive(Interface)]
#[graphql(
    field(name = "id", ty = "ID", method = "node_id", desc = "Its id."),
    field(name = "title", ty = "String", desc = "What it is called."),
    field(name = "description", ty = "Option<String>", desc = "A few sentences for people who look for it."),
    field(name = "program", ty = "Option<Program>", method = "run_by", desc = "The program that runs it."),
    field(name = "topics", ty = "Vec<Topic>", desc = "What it is about."),
    field(name = "modality", ty = "Modality", desc = "How people meet."),
    field(name = "languages", ty = "Vec<LanguageTag>", desc = "The languages it is held in."),
    field(
        name = "accessibility",
        ty = "Vec<String>",
        desc = "What makes it accessible, such as `WHEELCHAIR` or `CAPTIONING`; more may come."
    ),
    field(name = "audience", ty = "Option<String>", desc = "Whom it is for; null for everyone."),
    field(name = "minimum_age", ty = "Option<i32>", desc = "From which age, in years; null for no limit."),
    field(name = "cost", ty = "Option<Money>", desc = "What it costs; null when it costs nothing."),
    field(name = "visibility", ty = "GatheringVisibility", desc = "Who can find it."),
    field(name = "address", ty = "Option<Address>", desc = "Where people meet in person; null where only those who registered are told."),
    field(name = "area", ty = "Option<String>", desc = "Roughly where, as everyone may know."),
    field(name = "address_after_registration", ty = "bool", desc = "Whether only those who registered are told the address."),
    field(name = "time_zone", ty = "TimeZone", desc = "The zone of its hours."),
    field(
        name = "starts_on",
        ty = "Date",
        desc = "The day of its first session, in its zone; where its schedule changed, the first since."
    ),
    field(name = "start_time", ty = "LocalTime", desc = "When its sessions begin, on the clock of its zone, in summer and winter."),
    field(name = "minutes", ty = "i32", desc = "How long a session takes."),
    field(
        name = "recurrence",
        ty = "Option<RecurrenceRule>",
        desc = "The rule by which its sessions come again; null where all days are named."
    ),
    field(name = "calendar_url", ty = "WebAddress", desc = "Its calendar (RFC 5545), for everyone where it is public."),
    field(
        name = "sessions",
        ty = "SessionConnection",
        desc = "Its sessions, earliest first.",
        arg(name = "filter", ty = "Option<SessionFilter>", desc = "Which sessions; all when there is none."),
        arg(name = "first", ty = "Option<i32>", desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most."),
        arg(name = "after", ty = "Option<String>", desc = "After this cursor."),
        arg(name = "last", ty = "Option<i32>", desc = "How many, from the end or before `before`."),
        arg(name = "before", ty = "Option<String>", desc = "Before this cursor.")
    ),
    field(name = "next_session", ty = "Option<Session>", desc = "The earliest session that is still to come.")
)]
pub(crate) enum Gathering {
    Workshop(Workshop),
}

impl Workshop {
    /// As every gathering may have one.
    async fn run_by(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
        self.program(ctx).await.map(Some)
    }
}

/// A workshop: what peers teach and practise together, in one session or several.
#[Object]
impl Workshop {
    /// Its id.
    async fn id(&self) -> WorkshopId {
        self.0.id
    }

    /// What it is called.
    async fn title(&self) -> String {
        self.0.title.clone()
    }

    /// A few sentences for people who look for it.
    async fn description(&self) -> Option<String> {
        self.0.description.clone()
    }

    /// The program that runs it.
    async fn program(&self, ctx: &Context<'_>) -> Result<Program> {
        let found = ctx.load::<program::Entity>(self.0.program_id).await?;
        found.map(Program).ok_or_else(|| coded("UNAVAILABLE", "The workshop's program has closed."))
    }

    /// What it is about.
    async fn topics(&self) -> Vec<Topic> {
        self.0.topics.iter().filter_map(|code| by_code(code)).map(Topic::from).collect()
    }

    /// How people meet.
    async fn modality(&self) -> Modality {
        self.0.modality
    }

    /// The languages it is held in.
    async fn languages(&self) -> Vec<LanguageTag> {
        self.0.languages.iter().cloned().map(LanguageTag).collect()
    }

    /// What makes it accessible, such as `WHEELCHAIR` or `CAPTIONING`; more may come.
    async fn accessibility(&self) -> Vec<String> {
        self.0.accessibility.to_vec()
    }

    /// Whom it is for; null for everyone.
    async fn audience(&self) -> Option<String> {
        self.0.audience.clone()
    }

    /// From which age, in years; null for no limit.
    async fn minimum_age(&self) -> Option<i32> {
        self.0.minimum_age
    }

    /// What it costs; null when it costs nothing.
    async fn cost(&self) -> Option<Money> {
        self.0.cost_cents.map(Money::of_cents)
    }

    /// Who can find it, once it is published.
    async fn visibility(&self) -> GatheringVisibility {
        self.0.visibility
    }

    /// Where people meet in person; null where only those who registered are told, to others than its organization's staff.
    async fn address(&self) -> Option<Address> {
        self.told_address()
    }

    /// Roughly where, as everyone may know.
    async fn area(&self) -> Option<String> {
        self.0.area.clone()
    }

    /// Whether only those who registered are told the address.
    async fn address_after_registration(&self) -> bool {
        self.0.address_after_registration
    }

    /// The zone of its hours.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// The day of its first session, in its zone; where its schedule changed, the first since.
    async fn starts_on(&self, ctx: &Context<'_>) -> Result<Date> {
        Ok(Date(self.series(ctx)?.starts_on))
    }

    /// When its sessions begin, on the clock of its zone, in summer and winter.
    async fn start_time(&self, ctx: &Context<'_>) -> Result<LocalTime> {
        Ok(LocalTime(self.series(ctx)?.start_time))
    }

    /// How long a session takes.
    async fn minutes(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(self.series(ctx)?.minutes)
    }

    /// The rule by which its sessions come again; null where all days are named. Sessions are there 180 days ahead.
    async fn recurrence(&self, ctx: &Context<'_>) -> Result<Option<RecurrenceRule>> {
        Ok(self.series(ctx)?.recurrence.clone().map(RecurrenceRule))
    }

    /// Its calendar (RFC 5545), for everyone where it is public: nothing is there of other workshops.
    async fn calendar_url(&self, ctx: &Context<'_>) -> Result<WebAddress> {
        Ok(WebAddress(format!("{}/calendar/workshops/{}.ics", ctx.data::<PublicUrl>()?.0, self.0.id)))
    }

    /// Its sessions, earliest first.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sessions; all when there is none.")] filter: Option<SessionFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<SessionConnection> {
        let args = PageArgs { first, after, last, before };
        let access = ctx.access();
        let find = filter
            .unwrap_or_default()
            .narrow(ctx.store().find(&access))
            .map_err(query_error)?
            .ordered(session::Column::StartsAt, Order::Asc);
        Ok(children(ctx, find, session::Column::WorkshopId, self.0.id, args).await?.into())
    }

    /// The earliest session that is still to come.
    async fn next_session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
        let access = ctx.access();
        let find = ctx.store().find::<session::Entity>(&access).matching(None, upcoming(access.now));
        let find = find.ordered(session::Column::StartsAt, Order::Asc);
        let only = PageArgs { first: Some(1), ..PageArgs::default() };
        let loaded = ctx.load_children(self.0.id, find.of_each(session::Column::WorkshopId, only, false)).await?;
        Ok(loaded.page.rows.first().map(|(_, row)| Session(row.clone())))
    }

    /// False for a draft, which only its organization's staff see.
    async fn published(&self) -> bool {
        self.0.published_at.is_some()
    }

    /// The days of its rule without a session, in its zone.
    async fn except_dates(&self, ctx: &Context<'_>) -> Result<Vec<Date>> {
        Ok(self.series(ctx)?.except_dates.iter().copied().map(Date).collect())
    }

    /// The days of sessions after the first that are none of its rule, in its zone.
    async fn extra_dates(&self, ctx: &Context<'_>) -> Result<Vec<Date>> {
        Ok(self.series(ctx)?.extra_dates.iter().copied().map(Date).collect())
    }

    /// How it is run; null to others than its organization's staff.
    async fn operations(&self, ctx: &Context<'_>) -> Option<GatheringOperations> {
        if self.0.may_open(Class::Operations) {
            return Some(GatheringOperations(self.0.clone()));
        }
        if ctx.access().organization == Some(self.0.organization_id) {
            ctx.closed_by_role(Class::Operations);
        }
        None
    }
}

impl Workshop {
    /// The series by which its sessions are now.
    fn series(&self, ctx: &Context<'_>) -> Result<&Series> {
        let zone = zone_of(&self.0.time_zone).map_err(query_error)?;
        in_force(&self.0.series, zone, ctx.access().now).ok_or_else(|| query_error(Error::internal("a workshop has no series")))
    }

    /// The address as someone is told who registered for nothing.
    pub(crate) fn told_address(&self) -> Option<Address> {
        let told = if self.0.may_open(Class::Operations) { self.0.address.as_ref() } else { address_for_all(&self.0) };
        told.cloned().map(Into::into)
    }
}

connection!(Workshop, WorkshopConnection, WorkshopEdge, workshop::Entity, "workshops");

/// How a workshop is run, for its organization's staff.
pub(crate) struct GatheringOperations(Visible<workshop::Entity>);

/// How a workshop is run, for its organization's staff.
#[Object]
impl GatheringOperations {
    /// Seats in the room of each session; null for any number, 0 where nobody meets in person.
    async fn capacity_in_person(&self) -> Option<i32> {
        self.0.capacity_in_person
    }

    /// Seats online; null for any number, 0 where nobody takes part online.
    async fn capacity_online(&self) -> Option<i32> {
        self.0.capacity_online
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

/// What a workshop is about.
#[derive(Clone, SimpleObject)]
pub(crate) struct Topic {
    /// Its stable code.
    code: &'static str,
    /// The area it belongs to.
    area: &'static str,
    /// Its name for people.
    label: &'static str,
}

impl From<&'static topic::Topic> for Topic {
    fn from(topic: &'static topic::Topic) -> Self {
        Self { code: topic.code, area: topic.area, label: topic.label }
    }
}

/// An amount of money.
#[derive(Clone, SimpleObject)]
pub(crate) struct Money {
    /// How much.
    amount: Amount,
    /// ISO 4217: US dollars.
    currency: &'static str,
}

impl Money {
    fn of_cents(cents: i64) -> Self {
        Self { amount: Amount(Decimal::new(cents, 2)), currency: "USD" }
    }
}

/// Which workshops. Times and seats are those of one session each.
#[derive(InputObject, Default)]
pub(crate) struct WorkshopFilter {
    /// About one of these topics, by code.
    topics: Option<Vec<String>>,
    /// In one of these languages; `es` finds `es-MX` as well.
    languages: Option<Vec<LanguageTag>>,
    /// In one of these ways.
    modality: Option<Vec<Modality>>,
    /// Of one of these programs.
    program_ids: Option<Vec<ProgramId>>,
    /// With a session that begins then.
    starts: Option<DateTimeRange>,
    /// With a session that someone can still register for, or with one that nobody can.
    has_seats: Option<bool>,
    /// Accessible in all of these ways, by code.
    accessibility: Option<Vec<String>>,
    /// With words in the title or the description that begin with these, whatever their case and accents.
    search: Option<String>,
}

impl WorkshopFilter {
    fn narrow(self, find: Find<'_, workshop::Entity>) -> Result<Find<'_, workshop::Entity>> {
        let about = About {
            topics: self.topics,
            languages: self.languages.map(each),
            accessibility: self.accessibility,
            modality: self.modality,
            program_ids: self.program_ids,
            search: self.search,
        };
        let (from, to) = self.starts.map_or((None, None), |starts| (starts.from, starts.to));
        let standing = Standing { from, to, has_seats: self.has_seats, status: None };
        let condition = schedule::workshops(&about, &standing, find.now()).map_err(query_error)?;
        Ok(find.matching_as(&format!("{about:?} {standing:?}"), None, condition))
    }
}

/// What workshops can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum WorkshopOrderField {
    /// By when the next session begins; those without one are last.
    NextSession,
    /// By title.
    Title,
}

/// In which order.
#[derive(InputObject, Clone, Copy)]
pub(crate) struct WorkshopOrder {
    /// By what.
    field: WorkshopOrderField,
    /// Which way.
    direction: SortDirection,
}

/// Workshops in an order; by their next session when there is none.
pub(crate) fn in_order<'a>(
    ctx: &Context<'_>,
    find: Find<'a, workshop::Entity>,
    order_by: Option<WorkshopOrder>,
) -> Find<'a, workshop::Entity> {
    let order = if order_by.is_some_and(|by| by.direction == SortDirection::Desc) { Order::Desc } else { Order::Asc };
    match order_by.map(|by| by.field) {
        Some(WorkshopOrderField::Title) => find.ordered(workshop::Column::Title, order),
        Some(WorkshopOrderField::NextSession) | None => find.ordered_by_instant("next session", next_session(ctx.access().now), order),
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct WorkshopQuery;

#[Object]
impl WorkshopQuery {
    /// The workshops that the viewer can find, by their next session unless ordered otherwise. Public: no token is needed.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn workshops(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which workshops; all when there is none.")] filter: Option<WorkshopFilter>,
        #[graphql(desc = "In which order; by the next session when there is none.")] order_by: Option<WorkshopOrder>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<WorkshopConnection> {
        let access = ctx.access();
        let find = in_order(ctx, filter.unwrap_or_default().narrow(ctx.store().find(&access))?, order_by);
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }

    /// What workshops can be about. Public.
    async fn topics(&self) -> Vec<Topic> {
        topic::TOPICS.iter().map(Topic::from).collect()
    }
}
