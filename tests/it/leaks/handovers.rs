//! Referrals between two organizations in every state of consent, full of canaries; and everyone who asks, from each side and from none.

mod spare;

use std::collections::BTreeMap;

use aftercare::access::{Access, Scope, token::Subject};
use chrono::TimeDelta;
use entity::{
    BulkOperationId, ClientId, ContactId, EpisodeId, OrganizationId, PeerMatchId, ReferralId, StaffMemberId, TypedId, WorkItemId, client,
    consent_flow, disclosure, episode, event, peer, peer_match, referral, referral_message,
    vocabulary::{OrganizationKind, PurposeOfUse, Role, WorkItemKind},
    work_item,
};
use kit::{
    app::{Home, TestApp, some_work},
    caller::Caller,
    handover::Handover,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::{
    detector::Finder,
    log_lines::{self, Listening},
    two_sides::{Part, Post, Reader, STAGES, Stage, Story, may_see},
    world::{STAFF, second_program},
};

/// A text of a story, and the parts that show it: whoever may see one of them may see it.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    pub(crate) parts: Vec<Part>,
    pub(crate) story: Story,
    pub(crate) text: String,
    /// Whether it is the id of an event, which lists of events show and nothing else.
    pub(crate) event: bool,
    /// The client in whose own timeline such an event is: what was to be done about them, and by whom, is not.
    about: Option<String>,
}

/// An id that can be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Id {
    pub(crate) placeholder: &'static str,
    pub(crate) story: Option<Story>,
    pub(crate) text: String,
}

/// Someone who asks; without a reader, nobody who may see anything.
pub(crate) struct Asker {
    pub(crate) name: String,
    reader: Option<Reader>,
    organization: Option<OrganizationId>,
    /// Who they are, where they are a client who reads their own.
    oneself: Option<String>,
    pub(crate) caller: Caller,
}

impl Asker {
    pub(crate) fn may(&self, part: Part, story: Story) -> bool {
        self.reader.is_some_and(|reader| may_see(reader, part, story))
    }

    pub(crate) fn may_see(&self, canary: &Canary) -> bool {
        if canary.event && self.oneself.is_some() {
            return canary.about == self.oneself;
        }
        canary.parts.iter().any(|part| self.may(*part, canary.story))
    }

    /// Whether they came as they do every day: strangers and other purposes ask less of what adds nothing.
    pub(crate) fn is_everyday(&self) -> bool {
        let everyday = [Some(PurposeOfUse::Treatment), Some(PurposeOfUse::Emergency), Some(PurposeOfUse::PatientRequest)];
        self.reader.is_some_and(|reader| everyday.contains(&reader.purpose))
    }
}

/// The data and the askers.
pub(crate) struct Handovers {
    pub(crate) app: TestApp,
    pub(crate) canaries: Vec<Canary>,
    pub(crate) ids: Vec<Id>,
    pub(crate) askers: Vec<Asker>,
    /// Of all canaries.
    pub(crate) finder: Finder,
    them: Handover,
    /// To whom data are released in an emergency.
    hospital: Home,
    connection: DatabaseConnection,
    _listening: Listening,
}

/// The kinds of rows of which a client is told what happened to them, as ids begin.
const TOLD_TO_ONESELF: &[&str] = &["cli", "con", "ref", "msg", "reg", "ctc", "epi", "pmt"];

/// What one story is made of.
struct Told {
    referral: ReferralId,
    consent: String,
    client: ClientId,
}

impl Handovers {
    pub(crate) async fn on(app: TestApp) -> Self {
        let listening = log_lines::listen();
        let them = Handover::begin(&app).await;
        let connection = app.database.connect().await;
        let hospital = app.home("Mercy Hospital", OrganizationKind::TreatmentProvider).await;
        let mut world = Self {
            app,
            canaries: Vec::new(),
            ids: Vec::new(),
            askers: Vec::new(),
            finder: Finder::of([].into_iter()),
            them,
            hospital,
            connection,
            _listening: listening,
        };
        world.everyone().await;
        for stage in STAGES.iter().filter(|stage| stage.story != Story::Elsewhere) {
            world.tell(stage).await;
        }
        world.elsewhere().await;
        world.spare().await;
        world.peer().await;
        world.unlogged().await;
        world.emergency().await;
        world.export().await;
        world.clients().await;
        world.log().await;
        world.finder = Finder::of(world.canaries.iter().map(|canary| canary.text.as_str()));
        world
    }

