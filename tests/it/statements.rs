//! A list costs as many statements for a hundred rows as for one, whatever is asked of each row.

use std::collections::BTreeSet;

use aftercare::{
    domain::{
        api_client::{self, NewApiClient, NewSecret},
        client,
        program::{self, NewProgram},
        registration::{self, NewRegistration},
        staff_member::{self, NewStaffMember},
        workshop::{self, NewWorkshop},
    },
    store::Action,
};
use entity::{
    ClientId,
    program::Address,
    session,
    vocabulary::{OrganizationKind, Role, ServiceKind},
};
use kit::{
    app::{Home, TestApp, new_workshop, somebody},
    on_both,
};
use sea_orm::{ColumnTrait, Order};
use serde_json::{Value, json};

/// Every connection of the schema: where it is, a query of it for `$first` rows with all that can hang on a row, and where its rows are.
const LISTS: &[(&str, &str, &str)] = &[
    (
        "Query.organizations",
        "query($first: Int!) { organizations(first: $first) { totalCount nodes { id administration { version } } } }",
        "/organizations/nodes",
    ),
    (
        "Query.programs",
        "query($first: Int!) { programs(first: $first) { totalCount nodes {
            id levelOfCare { name } operations { version } organization { name administration { version } } } } }",
        "/programs/nodes",
    ),
    (
        "Query.programs",
        "query($first: Int!) { programs(first: $first, filter: { languages: [\"en\"], services: [WORKSHOP], search: \"program\",
            near: { latitude: 42.65, longitude: -73.75, withinKm: 100 } }, orderBy: { field: DISTANCE, direction: ASC }) {
            totalCount nodes { id distanceKm operations { version } organization { name administration { version } } } } }",
        "/programs/nodes",
    ),
    (
        "Query.clients",
        "query($first: Int!) { clients(first: $first, filter: { familyName: \"Byron\" }) { totalCount nodes {
            id organization { name } identity { familyName contactMethods { value } } recovery { moud } } } }",
        "/clients/nodes",
    ),
    (
        "Query.events",
        "query($first: Int!) { events(first: $first, filter: { kinds: [CLIENT_CREATED] }) { totalCount nodes {
            id cursor organization { name } client { id organization { name } identity { familyName } recovery { moud } } } } }",
        "/events/nodes",
    ),
    (
        "Query.auditEvents",
        "query($first: Int!) { auditEvents(first: $first) { totalCount nodes { id hash organization { name } } } }",
        "/auditEvents/nodes",
    ),
    (
        "Query.workshops",
        "query($first: Int!) { workshops(first: $first, filter: { languages: [\"en\"], hasSeats: true, search: \"stress\" }) { totalCount nodes {
            id title topics { label } operations { version } program { name } nextSession { startsAt } } } }",
        "/workshops/nodes",
    ),
    (
        "Query.sessions",
        "query($first: Int!) { sessions(first: $first, filter: { topics: [\"COPING.STRESS\"] }) { totalCount nodes {
            id timeZone modality address { line1 } seatsLeftInPerson roster { registeredCount } gathering { title program { name } } } } }",
        "/sessions/nodes",
    ),
    (
        "Program.workshops",
        "query($first: Int!) { programs(first: $first, orderBy: { field: NAME, direction: DESC }) { nodes {
            workshops(first: 3) { totalCount nodes { title sessions(last: 1) { totalCount nodes { startsAt timeZone } } } } } } }",
        "/programs/nodes",
    ),
    (
        "Workshop.sessions",
        "query($first: Int!) { workshops(first: $first) { nodes { a: sessions(first: 2) { totalCount nodes { id roster {
            registrations(first: 5) { totalCount nodes { status } } } } } b: sessions(filter: { hasSeats: true }) { nodes { id } } } } }",
        "/workshops/nodes",
    ),
    (
        "Gathering.sessions",
        "query($first: Int!) { sessions(first: $first) { nodes { gathering { sessions(first: 2) { nodes { id } } } } } }",
        "/sessions/nodes",
    ),
    (
        "SessionRoster.registrations",
        "query($first: Int!) { sessions(first: $first) { nodes { roster { registrations(status: [REGISTERED]) { totalCount nodes {
            status joinUrl address { line1 } session { id } client { pseudonym identity { familyName } } } } } } } }",
        "/sessions/nodes",
    ),
    (
        "OrganizationAdministration.programs",
        "query($first: Int!) { viewer { organization { administration { programs(first: $first) { totalCount nodes {
            id operations { version } organization { name } } } } } } }",
        "/viewer/organization/administration/programs/nodes",
    ),
    (
        "OrganizationAdministration.staff",
        "query($first: Int!) { viewer { organization { administration { staff(first: $first) { totalCount nodes {
            id email organization { name } } } } } } }",
        "/viewer/organization/administration/staff/nodes",
    ),
    (
        "OrganizationAdministration.apiClients",
        "query($first: Int!) { viewer { organization { administration { apiClients(first: $first) { totalCount nodes {
            id scopes organization { name } } } } } } }",
        "/viewer/organization/administration/apiClients/nodes",
    ),
];

