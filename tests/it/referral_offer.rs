//! Offers of a referral to several programs: de-identified, time-boxed, and the first that claims one is reserved it.

mod race;

use aftercare::access::{Scope, token::Subject};
use chrono::TimeDelta;
use entity::{
    ProgramId,
    vocabulary::{OrganizationKind, Role},
};
use futures_util::future::join;
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    follower::Follower,
    handover::{Handover, OFFER},
    on_both,
};
use serde_json::{Value, json};

/// A program of an organization of its own, with who answers for it.
struct Bidder {
    home: Home,
    coordinator: Caller,
}

async fn bidder(app: &TestApp, name: &str) -> Bidder {
    let home = app.home(name, OrganizationKind::RecoveryCommunityOrganization).await;
    Bidder { coordinator: app.staff(&home, &[Role::Coordinator]).await.treating(), home }
}

async fn claim(caller: &Caller, offer: &str, program: ProgramId) -> Answer {
    let document = format!(
        "mutation {{ referralOfferClaim(id: \"{offer}\", programId: \"{program}\") {{
            referralOffer {{ {OFFER} }} userErrors {{ code message path }} }} }}"
    );
    caller.ask(&document).await
}

async fn withdraw(caller: &Caller, offer: &str) -> Answer {
    let document = format!(
        "mutation {{ referralOfferWithdraw(id: \"{offer}\") {{ referralOffer {{ {OFFER} }} userErrors {{ code message path }} }} }}"
    );
    caller.ask(&document).await
}

/// The offer as somebody reads it; null when it is not there for them.
async fn read(caller: &Caller, offer: &str) -> Value {
    let answer = caller.ask(&format!("{{ node(id: \"{offer}\") {{ ... on ReferralOffer {{ {OFFER} }} }} }}")).await;
    assert_eq!(answer.error_codes(), [""; 0], "{}", answer.raw);
    answer.data("/node").clone()
}

async fn open_offers(caller: &Caller) -> Value {
    caller.ask("{ referralOffers(openOnly: true) { totalCount } }").await.data("/referralOffers/totalCount").clone()
}

async fn status_of(caller: &Caller, offer: &str) -> String {
    read(caller, offer).await["status"].as_str().unwrap_or("none").to_owned()
}

/// The program that a draft asks, as its sender reads it.
async fn asks(them: &Handover, draft: &str) -> Value {
    them.referrer.ask(&format!("{{ referral(id: \"{draft}\") {{ to {{ id }} }} }}")).await.data("/referral/to").clone()
}

async fn follower(app: &TestApp, caller: &Caller) -> Follower {
    let after = caller.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
    let query = format!(
        "subscription($after: String) {{ referralOfferChanged(after: $after) {{ cursor event {{ kind actorName changed summary
            organization {{ id }} client {{ id }} subject {{ id }} }} offer {{ {OFFER} }} }} }}"
    );
    Follower::asking(caller, &app.url, json!({ "query": query, "variables": { "after": after } })).await
}

/// What an organization's log and audit say, to whoever of it may read most of them.
async fn kept_of(app: &TestApp, home: &Home) -> String {
    let officer = app.staff(home, &[Role::PrivacyOfficer, Role::Coordinator, Role::Administrator]).await.treating();
    app.sealed().await;
    let events =
        officer.ask("{ events(last: 100) { nodes { id kind actorName subjectId changed client { id } organization { id } } } }").await;
    let audit = officer.ask("{ auditEvents(last: 100) { nodes { actorName action subjectId requestId organization { id } } } }").await;
    assert_eq!([events.error_codes(), audit.error_codes()].concat(), [""; 0]);
    format!("{}{}", events.raw, audit.raw)
}

