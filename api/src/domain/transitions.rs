//! The life cycle of a referral (domain 2.3), as data: what can follow what.

use entity::vocabulary::ReferralStatus::{
    self, Accepted, Assigned, Cancelled, Completed, Connected, Declined, Draft, NeedsInfo, OnHold, Outreach, Submitted, Waitlisted,
};

use crate::error::{Code, Refusal};

/// The table: from these states, to this one. The number is the row's in domain 2.3.
const TABLE: &[(&str, &[ReferralStatus], ReferralStatus)] = &[
    ("2", &[Draft], Submitted),
    ("5", &[Submitted], Accepted),
    ("6", &[Submitted, Waitlisted], Declined),
    ("9", &[Accepted], Assigned),
    ("10", &[Assigned], Outreach),
    ("11", &[Assigned, Outreach], Connected),
    ("12", &[Connected], Completed),
    ("17", &[Draft, Submitted, NeedsInfo, Waitlisted, Accepted, Assigned, Outreach, OnHold], Cancelled),
];

/// The states that can follow one.
pub fn next(from: ReferralStatus) -> Vec<ReferralStatus> {
    TABLE.iter().filter(|(_, states, _)| states.contains(&from)).map(|(_, _, to)| *to).collect()
}

/// Whether one state can follow another.
///
/// # Errors
/// Refused with `INVALID_TRANSITION` and the states that can.
pub fn step(from: ReferralStatus, to: ReferralStatus) -> Result<(), Refusal> {
    let allowed = next(from);
    if allowed.contains(&to) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|status| status.as_str()).collect();
    let follows = if names.is_empty() { "nothing".to_owned() } else { names.join(" or ") };
    let sentence = format!("From {from} a referral goes to {follows}, not to {to}.");
    Err(Refusal { allowed_transitions: Some(allowed), ..Refusal::new(Code::InvalidTransition, sentence) })
}

/// Whether nothing can follow.
pub fn is_final(status: ReferralStatus) -> bool {
    matches!(
        status,
        Completed
            | Declined
            | ReferralStatus::ClientDeclined
            | ReferralStatus::NotReached
            | Cancelled
            | ReferralStatus::Expired
            | ReferralStatus::EnteredInError
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_a_final_state_and_something_every_open_one_that_is_reached() {
        for status in ReferralStatus::ALL {
            assert!(!is_final(*status) || next(*status).is_empty(), "{status}");
        }
        for (_, _, reached) in TABLE {
            assert_eq!(next(*reached).is_empty(), is_final(*reached), "{reached}");
        }
    }

    #[test]
    fn a_step_that_the_table_lacks_is_refused_with_those_it_has() {
        for from in ReferralStatus::ALL {
            for to in ReferralStatus::ALL {
                let listed = TABLE.iter().any(|(_, states, reached)| states.contains(from) && reached == to);
                assert_eq!(step(*from, *to).is_ok(), listed, "{from} to {to}");
            }
        }
        let refused = step(Connected, Submitted).unwrap_err();
        assert_eq!((refused.code, refused.allowed_transitions), (Code::InvalidTransition, Some(vec![Completed])));
    }
}
