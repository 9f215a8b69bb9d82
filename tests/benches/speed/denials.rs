//! Whether how long a refusal takes tells what is there.

use entity::{ReferralId, TypedId};
use kit::{app::TestApp, databases::TestDatabase, handover::Handover};
use serde_json::{Value, json};

use crate::measure::beside;

/// What is absent, beside what is another organization's, and beside what a person has not consented to: over HTTP, as somebody who wants
/// to know would measure it.
pub(crate) async fn compare(db: TestDatabase) {
    let kind = db.kind;
    let app = TestApp::start(db).await;
    let them = Handover::begin(&app).await;
    let own = app.home("Elsewhere", entity::vocabulary::OrganizationKind::RecoveryCommunityOrganization).await;
    let elsewhere = Handover::between(&app, them.clinic.clone(), own).await;
    let (absent, foreign) = (ReferralId::new().to_string(), elsewhere.referred(&app).await);
    // A draft names the program, and no consent lets it read.
    let mut draft = them.another(&app);
    draft["submit"] = json!(false);
    let unconsented = them.refer(draft).await.text("/referralCreate/referral/id").to_owned();
    let query = "query($id: ID!) { referral(id: $id) { id number person { familyName } progress { status } } }";
    let ask = async |id: &str| {
        let answer = them.coordinator.ask_with(query, json!({ "id": id })).await;
        assert_eq!(answer.data("/referral"), &Value::Null, "{}", answer.raw);
    };
    for (what, id) in [("another organization's", &foreign), ("one without consent", &unconsented)] {
        beside(&format!("{kind:?}: a referral that is absent"), what, async || ask(&absent).await, async || ask(id).await).await;
    }
}
