//! Who there is: the organizations, their programs and the people who work there.

use chrono::NaiveTime;
use entity::{
    OrganizationId, PeerId, ProgramId, StaffMemberId, organization as organization_row,
    peer::SpokenLanguage,
    program::StaffedHours,
    vocabulary::{LanguageProficiency, Modality, OrganizationKind, PurposeOfUse, Role, ServiceKind, Weekday},
};

use crate::{
    access::{Access, Actor, Scope},
    app::App,
    clock::Instant,
    domain::{
        organization::{self, NewOrganization},
        peer::{self, NewPeer},
        program::{self, NewProgram},
        staff_member::{self, NewStaffMember},
    },
    error::{Error, Result},
    store::{Tx, Visible},
};

const ORGANIZATIONS: &[(&str, OrganizationKind, &[&str])] = &[
    ("Harbor Treatment Center", OrganizationKind::TreatmentProvider, &["Harbor Residential", "Harbor Outpatient"]),
    ("Cedar Clinic", OrganizationKind::TreatmentProvider, &["Cedar Intensive Outpatient"]),
    ("Open Door Recovery", OrganizationKind::RecoveryCommunityOrganization, &["Open Door Peer Support", "Open Door Workshops"]),
    ("Riverbend Peers", OrganizationKind::RecoveryCommunityOrganization, &["Riverbend Recovery Coaching"]),
    ("Meeting Finder", OrganizationKind::PartnerApp, &[]),
    ("State Block Grant Office", OrganizationKind::Funder, &[]),
];

const ROLES: &[(Role, &str)] = &[
    (Role::Administrator, "Avery"),
    (Role::Referrer, "Robin"),
    (Role::Coordinator, "Casey"),
    (Role::Peer, "Parker"),
    (Role::Supervisor, "Sidney"),
    (Role::Billing, "Blake"),
    (Role::Analyst, "Ari"),
    (Role::PrivacyOfficer, "Quinn"),
];

/// Who supports people in a peer recovery organization's first program, its second, and so on; numbered from the fifth on.
const PEERS: &[&str] = &["Parker", "Payton", "Perry", "Phoenix"];

/// Everyone who takes part in what follows.
pub(super) struct Cast {
    /// Those who treat people and refer them.
    pub(super) providers: Vec<Home>,
    /// Those who support people afterwards.
    pub(super) supporters: Vec<Home>,
}

impl Cast {
    /// The programs of peer recovery organizations, each with its organization.
    pub(super) fn places(&self) -> Vec<(&Home, &Place)> {
        self.supporters.iter().flat_map(|home| home.places.iter().map(move |place| (home, place))).collect()
    }
}

/// An organization.
pub(super) struct Home {
    pub(super) id: OrganizationId,
    kind: OrganizationKind,
    staff: Vec<(Role, StaffMemberId)>,
    pub(super) places: Vec<Place>,
}

/// One of its programs.
pub(super) struct Place {
    pub(super) program: ProgramId,
    /// Who supports people there: as a person of staff, and as a peer. Nobody where people are treated.
    pub(super) peer: Option<(StaffMemberId, PeerId)>,
}

impl Home {
    /// Its person with this role, at work.
    pub(super) fn acting(&self, role: Role, now: Instant) -> Result<Access> {
        let person = self.staff.iter().find(|(other, _)| *other == role).map(|(_, id)| *id);
        Ok(self.at_work(person.ok_or_else(|| Error::internal("made-up data lacks a person of staff"))?, role, now))
    }

    /// A person of its staff, at work.
    pub(super) fn at_work(&self, person: StaffMemberId, role: Role, now: Instant) -> Access {
        Access {
            actor: Actor::Staff(person),
            organization: Some(self.id),
            organization_kind: Some(self.kind),
            programs: self.places.iter().map(|place| place.program).collect(),
            roles: [role].into(),
            scopes: Scope::ALL.iter().map(|(scope, _)| *scope).collect(),
            purposes: [PurposeOfUse::Treatment].into(),
            purpose: Some(PurposeOfUse::Treatment),
            ..Access::anonymous("demonstration data", now)
        }
    }
}

