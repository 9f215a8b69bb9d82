//! What is wrong in the steps of a referral, and in what hangs on them: each is told with its code and its place in the input, and changes
//! nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{StaffMemberId, vocabulary::Role};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    on_both,
};
use serde_json::{Value, json};

use super::{
    handover::{self, NOBODY, made},
    none, rows, with,
    work::{bad_emergencies, bad_erasures, bad_exports, bad_lists, bad_milestones, bad_work},
};

/// Who asks for what with which variables, the one code, the place in the input, and a part of the sentence.
pub(super) type Bad<'a> = (&'a Caller, &'static str, String, Value, &'static str, &'static [&'static str], &'static str);

/// Referrals in the states that the others are not in, and what hangs on them.
pub(super) struct Setting {
    pub(super) one: handover::Setting,
    pub(super) asked: String,
    pub(super) outreach: String,
    pub(super) held: String,
    pub(super) episode: String,
    /// A request for approval, one that was rejected, and a question to the sender.
    pub(super) approval: String,
    pub(super) rejected: String,
    pub(super) question: String,
    /// Somebody of the peers' organization who works in another program.
    pub(super) elsewhere: StaffMemberId,
}

/// Which PostgreSQL does not keep, and SQLite would order as text.
pub(super) const LONG_AGO: &str = "-200000-01-01T00:00:00Z";

/// A mutation with all its arguments as variables, by their names and types.
pub(super) fn mutation(name: &str, arguments: &str) -> String {
    let names = arguments.split(", ").map(|argument| argument.split(':').next().unwrap());
    let given: Vec<_> = names.map(|name| format!("{name}: ${name}")).collect();
    let declared = arguments.split(", ").map(|argument| format!("${argument}")).collect::<Vec<_>>().join(", ");
    format!("mutation({declared}) {{ {name}({}) {{ userErrors {{ code message path }} }} }}", given.join(", "))
}

async fn set_up(app: &mut TestApp) -> Setting {
    let one = handover::set_up(app).await;
    let them = &one.them;
    let referred = async |number: &str| made(them, app, number, true).await.text("/referralCreate/referral/id").to_owned();
    let (asked, outreach, held) = (referred("6").await, referred("7").await, referred("8").await);
    them.act(&them.coordinator, "referralRequestInfo", &asked, "fields: [\"phone\"] text: \"Which?\"").await;
    them.accepted(&held).await;
    them.act(&them.coordinator, "referralHold", &held, "text: \"Away\" reviewAt: \"2026-03-09T12:00:00Z\"").await;
    let client = them.accepted(&outreach).await;
    them.assigned(&outreach).await;
    them.tried(&client).await;
    let rejected = them.given_up(&outreach).await;
    let reject = format!("mutation {{ workItemReject(id: \"{rejected}\", note: \"Once more\") {{ userErrors {{ code }} }} }}");
    assert_eq!(them.supervisor.ask(&reject).await.user_error_codes(), [""; 0]);
    let approval = them.given_up(&outreach).await;
    let question = them.referrer.ask("{ workItems(filter: { kinds: [INFO_REQUESTED] }) { nodes { id } } }").await;
    let episode = format!("{{ client(id: \"{}\") {{ care {{ currentEpisode {{ id }} }} }} }}", one.ours);
    let episode = them.supervisor.ask(&episode).await.text("/client/care/currentEpisode/id").to_owned();
    let administrator = app.staff(&them.support, &[Role::Administrator]).await;
    let new = json!({ "input": { "displayName": "Elsewhere", "roles": ["PEER"], "programIds": [one.closed] } });
    let employ =
        "mutation($input: StaffMemberCreateInput!) { staffMemberCreate(input: $input) { staffMember { id } userErrors { message } } }";
    let elsewhere = administrator.ask_with(employ, new).await.text("/staffMemberCreate/staffMember/id").parse().unwrap();
    app.sealed().await;
    let question = question.text("/workItems/nodes/0/id").to_owned();
    Setting { asked, outreach, held, episode, approval, rejected, question, elsewhere, one }
}

