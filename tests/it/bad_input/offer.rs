//! What is wrong in offers of a referral to several programs.

use chrono::TimeDelta;
use entity::{
    ProgramId, TypedId,
    vocabulary::{OrganizationKind, Role},
};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

use super::{Bad, faults, none, rows, with};

const OPEN: &str = "mutation($input: ReferralOfferOpenInput!) { referralOfferOpen(input: $input) { referralOffer { id } userErrors { code message path } } }";
const CLAIM: &str = "mutation($id: ID!, $program: ID!) { referralOfferClaim(id: $id, programId: $program) {
    referralOffer { id } userErrors { code message path } } }";
const WITHDRAW: &str = "mutation($id: ID!) { referralOfferWithdraw(id: $id) { referralOffer { id } userErrors { code message path } } }";
const UPDATE: &str =
    "mutation($input: ReferralUpdateInput!) { referralUpdate(input: $input) { referral { id } userErrors { code message path } } }";
const OFFERS: &str = "query($first: Int, $last: Int, $after: String, $open: Boolean) {
    referralOffers(first: $first, last: $last, after: $after, openOnly: $open) { nodes { id } } }";
const NOBODY: &str = "00000000000000000000000000";

struct Setting {
    them: Handover,
    cedar: Home,
    closed: ProgramId,
    /// Two drafts that ask nobody, of which the second is offered; one that asks a program; one that was submitted, and its client.
    draft: String,
    offered: String,
    asking: String,
    submitted: String,
    beside: String,
    /// Offers: open, taken by others, withdrawn, and of others.
    open: String,
    taken: String,
    withdrawn: String,
    foreign: Handover,
    foreign_draft: String,
    foreign_offer: String,
}

async fn set_up(app: &mut TestApp) -> Setting {
    let them = Handover::begin(app).await;
    let cedar = app.home("Cedar", OrganizationKind::RecoveryCommunityOrganization).await;
    let (from, to) =
        (app.home("Upriver", OrganizationKind::TreatmentProvider).await, app.home("Downriver", OrganizationKind::TreatmentProvider).await);
    let foreign = Handover::between(app, from, to).await;
    let administrator = app.staff(&them.support, &[Role::Administrator]).await;
    let closed = administrator
        .ask("mutation { programCreate(input: { name: \"Closed\", acceptsReferrals: false }) { program { id } userErrors { code } } }")
        .await;
    let draft = them.drafted(app, json!({})).await;
    let offered = them.drafted(app, json!({})).await;
    let open = them.offered(app, &offered, &[them.support.program, cedar.program]).await;
    let other = them.drafted(app, json!({})).await;
    let withdrawn = them.offered(app, &other, &[them.support.program]).await;
    assert_eq!(them.referrer.ask_with(WITHDRAW, json!({ "id": withdrawn })).await.user_error_codes(), [""; 0]);
    let taken = them.offered(app, &other, &[them.support.program, cedar.program]).await;
    let rival = app.staff(&cedar, &[Role::Coordinator]).await;
    let claimed = rival.ask_with(CLAIM, json!({ "id": taken, "program": cedar.program })).await;
    assert_eq!(claimed.user_error_codes(), [""; 0], "{}", claimed.raw);
    let mut input = them.referral(app);
    input["client"]["externalIdentifiers"] = json!([]);
    let sent = them.refer(input).await;
    let id = |answer: &Answer| answer.text("/referralCreate/referral/id").to_owned();
    let client = sent.text("/referralCreate/referral/client/id").to_owned();
    let beside = them.drafted(app, json!({ "clientId": client })).await;
    let foreign_draft = foreign.drafted(app, json!({})).await;
    let foreign_offer = foreign.offered(app, &foreign_draft, &[foreign.support.program]).await;
    let setting = Setting {
        asking: them.drafted(app, json!({ "toProgramId": them.support.program })).await,
        closed: closed.text("/programCreate/program/id").parse().unwrap(),
        submitted: id(&sent),
        them,
        cedar,
        draft,
        offered,
        beside,
        open,
        taken,
        withdrawn,
        foreign,
        foreign_draft,
        foreign_offer,
    };
    app.stop_sealer().await;
    setting
}

