//! What people come together for: what is public of it, whichever kind it is, and how it is run.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    gathering::{self, Series},
    gathering_facilitator, program,
    vocabulary::{GatheringKind, GatheringVisibility, Modality},
};
use rust_decimal::Decimal;

use super::{
    context::RequestContext,
    error::query_error,
    listed_meeting::ListedMeeting,
    peer::Facilitator,
    program::{Address, Program},
    scalar::{Amount, Date, LanguageTag, LocalTime, RecurrenceRule, TimeZone, WebAddress},
    session::{Session, SessionConnection, SessionFilter},
    support_group::SupportGroup,
    workshop::Workshop,
};
use crate::{
    domain::{
        gathering::{address_for_all, in_force, later},
        topic,
        wall_time::zone_of,
    },
    error::Error,
    store::{Class, Visible},
};

/// What people come together for: a workshop, a support group, or a meeting of others that is listed here; other kinds may come.
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
    field(name = "facilitators", ty = "Vec<Facilitator>", desc = "Who leads it."),
    field(name = "time_zone", ty = "TimeZone", desc = "The zone of its hours."),
    field(
        name = "starts_on",
        ty = "Date",
        desc = "The first day of its rule, in its zone, or of its days where all are named; where its schedule changed, the first since."
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
    SupportGroup(SupportGroup),
    ListedMeeting(ListedMeeting),
}

impl From<Arc<Visible<gathering::Entity>>> for Gathering {
    fn from(row: Arc<Visible<gathering::Entity>>) -> Self {
        match row.kind {
            GatheringKind::Workshop => Self::Workshop(Workshop(row)),
            GatheringKind::SupportGroup => Self::SupportGroup(SupportGroup(row)),
            GatheringKind::ListedMeeting => Self::ListedMeeting(ListedMeeting(row)),
        }
    }
}

