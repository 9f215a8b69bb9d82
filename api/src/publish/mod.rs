//! The public schedule, and a client's own calendar, in the formats that others read. Mapping only: what is public, `domain` and `store` say.

mod calendar;
mod entities;
mod filter;
mod hsds;
mod icalendar;
pub(crate) mod meeting_guide;
mod private_calendar;
mod schema_org;
mod time_zone;

pub use calendar::{gathering, workshops};
pub use hsds::{Listed, list};
pub use meeting_guide::meetings;
pub use private_calendar::private_calendar;
pub use schema_org::event;

use entity::{AnyId, GatheringId, SupportGroupId, WorkshopId, vocabulary::SessionStatus};
use serde_json::Value;

use crate::{
    domain::schedule::{About, Published, Standing, published},
    error::Result,
    store::Store,
};

/// The most gatherings of a list that nobody can narrow.
const MOST_LISTED: u64 = 20_000;

/// All public gatherings with a session to come.
async fn all_to_come(store: &Store) -> Result<Vec<Published>> {
    let scheduled = Some(vec![SessionStatus::Scheduled]);
    let standing = Standing { from: Some(store.clock().now()), status: scheduled, ..Standing::default() };
    published(store, &About::default(), &standing, MOST_LISTED).await
}

/// The gathering that is known by an id; nothing where it is of something else.
fn gathering_of(id: AnyId) -> Option<GatheringId> {
    id.of::<WorkshopId>().map(GatheringId::from).or_else(|| id.of::<SupportGroupId>().map(GatheringId::from))
}

/// An object without what is not there.
fn object(fields: Value) -> Value {
    match fields {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}