const ALL: &str = "id: ID!, text: String!, version: Int";

/// What somebody asks for.
pub(super) fn by<'a>(
    who: &'a Caller,
) -> impl Fn(&'static str, (String, Value), &'static str, &'static [&'static str], &'static str) -> Bad<'a> {
    move |what, (query, variables), code, path, says| (who, what, query, variables, code, path, says)
}

/// Questions to the sender and their answers (domain 2.3, rows 3 and 4).
fn bad_questions(setting: &Setting) -> Vec<Bad<'_>> {
    let (ask, answer) =
        (mutation("referralRequestInfo", "id: ID!, fields: [String!]!, text: String!, version: Int"), mutation("referralAnswerInfo", ALL));
    let whole = json!({ "id": setting.one.offered, "fields": ["phone"], "text": "Which?" });
    let asks = |field: &str, value: Value| (ask.clone(), with(whole.clone(), field, value)["input"].clone());
    let whole = json!({ "id": setting.asked, "text": "The first" });
    let answers = |field: &str, value: Value| (answer.clone(), with(whole.clone(), field, value)["input"].clone());
    let (fields, text): (&[&str], &[&str]) = (&["fields"], &["text"]);
    let (coordinator, referrer) = (by(&setting.one.them.coordinator), by(&setting.one.them.referrer));
    vec![
        coordinator("nothing that is missing", asks("fields", json!([])), "REQUIRED", fields, "`fields`"),
        coordinator("too much that is missing", asks("fields", json!(["phone"].repeat(21))), "TOO_MANY", fields, "20"),
        coordinator("an empty field", asks("fields", json!(["phone", " "])), "REQUIRED", fields, "`fields`"),
        coordinator("a long field", asks("fields", json!(["a".repeat(101)])), "INVALID", fields, "100"),
        coordinator("NUL in a field", asks("fields", json!(["a\0b"])), "INVALID", fields, "control characters"),
        coordinator("no field among fields", asks("fields", json!([null])), "BAD_USER_INPUT", &[], "String"),
        coordinator("an empty question", asks("text", json!(" \n ")), "REQUIRED", text, "`text`"),
        coordinator("a long question", asks("text", json!("a".repeat(2_001))), "INVALID", text, "2000"),
        coordinator("NUL in a question", asks("text", json!("a\0b")), "INVALID", text, "control characters"),
        coordinator("a stale question", asks("version", json!(99)), "STALE", &[], "read it again"),
        coordinator("a version beyond numbers", asks("version", json!(3_000_000_000_u64)), "BAD_USER_INPUT", &[], "Int"),
        coordinator("a question after acceptance", asks("id", json!(setting.one.accepted)), "INVALID_TRANSITION", &[], "ACCEPTED"),
        coordinator("a question about a draft", asks("id", json!(setting.one.draft)), "NOT_FOUND", &[], "check the id"),
        coordinator("a question about a client", asks("id", json!(setting.one.ours)), "BAD_USER_INPUT", &[], "ref_"),
        referrer("a question to oneself", asks("text", json!("Which?")), "NOT_PERMITTED", &[], "role"),
        referrer("an empty answer", answers("text", json!("")), "REQUIRED", text, "`text`"),
        referrer("a long answer", answers("text", json!("a".repeat(2_001))), "INVALID", text, "2000"),
        referrer("an escape in an answer", answers("text", json!("a\u{1b}[1m")), "INVALID", text, "control characters"),
        referrer("an answer that nobody asked for", answers("id", json!(setting.one.offered)), "INVALID_TRANSITION", &[], "SUBMITTED"),
        referrer("a stale answer", answers("version", json!(1)), "STALE", &[], "read it again"),
        coordinator("an answer to one's own question", answers("text", json!("The first")), "NOT_PERMITTED", &[], "role"),
    ]
}

