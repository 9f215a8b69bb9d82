//! What is wrong in referrals, consents, messages, contacts and peers.

use chrono::TimeDelta;
use entity::{
    TypedId,
    vocabulary::{OrganizationKind, Role},
};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

use super::{Bad, faults, none, rows, with};

const REFER: &str =
    "mutation($input: ReferralCreateInput!) { referralCreate(input: $input) { referral { id } userErrors { code message path } } }";
const SUBMIT: &str =
    "mutation($id: ID!, $version: Int) { referralSubmit(id: $id, version: $version) { referral { id } userErrors { code message path } } }";
const ACCEPT: &str =
    "mutation($id: ID!, $version: Int) { referralAccept(id: $id, version: $version) { referral { id } userErrors { code message path } } }";
const DECLINE: &str = "mutation($id: ID!, $reason: ReasonCode!, $text: String) { referralDecline(id: $id, reason: $reason, text: $text) {
    referral { id } userErrors { code message path } } }";
const ASSIGN: &str =
    "mutation($id: ID!, $peer: ID!, $version: Int) { referralAssign(id: $id, peerId: $peer, clientChose: true, version: $version) {
    referral { id } userErrors { code message path } } }";
const COMPLETE: &str =
    "mutation($id: ID!, $result: ReferralResult!, $text: String) { referralComplete(id: $id, result: $result, text: $text) {
    referral { id } userErrors { code message path } } }";
const WRITE: &str =
    "mutation($id: ID!, $body: String!) { referralSendMessage(id: $id, body: $body) { message { id } userErrors { code message path } } }";
const RECORD: &str =
    "mutation($input: ConsentRecordInput!) { consentRecord(input: $input) { consent { id } userErrors { code message path } } }";
const CONFIRM: &str = "mutation($id: ID!) { consentConfirm(id: $id) { consent { id } userErrors { code message path } } }";
const REVOKE: &str = "mutation($id: ID!, $how: String!) { consentRevoke(id: $id, how: $how, written: true) { consent { id } userErrors { code message path } } }";
const PEER: &str = "mutation($input: PeerCreateInput!) { peerCreate(input: $input) { peer { id } userErrors { code message path } } }";
const CONTACT: &str =
    "mutation($input: ContactLogInput!) { contactLog(input: $input) { contact { id } userErrors { code message path } } }";
const REFERRALS: &str = "query($first: Int, $after: String, $filter: ReferralFilter, $orderBy: ReferralOrder) {
    referrals(first: $first, after: $after, filter: $filter, orderBy: $orderBy) { nodes { id } } }";
const REFERRAL: &str = "query($id: ID, $number: String) { referral(id: $id, number: $number) { id } }";
const CONTACTS: &str = "query($filter: ContactFilter, $after: String) { contacts(filter: $filter, after: $after) { nodes { id } } }";
const PEERS: &str = "query($after: String) { peers(after: $after) { nodes { id } } }";
pub(super) const NOBODY: &str = "00000000000000000000000000";

/// Two organizations, what is between them, and others.
pub(super) struct Setting {
    pub(super) them: Handover,
    /// Submitted, accepted, connected and drafted.
    pub(super) offered: String,
    pub(super) accepted: String,
    pub(super) connected: String,
    pub(super) draft: String,
    /// The sender's client, their consent, and the receiver's client who is assigned to the peer.
    pub(super) client: String,
    pub(super) consent: String,
    pub(super) ours: String,
    /// A referral, a client and a peer of others, and a program that takes no referrals.
    pub(super) foreign: Handover,
    pub(super) foreign_referral: String,
    pub(super) foreign_client: String,
    pub(super) closed: String,
}

pub(super) async fn made(them: &Handover, app: &TestApp, number: &str, submit: bool) -> Answer {
    let mut input = them.referral(app);
    input["client"]["externalIdentifiers"] = json!([{ "system": "mrn", "value": number }]);
    input["submit"] = json!(submit);
    them.refer(input).await
}