    /// The beginning of the log, as an asker's cursor.
    pub(crate) fn start(&self, asker: &Asker) -> String {
        let access = Access { organization: asker.organization, ..self.app.system() };
        self.app.store.event_cursor(&access, 0).unwrap()
    }

    fn sing(&mut self, story: Story, parts: &[Part], text: impl Into<String>) {
        self.canaries.push(Canary { parts: parts.to_vec(), story, text: text.into(), event: false, about: None });
    }

    #[expect(clippy::needless_pass_by_value, reason = "ids are copied, and texts are made for it")]
    fn id(&mut self, placeholder: &'static str, story: impl Into<Option<Story>>, text: impl ToString) {
        self.ids.push(Id { placeholder, story: story.into(), text: text.to_string() });
    }

    async fn everyone(&mut self) {
        let (clinic, support) = (self.them.clinic.clone(), self.them.support.clone());
        let (clinic_elsewhere, support_elsewhere) = (second_program(&self.app, &clinic).await, second_program(&self.app, &support).await);
        let stranger = self.app.home("Cedar", OrganizationKind::TreatmentProvider).await;
        let treating = Some(PurposeOfUse::Treatment);
        let few = [Role::Referrer, Role::Coordinator, Role::PrivacyOfficer];
        for (post, home) in [(Post::Sender, &clinic), (Post::Receiver, &support)] {
            for role in STAFF {
                self.employ(post, home, role, treating).await;
            }
            for (role, purpose) in few.into_iter().flat_map(|role| [(role, None), (role, Some(PurposeOfUse::Payment))]) {
                self.employ(post, home, role, purpose).await;
            }
            let id = self.app.staff_member(home, &[Role::Coordinator]).await;
            let caller = self.app.caller(Subject::Staff(id), home, &[Role::Coordinator], &[Scope::ScheduleRead]).treating();
            let name = format!("COORDINATOR {post:?} without scope");
            self.askers.push(Asker { name, reader: None, organization: Some(home.organization), oneself: None, caller });
        }
        let others =
            [(Post::SenderElsewhere, &clinic_elsewhere), (Post::ReceiverElsewhere, &support_elsewhere), (Post::Stranger, &stranger)];
        for (post, home) in others {
            for role in few {
                self.employ(post, home, role, treating).await;
            }
        }
        let hospital = self.hospital.clone();
        for (role, purpose) in few.into_iter().flat_map(|role| [(role, treating), (role, Some(PurposeOfUse::Emergency))]) {
            self.employ(Post::Hospital, &hospital, role, purpose).await;
        }
        let peer = self.them.peer.clone();
        for purpose in [treating, None, Some(PurposeOfUse::Payment)] {
            let name = format!("the assigned PEER for {purpose:?}");
            let reader = Some(Reader { post: Post::Receiver, role: Role::Peer, purpose, assigned: true });
            let mut caller = peer.clone();
            caller.purpose = purpose;
            self.askers.push(Asker { name, reader, organization: Some(support.organization), oneself: None, caller });
        }
        let caller = self.app.anyone();
        self.askers.push(Asker { name: "anyone".to_owned(), reader: None, organization: None, oneself: None, caller });
        let colleague = self.app.staff_member(&support, &[Role::Peer]).await;
        self.id("colleague", None, colleague);
        self.id("receiver", None, support.program);
    }

    async fn employ(&mut self, post: Post, home: &Home, role: Role, purpose: Option<PurposeOfUse>) {
        let id: StaffMemberId = self.app.staff_member(home, &[role]).await;
        if role == Role::Peer {
            self.app.peer(home, id).await;
        }
        let mut caller = self.app.token_of(id, home, &[role]);
        caller.purpose = purpose;
        let name = format!("{} {post:?} for {purpose:?}", role.as_str());
        let reader = Some(Reader { post, role, purpose, assigned: false });
        self.askers.push(Asker { name, reader, organization: Some(home.organization), oneself: None, caller });
    }

