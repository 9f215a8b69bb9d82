//! A list costs as many statements for a hundred rows as for one, whatever is asked of each row.

use std::collections::BTreeSet;

use aftercare::{
    domain::{
        api_client::{self, NewApiClient, NewSecret},
        client as clients, data_export,
        gathering::{self, NewGathering, NewGroup, NewSeries},
        milestone,
        peer::{self, NewPeer},
        program::{self, NewProgram},
        registration::{self, NewRegistration},
        staff_member::{self, NewStaffMember},
    },
    store::Action,
};
use chrono::TimeDelta;
use entity::{
    BulkErrorId, ClientId, TypedId, bulk_error, client,
    program::Address,
    referral, session,
    vocabulary::{MilestoneKind, OrganizationKind, Role, ServiceKind},
    work_item,
};
use kit::{
    app::{Home, TestApp, new_workshop, some_work, somebody},
    caller::Caller,
    feeds,
    handover::Handover,
    on_both,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, Order};
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
        "BulkOperation.errors",
        "query($first: Int!) { events(last: 1, filter: { kinds: [BULK_STARTED] }) { nodes { subject { ... on BulkOperation {
            status resultUrl errors(first: $first) { totalCount nodes { line code message path } } } } } } }",
        "/events/nodes/0/subject/errors/nodes",
    ),
    (
        "Query.clients",
        "query($first: Int!) { clients(first: $first, filter: { familyName: \"Byron\" }) { totalCount nodes {
            id organization { name } identity { familyName contactMethods { value } } recovery { moud milestones { label days } } } } }",
        "/clients/nodes",
    ),
    (
        "Query.events",
        "query($first: Int!) { events(first: $first, filter: { kinds: [CLIENT_CREATED] }) { totalCount nodes {
            id cursor organization { name } client { id organization { name } identity { familyName } recovery { moud } } } } }",
        "/events/nodes",
    ),
    (
        "Query.referrals",
        "query($first: Int!) { referrals(first: $first) { totalCount nodes { number from { name } to { name organization { name } }
            client { pseudonym identity { familyName } } person { familyName } clinical { reason moud }
            progress { status peer { displayName peer { version } } episodeStatus history { actorName text } }
            episode { status program { name } } externalIdentifiers { value } } } }",
        "/referrals/nodes",
    ),
    (
        "Query.referrals",
        "query($first: Int!) { referrals(first: $first) { nodes { consent { status signedBy revokedHow missingElements client { pseudonym }
            disclosers { name } recipients { name } confirmedBy { name } } } } }",
        "/referrals/nodes",
    ),
    (
        "Query.referralOffers",
        "query($first: Int!) { referralOffers(first: $first) { totalCount nodes { status urgency levelOfCareLeft { name } services languages region
            programs { name organization { name } } } } }",
        "/referralOffers/nodes",
    ),
    (
        "Query.referralOffers",
        "query($first: Int!) { referralOffers(first: $first) { nodes { claimedBy { name } referral { number client { pseudonym } } } } }",
        "/referralOffers/nodes",
    ),
    (
        "Query.workItems",
        "query($first: Int!) { workItems(first: $first, filter: { kinds: [HOLD_REVIEW] }) { totalCount nodes { kind because assignee { displayName } requestedBy note
            subject { id ... on Referral { number client { pseudonym } progress { status overdue clocks { dueAt }
                availableTransitions { to allowed } infoRequest { text } warmHandoff { minutes } suggestedProgram { name } } } } } } }",
        "/workItems/nodes",
    ),
    (
        "Query.peers",
        "query($first: Int!) { peers(first: $first) { totalCount nodes { displayName staffMember { displayName organization { name } }
            program { name } } } }",
        "/peers/nodes",
    ),
    (
        "Query.contacts",
        "query($first: Int!) { contacts(first: $first) { totalCount nodes { minutes note client { pseudonym identity { familyName } }
            peer { displayName staffMember { displayName } } referral { number progress { status } } } } }",
        "/contacts/nodes",
    ),
    (
        "Referral.messages",
        "query($first: Int!) { referrals(first: $first) { nodes { messages(first: 2) { totalCount nodes {
            body authorName organization { name } referral { number } } } } } }",
        "/referrals/nodes",
    ),
    (
        "Referral.attempts",
        "query($first: Int!) { referrals(first: $first) { nodes { attempts(first: 2) { totalCount nodes { note client { pseudonym }
            peer { displayName } } } } } }",
        "/referrals/nodes",
    ),
    (
        "Client.referrals",
        "query($first: Int!) { clients(first: $first) { nodes { matching: referrals(first: 5, filter: { open: true }) { totalCount }
            referrals(first: 5) { totalCount nodes { number progress { status } } } } } }",
        "/clients/nodes",
    ),
    (
        "Episode.assignments",
        "query($first: Int!) { clients(first: $first) { nodes { care { episodes(first: 5) { nodes { assignment { id } assignments(first: 5) {
            totalCount nodes { status peer { displayName } } } } } } } } }",
        "/clients/nodes",
    ),
    (
        "Client.timeline",
        "query($first: Int!) { clients(first: $first) { nodes { timeline(first: 50) { totalCount nodes { kind actorName client { pseudonym }
            subject { id } referralTransition { to text } } } } } }",
        "/clients/nodes",
    ),
    (
        "ClientCare.episodes",
        "query($first: Int!) { clients(first: $first) { nodes { care { currentEpisode { status } episodes(first: 2) { totalCount nodes {
            status program { name } client { pseudonym } referral { number } } } } } } }",
        "/clients/nodes",
    ),
    (
        "ClientCare.contacts",
        "query($first: Int!) { clients(first: $first) { nodes { care { contacts(first: 2) { totalCount nodes { note peer { displayName }
            referral { number } } } } } } }",
        "/clients/nodes",
    ),
    (
        "ClientCare.registrations",
        "query($first: Int!) { clients(last: $first) { nodes { care { registrations(first: 2) { totalCount nodes { status
            session { startsAt } } } } } } }",
        "/clients/nodes",
    ),
    (
        "ClientCare.assignments",
        "query($first: Int!) { clients(first: $first) { nodes { care { assignments(first: 2) { totalCount nodes { status
            client { pseudonym } peer { displayName program { name } } } } } } } }",
        "/clients/nodes",
    ),
    (
        "ClientPrivacy.consents",
        "query($first: Int!) { clients(first: $first) { nodes { privacy { consents(first: 2) { totalCount nodes { status signedBy
            disclosers { name } recipients { name } confirmedBy { name } } } } } } }",
        "/clients/nodes",
    ),
    (
        "ClientPrivacy.disclosures",
        "query($first: Int!) { clients(first: $first) { nodes { privacy { disclosures(first: 2) { totalCount nodes { recipientName
            recipient { name } client { pseudonym } consent { signedBy } } } } } } }",
        "/clients/nodes",
    ),
    (
        "Query.auditEvents",
        "query($first: Int!) { auditEvents(first: $first) { totalCount nodes { id hash organization { name } } } }",
        "/auditEvents/nodes",
    ),
    (
        "Query.workshops",
        "query($first: Int!) { workshops(first: $first, filter: { near: { latitude: 42.65, longitude: -73.75, withinKm: 100 } },
            orderBy: { field: DISTANCE, direction: ASC }) { totalCount nodes { title address { latitude } } } }",
        "/workshops/nodes",
    ),
    (
        "ListedMeeting.sessions",
        "query($first: Int!) { sessions(first: $first, filter: { includeListed: true, search: \"others\", near: { latitude: 42.65,
            longitude: -73.75, withinKm: 5 } }) { nodes { distanceKm gathering { title ... on ListedMeeting { source sourceUrl freshAsOf program { name }
            nextSession { id } sessions(first: 2) { totalCount nodes { id seatsLeftOnline } } } } } } }",
        "/sessions/nodes",
    ),
    (
        "Query.sessions",
        "query($first: Int!) { sessions(first: $first, filter: { near: { latitude: 42.65, longitude: -73.75, withinKm: 100 } },
            orderBy: { field: DISTANCE, direction: ASC }) { totalCount nodes { startsAt distanceKm area gathering { title } } } }",
        "/sessions/nodes",
    ),
    (
        "Query.workshops",
        "query($first: Int!) { workshops(first: $first, filter: { languages: [\"en\"], hasSeats: true, search: \"stress\" }) { totalCount nodes {
            id title topics { label } operations { version } program { name } nextSession { startsAt } facilitators { displayName } } } }",
        "/workshops/nodes",
    ),
    (
        "Query.supportGroups",
        "query($first: Int!) { supportGroups(first: $first, orderBy: { field: TITLE, direction: DESC }) { totalCount nodes {
            id open focus program { name } nextSession { startsAt } facilitators { displayName peer { bio } } } } }",
        "/supportGroups/nodes",
    ),
    (
        "Program.supportGroups",
        "query($first: Int!) { programs(first: $first, orderBy: { field: NAME, direction: DESC }) { nodes {
            supportGroups(first: 3) { totalCount nodes { title sessions(last: 1) { nodes { startsAt } } } } } } }",
        "/programs/nodes",
    ),
    (
        "SupportGroup.sessions",
        "query($first: Int!) { supportGroups(first: $first) { nodes { sessions(first: 2) { totalCount nodes { id waitlistOpen
            gathering { facilitators { bio } } } } } } }",
        "/supportGroups/nodes",
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
        "query($first: Int!) { sessions(first: $first) { nodes { roster { registrations(first: 5) { totalCount nodes {
            status joinUrl address { line1 } session { id } client { pseudonym identity { familyName } }
            waitlistPosition accessibilityNeeds history { because } } } } } } }",
        "/sessions/nodes",
    ),
    (
        "ProgramOperations.referralsReceived",
        "query($first: Int!) { viewer { organization { administration { programs(first: $first) { nodes { operations {
            clockPolicy { version } staffedHours { from } holidays referralsReceived(first: 3) { totalCount nodes { number from { name }
            client { pseudonym identity { familyName } } progress { status peer { displayName } } } } } } } } } } }",
        "/viewer/organization/administration/programs/nodes",
    ),
    (
        "ProgramOperations.referralsSent",
        "query($first: Int!) { viewer { organization { administration { programs(first: $first) { nodes { operations {
            referralsSent(first: 3, filter: { open: true }) { totalCount nodes { number to { name } progress { status } } } } } } } } } }",
        "/viewer/organization/administration/programs/nodes",
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
            address: Some(address.clone()),
            ..NewProgram::default()
        };
        let program = program::create_in(&mut tx, &organization, new).await.unwrap();
        let new = NewStaffMember { display_name: format!("Person {number}"), email: None, roles: vec![Role::Peer], program_ids: vec![] };
        let staff_member_id = staff_member::create_in(&mut tx, &organization, new).await.unwrap().id;
        let new = NewPeer {
            staff_member_id,
            program_id: home.program,
            display_name: format!("Peer {number}"),
            bio: None,
            languages: vec![],
            modalities: vec![],
            accepting_clients: true,
        };
        let leader = peer::create_in(&mut tx, new).await.unwrap().id;
        let name = format!("Application {number}");
        let new = NewApiClient { name, scopes: vec![], roles: vec![], program_ids: vec![], purposes: vec![], keys: None };
        api_client::create_in(&mut tx, &organization, new, NewSecret::make(&app.secrets)).await.unwrap();
        let client = clients::create_in(&mut tx, home.organization, somebody(home)).await.unwrap();
        let second = vec!["2026-03-16".parse().unwrap()];
        let usual = NewGathering { address: Some(address), ..new_workshop(home) };
        let near = NewGathering {
            capacity_in_person: Some(1),
            waitlist_size: None,
            facilitator_ids: vec![leader],
            series: NewSeries { extra_dates: second, ..usual.series.clone() },
            ..usual.clone()
        };
        let april = NewSeries { starts_on: "2026-04-01".parse().unwrap(), ..usual.series.clone() };
        let far = NewGathering { program_id: program.id, series: april, ..usual.clone() };
        let group = NewGroup { open: true, pathway: None, focus: vec![], confidentiality: None };
        gathering::create_in(&mut tx, NewGathering { program_id: program.id, group: Some(group), ..usual }).await.unwrap();
        for new in [near, far] {
            let draft = gathering::create_in(&mut tx, new).await.unwrap();
            gathering::publish_in(&mut tx, &draft).await.unwrap();
        }
        for label in ["Choir", "Running"] {
            let day = "2026-01-01".parse().unwrap();
            Box::pin(milestone::set_in(&mut tx, client.id, MilestoneKind::Custom, Some(label), day)).await.unwrap();
        }
        clients.push(client.id);
    }
    tx.commit(organization).await.unwrap();
    feeds::listed(app, "district", (0..100).map(|number| feeds::meeting(&format!("Of others {number}"))).collect()).await;
    attend(app, home, clients).await;
}

