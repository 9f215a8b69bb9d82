//! The table beside domain 2.3, transcribed by hand a second time.

use proptest::prelude::*;

use super::*;

/// Rows of domain 2.3: from, to, who. `A..B` is written out.
const DOMAIN: &[(&[ReferralStatus], ReferralStatus, &[Party])] = &[
    (&[Draft], Submitted, &[Party::Sender]),
    (&[Submitted], NeedsInfo, &[Party::Receiver]),
    (&[NeedsInfo], Submitted, &[Party::Sender]),
    (&[Submitted], Accepted, &[Party::Receiver]),
    (&[Submitted, Waitlisted], Declined, &[Party::Receiver]),
    (&[Submitted, Accepted], Waitlisted, &[Party::Receiver]),
    (&[Waitlisted], Accepted, &[Party::Receiver]),
    (&[Accepted], Assigned, &[Party::Receiver, Party::Supervisor]),
    (&[Assigned, Outreach], Accepted, &[Party::Receiver, Party::Supervisor]),
    (&[Assigned], Outreach, &[Party::AssignedPeer]),
    (&[Assigned, Outreach], Connected, &[Party::AssignedPeer]),
    (&[Connected], Completed, &[Party::AssignedPeer, Party::Supervisor]),
    (
        &[Submitted, NeedsInfo, Waitlisted, Accepted, Assigned, Outreach, Connected, OnHold],
        ClientDeclined,
        &[Party::AssignedPeer, Party::Receiver, Party::Client],
    ),
    (&[Outreach], NotReached, &[Party::AssignedPeer]),
    (&[Accepted, Assigned, Outreach, Connected], OnHold, &[Party::AssignedPeer, Party::Receiver]),
    (&[Draft, Submitted, NeedsInfo, Waitlisted], Cancelled, &[Party::Sender]),
    (&[Submitted, NeedsInfo, Waitlisted, Accepted, Assigned, Outreach, Connected, OnHold], Cancelled, &[Party::Receiver]),
    (&[Submitted, NeedsInfo, Waitlisted, Accepted, Assigned, Outreach, OnHold], Cancelled, &[Party::System]),
    (&[Draft, NeedsInfo, Submitted, Waitlisted], Expired, &[Party::System]),
    (&[Draft], EnteredInError, &[Party::Author, Party::PrivacyOfficer]),
    (
        &[
            Submitted,
            NeedsInfo,
            Waitlisted,
            Accepted,
            Assigned,
            Outreach,
            Connected,
            OnHold,
            Completed,
            Declined,
            ClientDeclined,
            NotReached,
            Cancelled,
            Expired,
        ],
        EnteredInError,
        &[Party::Receiver, Party::PrivacyOfficer],
    ),
];

const PARTIES: &[Party] = &[
    Party::Sender,
    Party::Receiver,
    Party::Supervisor,
    Party::AssignedPeer,
    Party::Author,
    Party::PrivacyOfficer,
    Party::Client,
    Party::System,
];

fn standing(status: ReferralStatus) -> Standing {
    let after = |states: &[ReferralStatus]| states.contains(&status);
    Standing {
        status,
        held: (status == OnHold).then_some(Outreach),
        accepted: after(&[Accepted, Assigned, Outreach, Connected, OnHold, Completed]),
        connected: after(&[Connected, Completed]),
    }
}

fn in_domain(from: ReferralStatus, to: ReferralStatus, party: Party) -> bool {
    let resumes = from == OnHold && to == Outreach && [Party::AssignedPeer, Party::Receiver].contains(&party);
    resumes || DOMAIN.iter().any(|(states, reached, who)| states.contains(&from) && *reached == to && who.contains(&party))
}

#[test]
fn each_party_does_what_the_domain_says_and_nothing_else() {
    for (from, to, party) in ReferralStatus::ALL
        .iter()
        .flat_map(|from| ReferralStatus::ALL.iter().flat_map(move |to| PARTIES.iter().map(move |by| (*from, *to, *by))))
    {
        let done = step(ANY, &standing(from), to, &[party]);
        assert_eq!(done.is_ok(), in_domain(from, to, party), "{from} to {to} by {party:?}: {done:?}");
    }
}

#[test]
fn the_table_is_as_reviewed() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/transitions.txt");
    if std::env::var("AFTERCARE_TEST_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&file, text()).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text(), reviewed, "see who moves what on now, then run with AFTERCARE_TEST_UPDATE=1");
}

