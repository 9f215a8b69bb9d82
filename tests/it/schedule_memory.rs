//! The public schedule in memory answers as the database does, and as soon.

use std::collections::BTreeSet;

use aftercare::{
    access::{Scope, token::Subject},
    domain::{
        gathering::{self, NewGathering, NewGroup, NewSeries},
        peer::{self, NewPeer},
        program::{self, NewProgram},
        staff_member::{self, NewStaffMember},
    },
    store::Action,
};
use chrono::{Days, NaiveDate, TimeDelta};
use entity::{
    ApiClientId, PeerId, ProgramId,
    program::Address,
    session,
    vocabulary::{GatheringVisibility, Modality, OrganizationKind, Role, SessionStatus},
};
use kit::{
    app::{Home, TestApp, new_workshop},
    caller::{Answer, Caller},
    databases::TestDatabase,
    on_both,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value, json};

const SESSIONS: &str = "query($filter: SessionFilter, $orderBy: SessionOrder, $first: Int, $last: Int, $after: String, $before: String) {
    list: sessions(filter: $filter, orderBy: $orderBy, first: $first, last: $last, after: $after, before: $before) { totalCount
        nodes { id status startsAt endsAt localStart timeZone modality address { city latitude } area distanceKm note seatsLeftInPerson seatsLeftOnline
            waitlistOpen version gathering { __typename id title topics { code } program { name organization { name } }
            facilitators { displayName languages } nextSession { id } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
const GATHERINGS: &str =
    "query($filter: WorkshopFilter, $orderBy: WorkshopOrder, $first: Int, $last: Int, $after: String, $before: String) {
    list: LIST(filter: $filter, orderBy: $orderBy, first: $first, last: $last, after: $after, before: $before) { totalCount
        nodes { id title description topics { code label } modality languages accessibility audience minimumAge cost { amount } visibility
            address { city } area addressAfterRegistration timeZone startsOn startTime minutes recurrence calendarUrl
            program { id name organization { id name } } facilitators { displayName bio } nextSession { id startsAt seatsLeftInPerson }
            operations { version }
            coming: sessions(first: 3, filter: { status: [SCHEDULED] }) { totalCount nodes { id startsAt } pageInfo { hasNextPage } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

const TOPICS: [&str; 4] = ["COPING.STRESS", "COPING.CRAVINGS", "RP.TRIGGERS", "LIFE.BUDGETING"];
const WORDS: [&str; 5] = ["Café", "morning", "Stress", "circle", "naïve"];

/// Two organizations with programs, peers, and much that comes together.
struct Town {
    app: TestApp,
    home: Home,
    other: Home,
}

impl Town {
    async fn on(db: TestDatabase) -> Self {
        let app = TestApp::start_with(db, &[("AFTERCARE_SCHEDULE__IN_MEMORY", "false")]).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let town = Self { app, home, other };
        let mut random = StdRng::seed_from_u64(7);
        for home in [&town.home, &town.other] {
            town.fill(home, &mut random).await;
        }
        town
    }

    /// What a program runs. Some of it is over, some is for partners or for clients only, and some is a draft.
    async fn fill(&self, home: &Home, random: &mut StdRng) {
        let mut tx = self.app.store.begin(&self.app.system()).await.unwrap();
        let organization = tx.fetch_for(home.organization, Action::Extend).await.unwrap();
        let second = NewProgram { name: "Second program".to_owned(), ..NewProgram::default() };
        let second = program::create_in(&mut tx, &organization, second).await.unwrap().id;
        let mut peers: Vec<(ProgramId, PeerId)> = Vec::new();
        for (number, program_id) in [home.program, home.program, second, second].into_iter().enumerate() {
            let new = NewStaffMember {
                display_name: format!("Person {number}"),
                email: None,
                roles: vec![Role::Peer],
                program_ids: vec![program_id],
            };
            let staff_member_id = staff_member::create_in(&mut tx, &organization, new).await.unwrap().id;
            let display_name = format!("Peer {number}");
            let new = NewPeer {
                staff_member_id,
                program_id,
                display_name,
                bio: None,
                languages: vec![],
                modalities: vec![],
                accepting_clients: true,
            };
            peers.push((program_id, peer::create_in(&mut tx, new).await.unwrap().id));
        }
        for number in 0..24 {
            let (program_id, leader) = *peers.choose(random).unwrap();
            let new =
                Box::new(some_gathering(NewGathering { program_id, facilitator_ids: vec![leader], ..new_workshop(home) }, number, random));
            let (group, draft) = (new.group.is_some(), random.random_ratio(1, 10));
            let made = gathering::create_in(&mut tx, *new).await.unwrap();
            if !group && !draft {
                Box::pin(gathering::publish_in(&mut tx, &made)).await.unwrap();
            }
        }
        tx.commit(organization).await.unwrap();
    }

    /// Somebody's application, which reads what is for partners.
    async fn partner(&self) -> Caller {
        let client = self.app.api_client(&self.other, &[Role::PartnerApp], &[Scope::ScheduleRead], &[]).await;
        let id: ApiClientId = client.id;
        self.app.caller(Subject::Api(id), &self.other, &[Role::PartnerApp], &[Scope::ScheduleRead])
    }
}

fn some_gathering(usual: NewGathering, number: u32, random: &mut StdRng) -> NewGathering {
    let modality = *[Modality::InPerson, Modality::Online, Modality::Hybrid, Modality::Phone].choose(random).unwrap();
    // Some at the same place.
    let latitude = 42.0 + f64::from(random.random_range(0..20)) / 20.0;
    let address = Address {
        country: "US".to_owned(),
        city: Some("Albany".to_owned()),
        latitude: Some(latitude),
        longitude: Some(-73.75),
        ..Address::default()
    };
    let starts_on = NaiveDate::from_ymd_opt(2026, 3, 3).unwrap() + Days::new(random.random_range(0..20));
    let rules = [None, Some("FREQ=WEEKLY;COUNT=5"), Some("FREQ=WEEKLY"), Some("FREQ=DAILY;COUNT=12")];
    let recurrence = rules.choose(random).unwrap().map(str::to_owned);
    let group = random.random_ratio(1, 4).then(|| NewGroup {
        open: random.random_ratio(2, 3),
        pathway: None,
        focus: vec![],
        confidentiality: None,
    });
    let in_room = matches!(modality, Modality::InPerson | Modality::Hybrid);
    let visibility =
        [GatheringVisibility::Public, GatheringVisibility::Public, GatheringVisibility::Partners, GatheringVisibility::ClientsOnly];
    NewGathering {
        title: format!("{} {number}", WORDS.choose(random).unwrap()),
        description: random.random::<bool>().then(|| format!("Every {} matters", WORDS.choose(random).unwrap())),
        topics: some_of(&TOPICS, random),
        languages: some_of(&["en", "es-MX", "fr"], random),
        accessibility: some_of(&["ASL", "WHEELCHAIR"], random),
        modality,
        visibility: *visibility.choose(random).unwrap(),
        address: in_room.then_some(address),
        area: in_room.then(|| "By the park".to_owned()),
        address_after_registration: in_room && random.random_ratio(1, 3),
        capacity_in_person: (in_room && random.random::<bool>()).then_some(2),
        capacity_online: (!in_room && random.random::<bool>()).then_some(1),
        waitlist_size: random.random::<bool>().then_some(0),
        series: NewSeries {
            starts_on,
            recurrence,
            start_time: *["18:00:00", "09:30:00"].map(|at| at.parse().unwrap()).choose(random).unwrap(),
            ..usual.series.clone()
        },
        despite_conflict: true,
        group,
        ..usual
    }
}

fn some_of(all: &[&str], random: &mut StdRng) -> Vec<String> {
    all.iter().filter(|_| random.random::<bool>()).map(|one| (*one).to_owned()).collect()
}

/// A question: a document, and what of a list it asks for.
fn question(random: &mut StdRng) -> (String, Map<String, Value>) {
    let of_sessions = random.random::<bool>();
    let mut filter = Map::new();
    let mut put = |random: &mut StdRng, name: &str, value: Value| {
        if random.random_ratio(1, 4) {
            filter.insert(name.to_owned(), value);
        }
    };
    let day = |random: &mut StdRng| format!("2026-0{}-{:02}T00:00:00Z", random.random_range(3..6), random.random_range(1..29));
    put(random, "topics", json!(["COPING.STRESS", "NO.SUCH"]));
    put(random, "languages", json!(["es"]));
    put(random, "modality", json!(["HYBRID", "ONLINE"]));
    put(random, "accessibility", json!(["ASL", "WHEELCHAIR"]));
    let word = *["cafe", "NAÏVE", "str", "every mat", "zebra", "-"].choose(random).unwrap();
    put(random, "search", json!(word));
    let seats = random.random::<bool>();
    put(random, "hasSeats", json!(seats));
    let (from, to) = (day(random), day(random));
    put(random, "starts", json!({ "from": from, "to": to }));
    put(random, "starts", json!({ "from": from }));
    put(random, "near", json!({ "latitude": 42.4, "longitude": -73.7, "withinKm": 30 }));
    put(random, "near", json!({ "latitude": 42.4, "longitude": -73.7, "withinKm": 90 }));
    if of_sessions {
        put(random, "includeGroups", json!(true));
        put(random, "status", json!(["SCHEDULED"]));
        put(random, "status", json!(["SCHEDULED", "CANCELLED", "HELD"]));
    }
    let fields: &[&str] = match (of_sessions, filter.contains_key("near")) {
        (true, true) => &["STARTS_AT", "DISTANCE"],
        (true, false) => &["STARTS_AT"],
        (false, true) => &["NEXT_SESSION", "TITLE", "DISTANCE"],
        (false, false) => &["NEXT_SESSION", "TITLE"],
    };
    let mut variables = Map::new();
    if random.random::<bool>() {
        let direction = if random.random::<bool>() { "ASC" } else { "DESC" };
        variables.insert("orderBy".to_owned(), json!({ "field": fields.choose(random).unwrap(), "direction": direction }));
    }
    variables.insert("filter".to_owned(), filter.into());
    let list = if random.random::<bool>() { "workshops" } else { "supportGroups" };
    (if of_sessions { SESSIONS.to_owned() } else { GATHERINGS.replace("LIST", list) }, variables)
}

/// Asks both the same, page by page; each goes on where the other was. Gives how many rows there were.
async fn alike((memory, database): (&Caller, &Caller), document: &str, mut variables: Map<String, Value>, backward: bool) -> usize {
    let (size, cursor, more) = if backward { ("last", "before", "hasPreviousPage") } else { ("first", "after", "hasNextPage") };
    variables.insert(size.to_owned(), json!(4));
    let mut rows = 0;
    for page in 0..5 {
        let asked = Value::Object(variables.clone());
        let (one, other) = (memory.ask_with(document, asked.clone()).await, database.ask_with(document, asked.clone()).await);
        assert_eq!(other.error_codes(), [""; 0], "{asked}: {}", other.raw);
        assert_eq!(one.raw, other.raw, "page {page} of {asked}");
        rows += one.data("/list/nodes").as_array().unwrap().len();
        if one.data("/list/pageInfo")[more] == false {
            break;
        }
        let end = if backward { "startCursor" } else { "endCursor" };
        let from = if page % 2 == 0 { &one } else { &other };
        variables.insert(cursor.to_owned(), from.data("/list/pageInfo")[end].clone());
    }
    rows
}

/// The statements of the schedule's own tables that a server ran.
fn of_schedule(app: &TestApp) -> Vec<String> {
    app.take_statements().into_iter().filter(|sql| sql.contains("\"gathering\"") || sql.contains("\"session\"")).collect()
}

on_both! {
    async fn memory_and_database_answer_alike(db: TestDatabase) {
        let town = Town::on(db).await;
        // Of those to come some are full, some were filled in these five minutes, some are cancelled, and others are over.
        let now = town.app.clock().now() + TimeDelta::days(43);
        let full = session::ActiveModel {
            registered_in_person: Set(2),
            registered_online: Set(1),
            waiting: Set(1),
            before_in_person: Set(1),
            ..Default::default()
        };
        let just_now = session::ActiveModel { seats_changed_at: Set(now), ..full.clone() };
        let cancelled = session::ActiveModel { status: Set(SessionStatus::Cancelled), note: Set(Some("Snow".to_owned())), ..Default::default() };
        for (from, to, change) in [(-12, 8, full), (8, 20, just_now), (-4, -2, cancelled.clone()), (4, 6, cancelled)] {
            let days = |days| now + TimeDelta::days(days);
            let these = session::Entity::update_many().set(change).filter(session::Column::StartsAt.between(days(from), days(to)));
            assert!(these.exec(&town.app.database.connect().await).await.unwrap().rows_affected > 3, "{from} to {to}");
        }
        town.app.clock().advance(TimeDelta::days(43));
        town.app.sealed().await;
        let memory = town.app.replica().await;
        memory.schedule_read().await;
        let partner = town.partner().await;
        let partners = (Caller::with_token(&memory.url, partner.token.as_ref().unwrap()), partner);
        let anyone = (memory.anyone(), town.app.anyone());
        let mut random = StdRng::seed_from_u64(11);
        let (mut rows, mut without_statement) = (BTreeSet::new(), 0);
        for round in 0..150 {
            if round == 75 {
                town.app.clock().advance(TimeDelta::minutes(5));
                memory.schedule_read().await;
            }
            let (document, variables) = question(&mut random);
            let callers = if round % 3 == 0 { (&partners.0, &partners.1) } else { (&anyone.0, &anyone.1) };
            memory.take_statements();
            rows.insert(alike(callers, &document, variables, random.random_ratio(1, 3)).await);
            without_statement += usize::from(of_schedule(&memory).is_empty());
        }
        assert!(rows.len() > 6, "lists of all lengths were compared: {rows:?}");
        assert!((50..150).contains(&without_statement), "{without_statement} of 150 came from memory, the others reach further back or are by title");
    }

    async fn whatever_changes_is_told_at_once_and_on_every_replica(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Administrator, Role::Coordinator]).await;
        let replica = app.replica().await;
        app.schedule_read().await;
        replica.schedule_read().await;
        let look = "{ sessions(filter: { starts: { from: \"2026-03-01T00:00:00Z\" } }) { totalCount nodes { id status startsAt note
            gathering { title program { name } facilitators { displayName } } } } }";
        let seen = |answer: &Answer| {
            let node = &answer.data("/sessions/nodes")[0];
            json!([answer.data("/sessions/totalCount"), node["status"], node["gathering"]["title"], node["gathering"]["program"]["name"]])
        };
        let told = async |app: &TestApp, expected: Value, what: &str| {
            let begun = std::time::Instant::now();
            loop {
                let answer = app.anyone().ask(look).await;
                let seen = seen(&answer);
                if seen == expected {
                    return;
                }
                assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{what}: {seen} and not {expected}");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let here = async |expected: Value, what: &str| {
            // At once, wherever it comes from, and then from memory.
            for from_memory in [false, true] {
                if from_memory {
                    app.schedule_read().await;
                }
                let answer = app.anyone().get(&[("query", look)]).await;
                assert_eq!(seen(&answer), expected, "{what}, where it was done: {}", answer.raw);
                assert!(!from_memory || answer.headers.contains_key("etag"), "{what}: from memory");
            }
            told(&replica, expected, what).await;
        };
        here(json!([0, null, null, null]), "nothing is there").await;

        let input = json!({ "programId": home.program, "title": "Riding out stress", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
            "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60 });
        let workshop = kit::workshops::published(&coordinator, input, &json!({})).await;
        here(json!([1, "SCHEDULED", "Riding out stress", "Open Door program"]), "published").await;
        let update = "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) { userErrors { message } } }";
        let changed = coordinator.ask_with(update, json!({ "input": { "id": workshop, "title": "Riding on" } })).await;
        assert_eq!(changed.data("/workshopUpdate/userErrors"), &json!([]), "{}", changed.raw);
        here(json!([1, "SCHEDULED", "Riding on", "Open Door program"]), "changed").await;
        let rename = "mutation($input: ProgramUpdateInput!) { programUpdate(input: $input) { userErrors { message } } }";
        let renamed = coordinator.ask_with(rename, json!({ "input": { "id": home.program, "name": "House by the river" } })).await;
        assert_eq!(renamed.data("/programUpdate/userErrors"), &json!([]), "{}", renamed.raw);
        here(json!([1, "SCHEDULED", "Riding on", "House by the river"]), "its program was renamed").await;
        let session = kit::workshops::sessions(&coordinator, &workshop).await[0]["id"].clone();
        let cancel = "mutation($id: ID!) { sessionCancel(id: $id) { userErrors { message } } }";
        let cancelled = coordinator.ask_with(cancel, json!({ "id": session })).await;
        assert_eq!(cancelled.data("/sessionCancel/userErrors"), &json!([]), "{}", cancelled.raw);
        here(json!([1, "CANCELLED", "Riding on", "House by the river"]), "cancelled").await;
        let hidden = coordinator.ask_with(update, json!({ "input": { "id": workshop, "visibility": "CLIENTS_ONLY" } })).await;
        assert_eq!(hidden.data("/workshopUpdate/userErrors"), &json!([]), "{}", hidden.raw);
        here(json!([0, null, null, null]), "not public any more").await;
    }

    async fn seats_and_states_follow_the_clock(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let input = json!({ "programId": home.program, "title": "Riding out stress", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
            "capacityOnline": 3, "startsOn": "2026-03-02", "startTime": "08:00", "minutes": 60, "timeZone": "America/New_York" });
        let workshop = kit::workshops::published(&coordinator, input, &json!({})).await;
        let session = kit::workshops::sessions(&coordinator, &workshop).await[0]["id"].clone();
        app.schedule_read().await;
        let look = format!("{{ session(id: {session}) {{ status seatsLeftOnline gathering {{ nextSession {{ id }} }} }} }}");
        let here = async |expected: Value, what: &str| {
            app.schedule_read().await;
            let seen = app.anyone().get(&[("query", &look)]).await;
            assert_eq!(seen.data("/session"), &expected, "{what}");
            assert!(seen.headers.contains_key("etag"), "{what}: from memory");
        };
        here(json!({ "status": "SCHEDULED", "seatsLeftOnline": 3, "gathering": { "nextSession": { "id": session } } }), "an hour ahead").await;
        let client = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } } }";
        let input = json!({ "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "contactMethods": [], "programIds": [home.program] });
        let client = coordinator.ask_with(client, json!({ "input": input })).await.text("/clientCreate/client/id").to_owned();
        let register = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) { registration { status } } }";
        app.clock().advance(TimeDelta::minutes(1));
        let made = coordinator.ask_with(register, json!({ "input": { "sessionId": session, "registrant": { "clientId": client } } })).await;
        assert_eq!(made.text("/registrationCreate/registration/status"), "REGISTERED", "{}", made.raw);
        here(json!({ "status": "SCHEDULED", "seatsLeftOnline": 3, "gathering": { "nextSession": { "id": session } } }), "seats stand still").await;
        app.clock().advance(TimeDelta::minutes(4));
        here(json!({ "status": "SCHEDULED", "seatsLeftOnline": 2, "gathering": { "nextSession": { "id": session } } }), "five minutes are over").await;
        app.clock().advance(TimeDelta::minutes(55));
        here(json!({ "status": "SCHEDULED", "seatsLeftOnline": 2, "gathering": { "nextSession": null } }), "it begins").await;
        app.clock().advance(TimeDelta::minutes(60));
        here(json!({ "status": "HELD", "seatsLeftOnline": 2, "gathering": { "nextSession": null } }), "it is over").await;
    }

    async fn whole_answers_are_told_again_to_whoever_shows_no_token(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let input = json!({ "programId": home.program, "title": "Riding out stress", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
            "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60 });
        kit::workshops::published(&coordinator, input.clone(), &json!({})).await;
        let draft = kit::workshops::draft(&coordinator, input, &json!({ "title": "A draft" })).await;
        app.schedule_read().await;
        let list = "{ workshops { totalCount nodes { title } pageInfo { endCursor } } }";
        let (first, second) = (app.anyone().ask(list).await, app.anyone().ask(list).await);
        assert_eq!(first.raw, second.raw);
        assert_eq!(first.data("/workshops/totalCount"), &json!(1));
        let own = coordinator.ask(list).await;
        assert_eq!(own.data("/workshops/totalCount"), &json!(2), "who shows a token sees what is theirs: {}", own.raw);
        assert_eq!(app.anyone().ask(list).await.raw, first.raw, "and nobody else is told of it");
        let two = "query One { workshops { totalCount } } query Two { workshops { nodes { title } } }";
        for (name, expected) in [("One", json!({ "workshops": { "totalCount": 1 } })), ("Two", json!({ "workshops": { "nodes": [{ "title": "Riding out stress" }] } }))] {
            for _ in 0..2 {
                let answer = app.anyone().send(json!({ "query": two, "operationName": name }), &[]).await;
                assert_eq!(answer.data(""), &expected, "{name}");
            }
        }
        let graphql = [("accept", "application/graphql-response+json")];
        let other = app.anyone().send(json!({ "query": list, "variables": {} }), &graphql).await;
        assert_eq!(other.headers["content-type"], "application/graphql-response+json; charset=utf-8");

        // What is of the database is not kept, nor what is wrong.
        let once = "{ workshops { totalCount } programs(first: 1) { totalCount } }";
        for _ in 0..2 {
            let answer = app.anyone().get(&[("query", once)]).await;
            assert_eq!(answer.data("/programs/totalCount"), &json!(1), "{}", answer.raw);
            assert!(!answer.headers.contains_key("etag"), "it asks the database each time");
        }
        let wrong = "{ workshops(first: 101) { totalCount } }";
        for _ in 0..2 {
            assert_eq!(app.anyone().ask(wrong).await.error_codes(), ["BAD_USER_INPUT"]);
        }

        // In an address it has a tag, by which whoever knows it is told so.
        let told = app.anyone().get(&[("query", list)]).await;
        let tag = told.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!((told.status, told.headers["cache-control"].to_str().unwrap()), (200, "public, max-age=60"));
        let client = reqwest::Client::new();
        let mut address: url::Url = format!("{}/graphql", app.url).parse().unwrap();
        address.query_pairs_mut().append_pair("query", list);
        let again = client.get(address.clone()).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(again.status(), 304);
        kit::workshops::publish(&coordinator, &draft).await;
        let changed = client.get(address).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(changed.status(), 200, "it changed");
        assert_eq!(app.anyone().ask(list).await.data("/workshops/totalCount"), &json!(2));
    }
}
