//! What of the schedule an address asks for: the filter of the query `workshops`, as parameters.

use std::{collections::BTreeSet, str::FromStr};

use entity::vocabulary::Modality;

use crate::{
    clock::Instant,
    domain::schedule::{About, Standing},
    error::{Code, Refusal},
};

/// The most values of one parameter.
const MOST: usize = 20;

/// The values of a parameter, with commas between them.
fn each<T>(value: &str, one: impl Fn(&str) -> Option<T>, sentence: &str) -> Result<Option<Vec<T>>, Refusal> {
    let items: BTreeSet<&str> = value.split(',').map(str::trim).collect();
    if items.len() > MOST {
        return Err(Refusal::new(Code::TooMany, format!("A parameter has at most {MOST} values.")));
    }
    let all: Option<Vec<T>> = items.into_iter().map(one).collect();
    all.map(Some).ok_or_else(|| Refusal::invalid(sentence))
}

fn instant(name: &str, value: &str) -> Result<Option<Instant>, Refusal> {
    let instant = Instant::from_str(value).ok().filter(|at| (1..=9_999).contains(&chrono::Datelike::year(at)));
    instant.map(Some).ok_or_else(|| Refusal::invalid(format!("`{name}` is an instant, as `2026-11-26T18:00:00Z`.")))
}

fn words(item: &str) -> Option<String> {
    (!item.is_empty() && item.len() <= 100).then(|| item.to_owned())
}

/// What the parameters of an address say.
///
/// # Errors
/// Refused when one is unknown, stands there twice or has a value that is none.
pub(super) fn read(parameters: &[(String, String)]) -> Result<(About, Standing), Refusal> {
    let (mut about, mut standing) = (About::default(), Standing::default());
    for (at, (name, value)) in parameters.iter().enumerate() {
        if parameters[..at].iter().any(|(other, _)| other == name) {
            return Err(Refusal::invalid("Give each parameter once, with commas between its values."));
        }
        match name.as_str() {
            "topics" => about.topics = each(value, words, "`topics` holds codes of the query `topics`.")?,
            "languages" => about.languages = each(value, words, "`languages` holds language tags, such as `es`.")?,
            "accessibility" => about.accessibility = each(value, words, "`accessibility` holds codes such as `WHEELCHAIR`.")?,
            "modality" => {
                let modality = |item: &str| Modality::from_str(item).ok();
                about.modality = each(value, modality, "`modality` holds some of `IN_PERSON`, `ONLINE`, `PHONE`, `HYBRID`.")?;
            }
            "programIds" => about.program_ids = each(value, |item| item.parse().ok(), "`programIds` holds ids of programs.")?,
            "search" => about.search = Some(value.clone()),
            "from" => standing.from = instant("from", value)?,
            "to" => standing.to = instant("to", value)?,
            "hasSeats" => {
                let yes_or_no = value.parse().map_err(|_| Refusal::invalid("`hasSeats` is `true` or `false`."))?;
                standing.has_seats = Some(yes_or_no);
            }
            _ => {
                let sentence = "The parameters are `topics`, `languages`, `accessibility`, `modality`, `programIds`, `search`, `from`, `to` \
                     and `hasSeats`.";
                return Err(Refusal::invalid(sentence));
            }
        }
    }
    Ok((about, standing))
}

/// A number that a parameter names, from 1 on; another where it is not there.
///
/// # Errors
/// Refused when it is none, too large or stands there twice.
pub(super) fn number(parameters: &[(String, String)], name: &str, usual: usize, most: usize) -> Result<usize, Refusal> {
    let mut values = parameters.iter().filter(|(other, _)| other == name);
    match (values.next(), values.next()) {
        (None, _) => Ok(usual),
        (Some((_, value)), None) => {
            let number = value.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| Refusal::invalid(format!("`{name}` is a number from 1 to {most}.")))
        }
        _ => Err(Refusal::invalid("Give each parameter once.")),
    }
}