    /// Refers somebody of whom every text sings. What is not asked of a program can be offered to several.
    async fn refer(&self, them: &Handover, of: &str, covers: &serde_json::Value, [asked, submit]: [bool; 2]) -> Told {
        let mut input = them.referral(&self.app);
        if !asked {
            input.as_object_mut().unwrap().remove("toProgramId");
        }
        let word = |what: &str| format!("canary-{what}-{of}.");
        input["submit"] = json!(submit);
        input["reason"] = json!(word("reason"));
        input["externalIdentifiers"] = json!([{ "system": "harbor", "value": word("known") }]);
        input["client"]["givenName"] = json!(word("given"));
        input["client"]["familyName"] = json!(word("family"));
        input["client"]["preferredName"] = json!(word("preferred"));
        input["client"]["externalIdentifiers"] = json!([{ "system": "mrn", "value": word("mrn") }]);
        // Each has a number of their own: two with one would look like one person.
        let line = of.bytes().fold(7_u32, |line, byte| (line * 31 + u32::from(byte)) % 10_000);
        input["client"]["contactMethods"] = json!([
            { "kind": "EMAIL", "value": format!("canary-mail-{of}@example.org"), "safe": true },
            { "kind": "PHONE", "value": format!("+1 212 555 {line:04}"), "safe": true, "mayLeaveMessage": true },
        ]);
        input["consent"]["signedBy"] = json!(word("signer"));
        input["consent"]["dataClasses"] = covers.clone();
        let made = them.refer(input).await;
        assert_eq!(made.user_error_codes(), [""; 0], "{of}: {}", made.raw);
        Told {
            referral: made.text("/referralCreate/referral/id").parse().unwrap(),
            consent: made.text("/referralCreate/referral/consent/id").to_owned(),
            client: made.text("/referralCreate/referral/client/id").parse().unwrap(),
        }
    }

    /// Brings a story to where it is when everyone asks.
    async fn tell(&mut self, stage: &Stage) {
        let (story, of) = (stage.story, format!("{:?}", stage.story).to_lowercase());
        let word = |what: &str| format!("canary-{what}-{of}.");
        let told = self.refer(&self.them, &of, &json!(stage.covers), [story != Story::Draft; 2]).await;
        let id = told.referral.to_string();
        for what in ["given", "family", "preferred"] {
            self.sing(story, &[Part::SentPerson, Part::ReceivedPerson], word(what));
        }
        self.sing(story, &[Part::SentPerson, Part::ReceivedPerson], format!("canary-mail-{of}@"));
        self.sing(story, &[Part::SentPerson], word("mrn"));
        self.sing(story, &[Part::SentPerson], told.client.to_string());
        self.sing(story, &[Part::Sent], word("known"));
        self.sing(story, &[Part::SentClinical, Part::ReceivedClinical], word("reason"));
        self.sing(story, &[Part::SentConsent, Part::Signer], word("signer"));
        self.id("referral", story, &id);
        self.id("theirs", story, told.client);
        self.id("consent", story, &told.consent);
        self.rename(told.client, &word("theirs")).await;
        self.sing(story, &[Part::SentPerson], word("theirs"));
        if story == Story::Draft {
            let offer = self.them.offered(&self.app, &id, &[self.them.support.program]).await;
            self.sing(story, &[Part::SentOffer, Part::ReceivedOffer], &offer);
            self.id("offer", story, offer);
        }
        if !matches!(story, Story::Draft | Story::Narrow) {
            self.converse(story, &id, [&word("sender-says"), &word("receiver-says")]).await;
        }
        if matches!(story, Story::Connected | Story::Narrow | Story::RevokedBeforeContact | Story::RevokedAfterContact) {
            self.support(story, &told, &of).await;
        }
        match story {
            Story::RevokedBeforeAnswer | Story::RevokedBeforeContact | Story::RevokedAfterContact => {
                let revoke = format!(
                    "mutation {{ consentRevoke(id: \"{}\", how: \"{}\", written: true) {{ userErrors {{ code }} }} }}",
                    told.consent,
                    word("how")
                );
                assert_eq!(self.them.referrer.ask(&revoke).await.user_error_codes(), [""; 0]);
                self.sing(story, &[Part::SentConsent], word("how"));
            }
            Story::Expired => {
                let over = Expr::val(self.app.clock().now() - TimeDelta::seconds(1));
                let flows = consent_flow::Entity::update_many().col_expr(consent_flow::Column::ExpiresAt, over);
                flows.filter(consent_flow::Column::ClientId.eq(told.client)).exec(&self.connection).await.unwrap();
            }
            _ => {}
        }
        if story != Story::Draft {
            self.work(story, told.referral).await;
        }
        // A number that can be searched for: how it goes, where nothing else is said of it.
        let version = 740_000_000 + 1_000 * story as i32;
        let counted = referral::Entity::update_many().col_expr(referral::Column::Version, Expr::val(version));
        counted.filter(referral::Column::Id.eq(told.referral)).exec(&self.connection).await.unwrap();
        self.sing(story, &[Part::FlowsBack, Part::Kept], version.to_string());
    }