fn bad_offers(app: &TestApp, setting: &Setting) -> Vec<Bad> {
    let (now, support) = (app.clock().now(), setting.them.support.program);
    let whole = json!({ "referralId": setting.draft, "programIds": [support], "region": "NY", "expiresAt": now + TimeDelta::days(1) });
    let change = |field: &str, value: Value| with(whole.clone(), field, value);
    let many: Vec<_> = (0..21).map(|_| ProgramId::new()).collect();
    vec![
        ("to nobody", OPEN, change("programIds", json!([])), "REQUIRED", "`programIds`"),
        ("to 21 programs", OPEN, change("programIds", json!(many)), "TOO_MANY", "20"),
        ("to one program twice", OPEN, change("programIds", json!([support, support])), "INVALID", "once"),
        ("to a program that is none", OPEN, change("programIds", json!([support, many[0]])), "NOT_FOUND", "check the id"),
        ("to an organization", OPEN, change("programIds", json!([setting.them.support.organization])), "BAD_USER_INPUT", "prg_"),
        ("to a program of one's own", OPEN, change("programIds", json!([setting.them.clinic.program])), "INVALID", "other organizations"),
        ("to a program that takes none", OPEN, change("programIds", json!([setting.closed])), "NOT_ELIGIBLE", "takes no referrals"),
        ("without programs", OPEN, change("programIds", Value::Null), "BAD_USER_INPUT", "programIds"),
        ("an end that is now", OPEN, change("expiresAt", json!(now)), "INVALID", "`expiresAt`"),
        ("an end that was", OPEN, change("expiresAt", json!(now - TimeDelta::days(1))), "INVALID", "7 days"),
        ("an end in eight days", OPEN, change("expiresAt", json!(now + TimeDelta::days(8))), "INVALID", "7 days"),
        ("an end beyond all time", OPEN, change("expiresAt", json!("+262000-01-01T00:00:00Z")), "BAD_USER_INPUT", "year"),
        ("no end", OPEN, change("expiresAt", Value::Null), "BAD_USER_INPUT", "expiresAt"),
        ("an end that is none", OPEN, change("expiresAt", json!("tomorrow")), "BAD_USER_INPUT", "DateTime"),
        ("a place of few people", OPEN, change("region", json!("036")), "INVALID", "20,000"),
        ("no place at all", OPEN, change("region", json!("000")), "INVALID", "20,000"),
        ("a whole ZIP code", OPEN, change("region", json!("12207")), "INVALID", "first three digits"),
        ("a city", OPEN, change("region", json!("Albany")), "INVALID", "two letters"),
        ("no such state", OPEN, change("region", json!("ZZ")), "INVALID", "two letters"),
        ("a state elsewhere", OPEN, change("region", json!("DE-BY")), "INVALID", "state of the US"),
        ("an empty region", OPEN, change("region", json!("")), "INVALID", "`region`"),
        ("a draft that asks a program", OPEN, change("referralId", json!(setting.asking)), "IMMUTABLE", "toProgramId"),
        ("a referral that is sent", OPEN, change("referralId", json!(setting.submitted)), "IMMUTABLE", "Only a draft"),
        ("a draft that is offered", OPEN, change("referralId", json!(setting.offered)), "ALREADY_EXISTS", "withdraw"),
        ("a program with an open referral", OPEN, change("referralId", json!(setting.beside)), "DUPLICATE_OPEN_REFERRAL", "open referral"),
        ("a draft of others", OPEN, change("referralId", json!(setting.foreign_draft)), "NOT_FOUND", "check the id"),
        ("a draft that is none", OPEN, change("referralId", json!(format!("ref_{NOBODY}"))), "NOT_FOUND", "check the id"),
        ("no kind of draft", OPEN, change("referralId", json!(setting.open)), "BAD_USER_INPUT", "ref_"),
        ("an offer that was withdrawn", WITHDRAW, json!({ "id": setting.withdrawn }), "IMMUTABLE", "ended"),
        ("an offer of others", WITHDRAW, json!({ "id": setting.foreign_offer }), "NOT_FOUND", "check the id"),
        ("an offer that is none", WITHDRAW, json!({ "id": format!("off_{NOBODY}") }), "NOT_FOUND", "check the id"),
        ("no kind of offer", WITHDRAW, json!({ "id": setting.draft }), "BAD_USER_INPUT", "off_"),
        ("a claim by the sender", CLAIM, json!({ "id": setting.open, "program": support }), "NOT_PERMITTED", "role"),
        (
            "another program while it is offered",
            UPDATE,
            json!({ "input": { "id": setting.offered, "toProgramId": support } }),
            "IMMUTABLE",
            "withdraw",
        ),
        ("101 offers", OFFERS, json!({ "first": 101 }), "BAD_USER_INPUT", "from 0 to 100"),
        ("offers from both ends", OFFERS, json!({ "first": 1, "last": 1 }), "BAD_USER_INPUT", "not both"),
        ("offers after nothing", OFFERS, json!({ "after": "garbage" }), "CURSOR_EXPIRED", "cursor"),
        ("a truth that is a word", OFFERS, json!({ "open": "yes" }), "BAD_USER_INPUT", "Boolean"),
    ]
}