/// Waiting, holding and going on (rows 7, 15 and 16), and peers who go (row 9b).
fn bad_pauses(setting: &Setting, now: DateTime<Utc>) -> Vec<Bad<'_>> {
    let wait = mutation("referralWaitlist", "id: ID!, text: String!, nextReviewAt: DateTime!, version: Int");
    let hold = mutation("referralHold", "id: ID!, text: String!, reviewAt: DateTime!, version: Int");
    let resume = mutation("referralResume", "id: ID!, version: Int");
    let unassign = mutation("referralUnassign", ALL);
    let soon = now + TimeDelta::days(1);
    let whole = json!({ "id": setting.one.offered, "text": "Full", "nextReviewAt": soon });
    let waits = |field: &str, value: Value| (wait.clone(), with(whole.clone(), field, value)["input"].clone());
    let whole = json!({ "id": setting.one.accepted, "text": "Away", "reviewAt": soon });
    let holds = |field: &str, value: Value| (hold.clone(), with(whole.clone(), field, value)["input"].clone());
    let leaves = |id: &str, text: &str| (unassign.clone(), json!({ "id": id, "text": text }));
    let goes_on = |id: &str, version: Value| (resume.clone(), json!({ "id": id, "version": version }));
    let (next, at, text): (&[&str], &[&str], &[&str]) = (&["nextReviewAt"], &["reviewAt"], &["text"]);
    let after = |days, seconds| json!(now + TimeDelta::days(days) + TimeDelta::seconds(seconds));
    let (coordinator, referrer, peer, supervisor) =
        (by(&setting.one.them.coordinator), by(&setting.one.them.referrer), by(&setting.one.them.peer), by(&setting.one.them.supervisor));
    vec![
        coordinator("a place without a reason", waits("text", json!(" ")), "REQUIRED", text, "`text`"),
        coordinator("a place with a long reason", waits("text", json!("a".repeat(2_001))), "INVALID", text, "2000"),
        coordinator("a look now", waits("nextReviewAt", json!(now)), "INVALID", next, "future"),
        coordinator("a look a week ago", waits("nextReviewAt", after(-7, 0)), "INVALID", next, "future"),
        coordinator("a look after more than a week", waits("nextReviewAt", after(7, 1)), "INVALID", next, "7 days"),
        coordinator("a look some time", waits("nextReviewAt", json!("soon")), "BAD_USER_INPUT", &[], "DateTime"),
        coordinator("a look after all time", waits("nextReviewAt", json!("+262000-01-01T00:00:00Z")), "INVALID", next, "7 days"),
        coordinator("a place after contact", waits("id", json!(setting.one.connected)), "INVALID_TRANSITION", &[], "CONNECTED"),
        supervisor("a place by a supervisor", waits("text", json!("Full")), "NOT_PERMITTED", &[], "role"),
        coordinator("a hold without a reason", holds("text", json!("\t")), "REQUIRED", text, "`text`"),
        coordinator("NUL in a hold", holds("text", json!("a\0")), "INVALID", text, "control characters"),
        coordinator("a hold until now", holds("reviewAt", json!(now)), "INVALID", at, "future"),
        coordinator("a hold of more than a month", holds("reviewAt", after(30, 1)), "INVALID", at, "30 days"),
        coordinator("a hold before acceptance", holds("id", json!(setting.one.offered)), "INVALID_TRANSITION", &[], "ON_HOLD"),
        coordinator("a hold of a hold", holds("id", json!(setting.held)), "INVALID_TRANSITION", &[], "ON_HOLD"),
        coordinator("a stale hold", holds("version", json!(1)), "STALE", &[], "read it again"),
        referrer("a hold by the sender", holds("text", json!("Away")), "NOT_PERMITTED", &[], "role"),
        coordinator("going on from no hold", goes_on(&setting.one.accepted, Value::Null), "INVALID_TRANSITION", &[], "not on hold"),
        coordinator("going on from a stale hold", goes_on(&setting.held, json!(1)), "STALE", &[], "read it again"),
        referrer("going on by the sender", goes_on(&setting.held, Value::Null), "NOT_PERMITTED", &[], "role"),
        coordinator("going on with nothing", goes_on(&format!("ref_{NOBODY}"), Value::Null), "NOT_FOUND", &[], "check the id"),
        coordinator("no peer who goes", leaves(&setting.one.accepted, "Left"), "INVALID_TRANSITION", &[], "ACCEPTED"),
        coordinator("a peer who goes after contact", leaves(&setting.one.connected, "Left"), "INVALID_TRANSITION", &[], "CONNECTED"),
        coordinator("a peer who goes for nothing", leaves(&setting.outreach, " "), "REQUIRED", text, "`text`"),
        peer("a peer who goes by themselves", leaves(&setting.outreach, "Left"), "NOT_PERMITTED", &[], "role"),
    ]
}