/// What gatherings of every kind say of themselves, in the one object that each kind is: `$own` is what it says besides. Of what no program
/// here runs it says who does.
macro_rules! kind_of_gathering {
    ($(#[$doc:meta])* $Kind:ident, $Id:ident, { $($own:tt)* }) => {
        kind_of_gathering! {
            of others: $(#[$doc])* $Kind, $Id, {
                /// The program that runs it.
                pub(crate) async fn program(&self, ctx: &Context<'_>) -> Result<Program> {
                    program_of(ctx, &self.0).await?.ok_or_else(|| coded("UNAVAILABLE", "Its program has closed."))
                }

                /// How it is run; null to others than its organization's staff.
                pub(crate) async fn operations(&self, ctx: &Context<'_>) -> Option<GatheringOperations> {
                    if self.0.may_open(Class::Operations) {
                        return Some(GatheringOperations(Arc::clone(&self.0)));
                    }
                    if self.0.organization_id.is_some_and(|own| ctx.access().organization == Some(own)) {
                        ctx.closed_by_role(Class::Operations);
                    }
                    None
                }

                /// When its sessions will be later on, by the days from which that holds: what is planned in place of the schedule of now.
                /// Empty where nothing is.
                pub(crate) async fn planned_series(&self, ctx: &Context<'_>) -> Result<Vec<PlannedSeries>> {
                    planned(ctx, &self.0)
                }

                $($own)*
            }
        }
    };
    (of others: $(#[$doc:meta])* $Kind:ident, $Id:ident, { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $Kind(pub(crate) Arc<Visible<gathering::Entity>>);

        impl From<Visible<gathering::Entity>> for $Kind {
            fn from(row: Visible<gathering::Entity>) -> Self {
                Self(Arc::new(row))
            }
        }

        impl $Kind {
            /// As everything with an id.
            pub(crate) async fn node_id(&self, _: &Context<'_>) -> Result<ID> {
                Ok(ID(self.0.known_as().to_string()))
            }

            /// As every gathering may have one.
            pub(crate) async fn run_by(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
                program_of(ctx, &self.0).await
            }
        }

        $(#[$doc])*
        #[Object]
        impl $Kind {
            /// Its id.
            pub(crate) async fn id(&self) -> $Id {
                self.0.id.into()
            }

            /// What it is called.
            pub(crate) async fn title(&self) -> String {
                self.0.title.clone()
            }

            /// A few sentences for people who look for it.
            pub(crate) async fn description(&self) -> Option<String> {
                self.0.description.clone()
            }

            /// What it is about.
            pub(crate) async fn topics(&self) -> Vec<Topic> {
                self.0.topics.iter().filter_map(|code| by_code(code)).map(Topic::from).collect()
            }

            /// How people meet.
            pub(crate) async fn modality(&self) -> Modality {
                self.0.modality
            }

            /// The languages it is held in.
            pub(crate) async fn languages(&self) -> Vec<LanguageTag> {
                self.0.languages.iter().cloned().map(LanguageTag).collect()
            }

            /// What makes it accessible, such as `WHEELCHAIR` or `CAPTIONING`; more may come.
            pub(crate) async fn accessibility(&self) -> Vec<String> {
                self.0.accessibility.to_vec()
            }

            /// Whom it is for; null for everyone.
            pub(crate) async fn audience(&self) -> Option<String> {
                self.0.audience.clone()
            }

            /// From which age, in years; null for no limit.
            pub(crate) async fn minimum_age(&self) -> Option<i32> {
                self.0.minimum_age
            }

            /// What it costs; null when it costs nothing.
            pub(crate) async fn cost(&self) -> Option<Money> {
                self.0.cost_cents.map(Money::of_cents)
            }

            /// Who can find it, once it is published.
            pub(crate) async fn visibility(&self) -> GatheringVisibility {
                self.0.visibility
            }

            /// Where people meet in person; null where only those who registered are told, to others than its organization's staff.
            pub(crate) async fn address(&self) -> Option<Address> {
                told_address(&self.0)
            }

            /// Roughly where, as everyone may know.
            pub(crate) async fn area(&self) -> Option<String> {
                self.0.area.clone()
            }

            /// Whether only those who registered are told the address.
            pub(crate) async fn address_after_registration(&self) -> bool {
                self.0.address_after_registration
            }

            /// Who leads it.
            pub(crate) async fn facilitators(&self, ctx: &Context<'_>) -> Result<Vec<Facilitator>> {
                crate::graphql::gathering::facilitators(ctx, &self.0).await
            }

            /// The zone of its hours.
            pub(crate) async fn time_zone(&self) -> TimeZone {
                TimeZone(self.0.time_zone.clone())
            }

            /// The first day of its rule, in its zone, or of its days where all are named; where its schedule changed, the first since. Further
            /// days may come before it.
            pub(crate) async fn starts_on(&self, ctx: &Context<'_>) -> Result<Date> {
                Ok(Date(series(ctx, &self.0)?.starts_on))
            }

            /// When its sessions begin, on the clock of its zone, in summer and winter.
            pub(crate) async fn start_time(&self, ctx: &Context<'_>) -> Result<LocalTime> {
                Ok(LocalTime(series(ctx, &self.0)?.start_time))
            }

            /// How long a session takes.
            pub(crate) async fn minutes(&self, ctx: &Context<'_>) -> Result<i32> {
                Ok(series(ctx, &self.0)?.minutes)
            }

            /// The rule by which its sessions come again; null where all days are named. Sessions are there 180 days ahead.
            pub(crate) async fn recurrence(&self, ctx: &Context<'_>) -> Result<Option<RecurrenceRule>> {
                Ok(series(ctx, &self.0)?.recurrence.clone().map(RecurrenceRule))
            }

            /// Its calendar (RFC 5545), for everyone where it is public: nothing is there of other workshops.
            pub(crate) async fn calendar_url(&self, ctx: &Context<'_>) -> Result<WebAddress> {
                Ok(WebAddress(format!("{}/calendar/workshops/{}.ics", ctx.data::<PublicUrl>()?.0, self.0.known_as())))
            }

            /// Its sessions, earliest first.
            #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
            pub(crate) async fn sessions(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "Which sessions; all when there is none.")] filter: Option<SessionFilter>,
                #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
                #[graphql(desc = "After this cursor.")] after: Option<String>,
                #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
                #[graphql(desc = "Before this cursor.")] before: Option<String>,
            ) -> Result<SessionConnection> {
                let args = PageArgs { first, after, last, before };
                Ok(crate::graphql::session::sessions_of(ctx, self.0.id, filter.unwrap_or_default(), args).await?.into())
            }

            /// The earliest session that is still to come.
            pub(crate) async fn next_session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
                if let Some(known) = ctx.seeing().await.and_then(|seeing| seeing.next_session(self.0.id)) {
                    return Ok(known.map(Session));
                }
                let access = ctx.access();
                let find = ctx.store().find::<session::Entity>(&access).matching(None, upcoming(access.now));
                let find = find.ordered(session::Column::StartsAt, Order::Asc);
                let only = PageArgs { first: Some(1), ..PageArgs::default() };
                let loaded = ctx.load_children(self.0.id, find.of_each(session::Column::GatheringId, only, false)).await?;
                Ok(loaded.page.rows.first().map(|(_, row)| Session(row.clone())))
            }

            $($own)*
        }
    };
}