pub(super) async fn set_up(app: &mut TestApp) -> Setting {
    let them = Handover::begin(app).await;
    let from = app.home("Upriver", OrganizationKind::TreatmentProvider).await;
    let to = app.home("Downriver", OrganizationKind::RecoveryCommunityOrganization).await;
    let foreign = Handover::between(app, from, to).await;
    let id = |answer: &Answer| answer.text("/referralCreate/referral/id").to_owned();
    let offered = made(&them, app, "1", true).await;
    let accepted = id(&made(&them, app, "2", true).await);
    them.accepted(&accepted).await;
    let connected = id(&made(&them, app, "3", true).await);
    let ours = them.accepted(&connected).await;
    them.assigned(&connected).await;
    them.contact(app, &ours, "COMPLETED").await;
    let theirs = made(&foreign, app, "4", true).await;
    let administrator = app.staff(&them.support, &[Role::Administrator]).await;
    let closed = administrator
        .ask("mutation { programCreate(input: { name: \"Closed\", acceptsReferrals: false }) { program { id } userErrors { code } } }")
        .await;
    let draft = id(&made(&them, app, "5", false).await);
    app.stop_sealer().await;
    Setting {
        client: offered.text("/referralCreate/referral/client/id").to_owned(),
        consent: offered.text("/referralCreate/referral/consent/id").to_owned(),
        offered: id(&offered),
        accepted,
        connected,
        draft,
        ours,
        foreign_referral: id(&theirs),
        foreign_client: theirs.text("/referralCreate/referral/client/id").to_owned(),
        foreign,
        closed: closed.text("/programCreate/program/id").to_owned(),
        them,
    }
}