/// Each of the clients comes to another of the program's sessions, and another waits for their seat.
async fn attend(app: &TestApp, home: &Home, clients: Vec<ClientId>) {
    let system = app.system();
    let sessions = app.store.find::<session::Entity>(&system).by(session::Column::ProgramId, |column| column.eq(home.program));
    let sessions = sessions.ordered(session::Column::StartsAt, Order::Asc).first(100).await.unwrap();
    let mut tx = app.store.begin(&system).await.unwrap();
    let mut last = None;
    let others: Vec<_> = clients.iter().copied().cycle().skip(1).take(clients.len()).collect();
    for (session, (client, other)) in sessions.into_iter().zip(clients.into_iter().zip(others)) {
        for client in [client, other] {
            let new = NewRegistration { despite_conflict: true, ..NewRegistration::of(session.id, client) };
            last = Some(registration::create_in(&mut tx, new).await.unwrap());
        }
    }
    tx.commit(last.unwrap()).await.unwrap();
}

/// Something to do about each referral.
async fn open_work(app: &TestApp, home: &Home) {
    let system = app.system();
    let referrals = app.store.find::<referral::Entity>(&system).by(referral::Column::ToProgramId, |column| column.eq(home.program));
    let referrals = referrals.first(100).await.unwrap();
    let rows = referrals.iter().map(|referral| some_work(home, referral.id, app.clock().now()));
    work_item::Entity::insert_many(rows).exec_without_returning(&app.database.connect().await).await.unwrap();
}

