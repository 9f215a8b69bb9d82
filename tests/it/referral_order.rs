//! Lists of referrals in every order, page by page from either end: what is not there, or closed to whoever asks, comes last.

use chrono::TimeDelta;
use entity::vocabulary::Role;
use kit::{app::TestApp, caller::Caller, handover::Handover, on_both};
use serde_json::{Value, json};

const LIST: &str = "query($first: Int, $after: String, $last: Int, $before: String, $filter: ReferralFilter, $orderBy: ReferralOrder) {
    referrals(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage } } }";

/// The ids of a page, its first and its last cursor, and whether more are before and after it.
struct Page {
    ids: Vec<String>,
    ends: Option<(String, String)>,
    more: (bool, bool),
}

async fn page(caller: &Caller, of: &Value, args: Value) -> Page {
    let mut variables = of.clone();
    variables.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
    let answer = caller.ask_with(LIST, variables).await;
    let edges = answer.data("/referrals/edges").as_array().unwrap();
    let cursor = |edge: &Value| edge["cursor"].as_str().unwrap().to_owned();
    let more = |name: &str| answer.data(&format!("/referrals/pageInfo/{name}")) == &json!(true);
    Page {
        ids: edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect(),
        ends: edges.first().map(cursor).zip(edges.last().map(cursor)),
        more: (more("hasPreviousPage"), more("hasNextPage")),
    }
}

/// All rows of a list, which pages of two give from its beginning and from its end alike.
async fn walked(caller: &Caller, of: Value) -> Vec<String> {
    let whole = page(caller, &of, json!({ "first": 100 })).await;
    let (mut forward, mut after) = (Vec::new(), Value::Null);
    loop {
        let next = page(caller, &of, json!({ "first": 2, "after": after })).await;
        forward.extend(next.ids);
        let Some((_, last)) = next.ends.filter(|_| next.more.1) else { break };
        after = json!(last);
    }
    assert_eq!(forward, whole.ids, "{of}");
    let (mut backward, mut before) = (Vec::new(), Value::Null);
    loop {
        let next = page(caller, &of, json!({ "last": 2, "before": before })).await;
        backward.splice(0..0, next.ids);
        let Some((first, _)) = next.ends.filter(|_| next.more.0) else { break };
        before = json!(first);
    }
    assert_eq!(backward, whole.ids, "{of}");
    if let Some((first, last)) = whole.ends {
        let between = page(caller, &of, json!({ "first": 100, "after": first, "before": last })).await;
        assert_eq!(between.ids, whole.ids[1..whole.ids.len().max(2) - 1], "{of}");
    }
    whole.ids
}

on_both! {
    async fn every_order_is_whole_from_either_end_and_tells_nothing_that_is_closed(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (mut submitted, mut drafts, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..9 {
            app.clock().advance(TimeDelta::minutes(1));
            let mut input = them.another(&app);
            input["client"]["dateOfBirth"] = json!(format!("198{number}-01-01"));
            input["client"]["contactMethods"][0]["value"] = json!(format!("+1 212 555 010{number}"));
            input["submit"] = json!(number % 3 != 1);
            let referred = them.refer(input).await;
            let id = referred.text("/referralCreate/referral/id").to_owned();
            match number % 3 {
                0 => submitted.push(id),
                1 => drafts.push(id),
                _ => {
                    let consent = referred.text("/referralCreate/referral/consent/id");
                    let revoke = format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"In person\", written: true) {{ userErrors {{ code message }} }} }}");
                    let revoked = them.referrer.ask(&revoke).await;
                    assert_eq!((revoked.error_codes(), revoked.user_error_codes()), (vec![], vec![]), "{}", revoked.raw);
                    silent.push(id);
                }
            }
        }
        let newest = |ids: &[String]| ids.iter().rev().cloned().collect::<Vec<_>>();
        let set = |ids: &[String]| ids.iter().cloned().collect::<std::collections::BTreeSet<_>>();
        let by = |field: &str, direction: &str| json!({ "orderBy": { "field": field, "direction": direction } });
        let sent: Vec<_> = (0..9).map(|number| [&submitted, &drafts, &silent][number % 3][number / 3].clone()).collect();
        assert_eq!(walked(&them.referrer, json!({})).await, newest(&sent));

        // Known of: all that were submitted; all but those that a revocation silenced; those that a clock runs for.
        let told = |left: &[&Vec<String>]| sent.iter().filter(|id| left.iter().any(|of| of.contains(id))).cloned().collect::<Vec<_>>();
        for (field, known) in [
            ("SUBMITTED_AT", told(&[&submitted, &silent])),
            ("UPDATED_AT", told(&[&submitted, &drafts])),
            ("DUE_AT", told(&[&submitted])),
        ] {
            let up = walked(&them.referrer, by(field, "ASC")).await;
            let down = walked(&them.referrer, by(field, "DESC")).await;
            assert_eq!((set(&up[..known.len()]), set(&down[..known.len()])), (set(&known), set(&known)), "{field}");
            // Clocks that start before a program opens are due at one instant.
            if field != "DUE_AT" {
                assert_eq!((&up[..known.len()], &down[..known.len()]), (&*known, &*newest(&known)), "{field}");
            }
            assert_eq!((set(&up), set(&down)), (set(&sent), set(&sent)), "{field}");
        }
        // The receiver knows of all that it received how they go.
        let received = told(&[&submitted, &silent]);
        assert_eq!(walked(&them.coordinator, by("SUBMITTED_AT", "ASC")).await, received);
        assert_eq!(set(&walked(&them.coordinator, by("DUE_AT", "ASC")).await[..submitted.len()]), set(&submitted));
        let several = json!({ "filter": { "status": ["SUBMITTED", "CANCELLED", "ACCEPTED"] }, "orderBy": { "field": "UPDATED_AT", "direction": "DESC" } });
        assert_eq!(walked(&them.coordinator, several).await, newest(&received));
        assert_eq!(walked(&them.coordinator, json!({ "filter": { "open": true } })).await, newest(&submitted));
        assert_eq!(walked(&them.coordinator, json!({ "filter": { "open": false } })).await, newest(&silent));
        assert_eq!(walked(&them.coordinator, json!({ "filter": { "overdue": true } })).await, [""; 0]);
        // Whoever supports somebody as a peer as well misses none of those that are assigned to nobody.
        let back = Handover::between(&app, them.support.clone(), them.clinic.clone()).await;
        let theirs = back.referred(&app).await;
        back.accepted(&theirs).await;
        back.assigned(&theirs).await;
        app.database.tamper("UPDATE staff_member SET roles = '[\"PEER\", \"REFERRER\"]' WHERE id IN (SELECT staff_member_id FROM peer)").await;
        let both = app.token_of(back.peer_staff, &them.clinic, &[Role::Peer, Role::Referrer]).treating();
        assert_eq!(set(&walked(&both, by("UPDATED_AT", "ASC")).await), set(&[sent.clone(), vec![theirs]].concat()));
    }
}