    /// Both sides write to each other.
    async fn converse(&mut self, story: Story, id: &str, bodies: [&str; 2]) {
        for (writer, body) in [&self.them.referrer, &self.them.coordinator].into_iter().zip(bodies) {
            let send = "mutation($id: ID!, $body: String!) { referralSendMessage(id: $id, body: $body) { userErrors { message } } }";
            let sent = writer.ask_with(send, json!({ "id": id, "body": body })).await;
            assert_eq!(sent.user_error_codes(), [""; 0], "{}", sent.raw);
        }
        for body in bodies {
            self.sing(story, &[Part::FlowsBack, Part::Kept], body);
        }
        let of = referral_message::Column::ReferralId.eq(id.parse::<ReferralId>().unwrap());
        for message in rows::<referral_message::Entity>().filter(of).all(&self.connection).await.unwrap() {
            self.id("message", story, message.id);
        }
    }

    /// The receiver accepts, and goes on as far as the story does.
    async fn support(&mut self, story: Story, told: &Told, of: &str) {
        let (id, word) = (told.referral.to_string(), |what: &str| format!("canary-{what}-{of}."));
        let ours: ClientId = self.them.accepted(&id).await.parse().unwrap();
        self.rename(ours, &word("ours")).await;
        self.sing(story, &[Part::Record], word("ours"));
        self.sing(story, &[Part::Record], ours.to_string());
        self.id("ours", story, ours);
        if story == Story::Narrow {
            return;
        }
        self.them.assigned(&id).await;
        if story == Story::RevokedBeforeContact {
            return;
        }
        let log = "mutation($input: ContactLogInput!) { contactLog(input: $input) { contact { id } userErrors { message } } }";
        let input = json!({ "clientId": ours, "modality": "PHONE", "outcome": "COMPLETED", "startedAt": self.app.clock().now(), "minutes": 20,
            "note": word("note"), "topics": [word("topic")] });
        let contact = self.them.peer.ask_with(log, json!({ "input": input })).await;
        self.id("contact", story, contact.text("/contactLog/contact/id"));
        self.sing(story, &[Part::Care], word("topic"));
        self.sing(story, &[Part::Note], word("note"));
        if story == Story::Connected {
            let more = format!("result: ENGAGED text: \"{}\"", word("outcome"));
            let done = self.them.act(&self.them.peer, "referralComplete", &id, &more).await;
            assert_eq!(done.user_error_codes(), [""; 0], "{}", done.raw);
            self.sing(story, &[Part::FlowsBack, Part::Kept], word("outcome"));
        }
        for row in rows::<episode::Entity>().filter(episode::Column::ClientId.eq(ours)).all(&self.connection).await.unwrap() {
            self.id("episode", story, row.id);
        }
        for row in rows::<peer_match::Entity>().filter(peer_match::Column::ClientId.eq(ours)).all(&self.connection).await.unwrap() {
            self.id("match", story, row.id);
        }
    }

    async fn rename(&self, client: ClientId, pseudonym: &str) {
        let named = client::Entity::update_many().col_expr(client::Column::Pseudonym, Expr::val(pseudonym));
        named.filter(client::Column::Id.eq(client)).exec(&self.connection).await.unwrap();
    }

