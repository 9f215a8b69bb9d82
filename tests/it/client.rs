//! Clients: who can add them, who sees what of them.

use entity::vocabulary::{OrganizationKind, Role};
use kit::{app::TestApp, on_both};
use serde_json::json;

const CREATE: &str = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) {
    client { id pseudonym identity { givenName familyName } recovery { moud } } userErrors { code message path } } }";

on_both! {
    async fn a_coordinator_adds_a_client_whom_their_program_sees_and_nobody_else(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let open_door = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let coordinator = app.staff(&open_door, &[Role::Coordinator]).await;
        let input = json!({
            "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "moud": true,
            "contactMethods": [{ "kind": "EMAIL", "value": "ada@example.org", "safe": true }],
            "externalIdentifiers": [{ "system": "mrn", "value": "17" }], "programIds": [open_door.program.to_string()],
        });

        let made = coordinator.ask_with(CREATE, json!({ "input": input })).await;

        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        let id = made.text("/clientCreate/client/id");
        assert_eq!(made.text("/clientCreate/client/identity/familyName"), "Byron");
        let again = coordinator.ask_with(CREATE, json!({ "input": input })).await;
        assert_eq!(again.user_error_codes(), ["ALREADY_EXISTS"], "{}", again.raw);

        let query = "query($id: ID!) { client(id: $id) { identity { givenName } recovery { moud } }
            found: clients(filter: { familyName: \"byron\" }) { totalCount } }";
        let seen_by = async |caller: &kit::caller::Caller| caller.ask_with(query, json!({ "id": id })).await;
        let own = seen_by(&coordinator).await;
        assert_eq!((own.text("/client/identity/givenName"), own.data("/found/totalCount")), ("Ada", &json!(1)));
        let officer = seen_by(&app.staff(&open_door, &[Role::PrivacyOfficer]).await).await;
        assert_eq!((officer.text("/client/identity/givenName"), officer.data("/client/recovery")), ("Ada", &json!(null)));
        assert_eq!(officer.body["extensions"]["redactions"][0]["code"], "ROLE");
        for caller in [
            app.staff(&open_door, &[Role::Administrator]).await,
            app.staff(&open_door, &[Role::Peer]).await,
            app.staff(&other, &[Role::Coordinator, Role::PrivacyOfficer]).await,
        ] {
            let none = seen_by(&caller).await;
            assert_eq!((none.data("/client"), none.data("/found/totalCount")), (&json!(null), &json!(0)), "{}", none.raw);
        }
    }
}