/// Introductions (domain 2.7).
fn bad_introductions(setting: &Setting, now: DateTime<Utc>) -> Vec<Bad<'_>> {
    let record = mutation("referralRecordWarmHandoff", "id: ID!, input: WarmHandoffInput!");
    let them = &setting.one.them;
    let whole = json!({ "method": "VIDEO", "occurredAt": now, "peerId": them.peer_id, "clientPresent": true, "minutes": 20 });
    let changed = |id: &str, field: &str, value: Value| {
        let mut variables = with(whole.clone(), field, value);
        variables["id"] = json!(id);
        (record.clone(), variables)
    };
    let met = |field: &str, value: Value| changed(&setting.outreach, field, value);
    let later = json!(now + TimeDelta::microseconds(1));
    let (minutes, outcome): (&[&str], &[&str]) = (&["input", "minutes"], &["input", "outcome"]);
    let (coordinator, peer) = (by(&setting.one.them.coordinator), by(&setting.one.them.peer));
    vec![
        peer("an introduction of no time", met("minutes", json!(0)), "INVALID", minutes, "1 to 1440"),
        peer("an introduction of more than a day", met("minutes", json!(1_441)), "INVALID", minutes, "1 to 1440"),
        peer("an introduction of half a minute", met("minutes", json!(0.5)), "BAD_USER_INPUT", &[], "Int"),
        peer("an introduction to come", met("occurredAt", later), "INVALID", &["input", "occurredAt"], "future"),
        peer("an introduction before all time", met("occurredAt", json!(LONG_AGO)), "BAD_USER_INPUT", &[], "year"),
        peer("a long outcome", met("outcome", json!("a".repeat(2_001))), "INVALID", outcome, "2000"),
        peer("NUL in an outcome", met("outcome", json!("a\0b")), "INVALID", outcome, "control characters"),
        peer("an introduction by pigeon", met("method", json!("PIGEON")), "BAD_USER_INPUT", &[], "PIGEON"),
        peer("to a peer of others", met("peerId", json!(setting.one.foreign.peer_id)), "NOT_FOUND", &[], "check the id"),
        peer("to a person of staff", met("peerId", json!(them.peer_staff)), "BAD_USER_INPUT", &[], "per_"),
        peer("by somebody of others", met("staffMemberId", json!(setting.one.foreign.peer_staff)), "NOT_FOUND", &[], "check the id"),
        peer("without a word on the client", met("clientPresent", Value::Null), "BAD_USER_INPUT", &[], "clientPresent"),
        coordinator("by a coordinator", met("minutes", json!(20)), "NOT_PERMITTED", &[], "role"),
        peer("where they are not assigned", changed(&setting.one.accepted, "minutes", json!(20)), "NOT_FOUND", &[], "check the id"),
    ]
}