    /// A referral between two organizations of whom nobody here is.
    async fn elsewhere(&mut self) {
        let from = self.app.home("Upriver", OrganizationKind::TreatmentProvider).await;
        let to = self.app.home("Downriver", OrganizationKind::RecoveryCommunityOrganization).await;
        let they = Handover::between(&self.app, from, to).await;
        let told = self.refer(&they, "elsewhere", &json!(STAGES[1].covers), [true; 2]).await;
        let ours = they.accepted(&told.referral.to_string()).await;
        for what in ["given", "family", "mail", "reason", "signer", "known", "mrn"] {
            self.sing(Story::Elsewhere, &[Part::Sent], format!("canary-{what}-elsewhere"));
        }
        for id in [ours.clone(), told.client.to_string()] {
            self.sing(Story::Elsewhere, &[Part::Sent], id);
        }
        self.id("referral", Story::Elsewhere, told.referral);
        self.id("theirs", Story::Elsewhere, told.client);
        self.id("ours", Story::Elsewhere, ours);
        self.id("consent", Story::Elsewhere, told.consent);
    }

    /// Something to do about a story's referral on each side: that there is tells how it goes.
    async fn work(&mut self, story: Story, referral: ReferralId) {
        let sides = [(self.them.clinic.clone(), Part::SentWork, 0), (self.them.support.clone(), Part::ReceivedWork, 500)];
        for (home, part, more) in sides {
            let (id, version) = (WorkItemId::new(), 760_000_000 + 1_000 * story as i32 + more);
            let row = some_work(&home, referral, self.app.clock().now());
            let row = work_item::ActiveModel { id: Set(id), version: Set(version), ..row };
            work_item::Entity::insert(row).exec_without_returning(&self.connection).await.unwrap();
            self.sing(story, &[part], version.to_string());
            self.id("work", story, id);
        }
    }

    /// What the peer says of themselves is for colleagues, and for the sender who is told who supports the client.
    async fn peer(&mut self) {
        let bio = "canary-bio.";
        let said = peer::Entity::update_many().col_expr(peer::Column::Bio, Expr::val(bio));
        said.filter(peer::Column::Id.eq(self.them.peer_id)).exec(&self.connection).await.unwrap();
        let id = self.them.peer_id;
        self.id("peer", None, id);
    }

    /// A contact was planned with a client of the receiver's, and nothing was logged of it: that somebody is asked is part of their care.
    async fn unlogged(&mut self) {
        let story = Story::Connected;
        let ours = self.ids.iter().find(|id| id.placeholder == "ours" && id.story == Some(story)).unwrap().text.clone();
        let (id, version) = (WorkItemId::new(), 770_000_000);
        let row = some_work(&self.them.support, ReferralId::new(), self.app.clock().now());
        let (kind, client) = (Set(WorkItemKind::FollowUpDue), Set(Some(ours.parse().unwrap())));
        let row = work_item::ActiveModel { id: Set(id), kind, referral_id: Set(None), client_id: client, version: Set(version), ..row };
        work_item::Entity::insert(row).exec_without_returning(&self.connection).await.unwrap();
        self.sing(story, &[Part::FollowUp], version.to_string());
        self.id("work", story, id);
    }

