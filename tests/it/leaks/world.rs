//! Two organizations, the first with two programs, full of canaries; and everyone who asks.

use aftercare::{
    access::{Access, Scope, secret::Purpose, token::Subject},
    domain::{
        program::{self, NewProgram},
        staff_member::{self, NewStaffMember},
    },
    store::Action,
};
use entity::{
    AnyId, ListedMeetingId, audit_event, client, event, listed_meeting, organization, program as program_row, registration, session,
    vocabulary::{OrganizationKind, Role},
};
use kit::{
    app::{Home, TestApp},
    caller::Caller,
    feeds,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::{
    detector::Finder,
    expectation::{Class, NODES, Place, ROLES, WITHOUT_SCOPE},
    log_lines::{self, Listening},
};

/// A text that stands in one place and for one class.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    pub(crate) class: Class,
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// An id that can be asked for, as a placeholder of the table names it.
#[derive(Clone, Debug)]
pub(crate) struct Id {
    pub(crate) placeholder: &'static str,
    /// What it tells; nothing when it is public.
    pub(crate) class: Option<Class>,
    pub(crate) place: Place,
    pub(crate) text: String,
}

/// Someone who asks.
pub(crate) struct Asker {
    pub(crate) name: String,
    place: Place,
    /// None without a token.
    role: Option<Role>,
    scoped: bool,
    /// What is about themselves.
    own: Vec<String>,
    pub(crate) caller: Caller,
}

impl Asker {
    pub(crate) fn may_see(&self, canary: &Canary) -> bool {
        self.own.contains(&canary.text) || self.reaches(canary.class, canary.place)
    }

    pub(crate) fn is(&self, id: &str) -> bool {
        self.own.iter().any(|own| own == id)
    }

    pub(crate) fn reaches(&self, class: Class, place: Place) -> bool {
        let Some(role) = self.role else { return false };
        let listed = ROLES.iter().any(|(known, roles, reach)| *known == class && roles.contains(&role) && reach.covers(self.place, place));
        listed && (self.scoped || WITHOUT_SCOPE.contains(&class))
    }
}

/// The data and the askers.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) canaries: Vec<Canary>,
    pub(crate) ids: Vec<Id>,
    pub(crate) askers: Vec<Asker>,
    /// Of all canaries.
    pub(crate) finder: Finder,
    homes: Vec<(Place, Home)>,
    /// What is published for an organization's clients.
    for_clients: Vec<(Place, String)>,
    _listening: Listening,
}

pub(crate) const STAFF: [Role; 9] = [
    Role::Administrator,
    Role::Referrer,
    Role::Coordinator,
    Role::Peer,
    Role::Supervisor,
    Role::Billing,
    Role::Analyst,
    Role::Moderator,
    Role::PrivacyOfficer,
];

impl World {
    pub(crate) async fn on(app: TestApp) -> Self {
        let listening = log_lines::listen();
        let near = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let far = second_program(&app, &near).await;
        let abroad = app.home("Riverbend", OrganizationKind::TreatmentProvider).await;
        let homes = vec![(Place::Near, near), (Place::Far, far), (Place::Abroad, abroad)];
        let mut world = Self {
            app,
            canaries: Vec::new(),
            ids: Vec::new(),
            askers: Vec::new(),
            finder: Finder::of([].into_iter()),
            homes,
            for_clients: Vec::new(),
            _listening: listening,
        };
        world.askers.push(Asker {
            name: "anyone".to_owned(),
            place: Place::Abroad,
            role: None,
            scoped: false,
            own: Vec::new(),
            caller: world.app.anyone(),
        });
        for role in STAFF {
            world.employ(Place::Near, role, true).await;
        }
        for role in [Role::Administrator, Role::Coordinator, Role::PrivacyOfficer] {
            world.employ(Place::Near, role, false).await;
            world.employ(Place::Far, role, true).await;
            world.employ(Place::Abroad, role, true).await;
        }
        for place in Place::ALL {
            world.directory(place).await;
            world.client(place).await;
            world.schedule(place).await;
        }
        world.partner().await;
        world.listed().await;
        for place in Place::ALL {
            world.invited(place).await;
        }
        world.log().await;
        world.finder = Finder::of(world.canaries.iter().map(|canary| canary.text.as_str()));
        world
    }