fn bad_referrals(app: &TestApp, setting: &Setting) -> Vec<Bad> {
    let mut whole = setting.them.referral(app);
    whole["client"]["externalIdentifiers"] = json!([]);
    let change = |field: &str, value: Value| with(whole.clone(), field, value);
    let tomorrow = json!(app.clock().now() + TimeDelta::days(1));
    let many: Vec<_> = (0..11).map(|n| json!({ "system": "harbor", "value": n.to_string() })).collect();
    let mut both = whole.clone();
    both["clientId"] = json!(setting.client);
    let mut known = with(whole.clone(), "client", Value::Null)["input"].clone();
    known["clientId"] = json!(setting.foreign_client);
    let mut twice = known.clone();
    twice["clientId"] = json!(setting.client);
    let mut two_consents = whole.clone();
    two_consents["consentId"] = json!(setting.consent);
    let mut silent = whole.clone();
    silent["client"]["contactMethods"][0]["safe"] = json!(false);
    let within = json!(setting.them.clinic.program);
    let level = |code: &str| json!({ "edition": "FOURTH", "code": code });
    vec![
        ("a client in two ways", REFER, json!({ "input": both }), "BAD_USER_INPUT", "exactly one"),
        ("nobody to refer", REFER, change("client", Value::Null), "BAD_USER_INPUT", "exactly one"),
        ("a consent in two ways", REFER, json!({ "input": two_consents }), "BAD_USER_INPUT", "not both"),
        ("a client of others", REFER, json!({ "input": known }), "NOT_FOUND", "check the id"),
        ("a second open referral", REFER, json!({ "input": twice }), "DUPLICATE_OPEN_REFERRAL", "open referral"),
        ("a discharge to come", REFER, change("dischargedAt", tomorrow), "INVALID", "expectedDischargeOn"),
        ("a discharge before all time", REFER, change("dischargedAt", json!("-200000-01-01T00:00:00Z")), "BAD_USER_INPUT", "year"),
        ("no discharge", REFER, change("dischargedAt", Value::Null), "REQUIRED", "NOT_YET_DISCHARGED"),
        ("discharged and not", REFER, change("dischargeType", json!("NOT_YET_DISCHARGED")), "INVALID", "give one of them"),
        ("somebody who has died", REFER, change("dischargeType", json!("DECEASED")), "NOT_ELIGIBLE", "died"),
        ("an unknown discharge", REFER, change("dischargeType", json!("EVAPORATED")), "BAD_USER_INPUT", "EVAPORATED"),
        ("no such level left", REFER, change("levelOfCareLeft", level("9.9")), "INVALID", "9.9"),
        ("no level left", REFER, change("levelOfCareLeft", Value::Null), "REQUIRED", "levelOfCareLeft"),
        ("a long reason", REFER, change("reason", json!("a".repeat(4_001))), "INVALID", "4000"),
        ("NUL in a reason", REFER, change("reason", json!("a\0b")), "INVALID", "`reason`"),
        ("too many identifiers", REFER, change("externalIdentifiers", json!(many)), "TOO_MANY", "10"),
        ("an unknown urgency", REFER, change("urgency", json!("WHENEVER")), "BAD_USER_INPUT", "WHENEVER"),
        ("a program of one's own", REFER, change("toProgramId", within), "INVALID", "another organization"),
        ("a program that takes none", REFER, change("toProgramId", json!(setting.closed)), "NOT_ELIGIBLE", "takes no referrals"),
        ("no program to ask", REFER, change("toProgramId", Value::Null), "REQUIRED", "toProgramId"),
        ("a program that is none", REFER, change("toProgramId", json!(format!("prg_{NOBODY}"))), "NOT_FOUND", "check the id"),
        ("from others' program", REFER, change("fromProgramId", json!(setting.foreign.clinic.program)), "NOT_PERMITTED", "role"),
        ("no consent", REFER, change("consent", Value::Null), "CONSENT_REQUIRED", "consent"),
        ("no safe way to reach them", REFER, json!({ "input": silent }), "REQUIRED", "safe"),
        ("a stale draft", SUBMIT, json!({ "id": setting.draft, "version": 7 }), "STALE", "read it again"),
        ("a referral that is sent", SUBMIT, json!({ "id": setting.offered }), "INVALID_TRANSITION", "SUBMITTED"),
        ("a referral that is none", SUBMIT, json!({ "id": format!("ref_{NOBODY}") }), "NOT_FOUND", "check the id"),
        ("a referral of others", SUBMIT, json!({ "id": setting.foreign_referral }), "NOT_FOUND", "check the id"),
        ("an id of a client", SUBMIT, json!({ "id": setting.client }), "BAD_USER_INPUT", "ref_"),
        ("an answer to oneself", ACCEPT, json!({ "id": setting.offered }), "NOT_PERMITTED", "role"),
        ("an empty message", WRITE, json!({ "id": setting.offered, "body": " " }), "REQUIRED", "`body`"),
        ("a long message", WRITE, json!({ "id": setting.offered, "body": "a".repeat(4_001) }), "INVALID", "4000"),
        ("NUL in a message", WRITE, json!({ "id": setting.offered, "body": "a\0b" }), "INVALID", "`body`"),
        ("a message about a draft", WRITE, json!({ "id": setting.draft, "body": "Hello" }), "INVALID_TRANSITION", "submit it first"),
        ("a message to others", WRITE, json!({ "id": setting.foreign_referral, "body": "Hello" }), "NOT_FOUND", "check the id"),
    ]
}

