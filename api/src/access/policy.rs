//! What each role may do at all, as data: roles × actions × resources. Which side of a row may, each row says itself
//! (`store::Protected`). What is not listed is refused. The whole is a snapshot that a non-programmer can read
//! (`policy.txt` beside this file).

use entity::vocabulary::Role::{
    self, Administrator, Analyst, Billing, Client, Coordinator, Moderator, PartnerApp, Peer, PrivacyOfficer, Referrer, Supervisor,
};

use super::Access;

/// What something is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An organization's administration: staff, applications, webhooks.
    Administration,
    /// A program of the organization.
    Program,
    /// How a program is run.
    ProgramOperations,
    /// A person of staff.
    StaffMember,
    /// A partner's application.
    ApiClient,
    /// A client.
    Client,
    /// A workshop and its sessions, beyond what is public.
    Workshop,
    /// What is published for partners.
    PartnerSchedule,
    /// How many are registered for a session.
    SessionRoster,
    /// A client's seat at a session.
    Registration,
    /// A guest's seat at a session.
    GuestRegistration,
    /// What happened, without what it happened to.
    Event,
    /// The audit.
    Audit,
    /// A peer of a program.
    Peer,
    /// A consent.
    Consent,
    /// A referral.
    Referral,
    /// An offer of a referral, as a program that it is made to has it; its sender has it as the referral.
    ReferralOffer,
    /// A contact with a client.
    Contact,
    /// An episode of support.
    Episode,
    /// Something that somebody has to do.
    WorkItem,
    /// The accounting of disclosures.
    Disclosure,
    /// Access to another organization's client in a medical emergency.
    EmergencyAccess,
    /// All that the organization holds about a client, for them.
    DataExport,
    /// A client's way to read their own data.
    ClientAccess,
    /// A proof that a client can show of how many hours they came.
    AttendanceProof,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Read it.
    Read,
    /// Make one.
    Create,
    /// Change one.
    Update,
    /// Revoke or end one.
    End,
    /// Send it to the other side.
    Submit,
    /// Answer what the other side sent.
    Answer,
    /// Give it to somebody.
    Assign,
    /// Write to the other side.
    Converse,
    /// Merge it with another record of the same person, or undo that.
    Merge,
    /// Erase the person: destroy the key that all of it is sealed under.
    Erase,
}

const STAFF: &[Role] = &[Administrator, Referrer, Coordinator, Peer, Supervisor, Billing, Analyst, Moderator, PrivacyOfficer];

const STAFF_AND_PARTNERS: &[Role] =
    &[Administrator, Referrer, Coordinator, Peer, Supervisor, Billing, Analyst, Moderator, PrivacyOfficer, PartnerApp];

