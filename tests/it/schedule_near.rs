//! What comes together near somebody: measured from where they are, and told of a hidden address no closer than everyone may know.

use entity::vocabulary::Role;
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    on_both, workshops,
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

const WORKSHOPS: &str =
    "query($filter: WorkshopFilter, $orderBy: WorkshopOrder, $first: Int, $after: String, $last: Int, $before: String) {
    workshops(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { totalCount
        nodes { title sessions { nodes { distanceKm } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
const GROUPS: &str = "query($filter: WorkshopFilter, $orderBy: WorkshopOrder) {
    supportGroups(filter: $filter, orderBy: $orderBy) { totalCount nodes { title } } }";
const SESSIONS: &str = "query($filter: SessionFilter, $orderBy: SessionOrder, $first: Int, $after: String, $last: Int, $before: String) {
    sessions(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { totalCount
        nodes { distanceKm localStart gathering { title } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

/// Albany, where everybody is who looks for something near.
const ALBANY: (f64, f64) = (42.65, -73.75);

/// Workshops along the river and by the sea, a support group, and what nobody comes to in person.
struct Town {
    app: TestApp,
    home: Home,
    coordinator: Caller,
}

impl Town {
    async fn on(app: TestApp) -> Self {
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let town = Self { app, home, coordinator };
        for (title, latitude, longitude) in [("By the sea", 42.36, -71.06), ("In town", 42.65, -73.76), ("Down the river", 41.70, -73.93)] {
            town.workshop(title, json!({ "address": { "country": "US", "latitude": latitude, "longitude": longitude } })).await;
        }
        town.workshop("Somewhere", json!({ "address": { "country": "US", "line1": "1 Main Street" } })).await;
        for modality in ["ONLINE", "PHONE"] {
            let input = json!({ "modality": modality, "address": { "country": "US", "latitude": 42.65, "longitude": -73.75 } });
            town.workshop(modality, input).await;
        }
        let create = "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) { userErrors { message } } }";
        let mut group = town.input("A circle");
        group["address"] = json!({ "country": "US", "latitude": 42.70, "longitude": -73.75 });
        let made = town.coordinator.ask_with(create, json!({ "input": group })).await;
        assert_eq!(made.data("/supportGroupCreate/userErrors"), &json!([]), "{}", made.raw);
        town
    }

    fn input(&self, title: &str) -> Value {
        json!({ "programId": self.home.program, "title": title, "topics": [], "modality": "IN_PERSON", "visibility": "PUBLIC",
            "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60 })
    }

    async fn workshop(&self, title: &str, change: Value) -> String {
        workshops::published(&self.coordinator, self.input(title), &change).await
    }

    async fn changed(&self, workshop: &str, change: Value) {
        let update = "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) { userErrors { message } } }";
        let mut input = change;
        input["id"] = json!(workshop);
        let answer = self.coordinator.ask_with(update, json!({ "input": input })).await;
        assert_eq!(answer.data("/workshopUpdate/userErrors"), &json!([]), "{}", answer.raw);
    }

    async fn ask(&self, query: &str, near: Value, more: Value) -> Answer {
        let mut variables = json!({ "filter": { "near": near }, "orderBy": { "field": "DISTANCE", "direction": "ASC" } });
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.app.anyone().ask_with(query, variables).await
    }
}

/// All of a list near Albany by pages of one: what is at a pointer of each row.
async fn one_by_one(caller: &Caller, query: &str, list: &str, (direction, backward): (&str, bool), field: &str) -> Vec<String> {
    let filter = json!({ "near": within(30.0), "starts": { "from": "2026-03-02T12:00:00Z" } });
    let (size, cursor, end, more) =
        if backward { ("last", "before", "startCursor", "hasPreviousPage") } else { ("first", "after", "endCursor", "hasNextPage") };
    let (mut rows, mut place) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({ "filter": filter, "orderBy": { "field": "DISTANCE", "direction": direction }, size: 1, cursor: place });
        let page = caller.ask_with(query, variables).await;
        let page = page.data(&format!("/{list}"));
        rows.extend(page["nodes"].as_array().unwrap().iter().map(|row| row.pointer(field).unwrap().as_str().unwrap().to_owned()));
        if page["pageInfo"][more] == false {
            return rows;
        }
        place = page["pageInfo"][end].clone();
    }
}

fn within(km: f64) -> Value {
    from(ALBANY, km)
}

fn from((latitude, longitude): (f64, f64), km: f64) -> Value {
    json!({ "latitude": latitude, "longitude": longitude, "withinKm": km })
}

/// What is called so, and how far it is.
fn measured(answer: &Answer) -> Vec<(String, f64)> {
    let nodes = answer.data("/sessions/nodes").as_array().unwrap();
    nodes.iter().map(|node| (node["gathering"]["title"].as_str().unwrap().to_owned(), node["distanceKm"].as_f64().unwrap())).collect()
}

fn titles(answer: &Answer, list: &str) -> Vec<String> {
    let nodes = answer.data(&format!("/{list}/nodes")).as_array().unwrap();
    nodes.iter().map(|node| node["title"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn sessions_are_found_near_somebody_and_told_how_far(db: TestDatabase) {
        let town = Town::on(TestApp::start(db).await).await;

        let all = measured(&town.ask(SESSIONS, within(400.0), json!({})).await);
        assert_eq!(all.iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(), ["In town", "Down the river", "By the sea"]);
        for ((title, km), expected) in all.iter().zip([0.8, 106.7, 222.6]) {
            assert!((km - expected).abs() < 1.0, "{title}: {km} km");
        }
        let by_code = json!({ "postalCode": "12207", "country": "US", "withinKm": 150 });
        assert_eq!(measured(&town.ask(SESSIONS, by_code, json!({})).await).iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(), ["In town", "Down the river"]);
        let back = town.ask(SESSIONS, within(400.0), json!({ "orderBy": { "field": "DISTANCE", "direction": "DESC" } })).await;
        assert_eq!(measured(&back).iter().rev().cloned().collect::<Vec<_>>(), all);
        assert_eq!(town.ask(SESSIONS, within(150.0), json!({})).await.data("/sessions/totalCount"), &json!(2), "the sea is too far");
        let by_time = town.ask(SESSIONS, within(150.0), json!({ "orderBy": { "field": "STARTS_AT", "direction": "ASC" } })).await;
        assert_eq!(measured(&by_time).len(), 2, "it is told in every order: {}", by_time.raw);

        let mut pages = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = town.ask(SESSIONS, within(400.0), json!({ "first": 1, "after": after })).await;
            pages.extend(measured(&page));
            if page.data("/sessions/pageInfo/hasNextPage") == &json!(false) {
                break;
            }
            after = page.data("/sessions/pageInfo/endCursor").clone();
        }
        assert_eq!(pages, all, "page by page");
        let elsewhere = town.ask(SESSIONS, from((40.0, -73.75), 400.0), json!({ "after": after })).await;
        assert_eq!(elsewhere.error_codes(), ["CURSOR_EXPIRED"], "a place of one list is none of another");

        let both = town.ask(SESSIONS, within(50.0), json!({ "filter": { "near": within(50.0), "includeGroups": true } })).await;
        assert_eq!(measured(&both).iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(), ["In town", "A circle"]);
        let unasked = town.app.anyone().ask("{ sessions { totalCount nodes { distanceKm } } }").await;
        assert_eq!(unasked.data("/sessions/totalCount"), &json!(6));
        assert!(unasked.data("/sessions/nodes").as_array().unwrap().iter().all(|node| node["distanceKm"].is_null()), "{}", unasked.raw);
    }

    async fn at_one_distance_they_come_by_their_time(db: TestDatabase) {
        let town = Town::on(TestApp::start(db).await).await;
        // Addresses that are told later are all in the middle of one square, and so at one distance.
        for (title, starts_on, time, latitude) in
            [("Third", "2026-03-06", "20:00", 42.71), ("First", "2026-03-05", "18:00", 42.72), ("Second", "2026-03-06", "09:00", 42.73)]
        {
            let change = json!({ "startsOn": starts_on, "startTime": time, "recurrence": "FREQ=WEEKLY;COUNT=3", "addressAfterRegistration": true,
                "area": "North", "address": { "country": "US", "latitude": latitude, "longitude": -73.72 } });
            town.workshop(title, change).await;
        }
        town.app.schedule_read().await;
        let in_town = ["03-09T18:00"];
        let there = ["03-05T18:00", "03-06T09:00", "03-06T20:00", "03-12T18:00", "03-13T09:00", "03-13T20:00", "03-19T18:00", "03-20T09:00", "03-20T20:00"];
        let expected: Vec<_> = in_town.iter().chain(&there).map(|start| format!("2026-{start}")).collect();
        let back: Vec<_> = expected.iter().rev().cloned().collect();
        let titles = ["In town", "First", "Second", "Third"];
        let titles_back: Vec<_> = titles.into_iter().rev().collect();
        // From memory, and from the database.
        for caller in [&town.app.anyone(), &town.coordinator] {
            let sessions = async |way| one_by_one(caller, SESSIONS, "sessions", way, "/localStart").await;
            assert_eq!(sessions(("ASC", false)).await, expected);
            assert_eq!(sessions(("ASC", true)).await, back);
            assert_eq!(sessions(("DESC", false)).await, back);
            assert_eq!(sessions(("DESC", true)).await, expected);
            let workshops = async |way| one_by_one(caller, WORKSHOPS, "workshops", way, "/title").await;
            assert_eq!(workshops(("ASC", false)).await, titles);
            assert_eq!(workshops(("DESC", true)).await, titles);
            assert_eq!(workshops(("ASC", true)).await, titles_back);
            assert_eq!(workshops(("DESC", false)).await, titles_back);
        }

        // Two of them have begun once, and their next is a week later.
        town.app.clock().advance(chrono::TimeDelta::hours(99));
        town.app.schedule_read().await;
        let all = json!({ "filter": { "near": within(30.0) } });
        let now = town.ask(WORKSHOPS, within(30.0), all).await;
        assert_eq!(self::titles(&now, "workshops"), ["In town", "Third", "First", "Second"], "{}", now.raw);
    }

    async fn workshops_and_groups_are_ordered_by_their_distance(db: TestDatabase) {
        let town = Town::on(TestApp::start(db).await).await;
        let near = town.ask(WORKSHOPS, within(400.0), json!({})).await;
        assert_eq!(titles(&near, "workshops"), ["In town", "Down the river", "By the sea"], "{}", near.raw);
        assert_eq!(near.data("/workshops/nodes/0/sessions/nodes/0/distanceKm"), &Value::Null, "its sessions were not asked about");
        assert_eq!(titles(&town.ask(WORKSHOPS, within(50.0), json!({})).await, "workshops"), ["In town"]);
        let first = town.ask(WORKSHOPS, within(400.0), json!({ "first": 2 })).await;
        let after = first.data("/workshops/pageInfo/endCursor");
        assert_eq!(titles(&town.ask(WORKSHOPS, within(400.0), json!({ "first": 2, "after": after })).await, "workshops"), ["By the sea"]);
        assert_eq!(titles(&town.ask(GROUPS, within(50.0), json!({})).await, "supportGroups"), ["A circle"]);
        assert_eq!(titles(&town.ask(GROUPS, within(1.0), json!({})).await, "supportGroups"), [""; 0]);
    }

    async fn an_address_that_is_told_later_is_not_measured_out(db: TestDatabase) {
        let town = Town::on(TestApp::start(db).await).await;
        let hidden = json!({ "area": "North", "addressAfterRegistration": true,
            "address": { "country": "US", "latitude": 44.5678, "longitude": -73.2345 } });
        let workshop = town.workshop("Hidden", hidden).await;
        let from_all_sides = async |caller: &Caller| {
            let mut told = Vec::new();
            for side in [(44.6, -73.2), (44.57, -73.23), (44.6, -73.3), (44.5, -73.2)] {
                let variables = json!({ "filter": { "near": from(side, 100.0) } });
                told.push(measured(&caller.ask_with(SESSIONS, variables).await)[0].1);
            }
            told
        };
        let (public, staff) = (from_all_sides(&town.app.anyone()).await, from_all_sides(&town.coordinator).await);
        assert_eq!(public[0], 0.0, "it is in the middle of its square, as far as anybody can measure");
        assert!(public[1] > 3.0, "and not where it is: {public:?}");
        assert_eq!(public, staff, "nor is it for staff, whose order would tell");

        town.changed(&workshop, json!({ "addressAfterRegistration": false })).await;
        let open = from_all_sides(&town.app.anyone()).await;
        assert!(open[0] > 3.0 && open[1] < 1.0, "an address that everyone is told is where it is: {open:?}");
        town.changed(&workshop, json!({ "addressAfterRegistration": true })).await;
        assert_eq!(from_all_sides(&town.app.anyone()).await, public);
        town.changed(&workshop, json!({ "address": { "country": "US", "latitude": 44.56, "longitude": -73.16 } })).await;
        assert_eq!(from_all_sides(&town.app.anyone()).await, public, "within its square it moves unseen");
        town.changed(&workshop, json!({ "address": null })).await;
        let gone = town.ask(SESSIONS, from((44.6, -73.2), 100.0), json!({})).await;
        assert_eq!(gone.data("/sessions/totalCount"), &json!(0));
    }

    async fn what_makes_no_sense_is_refused_and_addresses_tell_nobodys_place(db: TestDatabase) {
        let town = Town::on(TestApp::start(db).await).await;
        for (query, list) in [(WORKSHOPS, "workshops"), (GROUPS, "supportGroups"), (SESSIONS, "sessions")] {
            for (what, near, says) in [
                ("one coordinate", json!({ "latitude": 42.65, "withinKm": 5 }), "longitude"),
                ("neither", json!({ "withinKm": 5 }), "`postalCode`"),
                ("two middles", json!({ "latitude": 42.65, "longitude": -73.75, "postalCode": "12207", "country": "US", "withinKm": 5 }), "one of the two"),
                ("a code of no country", json!({ "postalCode": "12207", "withinKm": 5 }), "`country`"),
                ("another country's code", json!({ "postalCode": "K1A 0B1", "country": "CA", "withinKm": 5 }), "`latitude`"),
                ("no such code", json!({ "postalCode": "00000", "country": "US", "withinKm": 5 }), "ZIP code"),
                ("off the globe", from((91.0, 0.0), 5.0), "`latitude`"),
                ("around the globe", from((0.0, 180.5), 5.0), "`longitude`"),
                ("a circle of nothing", within(0.0), "`withinKm`"),
                ("a circle around everything", within(1_000.1), "1000"),
            ] {
                let answer = town.ask(query, near, json!({})).await;
                assert_eq!(answer.error_codes().first(), Some(&"BAD_USER_INPUT"), "{list}: {what}: {}", answer.raw);
                assert!(answer.raw.contains(says), "{list}: {what}: {}", answer.raw);
            }
            let answer = town.ask(query, Value::Null, json!({ "filter": {} })).await;
            assert_eq!(answer.error_codes(), ["BAD_USER_INPUT"], "{list}: {}", answer.raw);
            assert!(answer.raw.contains("DISTANCE needs"), "{list}: {}", answer.raw);
            let document = format!("{{ {list}(filter: {{ near: {{ latitude: 42.65, longitude: -73.75, withinKm: 5 }} }}) {{ totalCount }} }}");
            let answer = town.app.anyone().get(&[("query", &document)]).await;
            assert_eq!((answer.status, answer.error_codes()), (400, vec!["BAD_USER_INPUT"]), "{list}: {}", answer.raw);
        }
    }

    async fn places_are_filled_in_where_a_migration_left_them_out(db: TestDatabase) {
        let town = Town::on(TestApp::start(db).await).await;
        let before = measured(&town.ask(SESSIONS, within(400.0), json!({})).await);
        let without = "UPDATE gathering SET search_words = NULL, earth_x = NULL, earth_y = NULL, earth_z = NULL";
        town.app.database.connect().await.execute_unprepared(without).await.unwrap();
        assert_eq!(town.ask(SESSIONS, within(400.0), json!({})).await.data("/sessions/totalCount"), &json!(0));

        let _replica = town.app.replica().await;

        assert_eq!(measured(&town.ask(SESSIONS, within(400.0), json!({})).await), before);
    }
}