fn bad_consents(app: &TestApp, setting: &Setting) -> Vec<Bad> {
    let whole = setting.them.consent(app);
    let change = |field: &str, value: Value| json!({ "input": { "clientId": setting.client, "consent": with(whole.clone(), field, value)["input"] } });
    let (now, support) = (app.clock().now(), json!([setting.them.support.organization]));
    let own = json!([setting.them.clinic.organization]);
    let mut alone = change("recipientOrganizationIds", own.clone());
    alone["input"]["consent"]["disclosingOrganizationIds"] = own;
    let many: Vec<String> = (0..51).map(|_| entity::OrganizationId::new().to_string()).collect();
    let mut research = change("kind", json!("TPO_SINGLE"));
    research["input"]["consent"]["purposes"] = json!(["TREATMENT", "RESEARCH"]);
    let mut strange = change("language", json!("en"));
    strange["input"]["clientId"] = json!(setting.foreign_client);
    vec![
        ("an emergency by consent", RECORD, change("purposes", json!(["EMERGENCY"])), "INVALID", "2.51"),
        ("research for treatment", RECORD, research, "INVALID", "TPO_SINGLE"),
        ("a consent that is over", RECORD, change("expiresAt", json!(now)), "INVALID", "`expiresAt`"),
        ("two ends", RECORD, change("neverExpires", json!(true)), "INVALID", "one of"),
        ("a signature to come", RECORD, change("signedAt", json!(now + TimeDelta::minutes(1))), "INVALID", "`signedAt`"),
        ("a signature before all time", RECORD, change("signedAt", json!("-200000-01-01T00:00:00Z")), "BAD_USER_INPUT", "year"),
        ("a consent after all time", RECORD, change("expiresAt", json!("+262000-01-01T00:00:00Z")), "BAD_USER_INPUT", "year"),
        ("a hash of another kind", RECORD, change("evidenceSha256", json!("abc")), "INVALID", "64"),
        ("a hash with letters", RECORD, change("evidenceSha256", json!("g".repeat(64))), "INVALID", "hexadecimal"),
        ("nobody to tell", RECORD, alone, "INVALID", "name two"),
        ("51 organizations", RECORD, change("recipientOrganizationIds", json!(many)), "TOO_MANY", "50"),
        ("an organization that is none", RECORD, change("recipientOrganizationIds", json!([many[0]])), "NOT_FOUND", "check the id"),
        ("no signer", RECORD, change("signedBy", json!(" ")), "CONSENT_INCOMPLETE", "signedBy"),
        ("nothing to tell", RECORD, change("dataClasses", json!([])), "CONSENT_INCOMPLETE", "dataClasses"),
        ("a long signer", RECORD, change("signedBy", json!("a".repeat(201))), "INVALID", "200"),
        ("NUL in a signer", RECORD, change("signedBy", json!("a\0b")), "INVALID", "`signedBy`"),
        ("an unknown class", RECORD, change("dataClasses", json!(["GOSSIP"])), "BAD_USER_INPUT", "GOSSIP"),
        ("research that ends for none", RECORD, ends_with(&change("recipientOrganizationIds", support)), "INVALID", "RESEARCH_ENDS"),
        ("a consent of others' client", RECORD, strange, "NOT_FOUND", "check the id"),
        ("a consent that is none", REVOKE, json!({ "id": format!("con_{NOBODY}"), "how": "In person" }), "NOT_FOUND", "check the id"),
        ("a revocation in no way", REVOKE, json!({ "id": setting.consent, "how": " " }), "REQUIRED", "`how`"),
        ("a long revocation", REVOKE, json!({ "id": setting.consent, "how": "a".repeat(501) }), "INVALID", "500"),
        ("a confirmation by a referrer", CONFIRM, json!({ "id": setting.consent }), "NOT_PERMITTED", "role"),
    ]
}

fn ends_with(input: &Value) -> Value {
    let mut input = input.clone();
    input["input"]["consent"]["expiresAt"] = Value::Null;
    input["input"]["consent"]["expiryEvent"] = json!("RESEARCH_ENDS");
    input
}

