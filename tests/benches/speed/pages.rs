//! What a page costs, whichever it is, and however many there are.

use entity::{ReferralId, TypedId, referral, vocabulary::ReferralStatus};
use kit::{app::TestApp, caller::Caller, databases::TestDatabase, handover::Handover};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::measure::{beside, sized};

/// What a centre has sent, and what a program has received from it and from others.
const SENT: usize = sized(10_000);
const RECEIVED: usize = sized(100_000);
/// How many are written with one statement: databases bound the number of its values.
const BATCH: usize = 400;
/// Which page is measured beside the first; a page has twenty.
const FAR: usize = sized(50);

const PAGE: &str = "query($after: String, $filter: ReferralFilter, $orderBy: ReferralOrder) {
    referrals(first: 20, after: $after, filter: $filter, orderBy: $orderBy) {
        nodes { number urgency createdAt progress { status submittedAt } } pageInfo { endCursor } } }";

/// A page of these, after the one before it.
struct Page<'a> {
    caller: &'a Caller,
    variables: Value,
}

impl Page<'_> {
    async fn ask(&self) -> Value {
        let answer = self.caller.ask_with(PAGE, self.variables.clone()).await;
        assert_eq!(answer.data("/referrals/nodes").as_array().map(Vec::len), Some(20), "{}", answer.raw);
        answer.data("/referrals/pageInfo/endCursor").clone()
    }

    /// The page so many pages later.
    async fn later(mut self, pages: usize) -> Self {
        for _ in 0..pages {
            self.variables["after"] = self.ask().await;
        }
        self
    }
}

/// The first page beside the fiftieth, and beside those in other orders and of a few.
pub(crate) async fn compare(db: TestDatabase) {
    let kind = db.kind;
    let app = TestApp::start(db).await;
    let them = Handover::begin(&app).await;
    load(&app, &them).await;
    for (who, caller, of) in [("a centre", &them.referrer, SENT), ("a program", &them.coordinator, RECEIVED)] {
        let first = Page { caller, variables: json!({}) };
        let far = Page { caller, variables: json!({}) }.later(FAR - 1).await;
        let few = Page { caller, variables: json!({ "filter": { "status": ["DECLINED"] } }) };
        let ordered = |field, direction| Page { caller, variables: json!({ "orderBy": { "field": field, "direction": direction } }) };
        let far_off = format!("page {FAR}");
        for (what, other) in [
            (far_off.as_str(), far),
            ("those declined, 1 in 20", few),
            ("by when they changed", ordered("UPDATED_AT", "DESC")),
            ("by when they were submitted", ordered("SUBMITTED_AT", "ASC")),
            ("by what is due, which nothing is", ordered("DUE_AT", "ASC")),
        ] {
            let said = format!("{kind:?}: the first page of {who} with {of} referrals");
            beside(&said, what, async || drop(first.ask().await), async || drop(other.ask().await)).await;
        }
    }
}

/// Writes one closed referral so often, as the rows that it would be.
#[expect(clippy::disallowed_methods, reason = "a benchmark makes rows that nobody asked for")]
async fn load(app: &TestApp, them: &Handover) {
    let id: ReferralId = them.referred(app).await.parse().unwrap();
    let decline = "reason: NOT_ELIGIBLE text: \"Another program fits better\"";
    them.act(&them.coordinator, "referralDecline", &id.to_string(), decline).await.text("/referralDecline/referral/id");
    let elsewhere =
        Handover::between(app, app.home("Elsewhere", entity::vocabulary::OrganizationKind::TreatmentProvider).await, them.support.clone())
            .await;
    let other: ReferralId = elsewhere.referred(app).await.parse().unwrap();
    elsewhere.act(&them.coordinator, "referralDecline", &other.to_string(), decline).await.text("/referralDecline/referral/id");
    let connection = app.database.connect().await;
    let row = async |id| referral::Entity::find_by_id(id).one(&connection).await.unwrap().unwrap();
    let (ours, theirs) = (row(id).await, row(other).await);
    for begin in (0..RECEIVED).step_by(BATCH) {
        let rows = (begin..(begin + BATCH).min(RECEIVED)).map(|number| {
            let of = if number < SENT { &ours } else { &theirs };
            let at = of.created_at + chrono::TimeDelta::seconds(i64::try_from(number).unwrap());
            let status = if number % 20 == 0 { ReferralStatus::Declined } else { ReferralStatus::Expired };
            referral::ActiveModel {
                id: Set(ReferralId::new()),
                number: Set(format!("BENCH-{number}")),
                created_at: Set(at),
                submitted_at: Set(Some(at)),
                updated_at: Set(at.into()),
                status: Set(status.into()),
                ..of.clone().into_active_model().reset_all()
            }
        });
        referral::Entity::insert_many(rows).exec_without_returning(&connection).await.unwrap();
    }
    app.database.tamper("ANALYZE").await;
}
