//! Looking for a program: by what it gives, in which language, by its name, and near a place.

use std::collections::BTreeSet;

use aftercare::{
    domain::program::{self, NewProgram},
    store::Action,
};
use entity::{
    program::Address,
    vocabulary::{AsamEdition, OrganizationKind, ServiceKind},
};
use kit::{
    app::{Home, TestApp},
    caller::Answer,
    databases::TestDatabase,
    on_both,
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

const SEARCH: &str = "query($filter: ProgramFilter, $orderBy: ProgramOrder, $first: Int, $after: String, $last: Int, $before: String) {
    programs(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { name distanceKm } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

/// Albany, where everybody is who looks for something near.
const NEAR: (f64, f64) = (42.65, -73.75);

fn somewhere(latitude: f64, longitude: f64) -> Option<Address> {
    Some(Address { country: "US".to_owned(), latitude: Some(latitude), longitude: Some(longitude), ..Address::default() })
}

fn new(name: &str) -> NewProgram {
    NewProgram { name: name.to_owned(), ..NewProgram::default() }
}

async fn add(app: &TestApp, home: &Home, programs: Vec<NewProgram>) {
    let mut tx = app.store.begin(&app.system()).await.unwrap();
    let organization = tx.fetch_for(home.organization, Action::Extend).await.unwrap();
    for new in programs {
        program::create_in(&mut tx, &organization, new).await.unwrap();
    }
    tx.commit(organization).await.unwrap();
}

async fn town(db: TestDatabase) -> (TestApp, Home) {
    let app = TestApp::start(db).await;
    let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
    let languages = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    let programs = vec![
        NewProgram {
            languages: languages(&["en", "es-MX"]),
            services: vec![ServiceKind::OneOnOne, ServiceKind::Telephone],
            address: somewhere(42.65, -73.75),
            accepts_referrals: true,
            ..new("Café Mañana")
        },
        NewProgram {
            languages: languages(&["en"]),
            services: vec![ServiceKind::Workshop],
            address: somewhere(42.81, -73.94),
            description: Some("Evening workshops in O'Neill Hall, for veterans".to_owned()),
            level: Some((AsamEdition::Fourth, "2.1".to_owned())),
            ..new("Schenectady Evenings")
        },
        NewProgram { address: somewhere(40.71, -74.01), level: Some((AsamEdition::Third, "2.1".to_owned())), ..new("Down the River") },
        NewProgram { languages: languages(&["est"]), serves_remotely: true, ..new("By Telephone 100%") },
        NewProgram { address: somewhere(-42.65, 106.25), ..new("The Other Side") },
    ];
    add(&app, &home, programs).await;
    (app, home)
}

fn near(within_km: f64) -> Value {
    json!({ "latitude": NEAR.0, "longitude": NEAR.1, "withinKm": within_km })
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.data("/programs/nodes").as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect()
}

async fn search(app: &TestApp, variables: Value) -> Answer {
    let answer = app.anyone().ask_with(SEARCH, variables).await;
    assert_eq!(answer.error_codes(), [""; 0], "{}", answer.raw);
    assert!(answer.data("/programs/totalCount").as_u64().unwrap() >= names(&answer).len() as u64, "{}", answer.raw);
    answer
}

on_both! {
    async fn programs_are_found_by_what_they_give(db: TestDatabase) {
        let (app, home) = town(db).await;
        let level = |edition: &str, code: &str| json!([{ "edition": edition, "code": code }]);
        for (what, filter, expected) in [
            ("one kind of support", json!({ "services": ["WORKSHOP"] }), vec!["Schenectady Evenings"]),
            ("one of two kinds", json!({ "services": ["WORKSHOP", "TELEPHONE"] }), vec!["Café Mañana", "Schenectady Evenings"]),
            ("no kind", json!({ "services": [] }), vec![]),
            ("a language", json!({ "languages": ["es"] }), vec!["Café Mañana"]),
            ("its written form", json!({ "languages": ["ES-mx"] }), vec!["Café Mañana"]),
            ("another region's", json!({ "languages": ["es-ES"] }), vec![]),
            ("one of two languages", json!({ "languages": ["es", "est"] }), vec!["By Telephone 100%", "Café Mañana"]),
            ("a level of care", json!({ "levelsOfCare": level("FOURTH", "2.1") }), vec!["Schenectady Evenings"]),
            ("the level of another edition", json!({ "levelsOfCare": level("THIRD", "2.1") }), vec!["Down the River"]),
            ("from afar", json!({ "servesRemotely": true }), vec!["By Telephone 100%"]),
            ("who takes referrals", json!({ "acceptsReferrals": true }), vec!["Café Mañana", "Open Door program"]),
            ("two at once", json!({ "languages": ["en"], "services": ["TELEPHONE"] }), vec!["Café Mañana"]),
            ("whose", json!({ "organizationIds": [home.organization], "languages": ["est"] }), vec!["By Telephone 100%"]),
            ("nobody's", json!({ "organizationIds": [] }), vec![]),
        ] {
            assert_eq!(names(&search(&app, json!({ "filter": filter })).await), expected, "{what}");
        }
    }

    async fn programs_are_found_by_words_of_their_name_and_description(db: TestDatabase) {
        let (app, _) = town(db).await;
        for (words, expected) in [
            ("cafe manana", vec!["Café Mañana"]),
            ("CAFÉ", vec!["Café Mañana"]),
            ("man", vec!["Café Mañana"]),
            ("ñana", vec![]),
            ("evening", vec!["Schenectady Evenings"]),
            ("veterans evenings", vec!["Schenectady Evenings"]),
            ("oneill", vec!["Schenectady Evenings"]),
            ("O'Neill hall", vec!["Schenectady Evenings"]),
            ("veterans telephone", vec![]),
            ("100%", vec!["By Telephone 100%"]),
            ("_ side", vec!["The Other Side"]),
        ] {
            assert_eq!(names(&search(&app, json!({ "filter": { "search": words } })).await), expected, "{words}");
        }
    }

    async fn programs_are_found_near_a_place_and_ordered_by_how_far_they_are(db: TestDatabase) {
        let (app, _) = town(db).await;
        let by_distance = |direction: &str| json!({ "field": "DISTANCE", "direction": direction });

        let close = search(&app, json!({ "filter": { "near": near(50.0) }, "orderBy": by_distance("ASC") })).await;
        let nodes = json!([{ "name": "Café Mañana", "distanceKm": 0.0 }, { "name": "Schenectady Evenings", "distanceKm": 23.6 }]);
        assert_eq!((close.data("/programs/nodes"), close.data("/programs/totalCount")), (&nodes, &json!(2)));

        let far = search(&app, json!({ "filter": { "near": near(1_000.0) }, "orderBy": by_distance("DESC") })).await;
        assert_eq!(names(&far), ["Down the River", "Schenectady Evenings", "Café Mañana"]);
        let by_name = search(&app, json!({ "filter": { "near": near(1_000.0), "languages": ["en"] } })).await;
        assert_eq!(names(&by_name), ["Café Mañana", "Schenectady Evenings"]);
        assert_eq!(search(&app, json!({ "filter": { "near": near(0.5) } })).await.data("/programs/totalCount"), 1);
        let nowhere = search(&app, json!({ "filter": { "search": "cafe" } })).await;
        assert_eq!(nowhere.data("/programs/nodes/0/distanceKm"), &Value::Null);
        let about = json!({ "latitude": 42.6512, "longitude": -73.7533, "withinKm": 50.0 });
        let rounded = search(&app, json!({ "filter": { "near": about }, "orderBy": by_distance("ASC") })).await;
        assert_eq!(rounded.data("/programs/nodes"), &nodes, "where somebody is counts to a hundredth of a degree");
    }

    async fn pages_by_distance_neither_repeat_nor_leave_out(db: TestDatabase) {
        let (app, home) = town(db).await;
        // Many at the same distance, on either side.
        let ring = (0..12).map(|n| NewProgram { address: somewhere(NEAR.0 + 0.1 * f64::from(n / 4 + 1), NEAR.1), ..new(&format!("Ring {n}")) });
        add(&app, &home, ring.collect()).await;
        let ask = |more: Value| {
            let mut variables = json!({ "filter": { "near": near(100.0) }, "orderBy": { "field": "DISTANCE", "direction": "ASC" } });
            variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            search(&app, variables)
        };
        let whole = ask(json!({ "first": 100 })).await;
        let whole: Vec<_> = names(&whole).into_iter().map(str::to_owned).collect();
        assert_eq!((whole.len(), whole.iter().collect::<BTreeSet<_>>().len()), (14, 14));

        let (mut paged, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = ask(json!({ "first": 3, "after": after })).await;
            paged.extend(names(&page).into_iter().map(str::to_owned));
            after = page.data("/programs/pageInfo/endCursor").clone();
            if page.data("/programs/pageInfo/hasNextPage") == false {
                break;
            }
        }
        assert_eq!(paged, whole);

        let (mut paged, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = ask(json!({ "last": 5, "before": before })).await;
            paged.splice(0..0, names(&page).into_iter().map(str::to_owned).collect::<Vec<_>>());
            before = page.data("/programs/pageInfo/startCursor").clone();
            if page.data("/programs/pageInfo/hasPreviousPage") == false {
                break;
            }
        }
        assert_eq!(paged, whole);
    }

    async fn where_somebody_is_never_stands_in_an_address(db: TestDatabase) {
        let (app, _) = town(db).await;
        let literal = "{ programs(filter: { near: { latitude: 42.65, longitude: -73.75, withinKm: 5 } }) { totalCount } }";
        let default = "query($f: ProgramFilter = { near: { latitude: 42.65, longitude: -73.75, withinKm: 5 } }) { programs(filter: $f) { totalCount } }";
        let variable = "query($f: ProgramFilter) { programs(filter: $f) { totalCount } }";
        let filter = json!({ "f": { "near": near(5.0) } }).to_string();
        for parameters in [vec![("query", literal)], vec![("query", default)], vec![("query", variable), ("variables", &filter)]] {
            let refused = app.anyone().get(&parameters).await;
            assert_eq!((refused.status, refused.error_codes()), (400, vec!["BAD_USER_INPUT"]), "{}", refused.raw);
            assert!(refused.raw.contains("`near`") && refused.raw.contains("POST"), "{}", refused.raw);
        }
        assert_eq!(app.anyone().ask(literal).await.data("/programs/totalCount"), 1);
        let elsewhere = app.anyone().get(&[("query", "{ programs(filter: { search: \"cafe\" }) { totalCount } }")]).await;
        assert_eq!(elsewhere.data("/programs/totalCount"), 1);
    }

    async fn programs_of_before_are_found_once_the_server_has_started_again(db: TestDatabase) {
        let (app, _) = town(db).await;
        let connection = app.database.connect().await;
        connection.execute_unprepared("UPDATE program SET search_words = NULL, earth_x = NULL, earth_y = NULL, earth_z = NULL").await.unwrap();
        let before = app.database.count("FROM event").await;
        assert_eq!(names(&search(&app, json!({ "filter": { "search": "cafe" } })).await), [""; 0]);

        program::complete(&app.store).await.unwrap();

        assert_eq!(names(&search(&app, json!({ "filter": { "search": "cafe", "near": near(5.0) } })).await), ["Café Mañana"]);
        assert_eq!(app.database.count("FROM event").await, before, "nothing has happened");
    }
}
