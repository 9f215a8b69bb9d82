//! Two organizations and everyone who takes part in the handing over of a client from one to the other.

use chrono::TimeDelta;
use entity::{
    PeerId, ProgramId, StaffMemberId,
    vocabulary::{OrganizationKind, Role},
};
use serde_json::{Value, json};

use crate::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
};

/// A treatment centre and a peer recovery organization, with their people. All of them name TREATMENT as their purpose.
#[derive(Debug)]
pub struct Handover {
    /// The treatment centre.
    pub clinic: Home,
    /// The peer recovery organization.
    pub support: Home,
    /// Who refers, at the centre.
    pub referrer: Caller,
    /// The centre's privacy officer.
    pub clinic_officer: Caller,
    /// Who answers, at the peer recovery organization.
    pub coordinator: Caller,
    /// Who supervises the peers.
    pub supervisor: Caller,
    /// The peer recovery organization's privacy officer.
    pub officer: Caller,
    /// A person of staff who is a peer.
    pub peer: Caller,
    /// The peer.
    pub peer_id: PeerId,
    /// The peer's row among the staff.
    pub peer_staff: StaffMemberId,
}

/// What a referral answers, for whoever reads it whole.
pub const REFERRAL: &str = "id number urgency
    client { id pseudonym identity { familyName } }
    person { givenName familyName dateOfBirth communities contactMethods { value safe } }
    clinical { dischargeType levelOfCareLeft { code name } reason pathways moud }
    progress { status result closeReason version peer { displayName } episodeStatus attemptCount
        submittedAt acceptedAt assignedAt firstAttemptAt connectedAt closedAt
        history { from to actorName role reason text } }";

/// What an offer answers, for whoever reads it whole.
pub const OFFER: &str = "id status urgency levelOfCareLeft { edition code name } services languages region programs { id name } expiresAt
    claimedBy { id name } referral { id client { id } }";

impl Handover {
    /// Makes them.
    ///
    /// # Panics
    /// When they cannot be made.
    pub async fn begin(app: &TestApp) -> Self {
        let clinic = app.home("Harbor", OrganizationKind::TreatmentProvider).await;
        let support = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        Self::between(app, clinic, support).await
    }

    /// Makes everyone for two organizations that are there.
    ///
    /// # Panics
    /// When they cannot be made.
    pub async fn between(app: &TestApp, clinic: Home, support: Home) -> Self {
        let peer_staff = app.staff_member(&support, &[Role::Peer]).await;
        let peer_id = app.peer(&support, peer_staff).await;
        let staff = async |home: &Home, role| app.staff(home, &[role]).await.treating();
        Self {
            referrer: staff(&clinic, Role::Referrer).await,
            clinic_officer: staff(&clinic, Role::PrivacyOfficer).await,
            coordinator: staff(&support, Role::Coordinator).await,
            supervisor: staff(&support, Role::Supervisor).await,
            officer: staff(&support, Role::PrivacyOfficer).await,
            peer: app.token_of(peer_staff, &support, &[Role::Peer]).treating(),
            clinic,
            support,
            peer_id,
            peer_staff,
        }
    }

    /// A consent that lets the two tell each other who the client is, the facts, and how it goes.
    pub fn consent(&self, app: &TestApp) -> Value {
        let both = [self.clinic.organization.to_string(), self.support.organization.to_string()];
        json!({
            "kind": "SPECIFIC", "disclosingOrganizationIds": both, "recipientOrganizationIds": both,
            "dataClasses": ["IDENTITY", "REFERRAL_CLINICAL", "REFERRAL_STATUS"], "purposes": ["TREATMENT"],
            "signedAt": app.clock().now(), "signedBy": "Ada Byron", "signerCapacity": "SELF", "signatureMethod": "ELECTRONIC",
            "expiresAt": app.clock().now() + TimeDelta::days(365),
        })
    }

    /// A referral of a new client under that consent, submitted at once.
    pub fn referral(&self, app: &TestApp) -> Value {
        json!({
            "toProgramId": self.support.program.to_string(), "urgency": "URGENT", "dischargeType": "COMPLETED",
            "dischargedAt": app.clock().now() - TimeDelta::hours(2), "levelOfCareLeft": { "edition": "FOURTH", "code": "3.5" },
            "reason": "Wants a peer who knows the evenings", "requestedServices": ["ONE_ON_ONE", "TELEPHONE"],
            "externalIdentifiers": [{ "system": "harbor", "value": "episode-17" }],
            "client": {
                "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "pathways": ["SECULAR"], "moud": true,
                "communities": ["night workers"], "externalIdentifiers": [{ "system": "mrn", "value": "0017" }],
                "contactMethods": [{ "kind": "PHONE", "value": "+1 212 555 0123", "safe": true, "mayLeaveMessage": true }],
            },
            "consent": self.consent(app), "submit": true,
        })
    }