    /// The receiver releases who a client is to a hospital. What was said to that is sealed, and the privacy officer's.
    async fn emergency(&mut self) {
        let (story, word) = (Story::Connected, |what: &str| format!("canary-{what}-connected."));
        let ours = self.ids.iter().find(|id| id.placeholder == "ours" && id.story == Some(story)).unwrap().text.clone();
        let open = "mutation($client: ID!, $to: ID!, $name: String!, $facility: String!, $nature: String!) {
            emergencyAccess(clientId: $client, recipientOrganizationId: $to, recipientName: $name, facility: $facility, nature: $nature) {
            client { id } userErrors { message } } }";
        let told = json!({ "client": ours, "to": self.hospital.organization, "name": word("physician"), "facility": word("facility"),
            "nature": word("nature") });
        self.them.coordinator.ask_with(open, told).await.text("/emergencyAccess/client/id");
        for what in ["physician", "facility", "nature"] {
            self.sing(story, &[Part::ReceivedDisclosures], word(what));
        }
        for what in ["given", "family", "preferred", "ours"] {
            self.sing(story, &[Part::Released], word(what));
        }
        self.sing(story, &[Part::Released], "canary-mail-connected@");
        self.sing(story, &[Part::Released, Part::Audited], ours);
        let of = work_item::Column::Kind.eq(WorkItemKind::EmergencyAccessReview);
        let review = rows::<work_item::Entity>().filter(of).one(&self.connection).await.unwrap().unwrap().id;
        self.sing(story, &[Part::Review], review.to_string());
        self.id("work", story, review);
    }

    /// The receiver's privacy officer has all about a client written down for them.
    async fn export(&mut self) {
        let story = Story::Connected;
        let ours = self.ids.iter().find(|id| id.placeholder == "ours" && id.story == Some(story)).unwrap().text.clone();
        let ask = "mutation($id: ID!) { clientDataExport(clientId: $id) { bulkOperation { id } userErrors { message } } }";
        let asked = self.them.officer.ask_with(ask, json!({ "id": ours })).await;
        let id = asked.text("/clientDataExport/bulkOperation/id").to_owned();
        self.app.fire_timers().await;
        self.sing(story, &[Part::Export], &id);
        self.id("export", story, id);
    }

    /// The person of whom both sides have a record by now, as each side's client who reads their own.
    async fn clients(&mut self) {
        let (clinic, support) = (self.them.clinic.organization, self.them.support.organization);
        let (referrer, coordinator) = (self.them.referrer.clone(), self.them.coordinator.clone());
        for (post, placeholder, by, home) in [(Post::Sender, "theirs", referrer, clinic), (Post::Receiver, "ours", coordinator, support)] {
            let id = self.ids.iter().find(|id| id.placeholder == placeholder && id.story == Some(Story::Connected)).unwrap().text.clone();
            let caller = self.app.as_client(&by, &id).await;
            let reader = Reader { post, role: Role::Client, purpose: Some(PurposeOfUse::PatientRequest), assigned: false };
            let name = format!("CLIENT {post:?}");
            self.askers.push(Asker { name, reader: Some(reader), organization: Some(home), oneself: Some(id), caller });
        }
    }

    /// The ids of what was disclosed and of what happened.
    async fn log(&mut self) {
        self.app.sealed().await;
        let ids = |placeholder: &str, world: &Self| -> BTreeMap<String, Story> {
            let of = world.ids.iter().filter(|id| id.placeholder == placeholder);
            of.filter_map(|id| Some((id.text.clone(), id.story?))).collect()
        };
        let (referrals, theirs, ours) = (ids("referral", self), ids("theirs", self), ids("ours", self));
        for row in rows::<disclosure::Entity>().all(&self.connection).await.unwrap() {
            let client = row.client_id.to_string();
            if let Some(story) = theirs.get(&client).or_else(|| ours.get(&client)).copied() {
                let part = if theirs.contains_key(&client) { Part::SentDisclosures } else { Part::ReceivedDisclosures };
                self.id("disclosure", story, row.id);
                self.sing(story, &[part], row.id.to_string());
            }
        }
        let care = [ContactId::PREFIX, EpisodeId::PREFIX, PeerMatchId::PREFIX];
        let clinic = self.them.clinic.organization;
        for row in rows::<event::Entity>().all(&self.connection).await.unwrap() {
            let client = row.client_id.map(|id| id.to_string()).unwrap_or_default();
            let told = row.referral_id.and_then(|id| referrals.get(&id.to_string()));
            let (story, mut parts) = match (told, theirs.get(&client), ours.get(&client)) {
                (Some(story), ..) => (*story, vec![if row.organization_id == Some(clinic) { Part::Sent } else { Part::Received }]),
                (None, Some(story), _) => (*story, vec![Part::SentPerson]),
                (None, None, Some(story)) if care.contains(&row.subject_kind.as_str()) => (*story, vec![Part::Care]),
                (None, None, Some(story)) if row.subject_kind == WorkItemId::PREFIX => (*story, vec![Part::Review]),
                (None, None, Some(story)) if row.subject_kind == BulkOperationId::PREFIX => (*story, vec![Part::ExportLog]),
                (None, None, Some(story)) => (*story, vec![Part::Record]),
                (None, None, None) => continue,
            };
            if told.is_some() && row.other_organization_id.is_some() {
                parts.push(if row.organization_id == Some(clinic) { Part::Kept } else { Part::FlowsBack });
            }
            let about = Some(client).filter(|_| TOLD_TO_ONESELF.contains(&row.subject_kind.as_str()));
            self.canaries.push(Canary { parts, story, text: row.id.to_string(), event: true, about });
        }
    }
}

/// All rows of a table, past the application: what the world knows of itself.
#[expect(clippy::disallowed_methods, reason = "the hunt asks the database what the server must not say")]
fn rows<E: EntityTrait>() -> sea_orm::Select<E> {
    E::find()
}