/// How referrals end (rows 12 to 14, 17 and 19), with reasons of other steps.
fn bad_endings(setting: &Setting) -> Vec<Bad<'_>> {
    let by_reason = |name: &str| mutation(name, "id: ID!, reason: ReasonCode!, text: String, version: Int");
    let (declines, cancels) = (by_reason("referralClientDeclines"), by_reason("referralCancel"));
    let (error, complete) = (
        mutation("referralMarkEnteredInError", ALL),
        mutation("referralComplete", "id: ID!, result: ReferralResult!, text: String, version: Int"),
    );
    let unreached = mutation("referralNotReached", "id: ID!, text: String, version: Int");
    let (offered, accepted, connected) = (&setting.one.offered, &setting.one.accepted, &setting.one.connected);
    let why = |query: &String, id: &str, reason: &str, text: Value| (query.clone(), json!({ "id": id, "reason": reason, "text": text }));
    let mistaken = |id: &str, text: &str| (error.clone(), json!({ "id": id, "text": text }));
    let done = |id: &str, result: &str, text: &str| (complete.clone(), json!({ "id": id, "result": result, "text": text }));
    let gone = |id: &str, more: Value| (unreached.clone(), json!({ "id": id, "text": more["text"], "version": more["version"] }));
    let (reason, text): (&[&str], &[&str]) = (&["reason"], &["text"]);
    let long = json!("a".repeat(2_001));
    let (coordinator, referrer, peer, supervisor) =
        (by(&setting.one.them.coordinator), by(&setting.one.them.referrer), by(&setting.one.them.peer), by(&setting.one.them.supervisor));
    vec![
        coordinator("a program's reason of a client", why(&declines, accepted, "NO_CAPACITY", Value::Null), "INVALID", reason, "NOT_NOW"),
        coordinator("a rule's reason of a client", why(&declines, accepted, "CONSENT_REVOKED", Value::Null), "INVALID", reason, "NOT_NOW"),
        coordinator("OTHER of a client", why(&declines, accepted, "OTHER", json!(" ")), "REQUIRED", text, "OTHER"),
        coordinator("a client's long words", why(&declines, accepted, "NOT_NOW", long.clone()), "INVALID", text, "2000"),
        coordinator("no reason of a client", why(&declines, accepted, "WEATHER", Value::Null), "BAD_USER_INPUT", &[], "WEATHER"),
        referrer("a client's decision by the sender", why(&declines, accepted, "NOT_NOW", Value::Null), "NOT_PERMITTED", &[], "role"),
        coordinator(
            "a client's decision on a draft",
            why(&declines, &setting.one.draft, "NOT_NOW", Value::Null),
            "NOT_FOUND",
            &[],
            "check the id",
        ),
        referrer("a rule's reason to cancel", why(&cancels, offered, "CONSENT_REVOKED", Value::Null), "INVALID", reason, "READMITTED"),
        referrer("a program's reason to cancel", why(&cancels, offered, "OUTSIDE_AREA", Value::Null), "INVALID", reason, "READMITTED"),
        referrer("OTHER to cancel", why(&cancels, offered, "OTHER", Value::Null), "REQUIRED", text, "OTHER"),
        referrer("NUL to cancel", why(&cancels, offered, "OTHER", json!("a\0b")), "INVALID", text, "control characters"),
        referrer(
            "too late to withdraw",
            why(&cancels, accepted, "REQUESTER_WITHDREW", Value::Null),
            "NOT_PERMITTED",
            &[],
            "receiving program",
        ),
        coordinator(
            "withdrawn after contact",
            why(&cancels, connected, "REQUESTER_WITHDREW", Value::Null),
            "INVALID",
            reason,
            "READMITTED",
        ),
        supervisor("cancelled by a supervisor", why(&cancels, accepted, "READMITTED", Value::Null), "NOT_PERMITTED", &[], "role"),
        coordinator("a mistake without a word", mistaken(accepted, ""), "REQUIRED", text, "`text`"),
        coordinator("a mistake in many words", mistaken(accepted, &"a".repeat(2_001)), "INVALID", text, "2000"),
        coordinator("a mistake while somebody is supported", mistaken(connected, "Wrong"), "IMMUTABLE", &["id"], "end the episode"),
        referrer("a mistake found by the sender", mistaken(offered, "Wrong"), "NOT_PERMITTED", &[], "role"),
        peer("an end before contact", done(&setting.outreach, "ENGAGED", ""), "INVALID_TRANSITION", &[], "OUTREACH"),
        peer("an end in many words", done(connected, "ENGAGED", &"a".repeat(2_001)), "INVALID", text, "2000"),
        peer("NUL in an end", done(connected, "ENGAGED", "a\0b"), "INVALID", text, "control characters"),
        peer("an end that came to nothing known", done(connected, "BLISS", ""), "BAD_USER_INPUT", &[], "BLISS"),
        peer("somebody who was reached", gone(connected, json!({})), "INVALID_TRANSITION", &[], "CONNECTED"),
        coordinator("given up by a coordinator", gone(&setting.outreach, json!({})), "NOT_PERMITTED", &[], "role"),
        peer("given up in many words", gone(&setting.outreach, json!({ "text": long })), "INVALID", text, "2000"),
        peer("given up on a stale referral", gone(&setting.outreach, json!({ "version": 1 })), "STALE", &[], "read it again"),
    ]
}