#[test]
fn a_refusal_and_what_is_shown_agree() {
    for (from, party) in ReferralStatus::ALL.iter().flat_map(|from| PARTIES.iter().map(move |by| (*from, *by))) {
        for shown in available(&standing(from), &[party]) {
            assert_eq!(shown.blocked_because.is_none(), step(ANY, &standing(from), shown.to, &[party]).is_ok(), "{from} to {}", shown.to);
        }
    }
}

#[test]
fn once_accepted_the_sender_cancels_no_more_and_after_a_contact_only_life_does() {
    let waiting = Standing { accepted: true, ..standing(Waitlisted) };
    assert!(step(ANY, &waiting, Cancelled, &[Party::Sender]).is_err());
    let held = Standing { held: Some(Connected), connected: true, ..standing(OnHold) };
    assert_eq!(step(ANY, &held, Cancelled, &[Party::Receiver]).unwrap().reasons, CANCELLING_SUPPORT);
    assert_eq!(step(ANY, &standing(OnHold), Cancelled, &[Party::Receiver]).unwrap().reasons, CANCELLING);
    assert!(step(ANY, &held, Cancelled, &[Party::System]).is_err(), "a revoked consent ends no support");
}

#[test]
fn a_hold_goes_on_where_it_was_held_and_nowhere_else() {
    let held = Standing { held: Some(Accepted), ..standing(OnHold) };
    assert!(step(ANY, &held, Accepted, &[Party::Receiver]).is_ok());
    for other in [Assigned, Outreach, Connected, OnHold] {
        assert!(step(ANY, &held, other, &[Party::Receiver, Party::AssignedPeer]).is_err(), "{other}");
    }
}

#[test]
fn one_state_is_reached_by_several_things_that_people_do() {
    let held = Standing { held: Some(Accepted), ..standing(OnHold) };
    for (rows, from) in [(["5", "8"], standing(Assigned)), (["5", "8"], held)] {
        let Err(Barred::Not(refusal)) = step(&rows, &from, Accepted, &[Party::Receiver]) else { panic!("accepting is not unassigning") };
        assert!(refusal.message.contains("by another mutation"), "{}", refusal.message);
    }
    assert_eq!(step(&["9b"], &standing(Assigned), Accepted, &[Party::Receiver]).unwrap().row, "9b");
}

#[test]
fn what_is_never_theirs_is_told_apart_from_what_cannot_be_now() {
    assert_eq!(step(ANY, &standing(Completed), Accepted, &[Party::Sender]).unwrap_err(), Barred::NotTheirs);
    let Err(Barred::Not(refusal)) = step(ANY, &standing(Connected), Submitted, &[Party::Sender]) else { panic!("it is refused") };
    let next = vec![OnHold, Completed, ClientDeclined, Cancelled, EnteredInError];
    assert_eq!((refusal.code, refusal.allowed_transitions), (Code::InvalidTransition, Some(next)));
}

#[test]
fn nothing_but_an_entry_in_error_follows_an_end() {
    for status in ReferralStatus::ALL.iter().copied().filter(|status| is_final(*status)) {
        let allowed: &[ReferralStatus] = if status == EnteredInError { &[] } else { &[EnteredInError] };
        assert_eq!(next(&standing(status)), allowed, "{status}");
    }
}

proptest! {
    /// Whatever is tried, in whatever order, by whomever, a referral is only where the table's rows lead.
    #[test]
    fn no_sequence_of_inputs_leaves_the_table(tried in prop::collection::vec((0..ReferralStatus::ALL.len(), 0..PARTIES.len()), 0..60)) {
        let mut at = Standing { status: Draft, held: None, accepted: false, connected: false };
        for (to, by) in tried {
            let (to, by) = (ReferralStatus::ALL[to], PARTIES[by]);
            let before = at;
            if step(ANY, &at, to, &[by]).is_err() {
                continue;
            }
            prop_assert!(!is_final(before.status) || to == EnteredInError);
            at = Standing {
                status: to,
                held: (to == OnHold).then_some(before.status),
                accepted: before.accepted || to == Accepted,
                connected: before.connected || to == Connected,
            };
            let resumes = before.status == OnHold && before.held == Some(to);
            prop_assert!(resumes || in_domain(before.status, to, by), "{} to {to} by {by:?}", before.status);
            prop_assert!(!(before.connected && to == Cancelled && by == Party::System));
        }
    }
}
