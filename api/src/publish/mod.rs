//! The public schedule in the formats that others read. Mapping only: what is public, `domain` and `store` say.

mod entities;
mod filter;
mod hsds;
mod icalendar;
mod meeting_guide;
mod time_zone;
mod workshop_calendar;

pub use hsds::{Listed, list};
pub use meeting_guide::meetings;
pub use workshop_calendar::{workshop, workshops};

/// The most workshops of a list that nobody can narrow.
const MOST_LISTED: u64 = 20_000;