/// The table (domain 3.3).
pub const TABLE: &[(Resource, Act, &[Role])] = &[
    (Resource::Administration, Act::Read, &[Administrator]),
    (Resource::Program, Act::Create, &[Administrator]),
    (Resource::Program, Act::Update, &[Administrator, Coordinator]),
    (Resource::ProgramOperations, Act::Read, STAFF),
    (Resource::StaffMember, Act::Read, STAFF),
    (Resource::StaffMember, Act::Create, &[Administrator]),
    (Resource::StaffMember, Act::Update, &[Administrator]),
    (Resource::ApiClient, Act::Read, &[Administrator]),
    (Resource::ApiClient, Act::Create, &[Administrator]),
    (Resource::ApiClient, Act::End, &[Administrator]),
    (Resource::Client, Act::Create, &[Coordinator]),
    (Resource::Client, Act::Update, &[Coordinator]),
    (Resource::Client, Act::Merge, &[Coordinator]),
    (Resource::Client, Act::Erase, &[PrivacyOfficer]),
    (Resource::Workshop, Act::Read, STAFF),
    (Resource::Workshop, Act::Create, &[Coordinator]),
    (Resource::Workshop, Act::Update, &[Coordinator]),
    (Resource::PartnerSchedule, Act::Read, STAFF_AND_PARTNERS),
    (Resource::SessionRoster, Act::Read, &[Coordinator, Peer, Supervisor]),
    (Resource::SessionRoster, Act::Update, &[Coordinator, Peer, Supervisor]),
    (Resource::Registration, Act::Read, &[Coordinator, Supervisor, Peer]),
    (Resource::Registration, Act::Create, &[Coordinator, Supervisor, Peer]),
    (Resource::Registration, Act::End, &[Coordinator, Supervisor, Peer]),
    (Resource::Registration, Act::Update, &[Coordinator, Supervisor, Peer]),
    (Resource::GuestRegistration, Act::Create, &[Coordinator, Supervisor, Peer, PartnerApp]),
    (Resource::Event, Act::Read, STAFF),
    (Resource::Audit, Act::Read, &[PrivacyOfficer]),
    (Resource::Peer, Act::Read, STAFF),
    (Resource::Peer, Act::Create, &[Administrator, Coordinator, Supervisor]),
    (Resource::Peer, Act::Update, &[Administrator, Coordinator, Supervisor]),
    (Resource::Consent, Act::Create, &[Referrer, Coordinator]),
    (Resource::Consent, Act::Answer, &[Coordinator]),
    (Resource::Consent, Act::End, &[Referrer, Coordinator, PrivacyOfficer, Client]),
    (Resource::Referral, Act::Create, &[Referrer, Coordinator]),
    (Resource::Referral, Act::Submit, &[Referrer, Coordinator]),
    (Resource::Referral, Act::Converse, &[Referrer, Coordinator, Peer, Supervisor]),
    (Resource::ReferralOffer, Act::Read, &[Coordinator, Supervisor]),
    (Resource::ReferralOffer, Act::Answer, &[Coordinator]),
    (Resource::Contact, Act::Create, &[Peer]),
    (Resource::Episode, Act::End, &[Coordinator, Supervisor, Peer]),
    (Resource::WorkItem, Act::Read, &[Referrer, Coordinator, Supervisor, Peer, PrivacyOfficer]),
    (Resource::WorkItem, Act::Assign, &[Coordinator, Supervisor]),
    (Resource::WorkItem, Act::Answer, &[Supervisor]),
    (Resource::Disclosure, Act::Read, &[PrivacyOfficer]),
    (Resource::EmergencyAccess, Act::Read, &[Referrer, Coordinator, Peer, Supervisor]),
    (Resource::EmergencyAccess, Act::Create, &[Coordinator, Peer, Supervisor, PrivacyOfficer]),
    (Resource::EmergencyAccess, Act::Answer, &[PrivacyOfficer]),
    (Resource::DataExport, Act::Read, &[PrivacyOfficer, Client]),
    (Resource::DataExport, Act::Create, &[PrivacyOfficer, Client]),
    (Resource::ClientAccess, Act::Create, &[Referrer, Coordinator, Peer, Supervisor]),
    (Resource::ClientAccess, Act::End, &[Referrer, Coordinator, Peer, Supervisor, PrivacyOfficer]),
    (Resource::AttendanceProof, Act::Create, &[Coordinator, Supervisor, Peer]),
];

/// Whether one of the caller's roles may do this at all.
pub fn may(access: &Access, resource: Resource, act: Act) -> bool {
    access.is_system() || TABLE.iter().any(|(on, what, roles)| *on == resource && *what == act && access.has_any(roles))
}

/// The table as a text that is reviewed like code.
pub fn text() -> String {
    TABLE.iter().fold(String::from("who may do what at all\n\n"), |text, (resource, act, roles)| {
        let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        format!("{text}{:<18} {:<8} {}\n", format!("{resource:?}"), format!("{act:?}"), roles.join(", "))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_as_reviewed() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/access/policy.txt");
        if std::env::var("AFTERCARE_TEST_UPDATE").is_ok_and(|value| value == "1") {
            std::fs::write(&file, super::text()).unwrap();
        }
        let reviewed = std::fs::read_to_string(&file).unwrap();
        assert_eq!(super::text(), reviewed, "see who may do what now, then run with AFTERCARE_TEST_UPDATE=1");
    }
}