on_both! {
    async fn who_is_declined_is_offered_and_the_first_to_claim_supports_them(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let bidders = [bidder(&app, "Cedar").await, bidder(&app, "Dale").await, bidder(&app, "Elm").await];
        let programs = bidders.iter().map(|bidder| bidder.home.program).collect::<Vec<_>>();
        // Open Door has no place.
        let mut first = them.referral(&app);
        first["client"]["languages"] = json!(["es-GT", "nv", "en"]);
        let declined = them.refer(first).await;
        let (id, client) = (declined.text("/referralCreate/referral/id").to_owned(), declined.text("/referralCreate/referral/client/id").to_owned());
        assert_eq!(them.act(&them.coordinator, "referralDecline", &id, "reason: NO_CAPACITY").await.user_error_codes(), [""; 0]);
        let draft = them.drafted(&app, json!({ "clientId": client, "reReferralOfId": id })).await;
        app.sealed().await;
        let mut followers = [follower(&app, &bidders[0].coordinator).await, follower(&app, &bidders[1].coordinator).await];
        let mut sender = follower(&app, &them.referrer).await;

        let opened = them.offer(&app, &draft, &programs).await;
        assert_eq!(opened.user_error_codes(), [""; 0], "{}", opened.raw);
        let offer = opened.text("/referralOfferOpen/referralOffer/id").to_owned();
        let whole = opened.data("/referralOfferOpen/referralOffer");
        assert_eq!(whole["programs"].as_array().map(Vec::len), Some(3), "the sender sees all of it: {whole}");
        assert_eq!(whole["referral"], json!({ "id": draft, "client": { "id": client } }));
        for (bidder, follower) in bidders.iter().zip(&mut followers) {
            let heard = follower.item("referralOfferChanged").await;
            let program = json!([{ "id": bidder.home.program, "name": heard["offer"]["programs"][0]["name"] }]);
            assert_eq!(heard["offer"], json!({
                "id": offer, "status": "OPEN", "urgency": "URGENT",
                "levelOfCareLeft": { "edition": "FOURTH", "code": "3.5", "name": "Clinically Managed High-Intensity Residential" },
                "services": ["ONE_ON_ONE", "TELEPHONE"], "languages": ["es", "other", "en"], "region": "NY", "programs": program,
                "expiresAt": whole["expiresAt"], "claimedBy": null, "referral": null,
            }));
            assert_eq!(heard["event"], json!({
                "kind": "OFFER_OPENED", "actorName": "aftercare", "changed": null, "summary": "A referral was offered to several programs.",
                "organization": { "id": bidder.home.organization }, "client": null, "subject": { "id": offer },
            }));
        }

        let (one, two) = join(claim(&bidders[0].coordinator, &offer, programs[0]), claim(&bidders[1].coordinator, &offer, programs[1])).await;
        let won = if one.user_error_codes().is_empty() { 0 } else { 1 };
        let (winner, loser) = (&bidders[won], &bidders[1 - won]);
        let (answer, refused) = if won == 0 { (&one, &two) } else { (&two, &one) };
        assert_eq!(answer.user_error_codes(), [""; 0], "one wins: {} {}", one.raw, two.raw);
        assert_eq!(refused.user_error_codes(), ["OFFER_TAKEN"], "{}", refused.raw);
        assert_eq!(answer.text("/referralOfferClaim/referralOffer/claimedBy/id"), winner.home.program.to_string());
        assert_eq!(answer.data("/referralOfferClaim/referralOffer/referral"), &Value::Null, "a claim reserves, and tells nothing yet");
        assert_eq!(winner.coordinator.ask(&format!("{{ referral(id: \"{draft}\") {{ id }} referrals {{ totalCount }} }}")).await.body["data"],
            json!({ "referral": null, "referrals": { "totalCount": 0 } }));

        // The loser hears that it is gone, and not to whom.
        let heard = followers[1 - won].item("referralOfferChanged").await;
        assert_eq!((&heard["event"]["kind"], &heard["offer"]["status"]), (&json!("OFFER_CLAIMED"), &json!("CLAIMED")), "{heard}");
        let listed = loser.coordinator.ask(&format!("{{ referralOffers {{ totalCount nodes {{ {OFFER} }} }} }}")).await;
        let all = format!("{heard}{}{}{}", listed.raw, refused.raw, kept_of(&app, &loser.home).await);
        assert!(all.contains(&offer) && all.contains(&loser.home.program.to_string()));
        let winners = app.database.texts("SELECT DISTINCT actor FROM event WHERE kind = 'OFFER_CLAIMED' AND actor LIKE 'stf_%'").await;
        assert_eq!(winners.len(), 1);
        let never = [winner.home.program.to_string(), winner.home.organization.to_string(), ["Cedar", "Dale"][won].to_owned(), winners[0].clone(),
            "Elm".to_owned(), "Harbor".to_owned(), them.clinic.organization.to_string(), draft.clone(), client.clone(), id.clone()];
        for text in never {
            assert!(!all.contains(&text), "the loser is told {text}: {all}");
        }
        assert_eq!(heard["offer"]["claimedBy"], Value::Null);

        // The sender knows who, asks the client for a consent that names them, and submits as ever.
        assert_eq!(sender.item("referralOfferChanged").await["event"]["kind"], "OFFER_OPENED");
        let told = sender.item("referralOfferChanged").await;
        assert_eq!((&told["event"]["kind"], &told["offer"]["claimedBy"]["id"]), (&json!("OFFER_CLAIMED"), &json!(winner.home.program)), "{told}");
        assert_eq!(asks(&them, &draft).await, json!({ "id": winner.home.program }));
        let work = "{ workItems(filter: { open: true }) { nodes { kind dueAt subject { id } } } }";
        let due = (app.clock().now() + TimeDelta::days(3)).to_rfc3339();
        let asked = them.referrer.ask(work).await;
        assert_eq!(asked.data("/workItems/nodes"), &json!([{ "kind": "INFO_REQUESTED", "dueAt": due, "subject": { "id": draft } }]), "who claimed it waits");
        assert_eq!(them.act(&them.referrer, "referralSubmit", &draft, "").await.user_error_codes(), ["CONSENT_REQUIRED"]);
        submit(&app, &them, &draft, &client, &winner.home).await;
        assert_eq!(them.referrer.ask(work).await.data("/workItems/nodes"), &json!([]), "until it is theirs");
        assert_eq!(read(&winner.coordinator, &offer).await["referral"]["id"], json!(draft), "now it is there");
        assert_eq!(them.read(&winner.coordinator, &draft).await.text("/referral/person/familyName"), "Byron");
        assert_eq!(them.act(&winner.coordinator, "referralAccept", &draft, "").await.text("/referralAccept/referral/progress/status"), "ACCEPTED");
        assert_eq!(read(&loser.coordinator, &offer).await["referral"], Value::Null);
        assert_eq!(withdraw(&them.referrer, &offer).await.user_error_codes(), ["IMMUTABLE"], "what was submitted is cancelled, not taken back");
        assert_eq!(status_of(&them.referrer, &offer).await, "CLAIMED");
    }

    async fn an_offer_is_there_for_who_sends_it_and_whom_it_is_made_to(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (cedar, dale, stranger) = (bidder(&app, "Cedar").await, bidder(&app, "Dale").await, bidder(&app, "Elm").await);
        let draft = them.drafted(&app, json!({})).await;
        let offer = them.offered(&app, &draft, &[cedar.home.program, dale.home.program]).await;

        let staff = async |home: &Home, role| app.staff(home, &[role]).await.treating();
        let cedar_supervisor = staff(&cedar.home, Role::Supervisor).await;
        for reader in [&them.referrer, &them.clinic_officer, &staff(&them.clinic, Role::Coordinator).await, &staff(&them.clinic, Role::Supervisor).await] {
            let whole = read(reader, &offer).await;
            assert_eq!((whole["programs"].as_array().map(Vec::len), &whole["referral"]["id"]), (Some(2), &json!(draft)), "{whole}");
        }
        for reader in [&cedar.coordinator, &cedar_supervisor] {
            let own = read(reader, &offer).await;
            assert_eq!((&own["programs"][0]["id"], &own["programs"][1], &own["referral"]), (&json!(cedar.home.program), &Value::Null, &Value::Null), "{own}");
        }
        assert_eq!(claim(&cedar_supervisor, &offer, cedar.home.program).await.user_error_codes(), ["NOT_PERMITTED"], "who answers is the coordinator");
        assert_eq!(withdraw(&cedar.coordinator, &offer).await.user_error_codes(), ["NOT_PERMITTED"]);
        assert_eq!(withdraw(&them.clinic_officer, &offer).await.user_error_codes(), ["NOT_PERMITTED"]);
        let another = app.caller(Subject::Staff(app.staff_member(&cedar.home, &[Role::Coordinator]).await), &cedar.home,
            &[Role::Coordinator], &[Scope::ScheduleRead]);
        let mut nobody = vec![stranger.coordinator.clone(), them.coordinator.clone(), another, app.anyone()];
        for role in [Role::Peer, Role::Administrator, Role::Billing, Role::Analyst, Role::PrivacyOfficer, Role::Referrer] {
            nobody.push(staff(&cedar.home, role).await);
        }
        app.sealed().await;
        for reader in &nobody {
            assert_eq!(read(reader, &offer).await, Value::Null);
            let listed = reader.ask("{ referralOffers { totalCount nodes { id } } }").await;
            assert!(!listed.raw.contains(&offer), "{}", listed.raw);
            let events = reader.ask("{ events(first: 100) { nodes { kind subjectId } } }").await;
            assert!(!events.raw.contains(&offer) && !events.raw.contains("OFFER_"), "{}", events.raw);
        }
        for reader in [&stranger.coordinator, &them.coordinator] {
            assert_eq!(claim(reader, &offer, cedar.home.program).await.user_error_codes(), ["NOT_FOUND"]);
            assert_eq!(withdraw(reader, &offer).await.user_error_codes(), ["NOT_FOUND"]);
        }
        // Whether it is made to another program is not told.
        for program in [dale.home.program, stranger.home.program, ProgramId::from(uuid::Uuid::new_v4())] {
            let refused = claim(&cedar.coordinator, &offer, program).await;
            assert_eq!(refused.user_error_codes(), ["INVALID"], "{}", refused.raw);
            assert!(refused.text("/referralOfferClaim/userErrors/0/message").contains("that you work in"));
        }
        assert_eq!(status_of(&dale.coordinator, &offer).await, "OPEN");
        let counts = async |caller: &Caller| caller.ask("{ referralOffers { totalCount } }").await.data("/referralOffers/totalCount").clone();
        assert_eq!((counts(&them.referrer).await, counts(&cedar.coordinator).await, counts(&stranger.coordinator).await), (json!(1), json!(1), json!(0)));
    }

    async fn whoever_claims_twice_has_claimed_once(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (cedar, dale) = (bidder(&app, "Cedar").await, bidder(&app, "Dale").await);
        let draft = them.drafted(&app, json!({})).await;
        let offer = them.offered(&app, &draft, &[cedar.home.program, dale.home.program]).await;

        let first = claim(&cedar.coordinator, &offer, cedar.home.program).await;
        let colleague = app.staff(&cedar.home, &[Role::Coordinator]).await.treating();
        for again in [claim(&cedar.coordinator, &offer, cedar.home.program).await, claim(&colleague, &offer, cedar.home.program).await] {
            assert_eq!(again.raw, first.raw, "it is theirs already");
        }
        let events = app.database.count("FROM event WHERE kind = 'OFFER_CLAIMED'").await;
        assert_eq!(events, 3, "one in each organization");
        let taken = claim(&dale.coordinator, &offer, dale.home.program).await;
        assert_eq!(taken.user_error_codes(), ["OFFER_TAKEN"], "{}", taken.raw);
        assert_eq!((open_offers(&them.referrer).await, open_offers(&dale.coordinator).await), (json!(0), json!(0)));
        let body = json!({ "query": format!("mutation {{ referralOfferClaim(id: \"{offer}\", programId: \"{}\") {{ referralOffer {{ status }} userErrors {{ code }} }} }}", cedar.home.program) });
        for _ in 0..2 {
            let keyed = cedar.coordinator.send(body.clone(), &[("idempotency-key", "claim-1")]).await;
            assert_eq!(keyed.text("/referralOfferClaim/referralOffer/status"), "CLAIMED", "{}", keyed.raw);
        }
    }

    async fn what_nobody_claims_in_time_is_over(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let cedar = bidder(&app, "Cedar").await;
        let draft = them.drafted(&app, json!({})).await;
        let offer = them.offered(&app, &draft, &[cedar.home.program]).await;
        app.clock().advance(TimeDelta::days(1) - TimeDelta::seconds(1));
        assert_eq!(app.fire_timers().await, 0);
        let (referrer, coordinator) = (app.staff(&them.clinic, &[Role::Referrer]).await.treating(), app.staff(&cedar.home, &[Role::Coordinator]).await.treating());
        assert_eq!((status_of(&coordinator, &offer).await, open_offers(&coordinator).await), ("OPEN".to_owned(), json!(1)));

        app.clock().advance(TimeDelta::seconds(1));
        assert_eq!((status_of(&coordinator, &offer).await, open_offers(&coordinator).await), ("EXPIRED".to_owned(), json!(0)), "before it is noted, too");
        assert_eq!(claim(&coordinator, &offer, cedar.home.program).await.user_error_codes(), ["OFFER_EXPIRED"]);
        app.sealed().await;
        let mut follower = follower(&app, &coordinator).await;
        assert_eq!(app.fire_timers().await, 1);
        let heard = follower.item("referralOfferChanged").await;
        assert_eq!((&heard["event"]["kind"], &heard["offer"]["status"], &heard["event"]["actorName"]), (&json!("OFFER_WITHDRAWN"), &json!("EXPIRED"), &json!("aftercare")), "{heard}");
        assert_eq!(app.database.count("FROM referral_offer WHERE status = 'EXPIRED'").await, 1);
        assert_eq!(app.database.count("FROM event WHERE kind = 'OFFER_WITHDRAWN'").await, 2);
        assert_eq!(claim(&coordinator, &offer, cedar.home.program).await.user_error_codes(), ["OFFER_EXPIRED"]);
        assert_eq!(withdraw(&referrer, &offer).await.user_error_codes(), ["IMMUTABLE"]);
        assert_eq!(asks(&Handover { referrer: referrer.clone(), ..them }, &draft).await, Value::Null);
    }

    async fn what_is_withdrawn_frees_its_draft(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (cedar, dale) = (bidder(&app, "Cedar").await, bidder(&app, "Dale").await);
        let both = [cedar.home.program, dale.home.program];
        let draft = them.drafted(&app, json!({})).await;
        let first = them.offered(&app, &draft, &both).await;
        let twice = them.offer(&app, &draft, &both).await;
        assert_eq!((twice.user_error_codes(), twice.text("/referralOfferOpen/userErrors/0/existing/id")), (vec!["ALREADY_EXISTS"], first.as_str()));
        let update = "mutation($id: ID!, $to: ID!) { referralUpdate(input: { id: $id, toProgramId: $to }) { referral { id } userErrors { code message path } } }";
        let moved = async || them.referrer.ask_with(update, json!({ "id": draft, "to": dale.home.program })).await;
        assert_eq!(moved().await.user_error_codes(), ["IMMUTABLE"]);

        assert_eq!(withdraw(&them.referrer, &first).await.text("/referralOfferWithdraw/referralOffer/status"), "WITHDRAWN");
        assert_eq!(withdraw(&them.referrer, &first).await.user_error_codes(), ["IMMUTABLE"]);
        assert_eq!(claim(&cedar.coordinator, &first, cedar.home.program).await.user_error_codes(), ["OFFER_EXPIRED"]);

        let second = them.offered(&app, &draft, &both).await;
        assert_eq!(claim(&cedar.coordinator, &second, cedar.home.program).await.user_error_codes(), [""; 0]);
        assert_eq!(moved().await.user_error_codes(), ["IMMUTABLE"], "it is reserved");
        assert_eq!(withdraw(&them.referrer, &second).await.user_error_codes(), [""; 0]);
        assert_eq!(asks(&them, &draft).await, Value::Null);
        for reader in [&cedar.coordinator, &dale.coordinator] {
            assert_eq!(status_of(reader, &second).await, "WITHDRAWN");
        }
        assert_eq!(app.database.count("FROM timer WHERE kind = 'OFFER_EXPIRY'").await, 0);
        assert_eq!(moved().await.user_error_codes(), [""; 0], "and now it can be given to a program as ever");
        assert_eq!(app.database.count("FROM referral_offer WHERE status IN ('OPEN', 'CLAIMED')").await, 0);
    }

    async fn an_offer_ends_with_its_draft(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let cedar = bidder(&app, "Cedar").await;
        let manager = app.staff(&them.clinic, &[Role::Coordinator]).await.treating();
        let mut offers = Vec::new();
        for (claimed, mutation, more) in [
            (false, "referralCancel", "reason: READMITTED"),
            (true, "referralCancel", "reason: READMITTED"),
            (false, "referralMarkEnteredInError", "text: \"Another person\""),
        ] {
            let draft = them.drafted(&app, json!({})).await;
            let offer = them.offered(&app, &draft, &[cedar.home.program]).await;
            if claimed {
                assert_eq!(claim(&cedar.coordinator, &offer, cedar.home.program).await.user_error_codes(), [""; 0]);
            }
            let ended = them.act(&manager, mutation, &draft, more).await;
            assert_eq!(ended.user_error_codes(), [""; 0], "{mutation}: {}", ended.raw);
            assert_eq!(status_of(&cedar.coordinator, &offer).await, "WITHDRAWN", "{mutation}");
            offers.push(offer);
        }
        let draft = them.drafted(&app, json!({})).await;
        offers.push(them.offered(&app, &draft, &[cedar.home.program]).await);
        claim(&cedar.coordinator, &offers[3], cedar.home.program).await.text("/referralOfferClaim/referralOffer/id");
        app.clock().advance(TimeDelta::days(30));
        app.fire_timers().await;
        let coordinator = app.staff(&cedar.home, &[Role::Coordinator]).await.treating();
        assert_eq!(status_of(&coordinator, &offers[3]).await, "WITHDRAWN", "a draft that lies idle ends, and what it reserved");
        assert_eq!(app.database.count("FROM referral WHERE status = 'EXPIRED'").await, 1);
        assert_eq!(app.database.count("FROM event WHERE kind = 'OFFER_WITHDRAWN'").await, 8, "two organizations, four offers");
    }

    async fn a_program_with_an_open_referral_of_the_person_is_not_offered_another(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let cedar = bidder(&app, "Cedar").await;
        let sent = them.refer(them.referral(&app)).await;
        let (open, client) = (sent.text("/referralCreate/referral/id"), sent.text("/referralCreate/referral/client/id"));
        let draft = them.drafted(&app, json!({ "clientId": client })).await;
        let refused = them.offer(&app, &draft, &[cedar.home.program, them.support.program]).await;
        assert_eq!((refused.user_error_codes(), refused.text("/referralOfferOpen/userErrors/0/existing/id")), (vec!["DUPLICATE_OPEN_REFERRAL"], open));

        // What the sender submits to a program while it offers there as well is the sender's to see when it submits, not the program's.
        let offer = them.offered(&app, &draft, &[cedar.home.program]).await;
        let beside = them.drafted(&app, json!({ "clientId": client, "toProgramId": cedar.home.program })).await;
        submit(&app, &them, &beside, client, &cedar.home).await;
        assert_eq!(claim(&cedar.coordinator, &offer, cedar.home.program).await.user_error_codes(), [""; 0]);
        let twice = them.act(&them.referrer, "referralSubmit", &draft, "").await;
        assert_eq!(twice.user_error_codes(), ["CONSENT_REQUIRED"], "{}", twice.raw);
        let twice = submitted(&app, &them, &draft, client, &cedar.home).await;
        assert_eq!(twice.user_error_codes(), ["DUPLICATE_OPEN_REFERRAL"], "{}", twice.raw);
        assert_eq!(withdraw(&them.referrer, &offer).await.user_error_codes(), [""; 0]);
    }
}

