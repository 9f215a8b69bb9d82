//! The fields of an answer stand in the order of the query, however long each takes.

use entity::vocabulary::{OrganizationKind, Role};
use kit::{app::TestApp, on_both};

const QUERY: &str = "{ slow: clients { totalCount nodes { id identity { familyName } } } fast: __typename
    viewer { scopes organization { administration { staff { nodes { displayName } } version } name } roles }
    programs { nodes { organization { name } name id } totalCount } last: __typename events { totalCount } }";

on_both! {
    async fn an_answer_keeps_the_order_of_its_query(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        for number in 0..5 {
            app.home(&format!("Organization {number}"), OrganizationKind::TreatmentProvider).await;
        }
        let caller = app.staff(&home, &[Role::Administrator, Role::Coordinator]).await;
        app.sealed().await;

        let answers = futures_util::future::join_all((0..40).map(|_| caller.ask(QUERY))).await;

        let first = &answers[0];
        assert_eq!(first.error_codes(), [""; 0], "{}", first.raw);
        let mut rest = first.raw.as_str();
        for name in ["\"slow\"", "\"fast\"", "\"viewer\"", "\"scopes\"", "\"administration\"", "\"staff\"", "\"version\"", "\"roles\"",
            "\"programs\"", "\"organization\"", "\"totalCount\"", "\"last\"", "\"events\""] {
            let at = rest.find(name).unwrap_or_else(|| panic!("{name} is not in its place in {}", first.raw));
            rest = &rest[at..];
        }
        for answer in &answers {
            assert_eq!(answer.raw, first.raw);
        }
    }
}
