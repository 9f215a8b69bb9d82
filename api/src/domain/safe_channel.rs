//! By which channels, and at which times of their day, a person called it safe to be reached (domain 2.5). Nothing else is ever used.

use entity::vocabulary::{ContactMethodKind, ContactModality};

use super::{
    client::{ContactMethod, Identity},
    wall_time::{local_of, zone_of},
};
use crate::{clock::Instant, error::Result};

/// Why somebody is not reached in a way at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// They called no channel for it safe.
    Channel,
    /// They called one safe, at other times of the day.
    Time,
}

/// The channels that something takes place on; none where people meet.
const fn channels(modality: ContactModality) -> &'static [ContactMethodKind] {
    match modality {
        ContactModality::InPerson => &[],
        ContactModality::Phone => &[ContactMethodKind::Phone],
        // A link to it is sent by one of the others.
        ContactModality::Video => &[ContactMethodKind::Video, ContactMethodKind::Phone, ContactMethodKind::Sms, ContactMethodKind::Email],
        ContactModality::Text => &[ContactMethodKind::Sms, ContactMethodKind::Email],
        ContactModality::Letter => &[ContactMethodKind::Mail],
    }
}

fn safe(identity: &Identity, modality: ContactModality) -> impl Iterator<Item = &ContactMethod> {
    identity.contact_methods.iter().filter(move |method| method.safe && channels(modality).contains(&method.kind))
}

/// Whether a person is safely reached so at an instant. A letter has no hour.
///
/// # Errors
/// `Internal` when their time zone is none.
pub(super) fn reached(identity: &Identity, modality: ContactModality, at: Instant) -> Result<Result<(), Unsafe>> {
    if modality == ContactModality::InPerson {
        return Ok(Ok(()));
    }
    let hour = local_of(zone_of(&identity.time_zone)?, at).time();
    let open = |method: &ContactMethod| match (method.from, method.to) {
        _ if modality == ContactModality::Letter => true,
        (Some(from), Some(to)) if from > to => hour >= from || hour <= to,
        (from, to) => from.is_none_or(|from| hour >= from) && to.is_none_or(|to| hour <= to),
    };
    Ok(if safe(identity, modality).any(open) {
        Ok(())
    } else if safe(identity, modality).next().is_some() {
        Err(Unsafe::Time)
    } else {
        Err(Unsafe::Channel)
    })
}

/// Whether a message may be left for them so.
pub(super) fn message_left(identity: &Identity, modality: ContactModality) -> bool {
    safe(identity, modality).any(|method| method.may_leave_message)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;

    use super::*;
    fn with(contact_methods: Vec<ContactMethod>) -> Identity {
        Identity {
            given_name: "Ada".to_owned(),
            family_name: "Byron".to_owned(),
            preferred_name: None,
            pronouns: None,
            date_of_birth: chrono::NaiveDate::from_ymd_opt(1980, 12, 10).unwrap(),
            gender: None,
            race_ethnicity: Vec::new(),
            contact_methods,
            address: None,
            time_zone: "America/New_York".to_owned(),
            languages: Vec::new(),
            interpreter_needed: false,
            payer: None,
            external_identifiers: Vec::new(),
        }
    }

    fn method(kind: ContactMethodKind, hours: Option<(&str, &str)>) -> ContactMethod {
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
        ContactMethod {
            id: "1".to_owned(),
            kind,
            value: "+12125550123".to_owned(),
            safe: true,
            may_mention_recovery: false,
            may_leave_message: false,
            from: hours.map(|(from, _)| time(from)),
            to: hours.map(|(_, to)| time(to)),
        }
    }

    type Case = (&'static str, Vec<ContactMethod>, ContactModality, &'static str, Result<(), Unsafe>);

    #[test]
    fn only_what_a_person_called_safe_is_used_and_only_then() {
        use ContactMethodKind::{Email, Mail, Phone, Sms};
        use ContactModality::{InPerson, Letter, Text, Video};
        let unsafe_phone = ContactMethod { safe: false, ..method(Phone, None) };
        let evening = method(Phone, Some(("18:00", "21:00")));
        let night = method(Phone, Some(("22:00", "06:00")));
        let from_noon = ContactMethod { to: None, ..method(Phone, Some(("12:00", "12:00"))) };
        // New York is five hours behind in winter, four in summer.
        let (winter_evening, summer_evening) = ("2026-01-15T23:30:00Z", "2026-07-15T22:30:00Z");
        let call = ContactModality::Phone;
        let cases: &[Case] = &[
            ("people meet whatever channels there are", vec![], InPerson, winter_evening, Ok(())),
            ("no channel", vec![], call, winter_evening, Err(Unsafe::Channel)),
            ("a channel that is not safe", vec![unsafe_phone.clone()], call, winter_evening, Err(Unsafe::Channel)),
            ("a safe one at any time", vec![method(Phone, None)], call, winter_evening, Ok(())),
            ("within its hours in winter", vec![evening.clone()], call, winter_evening, Ok(())),
            ("within its hours in summer", vec![evening.clone()], call, summer_evening, Ok(())),
            ("the same hour of UTC in winter is before them", vec![evening.clone()], call, "2026-01-15T22:30:00Z", Err(Unsafe::Time)),
            ("to the minute at its end", vec![evening.clone()], call, "2026-01-16T02:00:00Z", Ok(())),
            ("after it", vec![evening.clone()], call, "2026-01-16T02:00:01Z", Err(Unsafe::Time)),
            ("hours over midnight, before it", vec![night.clone()], call, "2026-01-16T04:00:00Z", Ok(())),
            ("hours over midnight, after it", vec![night.clone()], call, "2026-01-16T10:00:00Z", Ok(())),
            ("hours over midnight, at noon", vec![night], call, "2026-01-16T17:00:00Z", Err(Unsafe::Time)),
            ("from noon on, in the evening", vec![from_noon.clone()], call, winter_evening, Ok(())),
            ("from noon on, in the morning", vec![from_noon], call, "2026-01-16T14:00:00Z", Err(Unsafe::Time)),
            ("one of two", vec![unsafe_phone, method(Phone, None)], call, winter_evening, Ok(())),
            ("a number to call is none to write to", vec![method(Phone, None)], Text, winter_evening, Err(Unsafe::Channel)),
            ("a text to a number for texts", vec![method(Sms, None)], Text, winter_evening, Ok(())),
            ("a text by mail", vec![method(Email, None)], Text, winter_evening, Ok(())),
            ("a link by text", vec![method(Sms, None)], Video, winter_evening, Ok(())),
            ("a letter has no hour", vec![method(Mail, Some(("18:00", "21:00")))], Letter, "2026-01-15T12:00:00Z", Ok(())),
            ("a letter needs an address", vec![method(Sms, None)], Letter, winter_evening, Err(Unsafe::Channel)),
        ];
        for (name, contact_methods, modality, at, expected) in cases {
            let identity = with(contact_methods.clone());
            assert_eq!(reached(&identity, *modality, at.parse().unwrap()).unwrap(), *expected, "{name}");
        }
    }

    #[test]
    fn a_message_is_left_only_where_they_said_so() {
        let left = ContactMethod { may_leave_message: true, ..method(ContactMethodKind::Phone, None) };
        assert!(message_left(&with(vec![left.clone()]), ContactModality::Phone));
        assert!(!message_left(&with(vec![left.clone()]), ContactModality::Text));
        assert!(!message_left(&with(vec![ContactMethod { safe: false, ..left }]), ContactModality::Phone));
        assert!(!message_left(&with(vec![method(ContactMethodKind::Phone, None)]), ContactModality::Phone));
    }
}
