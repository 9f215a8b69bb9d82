//! Records that may be of one person: they are found, merged, told apart, and no other organization hears of it (domain 2.8).

use aftercare::store::columns_that_name_clients;
use chrono::TimeDelta;
use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::{Handover, REFERRAL},
    on_both,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

/// Two clinics that refer one person to one program.
async fn two_clinics(app: &TestApp) -> (Handover, Handover) {
    let first = Handover::begin(app).await;
    let other = app.home("Cedar", OrganizationKind::TreatmentProvider).await;
    let second = Handover::between(app, other, first.support.clone()).await;
    (first, second)
}

/// What one asks about a client.
async fn client(caller: &Caller, id: &str) -> Answer {
    let asked = "id version mergedInto { id } privacy { possibleDuplicates { id } mergedFrom { id } }
        care { contacts { totalCount nodes { note } } episodes { totalCount } assignments { totalCount } }
        privacy { consents { totalCount } }";
    caller.ask(&format!("{{ client(id: \"{id}\") {{ {asked} }} }}")).await
}

fn ids(answer: &Value) -> Vec<&str> {
    answer.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect()
}

async fn merge(caller: &Caller, keep: &str, merge: &str) -> Answer {
    let document = format!(
        "mutation {{ clientMerge(keepId: \"{keep}\", mergeId: \"{merge}\") {{ client {{ id privacy {{ mergedFrom {{ id }} }} }}
            userErrors {{ code message path }} }} }}"
    );
    caller.ask(&document).await
}

async fn unmerge(caller: &Caller, id: &str) -> Answer {
    caller.ask(&format!("mutation {{ clientUnmerge(id: \"{id}\") {{ client {{ id }} userErrors {{ code message path }} }} }}")).await
}

/// The open work about possible duplicates: its ids and whom it is about.
async fn asked_about(caller: &Caller) -> Vec<(String, String)> {
    let query =
        "{ workItems(filter: { open: true, kinds: [POSSIBLE_DUPLICATE] }) { nodes { id because closesWhen subject { __typename id } } } }";
    let answer = caller.ask(query).await;
    let nodes = answer.data("/workItems/nodes").as_array().unwrap();
    nodes.iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item["subject"]["id"].as_str().unwrap().to_owned())).collect()
}

/// What both clinics see of their referrals, as it came.
async fn told(clinics: [(&Handover, &str); 2]) -> Vec<String> {
    let mut told = Vec::new();
    for (clinic, id) in clinics {
        for caller in [&clinic.referrer, &clinic.clinic_officer] {
            told.push(clinic.read(caller, id).await.raw);
            let asked = format!(
                "{{ referrals {{ totalCount nodes {{ {REFERRAL} }} }} clients {{ totalCount nodes {{ id version }} }} events {{ nodes {{ kind }} }} }}"
            );
            let answer = caller.ask(&asked).await;
            assert!(answer.error_codes().is_empty(), "{}", answer.raw);
            told.push(answer.raw);
        }
    }
    told
}