/// Fields of the schema that give a connection, as `Type.field`.
async fn connections_of(app: &TestApp) -> BTreeSet<String> {
    let query = "{ __schema { types { name fields(includeDeprecated: true) { name type { name ofType { name } } } } } }";
    let answer = app.anyone().ask(query).await;
    let types = answer.data("/__schema/types").as_array().unwrap();
    let fields = types.iter().flat_map(|kind| kind["fields"].as_array().into_iter().flatten().map(move |field| (kind, field)));
    let gives_a_connection = |field: &Value| {
        let name = field["type"]["name"].as_str().or(field["type"]["ofType"]["name"].as_str());
        name.is_some_and(|name| name.ends_with("Connection"))
    };
    fields
        .filter(|(_, field)| gives_a_connection(field))
        .map(|(kind, field)| format!("{}.{}", kind["name"].as_str().unwrap(), field["name"].as_str().unwrap()))
        .collect()
}

/// A hundred of everything that is listed, in one organization, and a hundred other organizations.
async fn fill(app: &TestApp, home: &Home) {
    for number in 0..100 {
        app.home(&format!("Organization {number}"), OrganizationKind::TreatmentProvider).await;
    }
    let mut clients = Vec::new();
    let mut tx = app.store.begin(&app.system()).await.unwrap();
    let organization = tx.fetch_for(home.organization, Action::Extend).await.unwrap();
    for number in 0..100 {
        let latitude = 42.0 + f64::from(number) / 100.0;
        let address = Address { country: "US".to_owned(), latitude: Some(latitude), longitude: Some(-73.75), ..Address::default() };
        let new = NewProgram {
            name: format!("Program {number}"),
            languages: vec!["en".to_owned()],
            services: vec![ServiceKind::Workshop],
            address: Some(address),
            ..NewProgram::default()
        };
        let program = program::create_in(&mut tx, &organization, new).await.unwrap();
        let new = NewStaffMember { display_name: format!("Person {number}"), email: None, roles: vec![Role::Peer], program_ids: vec![] };
        staff_member::create_in(&mut tx, &organization, new).await.unwrap();
        let name = format!("Application {number}");
        let new = NewApiClient { name, scopes: vec![], roles: vec![], program_ids: vec![], purposes: vec![], keys: None };
        api_client::create_in(&mut tx, &organization, new, NewSecret::make(&app.secrets)).await.unwrap();
        let client = client::create_in(&mut tx, home.organization, somebody(home)).await.unwrap();
        let second = vec!["2026-03-16".parse().unwrap()];
        let near = NewWorkshop { capacity_in_person: Some(9), extra_dates: second, ..new_workshop(home) };
        let far = NewWorkshop { program_id: program.id, starts_on: "2026-04-01".parse().unwrap(), ..new_workshop(home) };
        for new in [near, far] {
            let draft = workshop::create_in(&mut tx, new).await.unwrap();
            workshop::publish_in(&mut tx, &draft).await.unwrap();
        }
        clients.push(client.id);
    }
    tx.commit(organization).await.unwrap();
    attend(app, home, clients).await;
}

/// Each of the clients comes to another of the program's sessions.
async fn attend(app: &TestApp, home: &Home, clients: Vec<ClientId>) {
    let system = app.system();
    let sessions = app.store.find::<session::Entity>(&system).by(session::Column::ProgramId, |column| column.eq(home.program));
    let sessions = sessions.ordered(session::Column::StartsAt, Order::Asc).first(100).await.unwrap();
    let mut tx = app.store.begin(&system).await.unwrap();
    let mut last = None;
    for (session, client_id) in sessions.into_iter().zip(clients) {
        let new = NewRegistration { session_id: session.id, client_id, attendance: None };
        last = Some(registration::create_in(&mut tx, new).await.unwrap());
    }
    tx.commit(last.unwrap()).await.unwrap();
}

on_both! {
    async fn a_hundred_rows_cost_as_many_statements_as_one(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let caller = app.staff(&home, &[Role::Administrator, Role::Coordinator, Role::PrivacyOfficer]).await;
        fill(&app, &home).await;
        app.stop_sealer().await;
        let listed: BTreeSet<String> = LISTS.iter().map(|(name, ..)| (*name).to_owned()).collect();

        assert_eq!(connections_of(&app).await, listed, "each connection of the schema has a line in LISTS of tests/it/statements.rs");
        for (name, query, rows) in LISTS {
            let mut costs = Vec::new();
            for first in [1, 100] {
                app.sealed().await;
                app.take_statements();
                let answer = caller.ask_with(query, json!({ "first": first })).await;
                costs.push(app.take_statements());
                assert_eq!(answer.error_codes(), [""; 0], "{name}: {}", answer.raw);
                assert_eq!(answer.data(rows).as_array().map(Vec::len), Some(first), "{name}");
            }
            assert_eq!(costs[0].len(), costs[1].len(), "{name}: one row: {:#?}\na hundred: {:#?}", costs[0], costs[1]);
            assert!(costs[0].len() > 2, "{name}: statements are heard: {:?}", costs[0]);
        }
    }
}