fn bad_answers(setting: &Setting) -> Vec<Bad> {
    let (offered, accepted) = (&setting.offered, &setting.accepted);
    let staff = json!({ "staffMemberId": setting.them.peer_staff, "programId": setting.them.support.program, "displayName": "Robin" });
    let peer = |field: &str, value: Value| with(staff.clone(), field, value);
    let spoken: Vec<_> = (0..21).map(|_| json!({ "tag": "en", "proficiency": "NATIVE" })).collect();
    vec![
        ("a stale referral", ACCEPT, json!({ "id": offered, "version": 1 }), "STALE", "read it again"),
        ("a referral that was accepted", ACCEPT, json!({ "id": accepted }), "INVALID_TRANSITION", "ACCEPTED"),
        ("a draft of others", ACCEPT, json!({ "id": setting.draft }), "NOT_FOUND", "check the id"),
        ("a reason of the sender", DECLINE, json!({ "id": offered, "reason": "CONSENT_REVOKED" }), "INVALID", "`reason`"),
        ("OTHER without a word", DECLINE, json!({ "id": offered, "reason": "OTHER" }), "REQUIRED", "OTHER"),
        ("OTHER with blanks", DECLINE, json!({ "id": offered, "reason": "OTHER", "text": "  " }), "REQUIRED", "OTHER"),
        ("a long text", DECLINE, json!({ "id": offered, "reason": "OTHER", "text": "a".repeat(2_001) }), "INVALID", "2000"),
        ("NUL in a text", DECLINE, json!({ "id": offered, "reason": "OTHER", "text": "a\0b" }), "INVALID", "`text`"),
        ("an unknown reason", DECLINE, json!({ "id": offered, "reason": "MONDAY" }), "BAD_USER_INPUT", "MONDAY"),
        ("a peer before acceptance", ASSIGN, json!({ "id": offered, "peer": setting.them.peer_id }), "INVALID_TRANSITION", "ASSIGNED"),
        ("a peer of others", ASSIGN, json!({ "id": accepted, "peer": setting.foreign.peer_id }), "NOT_FOUND", "check the id"),
        ("a peer who is none", ASSIGN, json!({ "id": accepted, "peer": format!("per_{NOBODY}") }), "NOT_FOUND", "check the id"),
        ("a person of staff as a peer", ASSIGN, json!({ "id": accepted, "peer": setting.them.peer_staff }), "BAD_USER_INPUT", "per_"),
        ("a stale assignment", ASSIGN, json!({ "id": accepted, "peer": setting.them.peer_id, "version": 1 }), "STALE", "read it again"),
        ("an end by a coordinator", COMPLETE, json!({ "id": setting.connected, "result": "ENGAGED" }), "NOT_PERMITTED", "role"),
        ("a peer twice", PEER, json!({ "input": staff }), "ALREADY_EXISTS", "peer of this program"),
        ("a peer without a name", PEER, peer("displayName", json!(" ")), "REQUIRED", "`displayName`"),
        ("a long word of a peer", PEER, peer("bio", json!("a".repeat(2_001))), "INVALID", "2000"),
        ("a peer of 21 languages", PEER, peer("languages", json!(spoken)), "TOO_MANY", "20"),
        ("a peer at others' program", PEER, peer("programId", json!(setting.foreign.support.program)), "NOT_FOUND", "check the id"),
        ("a contact by a coordinator", CONTACT, contact(setting, "note", Value::Null), "NOT_PERMITTED", "role"),
    ]
}

fn contact(setting: &Setting, field: &str, value: Value) -> Value {
    let whole = json!({ "clientId": setting.ours, "modality": "PHONE", "outcome": "COMPLETED", "startedAt": "2026-03-02T11:00:00Z", "minutes": 20 });
    with(whole, field, value)
}