/// Changes by the sender, and what a decline suggests.
fn bad_changes(setting: &Setting, now: DateTime<Utc>) -> Vec<Bad<'_>> {
    let update = mutation("referralUpdate", "input: ReferralUpdateInput!");
    let decline = mutation("referralDecline", "id: ID!, reason: ReasonCode!, suggestedProgramId: ID");
    let (one, them) = (&setting.one, &setting.one.them);
    let change = |id: &str, field: &str, value: Value| (update.clone(), with(json!({ "id": id }), field, value));
    let instead = |program: Value| (decline.clone(), json!({ "id": one.offered, "reason": "NO_CAPACITY", "suggestedProgramId": program }));
    let many: Vec<_> = (0..11).map(|n| json!({ "system": "harbor", "value": n.to_string() })).collect();
    let tomorrow = json!(now + TimeDelta::days(1));
    let suggested: &[&str] = &["suggestedProgramId"];
    let (coordinator, referrer) = (by(&setting.one.them.coordinator), by(&setting.one.them.referrer));
    vec![
        referrer("nothing to change", change(&one.offered, "reason", Value::Null), "REQUIRED", &["input"], "something to change"),
        referrer(
            "what was submitted",
            change(&one.offered, "urgency", json!("ROUTINE")),
            "IMMUTABLE",
            &["input", "urgency"],
            "was submitted",
        ),
        referrer(
            "where it was submitted",
            change(&one.offered, "toProgramId", json!(one.closed)),
            "IMMUTABLE",
            &["input", "toProgramId"],
            "was submitted",
        ),
        referrer(
            "a discharge to come",
            change(&one.offered, "dischargedAt", tomorrow),
            "INVALID",
            &["input", "dischargedAt"],
            "expectedDischargeOn",
        ),
        referrer(
            "too many identifiers",
            change(&one.offered, "externalIdentifiers", json!(many)),
            "TOO_MANY",
            &["input", "externalIdentifiers"],
            "10",
        ),
        referrer("a discharge before all time", change(&one.offered, "dischargedAt", json!(LONG_AGO)), "BAD_USER_INPUT", &[], "year"),
        referrer("a draft's discharge before all time", change(&one.draft, "dischargedAt", json!(LONG_AGO)), "BAD_USER_INPUT", &[], "year"),
        referrer("a stale change", change(&one.draft, "version", json!(9)), "STALE", &[], "read it again"),
        referrer("a draft to nowhere", change(&one.draft, "toProgramId", json!(format!("prg_{NOBODY}"))), "NOT_FOUND", &[], "check the id"),
        referrer("a draft's long reason", change(&one.draft, "reason", json!("a".repeat(4_001))), "INVALID", &["input", "reason"], "4000"),
        referrer(
            "a draft from no level",
            change(&one.draft, "levelOfCareLeft", json!({ "edition": "THIRD", "code": "9" })),
            "INVALID",
            &["input", "levelOfCareLeft", "code"],
            "9",
        ),
        coordinator("a change by the receiver", change(&one.offered, "dischargeType", json!("OTHER")), "NOT_PERMITTED", &[], "role"),
        referrer("a change of others'", change(&one.foreign_referral, "urgency", json!("ROUTINE")), "NOT_FOUND", &[], "check the id"),
        coordinator("itself instead", instead(json!(them.support.program)), "INVALID", suggested, "another program"),
        coordinator("one that takes none instead", instead(json!(one.closed)), "INVALID", suggested, "takes referrals"),
        coordinator("nothing known instead", instead(json!(format!("prg_{NOBODY}"))), "NOT_FOUND", &[], "check the id"),
        coordinator("a client instead", instead(json!(one.ours)), "BAD_USER_INPUT", &[], "prg_"),
    ]
}

