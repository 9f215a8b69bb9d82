//! That somebody came, as a proof that they can show to whom they like: how many hours, in how many sessions, and nothing of what they
//! were for.

use std::collections::HashMap;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use entity::{
    ClientId, SessionId, class, client, registration, session,
    vocabulary::{EventKind, RegistrationStatus},
};
use rust_decimal::{Decimal, RoundingStrategy};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};
use serde_json::{Value as Json, json};

use super::{
    client::identity_of,
    client_merge::{standing, with_merged},
    milestone::today,
    registration::Seat,
};
use crate::{
    access::{
        Access,
        attendance_proof::{Checked, Flaw, Proven, sign, verify},
        policy::{Act, Resource, may},
        token::Tokens,
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Kept, Store, Tx, Visible, query, vault::folded_words},
};

/// The most days of a proof: a leap year.
const MOST_DAYS: i64 = 366;

const WHY: &str = "a proof of attendance";

/// A proof that was made. Has no `Debug`: it holds a secret.
pub struct Issued {
    /// Whose it is.
    pub client: Visible<client::Entity>,
    /// What it proves.
    pub proven: Proven,
    /// It. Shown once: nothing where a repeated request is answered again.
    pub token: Option<String>,
}

impl Kept for Issued {
    fn keep(&self) -> Json {
        json!({ "client": self.client.keep(), "from": self.proven.from, "to": self.proven.to })
    }

    /// What is proven is found out anew: that somebody came is class C, and kept nowhere else.
    async fn recall(store: &Store, access: &Access, kept: Json) -> Result<Self> {
        let day = |name: &str| kept[name].as_str().and_then(|day| day.parse().ok());
        let id = kept["client"]["id"].as_str().and_then(|id| id.parse().ok());
        let ((from, to), id) = day("from").zip(day("to")).zip(id).ok_or_else(|| Error::internal("a kept proof has no days"))?;
        // A transaction to read in, of which nothing is kept.
        let tx = store.begin(&Access { idempotency: None, ..access.clone() }).await?;
        let (client, proven, _) = Box::pin(find_out(&tx, id, from, to)).await?;
        Ok(Self { client, proven, token: None })
    }
}

/// Makes a proof of how long a client came between two days, both included, by the local clocks of the sessions. A client who names nobody
/// means themselves.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `REQUIRED` when nobody is named or a day is missing, with `INVALID` when the days are
/// in the wrong order, too many, or not over, with `NOT_ELIGIBLE` when they came to nothing on these days.
pub async fn issue(
    store: &Store,
    access: &Access,
    tokens: &Tokens,
    client: Option<ClientId>,
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
) -> Result<Issued> {
    let mut tx = store.begin(access).await?;
    tx.require(access.acts_for_oneself() || may(access, Resource::AttendanceProof, Act::Create))?;
    let id = access.meant(client).ok_or_else(|| Refusal::required("clientId").at(["clientId"]))?;
    let missing = |field: &'static str| Refusal::required(field).at(["range", field]);
    let (from, to) = (from.ok_or_else(|| missing("from"))?, to.ok_or_else(|| missing("to"))?);
    let (client, proven, name) = Box::pin(find_out(&tx, id, from, to)).await?;
    let token = sign(tokens, &proven, &name, access.now).map_err(|_| Error::internal("a proof could not be signed"))?;
    // No other name than that of every change of access: that they came at all is class C, and events of a client are not.
    let made = Event::new(EventKind::ClientAccessChanged, client.organization_id, client.id, client.version);
    tx.record(made.of_client(client.id).changed(["access"]));
    tx.commit(Issued { client, proven, token: Some(token) }).await
}

/// Whose proof it is, what it proves, and their name as the proof has it: as given and family name, whatever they are called.
async fn find_out(tx: &Tx, id: ClientId, from: NaiveDate, to: NaiveDate) -> Result<(Visible<client::Entity>, Proven, String)> {
    let client = standing(tx, id, Action::Read).await?;
    client.open::<class::ContactsAndNotes>().ok_or(Error::NotPermitted)?;
    let identity = identity_of(tx, &client).await?;
    refuse_days(from, to, today(Some(&identity), tx.access().now)?)?;
    let attended = attended(tx, &client, from, to).await?;
    if attended.is_empty() {
        let sentence = "No attendance is recorded on these days: choose others, or ask those who run the sessions to record it.";
        return Err(Refusal::new(Code::NotEligible, sentence).at(["range"]).into());
    }
    let sessions = u32::try_from(attended.len()).unwrap_or(u32::MAX);
    let name = normalized(&format!("{} {}", identity.given_name, identity.family_name)).unwrap_or_default();
    Ok((client, Proven { hours: hours(&attended), sessions, from, to }, name))
}

fn refuse_days(from: NaiveDate, to: NaiveDate, today: NaiveDate) -> Result<(), Refusal> {
    let (field, sentence) = if to < from {
        ("to", "`to` is the same day as `from`, or a later one.".to_owned())
    } else if to > today {
        ("to", "`to` is today or earlier, by the client's own clock: what is to come proves nothing.".to_owned())
    } else if (to - from).num_days() >= MOST_DAYS {
        ("from", format!("A proof is of at most {MOST_DAYS} days: make one for each year."))
    } else {
        return Ok(());
    };
    Err(Refusal::invalid(sentence).at(["range", field]))
}