async fn bad_claims(setting: &Setting) -> Vec<Bad> {
    let (support, cedar) = (setting.them.support.program, setting.cedar.program);
    let cursor = setting.them.coordinator.ask("{ referralOffers { pageInfo { endCursor } } }").await;
    let cursor = cursor.text("/referralOffers/pageInfo/endCursor").to_owned();
    vec![
        ("for a program of others", CLAIM, json!({ "id": setting.open, "program": cedar }), "INVALID", "work in"),
        ("for a program that is not asked", CLAIM, json!({ "id": setting.open, "program": setting.closed }), "INVALID", "work in"),
        ("for a program that is none", CLAIM, json!({ "id": setting.open, "program": format!("prg_{NOBODY}") }), "INVALID", "work in"),
        ("for no kind of program", CLAIM, json!({ "id": setting.open, "program": "x" }), "BAD_USER_INPUT", "prg_"),
        ("what another has", CLAIM, json!({ "id": setting.taken, "program": support }), "OFFER_TAKEN", "taken"),
        ("what was withdrawn", CLAIM, json!({ "id": setting.withdrawn, "program": support }), "OFFER_EXPIRED", "withdrawn"),
        ("what others are offered", CLAIM, json!({ "id": setting.foreign_offer, "program": support }), "NOT_FOUND", "check the id"),
        ("what is none", CLAIM, json!({ "id": format!("off_{NOBODY}"), "program": support }), "NOT_FOUND", "check the id"),
        ("a withdrawal by whom it is made to", WITHDRAW, json!({ "id": setting.open }), "NOT_PERMITTED", "role"),
        ("the draft of the sender", WITHDRAW, json!({ "id": setting.draft }), "BAD_USER_INPUT", "off_"),
        ("a cursor of another list", OFFERS, json!({ "after": cursor, "open": true }), "CURSOR_EXPIRED", "this list"),
    ]
}

on_both! {
    async fn what_is_wrong_in_an_offer_is_told_and_changes_nothing(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let setting = set_up(&mut app).await;
        let before = rows(&app.database).await;
        let versions = "SELECT CAST(SUM(version) AS TEXT) FROM referral UNION ALL SELECT CAST(SUM(version) AS TEXT) FROM referral_offer";
        let changes = app.database.texts(versions).await;
        let asked: [(&Caller, Vec<Bad>); 2] =
            [(&setting.them.referrer, bad_offers(&app, &setting)), (&setting.them.coordinator, bad_claims(&setting).await)];

        none(&faults(asked).await);
        assert_eq!(rows(&app.database).await, before);
        assert_eq!(app.database.texts(versions).await, changes);
        let path = setting.them.coordinator.ask_with(CLAIM, json!({ "id": setting.taken, "program": setting.them.support.program })).await;
        assert_eq!(path.data("/referralOfferClaim/userErrors/0/path"), &json!(["id"]));
        assert!(!path.raw.contains(&setting.cedar.program.to_string()) && !setting.foreign.clinic.program.to_string().is_empty());
    }
}