    pub(crate) fn asker(&self, name: &str) -> &Asker {
        self.askers.iter().find(|asker| asker.name == name).unwrap()
    }

    /// The type of what has this id.
    pub(crate) fn kind_of(&self, id: &Id) -> &'static str {
        let prefix = |id: &Id| id.text.split('_').next().map(str::to_owned);
        let known = |placeholder| self.ids.iter().find(|known| known.placeholder == placeholder);
        let (kind, ..) = NODES.iter().find(|(_, placeholder, _)| known(*placeholder).and_then(prefix) == prefix(id)).unwrap();
        kind
    }

    /// The beginning of the log, as an asker's cursor.
    pub(crate) fn start(&self, asker: &Asker) -> String {
        let organization = asker.role.map(|_| self.home(asker.place).organization);
        let access = Access { organization, ..self.app.system() };
        self.app.store.event_cursor(&access, 0).unwrap()
    }

    fn home(&self, place: Place) -> Home {
        self.homes.iter().find(|(at, _)| *at == place).unwrap().1.clone()
    }

    fn sing(&mut self, class: Class, place: Place, text: impl Into<String>) {
        self.canaries.push(Canary { class, place, text: text.into() });
    }

    fn id(&mut self, placeholder: &'static str, class: Option<Class>, place: Place, id: impl Into<AnyId>) {
        self.ids.push(Id { placeholder, class, place, text: id.into().to_string() });
    }

    /// A meeting of others, which everyone may know.
    async fn listed(&mut self) {
        feeds::listed(&self.app, "district", vec![feeds::meeting("Of others")]).await;
        let listed = self.app.store.parts::<listed_meeting::Entity>(&self.app.system(), Condition::all()).await.unwrap();
        self.id("listed", None, Place::Near, ListedMeetingId::from(listed[0].gathering_id));
    }

    async fn employ(&mut self, place: Place, role: Role, scoped: bool) {
        let home = self.home(place);
        let name = format!("{} {place:?}{}", role.as_str(), if scoped { "" } else { " without scope" });
        let (shown, email) = (format!("Canary Staff {name}."), format!("canary-staff-{}@example.org", self.askers.len()));
        let mut tx = self.app.store.begin(&self.app.system()).await.unwrap();
        let organization = tx.fetch_for(home.organization, Action::Extend).await.unwrap();
        let new =
            NewStaffMember { display_name: shown.clone(), email: Some(email.clone()), roles: vec![role], program_ids: vec![home.program] };
        let made = staff_member::create_in(&mut tx, &organization, new).await.unwrap();
        let id = tx.commit(made).await.unwrap().id;
        let scopes: Vec<_> = Scope::ALL.iter().map(|(scope, _)| *scope).filter(|_| scoped).collect();
        let caller = self.app.caller(Subject::Staff(id), &home, &[role], &scopes);
        self.id("staff", Some(Class::Staff), place, id);
        for text in [&shown, &email] {
            self.sing(Class::Staff, place, text);
        }
        self.askers.push(Asker { name, place, role: Some(role), scoped, own: vec![shown, email, id.to_string()], caller });
    }

    /// How organization and program are run, in columns that no mutation of the hunt sets. Versions are far apart, because they are counted
    /// on.
    async fn directory(&mut self, place: Place) {
        let (home, connection) = (self.home(place), self.app.database.connect().await);
        let version = 710_000_001 + 1_000_000 * place as i32;
        let holiday = format!("1971-01-{}", 11 + place as u32);
        let operations = program_row::Entity::update_many().col_expr(program_row::Column::Version, Expr::val(version));
        let operations = operations.col_expr(program_row::Column::Holidays, Expr::val(json!([holiday])));
        operations.filter(program_row::Column::Id.eq(home.program)).exec(&connection).await.unwrap();
        for text in [&version.to_string(), &holiday] {
            self.sing(Class::Operations, place, text);
        }
        self.id("program", None, place, home.program);
        if place == Place::Far {
            return;
        }
        let npi = format!("canary-npi-{place:?}");
        let administration = organization::Entity::update_many().col_expr(organization::Column::Npi, Expr::val(npi.as_str()));
        administration.filter(organization::Column::Id.eq(home.organization)).exec(&connection).await.unwrap();
        self.sing(Class::Administration, place, npi);
        self.id("organization", None, place, home.organization);
        let application = self.app.api_client(&home, &[Role::PartnerApp], &[Scope::Admin], &[]).await;
        self.id("application", Some(Class::Administration), place, application.id);
    }

    /// A client of a program, each of whose texts sings.
    async fn client(&mut self, place: Place) {
        let (at, home) = (format!("{place:?}").to_lowercase(), self.home(place));
        let phone = format!("+1202555010{}", place as u8);
        let coordinator = self.asker(&format!("{} {place:?}", Role::Coordinator.as_str()));
        let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { message } } }";
        let of = |what: &str| format!("canary-{what}-{at}");
        let input = json!({
            "givenName": of("given"), "familyName": of("family"), "preferredName": of("preferred"), "pronouns": of("pronouns"),
            "dateOfBirth": format!("195{}-03-04", place as u8), "address": { "line1": of("street"), "city": of("city"), "country": "US" },
            "contactMethods": [
                { "kind": "EMAIL", "value": format!("{}@example.org", of("mail")), "safe": true },
                { "kind": "PHONE", "value": phone, "safe": true },
            ],
            "externalIdentifiers": [{ "system": of("system"), "value": of("identifier") }], "communities": [of("community")],
            "programIds": [home.program.to_string()],
        });
        let made = coordinator.caller.ask_with(create, json!({ "input": input })).await;
        let id = made.text("/clientCreate/client/id").to_owned();
        let set =
            "mutation($id: ID!, $label: String!) { milestoneSet(clientId: $id, kind: CUSTOM, label: $label, startedOn: \"2026-03-01\") {
            milestone { label } userErrors { message } } }";
        coordinator.caller.ask_with(set, json!({ "id": id, "label": of("count") })).await.text("/milestoneSet/milestone/label");
        let connection = self.app.database.connect().await;
        let pseudonym = client::Entity::update_many().col_expr(client::Column::Pseudonym, Expr::val(of("pseudonym")));
        let id_of_row: entity::ClientId = id.parse().unwrap();
        pseudonym.filter(client::Column::Id.eq(id_of_row)).exec(&connection).await.unwrap();
        for what in ["given", "family", "preferred", "pronouns", "street", "city", "mail", "system", "identifier"] {
            self.sing(Class::Identity, place, of(what));
        }
        self.sing(Class::Identity, place, phone);
        self.sing(Class::Recovery, place, of("community"));
        self.sing(Class::Recovery, place, of("count"));
        self.sing(Class::Person, place, of("pseudonym"));
        self.sing(Class::Person, place, &id);
        self.id("client", Some(Class::Person), place, id.parse::<AnyId>().unwrap());
    }

    /// A draft, a workshop for partners, one for clients only, and a public one with a hidden address and one client who comes.
    async fn schedule(&mut self, place: Place) {
        let (at, home) = (format!("{place:?}").to_lowercase(), self.home(place));
        let coordinator = self.asker(&format!("{} {place:?}", Role::Coordinator.as_str())).caller.clone();
        let of = |what: &str| format!("canary-{what}-{at}");
        let create = "mutation($input: WorkshopCreateInput!) { workshopCreate(input: $input) {
            workshop { id sessions { nodes { id } } } userErrors { message } } }";
        let publish = "mutation($id: ID!) { workshopPublish(id: $id) { workshop { id } userErrors { message } } }";
        let workshops = [("draft", "PUBLIC"), ("partners", "PARTNERS"), ("clients-only", "CLIENTS_ONLY"), ("public", "PUBLIC")];
        for (what, visibility) in workshops {
            let input = json!({
                "programId": home.program, "title": if what == "public" { "Stress".to_owned() } else { of(what) }, "topics": ["COPING.STRESS"],
                "modality": "HYBRID", "visibility": visibility, "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60,
                "address": { "line1": of("lane"), "country": "US" }, "area": "Old town", "addressAfterRegistration": true,
                "joinUrl": format!("https://meet.example.org/{}", of("room")),
            });
            let made = coordinator.ask_with(create, json!({ "input": input })).await;
            let workshop = made.text("/workshopCreate/workshop/id").to_owned();
            let session = made.text("/workshopCreate/workshop/sessions/nodes/0/id").to_owned();
            if what != "draft" {
                coordinator.ask_with(publish, json!({ "id": workshop })).await;
            }
            let (class, seen, met) = match what {
                "public" => (None, "workshop", "session"),
                "partners" => (Some(Class::Partners), "partners", "partners-session"),
                _ => (Some(Class::Draft), "draft", "draft-session"),
            };
            self.id(seen, class, place, workshop.parse::<AnyId>().unwrap());
            self.id(met, class, place, session.parse::<AnyId>().unwrap());
            if what == "clients-only" {
                self.for_clients.extend([of(what), workshop.clone(), session.clone()].map(|text| (place, text)));
            }
            class.into_iter().for_each(|class| self.sing(class, place, of(what)));
            if what == "public" {
                self.attend(place, &coordinator, &session).await;
            }
        }
        self.sing(Class::HiddenAddress, place, of("lane"));
        self.sing(Class::JoinUrl, place, of("room"));
        self.group(place, &coordinator).await;
        self.guest(place, &coordinator).await;
    }

    /// A guest who comes to a choir, and in one place another, who is none of this world and has not confirmed yet: whoever has the code is
    /// told what it is about.
    async fn guest(&mut self, place: Place, coordinator: &Caller) {
        let plain = json!({ "programId": self.home(place).program, "title": "Choir", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
            "startsOn": "2026-03-11", "startTime": "18:00", "minutes": 60 });
        let choir = kit::workshops::published(coordinator, plain, &json!({})).await;
        let choir = kit::workshops::sessions(coordinator, &choir).await[0]["id"].clone();
        let name = format!("canary-guest-{place:?}").to_lowercase();
        let connection = self.app.database.connect().await;
        let register = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) { registration { id } userErrors { message } } }";
        for (number, name) in [name.as_str(), "Robin"].into_iter().enumerate().take(if place == Place::Near { 2 } else { 1 }) {
            let contact = json!({ "kind": "EMAIL", "value": format!("guest{number}@example.org"), "safe": true });
            let input = json!({ "sessionId": choir, "registrant": { "guest": { "displayName": name, "contact": contact } } });
            let made = coordinator.ask_with(register, json!({ "input": input })).await;
            let id: entity::RegistrationId = made.text("/registrationCreate/registration/id").parse().unwrap();
            let change = registration::Entity::update_many().filter(registration::Column::Id.eq(id));
            let change = if number == 0 {
                self.sing(Class::Guest, place, name);
                self.id("guest", Some(Class::Guest), place, id);
                change.col_expr(registration::Column::Status, Expr::val("REGISTERED"))
            } else {
                let code = self.app.secrets.of(Purpose::GuestCode).hash("AAAABBBBCCCCDDDD").to_vec();
                change.col_expr(registration::Column::CodeHash, Expr::val(code))
            };
            change.exec(&connection).await.unwrap();
        }
        // Whoever waits for a mail of theirs waits for no other.
        self.app.mails().await;
    }

    /// A closed support group for clients only, whose first session begins soon: the place's client comes to it, is offered a seat at the
    /// next, and came to one that is over.
    async fn group(&mut self, place: Place, coordinator: &Caller) {
        let title = format!("canary-group-{place:?}").to_lowercase();
        let create = "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) {
            supportGroup { id sessions { nodes { id } } } userErrors { message } } }";
        let input = json!({
            "programId": self.home(place).program, "title": title, "topics": [], "modality": "ONLINE", "visibility": "CLIENTS_ONLY",
            "open": false, "startsOn": "2026-03-02", "startTime": "07:30", "minutes": 60, "extraDates": ["2026-03-09", "2026-03-16"],
        });
        let made = coordinator.ask_with(create, json!({ "input": input })).await;
        let group = made.text("/supportGroupCreate/supportGroup/id").to_owned();
        self.sing(Class::Group, place, &title);
        self.id("group", Some(Class::Group), place, group.parse::<AnyId>().unwrap());
        self.for_clients.extend([title, group].map(|text| (place, text)));
        let sessions = [(0, "group-session", "coming"), (1, "later-session", "offered"), (2, "past-session", "attended")];
        for (number, session, seat) in sessions {
            let id = made.text(&format!("/supportGroupCreate/supportGroup/sessions/nodes/{number}/id")).to_owned();
            self.id(session, Some(Class::Group), place, id.parse::<AnyId>().unwrap());
            let registration = self.register(place, coordinator, &id).await;
            self.id(seat, Some(Class::Registration), place, registration);
            self.for_clients.push((place, id.clone()));
            if seat == "attended" {
                self.is_over(&id, registration).await;
            }
            if seat == "offered" {
                use registration::Column;
                let until = self.app.clock().now() + chrono::TimeDelta::days(1);
                let offered = registration::Entity::update_many()
                    .col_expr(Column::Status, Expr::val("OFFERED"))
                    .col_expr(Column::WaitingSince, Expr::val(until))
                    .col_expr(Column::OfferExpiresAt, Expr::val(until));
                offered.filter(Column::Id.eq(registration)).exec(&self.app.database.connect().await).await.unwrap();
            }
        }
    }

    /// Lets a session be a week ago, to which somebody came.
    async fn is_over(&self, session: &str, seat: entity::RegistrationId) {
        let connection = self.app.database.connect().await;
        let (begun, row): (_, entity::SessionId) = (self.app.clock().now() - chrono::TimeDelta::days(7), session.parse().unwrap());
        let over = session::Entity::update_many()
            .col_expr(session::Column::StartsAt, Expr::val(begun))
            .col_expr(session::Column::EndsAt, Expr::val(begun + chrono::TimeDelta::hours(1)))
            .col_expr(session::Column::LocalStart, Expr::val(begun.naive_utc()));
        over.filter(session::Column::Id.eq(row)).exec(&connection).await.unwrap();
        let came = registration::Entity::update_many().col_expr(registration::Column::Status, Expr::val("ATTENDED"));
        came.filter(registration::Column::Id.eq(seat)).exec(&connection).await.unwrap();
    }

    /// The place's client comes to a session. Numbers that can be searched for say how many come, and that this one does.
    async fn attend(&mut self, place: Place, coordinator: &Caller, session: &str) {
        let id = self.register(place, coordinator, session).await;
        // Far apart, so that none becomes another's when it is counted on.
        let (count, version) = (720_000_000 + 1_000 * place as i32, 730_000_000 + 1_000 * place as i32);
        let connection = self.app.database.connect().await;
        let counted = session::Entity::update_many().col_expr(session::Column::RegisteredOnline, Expr::val(count));
        let row: entity::SessionId = session.parse().unwrap();
        counted.filter(session::Column::Id.eq(row)).exec(&connection).await.unwrap();
        let versioned = registration::Entity::update_many().col_expr(registration::Column::Version, Expr::val(version));
        versioned.filter(registration::Column::Id.eq(id)).exec(&connection).await.unwrap();
        self.sing(Class::Roster, place, count.to_string());
        self.sing(Class::Registration, place, version.to_string());
        self.id("registration", Some(Class::Registration), place, id);
    }

    /// The place's client is registered for a session.
    async fn register(&self, place: Place, coordinator: &Caller, session: &str) -> entity::RegistrationId {
        let client = self.ids.iter().find(|id| (id.placeholder, id.place) == ("client", place)).unwrap().text.clone();
        let register =
            "mutation($session: ID!, $client: ID!) { registrationCreate(input: { sessionId: $session, registrant: { clientId: $client },
            attendance: ONLINE }) { registration { id } userErrors { message } } }";
        let made = coordinator.ask_with(register, json!({ "session": session, "client": client })).await;
        made.text("/registrationCreate/registration/id").parse().unwrap()
    }

    /// A partner's application of the first organization, with every scope.
    async fn partner(&mut self) {
        let (home, scopes) = (self.home(Place::Near), Scope::ALL.iter().map(|(scope, _)| *scope).collect::<Vec<_>>());
        let id = self.app.api_client(&home, &[Role::PartnerApp], &scopes, &[]).await.id;
        let caller = self.app.caller(Subject::Api(id), &home, &[Role::PartnerApp], &scopes);
        let role = Some(Role::PartnerApp);
        self.askers.push(Asker { name: "partner".to_owned(), place: Place::Near, role, scoped: true, own: vec![id.to_string()], caller });
    }

    /// The place's client, who reads their own data: besides themselves what is for their organization's clients, where they have a seat,
    /// and that they have it.
    async fn invited(&mut self, place: Place) {
        let id = self.ids.iter().find(|id| (id.placeholder, id.place) == ("client", place)).unwrap().text.clone();
        let coordinator = self.asker(&format!("{} {place:?}", Role::Coordinator.as_str())).caller.clone();
        let caller = self.app.as_client(&coordinator, &id).await;
        let at = format!("{place:?}").to_lowercase();
        let mut own = vec![id, format!("canary-lane-{at}"), format!("canary-room-{at}")];
        let seat = self
            .ids
            .iter()
            .filter(|id| ["registration", "coming", "offered", "attended"].contains(&id.placeholder) && id.place == place)
            .map(|id| id.text.clone());
        let version = self.canaries.iter().filter(|canary| canary.class == Class::Registration && canary.place == place);
        own.extend(seat.chain(version.map(|canary| canary.text.clone())));
        own.extend(self.for_clients.iter().filter(|(of, _)| place.same_organization(*of)).map(|(_, text)| text.clone()));
        let (name, role) = (format!("CLIENT {place:?}"), Some(Role::Client));
        self.askers.push(Asker { name, place, role, scoped: true, own, caller });
    }

    /// The ids of what is in the log by now: events about clients tell of a person, the others do not.
    async fn log(&mut self) {
        self.app.sealed().await;
        let (system, homes) = (self.app.system(), self.homes.clone());
        let at = |organization| homes.iter().find(|(_, home)| home.organization == organization).unwrap().0;
        for row in self.app.store.find::<event::Entity>(&system).first(1000).await.unwrap() {
            // What happened in no organization is in nobody's log.
            let Some(organization) = row.organization_id else { continue };
            let client = row.client_id.map(|id| id.to_string());
            let person = client.map(|id| self.ids.iter().find(|known| known.text == id).unwrap().place);
            let of_client = if row.subject_kind == "reg" { Class::RegistrationEvent } else { Class::ClientEvent };
            let guest =
                self.ids.iter().find(|id| id.placeholder == "guest" && AnyId::new("reg", row.subject_id).unwrap().to_string() == id.text);
            let of_nobody = match guest {
                Some(guest) => (Class::Guest, guest.place),
                None if row.subject_kind == "reg" => (Class::Guest, Place::Near),
                None => (Class::Event, at(organization)),
            };
            let (class, place) = person.map_or(of_nobody, |place| (of_client, place));
            self.sing(class, place, row.id.to_string());
            if !self.ids.iter().any(|id| (id.placeholder, id.class, id.place) == ("event", Some(class), place)) {
                self.id("event", Some(class), place, row.id);
            }
        }
        for row in self.app.store.find::<audit_event::Entity>(&system).first(1000).await.unwrap() {
            let Some(organization) = row.organization_id else { continue };
            self.sing(Class::Audit, at(organization), row.id.to_string());
            // What was done with a client's record is theirs to know.
            let of_whom = row.subject_kind.as_deref().zip(row.subject_id).filter(|(kind, _)| *kind == "cli");
            let of_whom = of_whom.map(|(_, id)| entity::ClientId::from(id).to_string());
            let themselves = self.askers.iter_mut().filter(|asker| asker.role == Some(Role::Client));
            for asker in themselves.filter(|asker| asker.own.first() == of_whom.as_ref()) {
                asker.own.push(row.id.to_string());
            }
            if !self.ids.iter().any(|id| (id.placeholder, id.place) == ("audit", at(organization))) {
                self.id("audit", Some(Class::Audit), at(organization), row.id);
            }
        }
        assert!(NODES.iter().all(|(_, placeholder, _)| self.ids.iter().any(|id| id.placeholder == *placeholder)), "an id of every kind");
    }
}

pub(crate) async fn second_program(app: &TestApp, home: &Home) -> Home {
    let mut tx = app.store.begin(&app.system()).await.unwrap();
    let organization = tx.fetch_for(home.organization, Action::Extend).await.unwrap();
    let new = NewProgram { name: "Evening program".to_owned(), ..NewProgram::default() };
    let made = program::create_in(&mut tx, &organization, new).await.unwrap();
    Home { organization: home.organization, program: tx.commit(made).await.unwrap().id }
}
