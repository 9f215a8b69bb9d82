//! When a program is staffed.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use entity::{
    List,
    program::{self, StaffedHours},
};

use crate::{
    domain::{
        calendar::{Calendar, since_midnight, usual_hours},
        wall_time::zone_of,
    },
    error::{Code, Refusal, Result},
};

/// The most ranges of a week.
const MOST_RANGES: usize = 50;

/// The most days on which nobody is there.
const MOST_HOLIDAYS: usize = 400;

/// The calendar that a program's clocks run by.
///
/// # Errors
/// `Internal` when its time zone is none.
pub fn calendar(program: &program::Model) -> Result<Calendar> {
    Ok(Calendar::new(zone_of(&program.time_zone)?, &staffed_hours(program), holidays(program)))
}

/// When it is staffed, from Monday: the usual hours where it has set none.
pub fn staffed_hours(program: &program::Model) -> Vec<StaffedHours> {
    program.staffed_hours.as_ref().map_or_else(usual_hours, |hours| hours.to_vec())
}

/// Days on which nobody is there, in order.
pub fn holidays(program: &program::Model) -> Vec<NaiveDate> {
    program.holidays.as_ref().map(|days| days.to_vec()).unwrap_or_default()
}

/// Hours of a week, in order.
///
/// # Errors
/// Refused when there are none or too many, when one ends before it begins, or when two overlap.
pub(super) fn checked_hours(hours: Vec<StaffedHours>) -> Result<List<StaffedHours>, Refusal> {
    let at = |refusal: Refusal| refusal.at(["input", "staffedHours"]);
    if hours.is_empty() {
        let sentence = "`staffedHours` has at least one range. Null means the usual hours, Monday to Friday from 09:00 to 17:00.";
        return Err(at(Refusal::invalid(sentence)));
    }
    if hours.len() > MOST_RANGES {
        return Err(at(Refusal::new(Code::TooMany, format!("`staffedHours` has at most {MOST_RANGES} ranges."))));
    }
    let shown = |hours: &StaffedHours| format!("{} {} to {}", hours.weekday, hours.from.format("%H:%M"), hours.to.format("%H:%M"));
    let backward = hours.iter().find(|hours| {
        let (from, to) = since_midnight(hours);
        from >= to
    });
    if let Some(backward) = backward {
        let sentence = "`from` comes before `to`, where 00:00 is midnight at the end of the day; hours over midnight are two ranges";
        return Err(at(Refusal::invalid(format!("{sentence}. {} is none.", shown(backward)))));
    }
    let mut hours = hours;
    hours.sort_unstable();
    let overlap = hours.windows(2).find(|two| two[0].weekday == two[1].weekday && since_midnight(&two[1]).0 < since_midnight(&two[0]).1);
    if let Some(two) = overlap {
        return Err(at(Refusal::invalid(format!("Ranges do not overlap: {}, and {}.", shown(&two[0]), shown(&two[1])))));
    }
    Ok(hours.into())
}

/// Days, each once and in order.
///
/// # Errors
/// Refused when there are too many.
pub(super) fn checked_holidays(days: Vec<NaiveDate>) -> Result<List<NaiveDate>, Refusal> {
    if days.len() > MOST_HOLIDAYS {
        let sentence = format!("`holidays` has at most {MOST_HOLIDAYS} days: leave out those that are past.");
        return Err(Refusal::new(Code::TooMany, sentence).at(["input", "holidays"]));
    }
    Ok(days.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}