/// Records a consent that names an organization, and submits the draft under it.
async fn submitted(app: &TestApp, them: &Handover, draft: &str, client: &str, to: &Home) -> Answer {
    let mut consent = them.consent(app);
    let both = json!([them.clinic.organization, to.organization]);
    consent["recipientOrganizationIds"] = both.clone();
    consent["disclosingOrganizationIds"] = both;
    let record = "mutation($input: ConsentRecordInput!) { consentRecord(input: $input) { consent { id } userErrors { code message } } }";
    let recorded = them.referrer.ask_with(record, json!({ "input": { "clientId": client, "consent": consent } })).await;
    let update = "mutation($id: ID!, $consent: ID!) { referralUpdate(input: { id: $id, consentId: $consent }) { referral { id } userErrors { code message } } }";
    let under = json!({ "id": draft, "consent": recorded.text("/consentRecord/consent/id") });
    let updated = them.referrer.ask_with(update, under).await;
    assert_eq!(updated.user_error_codes(), [""; 0], "{}", updated.raw);
    them.act(&them.referrer, "referralSubmit", draft, "").await
}

async fn submit(app: &TestApp, them: &Handover, draft: &str, client: &str, to: &Home) {
    let submitted = submitted(app, them, draft, client, to).await;
    assert_eq!(submitted.user_error_codes(), [""; 0], "{}", submitted.raw);
}
