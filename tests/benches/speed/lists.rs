//! Lists as the product answers them, beside the same lists by hand.

use aftercare::{
    app::App,
    command::{Plan, load_demo, token_for},
    http::Credentials,
};
use async_graphql::Request;
use chrono::TimeDelta;
use entity::vocabulary::{PurposeOfUse, Role};
use kit::{
    app::TestApp,
    databases::{Kind, TestDatabase},
};
use serde_json::Value;

use crate::{
    by_hand::ByHand,
    measure::{beside, sized},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// Twenty workshops with five sessions each, as anyone reads them.
    Workshops,
    /// A page of what a coordinator received, with who it is about.
    Referrals,
}

pub(crate) const WORKSHOPS: &str = "{ workshops(first: 20) { nodes { title description modality languages
    sessions(first: 5) { nodes { startsAt endsAt status } } } } }";

pub(crate) const REFERRALS: &str = "{ referrals(first: 20) { nodes { number urgency createdAt to { name } client { pseudonym }
    person { givenName familyName } progress { status acceptedAt peer { displayName } } } } }";

/// Who receives referrals.
pub(crate) const RECEIVER: &str = "Riverbend Peers";

impl List {
    pub(crate) const ALL: [Self; 2] = [Self::Workshops, Self::Referrals];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Workshops => "workshops",
            Self::Referrals => "referrals",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }

    /// A server with enough of it. It seals no more.
    pub(crate) async fn loaded(self, db: TestDatabase) -> TestApp {
        let none = Plan { clients: 0, workshops: 0, registrations: 0, ..Plan::default() };
        let plan = match self {
            Self::Workshops => Plan { workshops: 200, sessions: 10, ..none },
            Self::Referrals => Plan { clients: sized(2_000) as u32, ..none },
        };
        // By hand the database is asked, and so it is here: what is in memory is measured by `schedule`.
        let mut app = TestApp::start_with(db, &[("AFTERCARE_SCHEDULE__IN_MEMORY", "false")]).await;
        load_demo(&app, &plan, false).await.unwrap();
        app.stop_sealer().await;
        if app.database.kind == Kind::Postgresql {
            // As the server would by itself, which the kit's is told not to.
            app.database.tamper("ANALYZE").await;
        }
        app
    }
}

/// A list, ready to be asked for in either way.
pub(crate) struct Asked<'a> {
    list: List,
    app: &'a App,
    credentials: Credentials,
    by_hand: ByHand,
}

impl<'a> Asked<'a> {
    pub(crate) async fn of(list: List, app: &'a App) -> Self {
        let credentials = match list {
            List::Workshops => Credentials::default(),
            List::Referrals => {
                let token = token_for(app, RECEIVER, &[Role::Coordinator].into(), TimeDelta::hours(1)).await.unwrap();
                Credentials { bearer: Some(token), purpose: Some(PurposeOfUse::Treatment), request_id: "bench".to_owned() }
            }
        };
        Self { list, app, credentials, by_hand: ByHand::open(app).await }
    }

    /// Signs in, executes, and renders the answer: all of a request but HTTP.
    pub(crate) async fn ours(&self) -> Vec<u8> {
        let document = match self.list {
            List::Workshops => WORKSHOPS,
            List::Referrals => REFERRALS,
        };
        let engine = self.app.engine();
        let access = engine.sign_in(self.credentials.clone()).await.unwrap();
        let response = engine.execute(access, Request::new(document)).await.response;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        serde_json::to_vec(&response).unwrap()
    }

    pub(crate) async fn by_hand(&self) -> Vec<u8> {
        match self.list {
            List::Workshops => self.by_hand.workshops().await,
            List::Referrals => self.by_hand.referrals().await,
        }
    }
}

/// Measures a list in both ways, which answer the same.
pub(crate) async fn compare(list: List, db: TestDatabase) {
    let kind = db.kind;
    let app = Box::pin(list.loaded(db)).await;
    let asked = Asked::of(list, &app).await;
    let (ours, theirs) = (asked.ours().await, asked.by_hand().await);
    let data = |answer: &[u8]| serde_json::from_slice::<Value>(answer).unwrap()["data"].take();
    assert_eq!(data(&ours), data(&theirs), "both ways answer the same");
    app.take_statements();
    asked.ours().await;
    let statements = app.take_statements().len();
    println!("{kind:?}: {}: {statements} statements, {} bytes beside {} by hand", list.name(), ours.len(), theirs.len());
    let of = match list {
        List::Workshops => "20 of 200 workshops with 5 of 10 sessions each".to_owned(),
        List::Referrals => format!("20 of a coordinator's {} referrals", app.database.count("FROM referral").await),
    };
    beside(&format!("{kind:?}: {of}"), "by hand", async || drop(asked.ours().await), async || drop(asked.by_hand().await)).await;
}