/// A bulk operation that could not do a hundred things.
async fn fail_in_bulk(app: &TestApp, home: &Home) {
    let system = app.system();
    let of = app.store.find::<client::Entity>(&system).by(client::Column::OrganizationId, |column| column.eq(home.organization));
    let client = of.first(1).await.unwrap().pop().unwrap();
    let operation = data_export::request(&app.store, &system, Some(client.id)).await.unwrap();
    let rows = (1..=100).map(|line| bulk_error::ActiveModel {
        id: Set(BulkErrorId::new()),
        operation_id: Set(operation.id),
        line: Set(line),
        code: Set("REQUIRED".to_owned()),
        message: Set("Give `familyName`.".to_owned()),
        path: Set(vec!["familyName".to_owned()].into()),
    });
    bulk_error::Entity::insert_many(rows).exec_without_returning(&app.database.connect().await).await.unwrap();
}

/// A hundred people who were offered to the home's program, which claimed them all.
async fn offer(app: &TestApp, home: &Home) {
    let clinic = app.home("Cedar", OrganizationKind::TreatmentProvider).await;
    let them = Handover::between(app, clinic, home.clone()).await;
    let claim = "mutation($id: ID!, $program: ID!) { referralOfferClaim(id: $id, programId: $program) { userErrors { message } } }";
    for _ in 0..100 {
        let draft = them.drafted(app, json!({})).await;
        let offer = them.offered(app, &draft, &[home.program]).await;
        let claimed = them.coordinator.ask_with(claim, json!({ "id": offer, "program": home.program })).await;
        assert_eq!(claimed.user_error_codes(), [""; 0], "{}", claimed.raw);
    }
}