/// A session that somebody came to.
#[derive(Clone, Copy, Debug)]
struct Attended {
    length: TimeDelta,
    /// Whether they were there for all of it.
    whole: bool,
}

/// The sessions that are over and that somebody came to, by any record of theirs, each once.
async fn attended(tx: &Tx, client: &Visible<client::Entity>, from: NaiveDate, to: NaiveDate) -> Result<Vec<Attended>> {
    use RegistrationStatus::{Attended as Whole, Partial};
    let records: Vec<_> = with_merged(tx, client.clone()).await?.iter().map(|record| record.id).collect();
    let after = to.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    let on_these_days = Condition::all()
        .add(session::Column::LocalStart.gte(from.and_time(NaiveTime::MIN)))
        .add(session::Column::LocalStart.lt(after.and_time(NaiveTime::MIN)))
        .add(session::Column::EndsAt.lte(tx.access().now));
    let of_these_days = query::<session::Entity>().select_only().column(session::Column::Id).filter(on_these_days);
    let came = Condition::all()
        .add(registration::Column::ClientId.is_in(records))
        .add(registration::Column::Status.is_in([Whole, Partial]))
        .add(registration::Column::SessionId.in_subquery(of_these_days.into_query()));
    let mut whole: HashMap<SessionId, bool> = HashMap::new();
    for registration in tx.every::<registration::Entity>(came, WHY).await? {
        let seat: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
        *whole.entry(registration.session_id).or_default() |= *seat.status.read(&seat) == Whole;
    }
    let these = Condition::all().add(session::Column::Id.is_in(whole.keys().copied()));
    let sessions = tx.every::<session::Entity>(these, WHY).await?;
    let length = |session: &session::Model| session.ends_at - session.starts_at;
    Ok(sessions.iter().map(|session| Attended { length: length(session), whole: whole.get(&session.id) == Some(&true) }).collect())
}

/// All hours together, to a hundredth and never more than there were. Of a session that somebody came to in part it is the half: nobody
/// records how long they stayed, and half is what is neither denied to them nor made up.
fn hours(attended: &[Attended]) -> Decimal {
    let halves: i64 = attended.iter().map(|one| one.length.num_minutes() * if one.whole { 2 } else { 1 }).sum();
    (Decimal::from(halves) / Decimal::from(120)).round_dp_with_strategy(2, RoundingStrategy::ToZero).normalize()
}

/// A name as proofs have it: its different words without accents and in one case, sorted, with one space between; nothing where it has no
/// word.
fn normalized(name: &str) -> Option<String> {
    let words: Vec<_> = folded_words(name).into_iter().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Checks a proof for whoever was shown it, and the name that they were told.
///
/// # Errors
/// What is wrong with it.
pub fn check(tokens: &Tokens, token: &str, name: Option<&str>, now: Instant) -> Result<Checked, Flaw> {
    let verified = verify(tokens, token.trim(), now)?;
    let name_fits = name.and_then(normalized).map(|name| verified.is_of(&name));
    Ok(Checked { verified, name_fits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_whole_or_half_and_never_rounded_up() {
        let came = |minutes, whole| Attended { length: TimeDelta::minutes(minutes), whole };
        let cases = [
            ("nothing", vec![], "0"),
            ("an hour", vec![came(60, true)], "1"),
            ("half of an hour", vec![came(60, false)], "0.5"),
            ("an evening and part of one", vec![came(90, true), came(90, false)], "2.25"),
            ("twenty minutes", vec![came(20, true)], "0.33"),
            ("three times twenty minutes", vec![came(20, true); 3], "1"),
        ];
        for (what, attended, expected) in cases {
            assert_eq!(hours(&attended).to_string(), expected, "{what}");
        }
    }

    #[test]
    fn days_are_in_order_over_and_not_too_many() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let today = day("2026-03-02");
        let cases = [
            ("today", "2026-03-02", "2026-03-02", None),
            ("a year", "2025-03-02", "2026-03-02", None),
            ("a year and a day", "2025-03-01", "2026-03-02", Some("from")),
            ("the wrong way", "2026-02-02", "2026-02-01", Some("to")),
            ("tomorrow", "2026-03-01", "2026-03-03", Some("to")),
        ];
        for (what, from, to, refused) in cases {
            let refusal = refuse_days(day(from), day(to), today).err();
            assert_eq!(refusal.map(|refusal| refusal.path[1].clone()).as_deref(), refused, "{what}");
        }
    }

    #[test]
    fn a_name_fits_however_it_is_written() {
        let name = normalized("José María O'Neill").unwrap();
        for same in ["jose maria oneill", "O’NEILL, José María", " María  José  O'Neill "] {
            assert_eq!(normalized(same).as_ref(), Some(&name), "{same}");
        }
        assert_eq!(normalized(" - "), None);
    }
}
