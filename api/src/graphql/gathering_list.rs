//! Lists of workshops and of support groups: which are asked for, and in which order.

use async_graphql::{Context, Enum, InputObject, Result};
use entity::{
    ProgramId, gathering,
    vocabulary::{GatheringKind, Modality, SortDirection},
};
use sea_orm::Order;

use super::{
    connection::{Paged, paged, paged_in_memory},
    context::RequestContext,
    error::query_error,
    event::DateTimeRange,
    program::NearInput,
    scalar::{LanguageTag, each},
};
use crate::{
    domain::{
        place::no_distance,
        schedule::{About, Asked, By, Standing, next_session},
    },
    store::{Find, PageArgs},
};

/// Which workshops or groups. Times and seats are those of one session each.
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
    /// Those that meet in person near a place. One whose place is not known is not found so. Where only those who registered are told the
    /// address, its place is taken to a tenth of a degree, some eleven kilometres.
    near: Option<NearInput>,
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
    /// What is asked for of one kind.
    pub(super) fn of_kind(self, kind: GatheringKind) -> Asked {
        let about = About {
            kinds: Some(vec![kind]),
            topics: self.topics,
            languages: self.languages.map(each),
            accessibility: self.accessibility,
            modality: self.modality,
            program_ids: self.program_ids,
            search: self.search,
        };
        let (from, to) = self.starts.map_or((None, None), |starts| (starts.from, starts.to));
        let standing = Standing { from, to, has_seats: self.has_seats, status: None };
        Asked { about, standing, near: self.near.map(Into::into) }
    }
}

/// What workshops and groups can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum WorkshopOrderField {
    /// By when the next session begins; those without one are last.
    NextSession,
    /// By title.
    Title,
    /// By how far they are from where `near` asks about, and at one distance by when the next session begins.
    Distance,
}

/// In which order.
#[derive(InputObject, Clone, Copy)]
pub(crate) struct WorkshopOrder {
    /// By what.
    field: WorkshopOrderField,
    /// Which way.
    direction: SortDirection,
}

/// A page of the gatherings that are asked for; by their next session where no order is.
pub(super) async fn listed(
    ctx: &Context<'_>,
    asked: Asked,
    order_by: Option<WorkshopOrder>,
    args: PageArgs,
) -> Result<Paged<gathering::Entity>> {
    let access = ctx.access();
    let find = asked.gatherings(ctx.store().find(&access)).map_err(query_error)?;
    let find = in_order(ctx, find, order_by)?;
    let by = match order_by.map(|by| by.field) {
        // In the order of the database's own words.
        Some(WorkshopOrderField::Title) => None,
        Some(WorkshopOrderField::Distance) => Some(By::Distance),
        Some(WorkshopOrderField::NextSession) | None => Some(By::Start),
    };
    let circle = asked.circle().map_err(|refusal| query_error(refusal.into()))?;
    if let (Some(by), Some(seeing)) = (by, ctx.seeing().await)
        && let Some(list) = seeing.gatherings(&asked.about, &asked.standing, circle, by)
        && ctx.request().may_look_through(list.to_look_through())
    {
        return paged_in_memory(ctx, find, &args, &list);
    }
    paged(ctx, find, args).await
}

/// Gatherings in an order; by their next session when there is none.
pub(super) fn in_order<'a>(
    ctx: &Context<'_>,
    find: Find<'a, gathering::Entity>,
    order_by: Option<WorkshopOrder>,
) -> Result<Find<'a, gathering::Entity>> {
    let order = if order_by.is_some_and(|by| by.direction == SortDirection::Desc) { Order::Desc } else { Order::Asc };
    Ok(match order_by.map(|by| by.field) {
        Some(WorkshopOrderField::Title) => find.ordered(gathering::Column::Title, order),
        Some(WorkshopOrderField::Distance) if find.is_measured() => {
            find.ordered_by_measure(Some(("next session", next_session(ctx.access().now))), order)
        }
        Some(WorkshopOrderField::Distance) => return Err(query_error(no_distance().into())),
        Some(WorkshopOrderField::NextSession) | None => find.ordered_by_instant("next session", next_session(ctx.access().now), order),
    })
}