/// Makes them all, as the system: nobody is there yet.
pub(super) async fn gather(app: &App, programs: usize) -> Result<Cast> {
    let mut tx = app.store.begin(&Access::system("demonstration data", app.clock().now())).await?;
    let mut cast = Cast { providers: Vec::new(), supporters: Vec::new() };
    let always = ORGANIZATIONS.iter().map(|(_, _, programs)| programs.len()).sum::<usize>();
    let mut more = programs.saturating_sub(always);
    let mut last = None;
    for (name, kind, programs) in ORGANIZATIONS {
        let new = NewOrganization { name: (*name).to_owned(), kind: *kind, time_zone: "America/New_York".to_owned() };
        let made = organization::create_in(&mut tx, new).await?;
        let mut names: Vec<String> = programs.iter().map(|name| (*name).to_owned()).collect();
        if *kind == OrganizationKind::RecoveryCommunityOrganization {
            // Half of what is wanted for the first, the rest for the second.
            let here = if cast.supporters.is_empty() { more.div_ceil(2) } else { more };
            more -= here;
            names.extend((1..=here).map(|number| format!("{name} House {number}")));
        }
        let home = people(&mut tx, &made, names).await?;
        match kind {
            OrganizationKind::TreatmentProvider => cast.providers.push(home),
            OrganizationKind::RecoveryCommunityOrganization => cast.supporters.push(home),
            _ => {}
        }
        last = Some(made);
    }
    if let Some(last) = last {
        tx.commit(last).await?;
    }
    Ok(cast)
}

/// Hours for people who work: until eight on weekdays, and on Saturday before noon.
fn evenings_too() -> Vec<StaffedHours> {
    let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("it is an hour of the day");
    let weekdays = Weekday::ALL[..5].iter().map(|weekday| StaffedHours { weekday: *weekday, from: at(10), to: at(20) });
    weekdays.chain([StaffedHours { weekday: Weekday::Saturday, from: at(9), to: at(12) }]).collect()
}

/// An organization's programs and its staff.
async fn people(tx: &mut Tx, made: &Visible<organization_row::Entity>, programs: Vec<String>) -> Result<Home> {
    let supports = made.kind == OrganizationKind::RecoveryCommunityOrganization;
    let mut home = Home { id: made.id, kind: made.kind, staff: Vec::new(), places: Vec::new() };
    for (number, name) in programs.into_iter().enumerate() {
        let new = NewProgram {
            name,
            staffed_hours: (supports && number == 0).then(evenings_too),
            languages: vec!["en".to_owned(), "es".to_owned()],
            services: vec![ServiceKind::OneOnOne, ServiceKind::Telephone, ServiceKind::Workshop],
            serves_remotely: true,
            accepts_referrals: supports,
            ..NewProgram::default()
        };
        home.places.push(Place { program: program::create_in(tx, made, new).await?.id, peer: None });
    }
    let all: Vec<_> = home.places.iter().map(|place| place.program).collect();
    for (role, name) in ROLES {
        home.staff.push((*role, employ(tx, made, *role, name, &all).await?));
    }
    for (number, place) in home.places.iter_mut().enumerate().filter(|_| supports) {
        let name = PEERS.get(number).map_or_else(|| format!("Peer {}", number + 1), |name| (*name).to_owned());
        let known = home.staff.iter().find(|(role, _)| *role == Role::Peer && number == 0).map(|(_, id)| *id);
        let staff = match known {
            Some(parker) => parker,
            None => employ(tx, made, Role::Peer, &name, &all).await?,
        };
        let new = NewPeer {
            staff_member_id: staff,
            program_id: place.program,
            display_name: name,
            bio: Some("In recovery, and glad to walk along.".to_owned()),
            languages: vec![SpokenLanguage { tag: "en".to_owned(), proficiency: LanguageProficiency::Native }],
            modalities: vec![Modality::InPerson, Modality::Phone],
            accepting_clients: true,
        };
        place.peer = Some((staff, peer::create_in(tx, new).await?.id));
    }
    Ok(home)
}

async fn employ(
    tx: &mut Tx,
    home: &Visible<organization_row::Entity>,
    role: Role,
    name: &str,
    programs: &[ProgramId],
) -> Result<StaffMemberId> {
    let address = format!("{name}.{}@{}.example", role.as_str().replace('_', "-"), home.name).replace(' ', "-").to_lowercase();
    let new = NewStaffMember { display_name: name.to_owned(), email: Some(address), roles: vec![role], program_ids: programs.to_vec() };
    Ok(staff_member::create_in(tx, home, new).await?.id)
}