pub(super) use kind_of_gathering;

/// The series by which its sessions are now.
pub(super) fn series<'a>(ctx: &Context<'_>, of: &'a Visible<gathering::Entity>) -> Result<&'a Series> {
    let zone = zone_of(&of.time_zone).map_err(query_error)?;
    in_force(&of.series, zone, ctx.access().now).ok_or_else(|| query_error(Error::internal("a gathering has no series")))
}

/// The series that are planned in place of the one of now.
pub(super) fn planned(ctx: &Context<'_>, of: &Visible<gathering::Entity>) -> Result<Vec<PlannedSeries>> {
    let zone = zone_of(&of.time_zone).map_err(query_error)?;
    Ok(later(&of.series, zone, ctx.access().now).iter().map(PlannedSeries::from).collect())
}

/// The program that runs it; nothing where none here does, and where it has closed.
pub(super) async fn program_of(ctx: &Context<'_>, of: &Visible<gathering::Entity>) -> Result<Option<Program>> {
    match of.program_id {
        Some(id) => Ok(ctx.load_public::<program::Entity>(id).await?.map(Program)),
        None => Ok(None),
    }
}

/// The address as someone is told who registered for nothing.
pub(super) fn told_address(of: &Visible<gathering::Entity>) -> Option<Address> {
    let told = if of.may_open(Class::Operations) { of.address.as_ref() } else { address_for_all(of) };
    told.cloned().map(Into::into)
}

/// Who leads it, as they appear to everyone.
pub(super) async fn facilitators(ctx: &Context<'_>, of: &Visible<gathering::Entity>) -> Result<Vec<Facilitator>> {
    if let Some(known) = ctx.seeing().await.as_ref().and_then(|seeing| seeing.leaders(of.id)) {
        return Ok(known.iter().cloned().map(Facilitator).collect());
    }
    let named = ctx.load_parts::<gathering::Entity, gathering_facilitator::Entity>(of).await?;
    let cards = named.iter().map(|leads| ctx.load_card(leads.peer_id));
    let cards = futures_util::future::try_join_all(cards).await?;
    Ok(cards.into_iter().flatten().map(Facilitator).collect())
}

/// How a gathering is run, for its organization's staff.
pub(crate) struct GatheringOperations(pub(super) Arc<Visible<gathering::Entity>>);

/// How a gathering is run, for its organization's staff.
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

    /// Places in line of each session, for both; null for any number, 0 where nobody can wait.
    async fn waitlist_size(&self) -> Option<i32> {
        self.0.waitlist_size
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

/// What a gathering is about.
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

/// When the sessions of a workshop or a group are, from a later day on: from the earliest of `startsOn` and `extraDates`.
#[derive(Clone, SimpleObject)]
pub(crate) struct PlannedSeries {
    /// The first day of its rule, or of its days where all are named.
    starts_on: Date,
    /// When its sessions begin, on the clock of the zone.
    start_time: LocalTime,
    /// How long a session takes.
    minutes: i32,
    /// The rule by which they come again; null where all days are named.
    recurrence: Option<RecurrenceRule>,
    /// Days of the rule without a session.
    except_dates: Vec<Date>,
    /// The days of further sessions, before `startsOn` as well.
    extra_dates: Vec<Date>,
}

impl From<&Series> for PlannedSeries {
    fn from(series: &Series) -> Self {
        let days = |days: &[chrono::NaiveDate]| days.iter().copied().map(Date).collect();
        Self {
            starts_on: Date(series.starts_on),
            start_time: LocalTime(series.start_time),
            minutes: series.minutes,
            recurrence: series.recurrence.clone().map(RecurrenceRule),
            except_dates: days(&series.except_dates),
            extra_dates: days(&series.extra_dates),
        }
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
    pub(super) fn of_cents(cents: i64) -> Self {
        Self { amount: Amount(Decimal::new(cents, 2)), currency: "USD" }
    }
}