fn bad_contacts(setting: &Setting) -> Vec<Bad> {
    let change = |field: &str, value: Value| contact(setting, field, value);
    vec![
        ("less than no time", CONTACT, change("minutes", json!(-5)), "INVALID", "1 to 1440"),
        ("no time", CONTACT, change("minutes", json!(0)), "INVALID", "1 to 1440"),
        ("two days", CONTACT, change("minutes", json!(2_880)), "INVALID", "1 to 1440"),
        ("time beyond numbers", CONTACT, change("minutes", json!(3_000_000_000_u64)), "BAD_USER_INPUT", "Int"),
        ("a contact without its length", CONTACT, change("minutes", Value::Null), "REQUIRED", "`minutes`"),
        ("a contact to come", CONTACT, change("startedAt", json!("2026-03-02T12:00:01Z")), "INVALID", "`startedAt`"),
        ("a contact before all time", CONTACT, change("startedAt", json!("-200000-01-01T00:00:00Z")), "BAD_USER_INPUT", "year"),
        ("a long note", CONTACT, change("note", json!("a".repeat(2_001))), "INVALID", "2000"),
        ("NUL in a note", CONTACT, change("note", json!("a\0b")), "INVALID", "`note`"),
        ("21 topics", CONTACT, change("topics", json!(["evenings"].repeat(21))), "TOO_MANY", "20"),
        ("an empty topic", CONTACT, change("topics", json!([""])), "REQUIRED", "`topics`"),
        ("an unknown outcome", CONTACT, change("outcome", json!("MAYBE")), "BAD_USER_INPUT", "MAYBE"),
        ("a client who is none", CONTACT, change("clientId", json!(format!("cli_{NOBODY}"))), "NOT_FOUND", "check the id"),
        ("the sender's client", CONTACT, change("clientId", json!(setting.client)), "NOT_FOUND", "check the id"),
        ("another's peer", CONTACT, change("peerId", json!(setting.foreign.peer_id)), "NOT_FOUND", "check the id"),
        ("another's referral", CONTACT, change("referralId", json!(setting.foreign_referral)), "NOT_FOUND", "check the id"),
        ("contacts after no cursor", CONTACTS, json!({ "after": "garbage" }), "CURSOR_EXPIRED", "cursor"),
        (
            "contacts before all time",
            CONTACTS,
            json!({ "filter": { "started": { "from": "-200000-01-01T00:00:00Z" } } }),
            "BAD_USER_INPUT",
            "year",
        ),
        ("contacts with no kind of client", CONTACTS, json!({ "filter": { "clientId": "x" } }), "BAD_USER_INPUT", "cli_"),
        ("peers after no cursor", PEERS, json!({ "after": "" }), "CURSOR_EXPIRED", "cursor"),
    ]
}

async fn bad_questions(setting: &Setting) -> Vec<Bad> {
    let list = "{ referrals { pageInfo { endCursor } } }";
    let foreign = setting.foreign.referrer.ask(list).await.text("/referrals/pageInfo/endCursor").to_owned();
    let own = setting.them.referrer.ask(list).await.text("/referrals/pageInfo/endCursor").to_owned();
    let by_change = json!({ "field": "UPDATED_AT", "direction": "ASC" });
    vec![
        ("a foreign cursor", REFERRALS, json!({ "after": foreign }), "CURSOR_EXPIRED", "this list"),
        ("a foreign cursor in a filter", REFERRALS, json!({ "after": foreign, "filter": { "open": true } }), "CURSOR_EXPIRED", "this list"),
        ("a cursor of another filter", REFERRALS, json!({ "after": own, "filter": { "open": true } }), "CURSOR_EXPIRED", "filter"),
        ("a cursor of another order", REFERRALS, json!({ "after": own, "orderBy": by_change }), "CURSOR_EXPIRED", "order"),
        ("a page of 101", REFERRALS, json!({ "first": 101 }), "BAD_USER_INPUT", "from 0 to 100"),
        ("an unknown state", REFERRALS, json!({ "filter": { "status": ["LOST"] } }), "BAD_USER_INPUT", "LOST"),
        ("no kind of program", REFERRALS, json!({ "filter": { "toProgramIds": [setting.client] } }), "BAD_USER_INPUT", "prg_"),
        ("after all time", REFERRALS, json!({ "filter": { "updated": { "to": "+262000-01-01T00:00:00Z" } } }), "BAD_USER_INPUT", "year"),
        ("a referral by nothing", REFERRAL, json!({}), "BAD_USER_INPUT", "exactly one"),
        ("a referral by two", REFERRAL, json!({ "id": setting.offered, "number": "R-1" }), "BAD_USER_INPUT", "exactly one"),
    ]
}

on_both! {
    async fn what_is_wrong_in_a_handover_is_told_and_changes_nothing(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let setting = set_up(&mut app).await;
        let before = rows(&app.database).await;
        let sent = [bad_referrals(&app, &setting), bad_consents(&app, &setting), bad_questions(&setting).await].concat();
        let asked: [(&Caller, Vec<Bad>); 3] = [
            (&setting.them.referrer, sent),
            (&setting.them.coordinator, bad_answers(&setting)),
            (&setting.them.peer, bad_contacts(&setting)),
        ];
        assert!(asked.iter().map(|(_, rows)| rows.len()).sum::<usize>() >= 80);

        none(&faults(asked).await);
        assert_eq!(rows(&app.database).await, before);
    }
}