/// What is wrong with an answer; nothing when it has exactly this code, at this place, and says this there.
fn fault(what: &str, answer: &Answer, code: &str, path: &[&str], says: &str) -> Option<String> {
    let mut codes = [answer.error_codes(), answer.user_error_codes()].concat();
    codes.dedup();
    let top = answer.body["errors"].as_array().into_iter().flatten().map(|error| (error, Vec::new()));
    let payload = answer.body["data"].as_object().and_then(|data| data.values().next());
    let users = payload.and_then(|payload| payload["userErrors"].as_array()).into_iter().flatten();
    let place = |error: &Value| error["path"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let users = users.map(|error| (error, place(error)));
    let mut told: Box<dyn Iterator<Item = (&Value, Vec<String>)>> = Box::new(top.chain(users));
    let told = told.any(|(error, place)| place == path && error["message"].as_str().is_some_and(|message| message.contains(says)));
    let raw: String = answer.raw.chars().take(400).collect();
    (codes != [code] || !told).then(|| format!("{what}: expected {code} at {path:?} with {says:?}: {} {raw}", answer.status))
}

/// What commands change: how many rows there are, and their versions. What a refusal says of where a referral stands is read, and
/// accounted for.
async fn state(app: &TestApp) -> (BTreeMap<String, i64>, Vec<String>) {
    let mut counted = rows(&app.database).await;
    counted.remove("disclosure");
    let tables = ["referral", "work_item", "episode", "consent", "program", "client", "peer_match"];
    let mut versions = Vec::new();
    for table in tables {
        versions.extend(app.database.texts(&format!("SELECT '{table} ' || CAST(SUM(version) AS TEXT) FROM {table}")).await);
    }
    (counted, versions)
}

on_both! {
    async fn what_is_wrong_in_a_step_is_told_with_its_place_and_changes_nothing(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let setting = set_up(&mut app).await;
        let now = app.clock().now();
        let all = [
            bad_questions(&setting),
            bad_pauses(&setting, now),
            bad_introductions(&setting, now),
            bad_endings(&setting),
            bad_changes(&setting, now),
            bad_work(&setting),
            bad_emergencies(&setting),
            bad_lists(&setting).await,
            bad_erasures(&setting).await,
            bad_exports(&setting),
            bad_milestones(&setting),
        ].concat();
        assert!(all.len() >= 150, "{}", all.len());
        let before = state(&app).await;

        let mut faults = Vec::new();
        let mut events = before.0["event"] as usize;
        for (caller, what, query, variables, code, path, says) in all {
            let answer = caller.ask_with(&query, variables).await;
            faults.extend(fault(what, &answer, code, path, says));
            let happened = app.database.count("FROM event").await;
            if happened != events {
                faults.push(format!("{what}: something happened: {}", answer.raw));
                events = happened;
            }
        }

        none(&faults);
        assert_eq!(state(&app).await, before);
    }
}