/// A hundred people who were handed over to the home's program, each with a message, a contact, an episode, a consent and a disclosure.
async fn hand_over(app: &TestApp, home: &Home) {
    let clinic = app.home("Harbor", OrganizationKind::TreatmentProvider).await;
    let them = Handover::between(app, clinic, home.clone()).await;
    let record = "mutation($input: ConsentRecordInput!) { consentRecord(input: $input) { consent { id } userErrors { message } } }";
    let send = "mutation($id: ID!) { referralSendMessage(id: $id, body: \"Hello\") { message { id } userErrors { message } } }";
    for number in 0..100 {
        let mut input = them.referral(app);
        input["client"]["externalIdentifiers"] = json!([{ "system": "mrn", "value": number.to_string() }]);
        let id = them.refer(input).await.text("/referralCreate/referral/id").to_owned();
        let client = them.accepted(&id).await;
        them.assigned(&id).await;
        them.contact(app, &client, "COMPLETED").await.text("/contactLog/contact/id");
        them.coordinator.ask_with(send, json!({ "id": id })).await.text("/referralSendMessage/message/id");
        let input = json!({ "clientId": client, "consent": them.consent(app) });
        them.coordinator.ask_with(record, json!({ "input": input })).await.text("/consentRecord/consent/id");
    }
    let told = them.referrer.ask("{ referrals(first: 100) { nodes { progress { status } } } }").await;
    assert_eq!(told.data("/referrals/nodes").as_array().map(Vec::len), Some(100));
}

on_both! {
    async fn a_hundred_rows_cost_as_many_statements_as_one(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let roles = [Role::Administrator, Role::Coordinator, Role::Supervisor, Role::PrivacyOfficer];
        let caller: Caller = app.staff(&home, &roles).await.treating();
        hand_over(&app, &home).await;
        open_work(&app, &home).await;
        offer(&app, &home).await;
        fail_in_bulk(&app, &home).await;
        // So that they come first in lists.
        app.clock().advance(TimeDelta::minutes(1));
        fill(&app, &home).await;
        app.stop_sealer().await;
        let listed: BTreeSet<String> = LISTS.iter().map(|(name, ..)| (*name).to_owned()).collect();

        assert_eq!(connections_of(&app).await, listed, "each connection of the schema has a line in LISTS of tests/it/statements.rs");
        let mut dearer = Vec::new();
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
            if costs[1].len() != costs[0].len() {
                let shown: Vec<_> = costs[1].iter().map(|sql| sql.chars().take(300).collect::<String>()).take(20).collect();
                dearer.push(format!("{name}: {} for one row, {} for a hundred: {query}\n{shown:#?}", costs[0].len(), costs[1].len()));
            }
            assert!(costs[0].len() > 2, "{name}: statements are heard: {:?}", costs[0]);
        }
        assert!(dearer.is_empty(), "{}", dearer.join("\n"));
    }
}