    /// Refers.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn refer(&self, input: Value) -> Answer {
        let mutation = format!(
            "mutation($input: ReferralCreateInput!) {{ referralCreate(input: $input) {{
                referral {{ {REFERRAL} consent {{ id }} }} userErrors {{ code message path missing existing {{ id }} }} }} }}"
        );
        self.referrer.ask_with(&mutation, json!({ "input": input })).await
    }

    /// Refers, and gives the referral's id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn referred(&self, app: &TestApp) -> String {
        self.refer(self.referral(app)).await.text("/referralCreate/referral/id").to_owned()
    }

    /// Such a referral of somebody of whom the clinic has no identifier: as many as one likes.
    pub fn another(&self, app: &TestApp) -> Value {
        let mut input = self.referral(app);
        input["client"]["externalIdentifiers"] = json!([]);
        input["externalIdentifiers"] = json!([]);
        input
    }

    /// Drafts a referral that asks no program yet, of a new client unless `clientId` is among what else is said. Gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn drafted(&self, app: &TestApp, more: Value) -> String {
        let mut input = self.referral(app);
        let fields = input.as_object_mut().expect("it is an object");
        for not_yet in ["toProgramId", "consent", "externalIdentifiers"] {
            fields.remove(not_yet);
        }
        fields["client"]["externalIdentifiers"] = json!([]);
        fields.insert("submit".to_owned(), json!(false));
        if more.get("clientId").is_some() {
            fields.remove("client");
        }
        fields.extend(more.as_object().cloned().unwrap_or_default());
        self.refer(input).await.text("/referralCreate/referral/id").to_owned()
    }

    /// Offers a draft to programs until tomorrow.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn offer(&self, app: &TestApp, draft: &str, to: &[ProgramId]) -> Answer {
        let document = format!(
            "mutation($input: ReferralOfferOpenInput!) {{ referralOfferOpen(input: $input) {{
                referralOffer {{ {OFFER} }} userErrors {{ code message path existing {{ id }} }} }} }}"
        );
        let until = app.clock().now() + TimeDelta::days(1);
        let input = json!({ "referralId": draft, "programIds": to, "region": "US-NY", "expiresAt": until });
        self.referrer.ask_with(&document, json!({ "input": input })).await
    }

    /// Offers a draft, and gives the offer's id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn offered(&self, app: &TestApp, draft: &str, to: &[ProgramId]) -> String {
        self.offer(app, draft, to).await.text("/referralOfferOpen/referralOffer/id").to_owned()
    }

    /// Does one thing with a referral: the mutation's name and what its arguments are besides the id.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn act(&self, caller: &Caller, mutation: &str, id: &str, more: &str) -> Answer {
        let document = format!(
            "mutation {{ {mutation}(id: \"{id}\" {more}) {{ referral {{ {REFERRAL} }}
                userErrors {{ code message currentVersion allowedTransitions }} }} }}"
        );
        caller.ask(&document).await
    }

    /// Accepts a referral, and gives the receiver's own client.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn accepted(&self, id: &str) -> String {
        let answer = self.act(&self.coordinator, "referralAccept", id, "").await;
        answer.text("/referralAccept/referral/client/id").to_owned()
    }

    /// Assigns the peer.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn assigned(&self, id: &str) {
        let more = format!("peerId: \"{}\" clientChose: true", self.peer_id);
        let answer = self.act(&self.coordinator, "referralAssign", id, &more).await;
        assert_eq!(answer.text("/referralAssign/referral/progress/status"), "ASSIGNED");
    }

    /// The peer logs a contact.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn contact(&self, app: &TestApp, client: &str, outcome: &str) -> Answer {
        let mutation = "mutation($input: ContactLogInput!) { contactLog(input: $input) {
            contact { id outcome note referral { id progress { status } } } userErrors { code message path } } }";
        let minutes = if outcome == "COMPLETED" { json!(20) } else { Value::Null };
        let input = json!({
            "clientId": client, "modality": "PHONE", "outcome": outcome, "startedAt": app.clock().now(), "minutes": minutes,
            "note": "Spoke of the garden", "topics": ["evenings"],
        });
        self.peer.ask_with(mutation, json!({ "input": input })).await
    }

    /// The peer tries to reach somebody often enough to give up (domain 2.5), in the two weeks before the test's noon.
    ///
    /// # Panics
    /// When an attempt is refused.
    pub async fn tried(&self, client: &str) {
        let log = "mutation($input: ContactLogInput!) { contactLog(input: $input) { contact { id } userErrors { message } } }";
        for (at, modality, outcome) in [
            ("2026-02-16T15:00:00Z", "PHONE", "NO_ANSWER"),
            ("2026-02-18T22:00:00Z", "IN_PERSON", "NO_ANSWER"),
            ("2026-02-24T15:00:00Z", "PHONE", "NO_ANSWER"),
            ("2026-02-28T15:00:00Z", "PHONE", "LEFT_SAFE_MESSAGE"),
        ] {
            let input = json!({ "clientId": client, "modality": modality, "outcome": outcome, "startedAt": at });
            self.peer.ask_with(log, json!({ "input": input })).await.text("/contactLog/contact/id");
        }
    }

    /// The peer asks to close a referral as not reached. Gives what a supervisor decides.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn given_up(&self, id: &str) -> String {
        let ask = "mutation($id: ID!) { referralNotReached(id: $id) { workItem { id } userErrors { message } } }";
        self.peer.ask_with(ask, json!({ "id": id })).await.text("/referralNotReached/workItem/id").to_owned()
    }

    /// A referral as somebody reads it.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn read(&self, caller: &Caller, id: &str) -> Answer {
        caller.ask(&format!("{{ referral(id: \"{id}\") {{ {REFERRAL} }} }}")).await
    }
}