on_both! {
    async fn two_clinics_refer_one_person_and_neither_hears_of_the_other(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (first, second) = two_clinics(&app).await;
        let one = first.referred(&app).await;
        let ours = first.accepted(&one).await;
        first.assigned(&one).await;
        assert_eq!(first.contact(&app, &ours, "COMPLETED").await.user_error_codes(), [""; 0]);
        assert!(asked_about(&first.coordinator).await.is_empty());

        let alone = Handover::between(&app, app.home("Birch", OrganizationKind::TreatmentProvider).await, app.home("Elsewhere", OrganizationKind::RecoveryCommunityOrganization).await).await;
        let unknown = alone.refer(alone.referral(&app)).await;
        let made = second.refer(second.referral(&app)).await;
        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        let shape = |answer: &Answer| {
            let mut told = answer.body.clone();
            for path in ["id", "number", "client/id", "client/pseudonym", "consent/id", "progress/history/0/actorName"] {
                *told.pointer_mut(&format!("/data/referralCreate/referral/{path}")).unwrap() = Value::Null;
            }
            told
        };
        assert_eq!(shape(&made), shape(&unknown), "the same answer as for somebody whom nobody knows");
        let two = made.text("/referralCreate/referral/id").to_owned();
        let again = second.accepted(&two).await;
        assert_ne!(ours, again);

        let sealed = async || app.sealed().await;
        sealed().await;
        let before = told([(&first, &one), (&second, &two)]).await;
        let work = asked_about(&first.coordinator).await;
        assert_eq!(work.iter().map(|(_, about)| about.as_str()).collect::<Vec<_>>(), [&*again], "the newer record is asked about");
        let seen = client(&first.coordinator, &again).await;
        assert_eq!(ids(seen.data("/client/privacy/possibleDuplicates")), [&*ours]);
        for nobody in [&first.peer, &first.supervisor, &first.referrer, &second.referrer] {
            assert!(asked_about(nobody).await.is_empty(), "it is for coordinators");
        }

        let merged = merge(&first.coordinator, &ours, &again).await;
        assert_eq!(merged.user_error_codes(), [""; 0], "{}", merged.raw);
        assert_eq!(ids(merged.data("/clientMerge/client/privacy/mergedFrom")), [&*again]);
        assert!(asked_about(&first.coordinator).await.is_empty(), "the merge closes it");
        for id in [&one, &two] {
            assert_eq!(first.read(&first.coordinator, id).await.text("/referral/client/id"), ours, "both referrals are of one client");
        }
        let kept = client(&first.coordinator, &again).await;
        assert_eq!(kept.text("/client/id"), ours, "whoever asks for the merged record is given the one that stands");
        let list = first.coordinator.ask("{ clients { totalCount nodes { id } } }").await;
        assert_eq!(ids(list.data("/clients/nodes")), [&*ours]);
        let node = first.coordinator.ask(&format!("{{ node(id: \"{again}\") {{ ... on Client {{ id mergedInto {{ id }} }} }} }}")).await;
        assert_eq!((node.text("/node/id"), node.text("/node/mergedInto/id")), (&*again, &*ours));

        sealed().await;
        assert_eq!(told([(&first, &one), (&second, &two)]).await, before, "byte for byte");
        let parted = unmerge(&first.coordinator, &again).await;
        assert_eq!(parted.user_error_codes(), [""; 0], "{}", parted.raw);
        sealed().await;
        assert_eq!(told([(&first, &one), (&second, &two)]).await, before);
        let subject = first.read(&first.coordinator, &two).await;
        assert_eq!(subject.text("/referral/client/id"), again);
        assert!(asked_about(&first.coordinator).await.is_empty(), "somebody has said that they are two people");
        assert_eq!(client(&first.coordinator, &again).await.data("/client/privacy/possibleDuplicates"), &json!([]));
    }

    async fn what_the_merged_record_had_is_the_kept_ones_and_comes_back(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (first, second) = two_clinics(&app).await;
        let (one, two) = (first.referred(&app).await, second.referred(&app).await);
        let (keep, gone) = (first.accepted(&one).await, second.accepted(&two).await);
        second.assigned(&two).await;
        second.contact(&app, &gone, "COMPLETED").await;
        let update = |id: &str, known: &str| format!(
            "mutation {{ clientUpdate(input: {{ id: \"{id}\", externalIdentifiers: [{{ system: \"ours\", value: \"{known}\" }}] }}) {{
                client {{ id }} userErrors {{ code message }} }} }}"
        );
        for (id, known) in [(&keep, "A-1"), (&gone, "B-2")] {
            assert_eq!(first.coordinator.ask(&update(id, known)).await.user_error_codes(), [""; 0]);
        }
        let before = [client(&second.supervisor, &keep).await.raw, client(&second.supervisor, &gone).await.raw];
        let known_as = async |known: &str| {
            let query = format!("{{ client(externalIdentifier: {{ system: \"ours\", value: \"{known}\" }}) {{ id }} }}");
            first.coordinator.ask(&query).await.text("/client/id").to_owned()
        };

        assert_eq!(merge(&first.coordinator, &keep, &gone).await.user_error_codes(), [""; 0]);

        let kept = client(&second.supervisor, &keep).await;
        let care = kept.data("/client/care");
        assert_eq!((&care["contacts"]["totalCount"], &care["episodes"]["totalCount"], &care["assignments"]["totalCount"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!(care["contacts"]["nodes"][0]["note"], "Spoke of the garden", "what was sealed for the merged record is read");
        assert_eq!((known_as("A-1").await, known_as("B-2").await), (keep.clone(), keep.clone()));
        let peers = second.peer.ask("{ clients { nodes { id } } }").await;
        assert_eq!(ids(peers.data("/clients/nodes")), [&*keep], "the peer goes on with the person");
        let log = second.contact(&app, &gone, "COMPLETED").await;
        assert_eq!(log.user_error_codes(), [""; 0], "who knows the old id goes on: {}", log.raw);
        assert_eq!(client(&second.supervisor, &keep).await.data("/client/care/contacts/totalCount"), &json!(2));
        assert_eq!(app.fire_timers().await, 0);
        app.clock().advance(TimeDelta::minutes(3));
        assert_eq!(app.fire_timers().await, 1, "what was written meanwhile is moved as well");

        assert_eq!(unmerge(&first.coordinator, &gone).await.user_error_codes(), [""; 0]);
        let after = [client(&second.supervisor, &keep).await, client(&second.supervisor, &gone).await];
        assert_eq!(after[1].data("/client/care/contacts/totalCount"), &json!(1));
        assert_eq!(after[1].data("/client/care/contacts/nodes/0/note"), &json!("Spoke of the garden"));
        assert_eq!(after[0].data("/client/care/contacts/totalCount"), &json!(1), "what was written since stays");
        assert_eq!((known_as("A-1").await, known_as("B-2").await), (keep.clone(), gone.clone()));
        assert!(before[1].contains("\"totalCount\":1"));
        assert_eq!(app.database.count("FROM client_moved").await, 0);
    }

    async fn merges_above_one_another_are_undone_one_by_one(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (first, second) = two_clinics(&app).await;
        let third = Handover::between(&app, app.home("Birch", OrganizationKind::TreatmentProvider).await, first.support.clone()).await;
        let mut of = Vec::new();
        for them in [&first, &second, &third] {
            let referral = them.referred(&app).await;
            of.push((them.accepted(&referral).await, referral));
        }
        let [(a, of_a), (b, of_b), (c, of_c)] = &of[..] else { unreachable!() };
        let holders = async || {
            let mut holders = Vec::new();
            for id in [of_a, of_b, of_c] {
                holders.push(first.read(&first.coordinator, id).await.text("/referral/client/id").to_owned());
            }
            holders
        };
        assert_eq!(merge(&first.coordinator, b, c).await.user_error_codes(), [""; 0]);
        assert_eq!(merge(&first.coordinator, a, b).await.user_error_codes(), [""; 0]);
        assert_eq!(holders().await, [a.clone(), a.clone(), a.clone()]);
        assert_eq!(merge(&first.coordinator, a, b).await.user_error_codes(), ["IMMUTABLE"], "it is merged already");

        assert_eq!(unmerge(&first.coordinator, c).await.user_error_codes(), [""; 0]);
        assert_eq!(holders().await, [a.clone(), a.clone(), c.clone()]);
        assert_eq!(unmerge(&first.coordinator, b).await.user_error_codes(), [""; 0]);
        assert_eq!(holders().await, [a.clone(), b.clone(), c.clone()], "what had gone back is not taken along");
        assert_eq!(app.database.count("FROM client_moved").await, 0);
    }

    async fn a_merge_that_cannot_be_is_refused_and_changes_nothing(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (first, second) = two_clinics(&app).await;
        let (one, two) = (first.referred(&app).await, second.referred(&app).await);
        let (keep, gone) = (first.accepted(&one).await, second.accepted(&two).await);
        let referred = first.referrer.ask("{ clients { nodes { id } } }").await;
        let theirs = ids(referred.data("/clients/nodes"))[0].to_owned();
        let staff = async |role| app.staff(&first.support, &[role]).await.treating();
        let events = app.database.count("FROM event").await;

        let cases = [
            (&first.coordinator, &*keep, &*keep, "INVALID"),
            (&first.coordinator, &keep, &theirs, "NOT_FOUND"),
            (&first.coordinator, &theirs, &keep, "NOT_FOUND"),
            (&first.referrer, &keep, &gone, "NOT_FOUND"),
            (&first.supervisor, &keep, &gone, "NOT_PERMITTED"),
            (&first.officer, &keep, &gone, "NOT_PERMITTED"),
        ];
        for (caller, a, b, code) in cases {
            assert_eq!(merge(caller, a, b).await.user_error_codes(), [code], "{a} {b}");
        }
        assert_eq!(merge(&staff(Role::Analyst).await, &keep, &gone).await.user_error_codes(), ["NOT_FOUND"]);
        assert_eq!(unmerge(&first.coordinator, &gone).await.user_error_codes(), ["IMMUTABLE"], "it was not merged");
        first.assigned(&one).await;
        second.assigned(&two).await;
        let twice = merge(&first.coordinator, &keep, &gone).await;
        assert_eq!(twice.user_error_codes(), ["ALREADY_EXISTS"], "a person has one peer in a program: {}", twice.raw);
        assert_eq!(app.database.count("FROM client_moved").await, 0);
        assert!(app.database.count("FROM event").await > events, "only the assignments happened");
        assert_eq!(app.database.count("FROM event WHERE kind = 'CLIENT_MERGED'").await, 0);
    }

    async fn a_merge_is_undone_within_thirty_days_and_no_later(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (first, second) = two_clinics(&app).await;
        let (one, two) = (first.referred(&app).await, second.referred(&app).await);
        let (keep, gone) = (first.accepted(&one).await, second.accepted(&two).await);
        merge(&first.coordinator, &keep, &gone).await;
        app.clock().advance(TimeDelta::days(30));
        let late = app.staff(&first.support, &[Role::Coordinator]).await.treating();
        assert_eq!(unmerge(&late, &gone).await.user_error_codes(), [""; 0], "on the thirtieth day");
        merge(&late, &keep, &gone).await;
        app.clock().advance(TimeDelta::days(30) + TimeDelta::seconds(1));
        let late = app.staff(&first.support, &[Role::Coordinator]).await.treating();
        assert_eq!(unmerge(&late, &gone).await.user_error_codes(), ["IMMUTABLE"]);
    }

    async fn who_are_two_people_are_not_asked_about_again(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (first, second) = two_clinics(&app).await;
        let (one, two) = (first.referred(&app).await, second.referred(&app).await);
        first.accepted(&one).await;
        let other = second.accepted(&two).await;
        let work = asked_about(&first.coordinator).await;
        let approve = format!("mutation {{ workItemApprove(id: \"{}\") {{ workItem {{ id }} userErrors {{ code }} }} }}", work[0].0);
        assert_eq!(first.coordinator.ask(&approve).await.user_error_codes(), ["IMMUTABLE"], "a merge is done by clientMerge");
        let reject = format!(
            "mutation {{ workItemReject(id: \"{}\", note: \"Twins\") {{ workItem {{ note decision closedAt }} userErrors {{ code }} }} }}",
            work[0].0
        );
        let rejected = first.coordinator.ask(&reject).await;
        assert_eq!(rejected.user_error_codes(), [""; 0], "{}", rejected.raw);
        assert_eq!(rejected.text("/workItemReject/workItem/note"), "Twins");
        assert!(asked_about(&first.coordinator).await.is_empty());

        let rename = format!(
            "mutation {{ clientUpdate(input: {{ id: \"{other}\", preferredName: \"Addie\" }}) {{ client {{ id }} userErrors {{ code }} }} }}"
        );
        assert_eq!(first.coordinator.ask(&rename).await.user_error_codes(), [""; 0]);
        assert!(asked_about(&first.coordinator).await.is_empty());
        assert_eq!(client(&first.coordinator, &other).await.data("/client/privacy/possibleDuplicates"), &json!([]));
    }

    async fn a_changed_record_is_compared_anew(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let create = |given: &str, phone: &str| format!(
            "mutation {{ clientCreate(input: {{ givenName: \"{given}\", familyName: \"Lovelace\", dateOfBirth: \"1985-05-05\",
                contactMethods: [{{ kind: PHONE, value: \"{phone}\", safe: true }}], programIds: [\"{}\"] }}) {{ client {{ id }} userErrors {{ code }} }} }}",
            them.support.program
        );
        let one = them.coordinator.ask(&create("Annabella", "+1 212 555 0111")).await.text("/clientCreate/client/id").to_owned();
        let two = them.coordinator.ask(&create("Anne", "+1 212 555 0122")).await.text("/clientCreate/client/id").to_owned();
        assert!(asked_about(&them.coordinator).await.is_empty(), "the same birth date and family name are not enough");
        let update = format!(
            "mutation {{ clientUpdate(input: {{ id: \"{two}\", version: 1, contactMethods: [{{ kind: SMS, value: \"+12125550111\", safe: true }}] }}) {{
                client {{ version identity {{ givenName contactMethods {{ kind value }} }} privacy {{ possibleDuplicates {{ id }} }} }}
                userErrors {{ code message currentVersion }} }} }}"
        );
        let updated = them.coordinator.ask(&update).await;
        assert_eq!(ids(updated.data("/clientUpdate/client/privacy/possibleDuplicates")), [&*one], "{}", updated.raw);
        assert_eq!(updated.text("/clientUpdate/client/identity/givenName"), "Anne", "what is not given stays");
        assert_eq!(them.coordinator.ask(&update).await.user_error_codes(), ["STALE"]);
        assert_eq!(asked_about(&them.coordinator).await.len(), 1);
    }

    async fn every_column_that_names_a_client_is_known_to_the_merge(db: TestDatabase) {
        let connection = db.connect().await;
        let sql = match connection.get_database_backend() {
            DbBackend::Sqlite => "SELECT m.name || '.' || f.\"from\" AS name FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
                WHERE m.type = 'table' AND f.\"table\" = 'client'",
            _ => "SELECT c.conrelid::regclass::text || '.' || a.attname AS name FROM pg_constraint c
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
                WHERE c.contype = 'f' AND c.confrelid = 'client'::regclass",
        };
        let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await.unwrap();
        let named: std::collections::BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
        let known = columns_that_name_clients();
        assert!(named.is_subset(&known), "say in store/merge.rs what a merge does with {:?}", named.difference(&known).collect::<Vec<_>>());
        assert!(named.len() > 10, "{named:?}");
    }
}
