//! What a client reads of themselves: the documents of a data export, and how they are asked to the end of their lists.

use std::{panic::AssertUnwindSafe, time::Duration};

use async_graphql::{Request, Variables};
use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::{Value as Json, json};

use super::engine::GraphEngine;
use crate::{
    access::Access,
    domain::data_export::{Object, Renders},
    error::{Error, Result},
    http::Engine,
};

/// How long one person's data may take: whatever else falls due waits meanwhile. Shorter than it takes until it is begun again.
const MOST_TIME: Duration = Duration::from_secs(300);

/// Of what a document is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Of each record of the person.
    Record,
    /// Of each referral that was found before.
    Referral,
}

/// A document of the export. It takes `$id`, and `$after` where it asks for a list.
struct Document {
    kind: &'static str,
    of: Of,
    /// Where the object is in the answer, or the list of them.
    at: &'static str,
    query: &'static str,
}

/// What is asked of a consent, wherever it stands.
macro_rules! consent {
    () => {
        "id client { id } kind status missingElements disclosers { id name } recipients { id name } recipientClass dataClasses purposes
            signedAt signedBy signerCapacity signatureMethod evidenceSha256 language expiresAt expiryEvent neverExpires
            confirmedBy { id name } revokedAt revokedHow notice createdAt version"
    };
}

/// All of them, in their order. What the schema lets a client read and none of them asks for fails a test (`tests/it/own_data.rs`).
const DOCUMENTS: &[Document] = &[
    Document {
        kind: "Client",
        of: Of::Record,
        at: "/node",
        query: "query($id: ID!) { node(id: $id) { ... on Client {
            id organization { id name } pseudonym
            identity { givenName familyName preferredName pronouns dateOfBirth gender raceEthnicity
                contactMethods { id kind value safe mayMentionRecovery mayLeaveMessage from to }
                address { line1 line2 city region postalCode country latitude longitude }
                timeZone languages interpreterNeeded payer externalIdentifiers { system value } }
            recovery { communities pathways experiences needs moud matchPreferences { criterion value required }
                milestones { kind label startedOn days bestDays cumulativeDays resets } }
            programs { id name } privacy { mergedFrom { id } } mergedInto { id } createdAt updatedAt version } } }",
    },
    Document {
        kind: "Consent",
        of: Of::Record,
        at: "/node/privacy/consents",
        query: concat!(
            "query($id: ID!, $after: String) { node(id: $id) { ... on Client { privacy { consents(first: 100, after: $after) { nodes { ",
            consent!(),
            " } pageInfo { hasNextPage endCursor } } } } } }"
        ),
    },
    Document {
        kind: "Disclosure",
        of: Of::Record,
        at: "/node/privacy/disclosures",
        query:
            "query($id: ID!, $after: String) { node(id: $id) { ... on Client { privacy { disclosures(first: 100, after: $after) { nodes {
            id client { id } recipient { id name } recipientName recipientAddress description actorName dataClasses purpose consent { id }
            emergency at } pageInfo { hasNextPage endCursor } } } } } }",
    },
    Document {
        kind: "Referral",
        of: Of::Record,
        at: "/node/referrals",
        query: "query($id: ID!, $after: String) { node(id: $id) { ... on Client { referrals(first: 100, after: $after) { nodes {
            id number origin from { id name } to { id name } urgency requestedServices createdAt client { id }
            person { givenName familyName preferredName pronouns dateOfBirth
                contactMethods { id kind value safe mayMentionRecovery mayLeaveMessage from to }
                address { line1 line2 city region postalCode country latitude longitude }
                languages interpreterNeeded communities matchPreferences { criterion value required } }
            clinical { dischargedAt expectedDischargeOn dischargeType levelOfCareLeft { edition code name } pathways moud reason }
            progress { status result closeReason submittedAt acknowledgedAt acceptedAt assignedAt firstAttemptAt connectedAt closedAt
                peer { displayName } episodeStatus history { from to at actorName role reason text }
                clocks { kind startedAt dueAt ceilingAt metAt breachedAt pausedSince policyVersion } overdue expiresAt
                infoRequest { fields text askedAt answeredAt } nextReviewAt suggestedProgram { id name }
                warmHandoff { method occurredAt staffName peer { displayName } clientPresent minutes outcome }
                attemptCount updatedAt version }
            episode { id } reReferralOf { id } consent { id } externalIdentifiers { system value }
            } pageInfo { hasNextPage endCursor } } } } }",
    },
    // Those that came with a referral are in no list of the organization that received it.
    Document {
        kind: "Consent",
        of: Of::Referral,
        at: "/node/consent",
        query: concat!("query($id: ID!) { node(id: $id) { ... on Referral { consent { ", consent!(), " } } } }"),
    },
    Document {
        kind: "ReferralMessage",
        of: Of::Referral,
        at: "/node/messages",
        query: "query($id: ID!, $after: String) { node(id: $id) { ... on Referral { messages(first: 100, after: $after) { nodes {
            id referral { id } authorName organization { id name } body sentAt readAt } pageInfo { hasNextPage endCursor } } } } }",
    },
    Document {
        kind: "Contact",
        of: Of::Record,
        at: "/node/care/contacts",
        query: "query($id: ID!, $after: String) { node(id: $id) { ... on Client { care { contacts(first: 100, after: $after) { nodes {
            id client { id } peer { displayName } modality outbound outcome scheduledFor startedAt minutes topics note addenda { text authorName at }
            noteShared referral { id } createdAt version } pageInfo { hasNextPage endCursor } } } } } }",
    },
    Document {
        kind: "Episode",
        of: Of::Record,
        at: "/node/care/episodes",
        query: "query($id: ID!, $after: String) { node(id: $id) { ... on Client { care { episodes(first: 100, after: $after) { nodes {
            id client { id } program { id name } referral { id } status startedAt endedAt endReason endText version }
            pageInfo { hasNextPage endCursor } } } } } }",
    },
    Document {
        kind: "PeerMatch",
        of: Of::Record,
        at: "/node/care/assignments",
        query: "query($id: ID!, $after: String) { node(id: $id) { ... on Client { care { assignments(first: 100, after: $after) { nodes {
            id client { id } peer { displayName } status clientChose proposedAt startedAt endedAt version }
            pageInfo { hasNextPage endCursor } } } } } }",
    },
    Document {
        kind: "Registration",
        of: Of::Record,
        at: "/node/care/registrations",
        query: "query($id: ID!, $after: String) { node(id: $id) { ... on Client { care { registrations(first: 100, after: $after) { nodes {
            id session { id status startsAt endsAt localStart timeZone gathering { id title } } client { id }
            attendance waitlistPosition offerExpiresAt checkedInAt accessibilityNeeds history { status at because }
            status registeredAt joinUrl address { line1 line2 city region postalCode country latitude longitude } version }
            pageInfo { hasNextPage endCursor } } } } } }",
    },
    Document {
        kind: "Event",
        of: Of::Record,
        at: "/node/timeline",
        query: "query($id: ID!, $after: String) { node(id: $id) { ... on Client { timeline(first: 100, after: $after) { nodes {
            id kind at organization { id name } actorName subjectId subjectVersion client { id } changed summary }
            pageInfo { hasNextPage endCursor } } } } }",
    },
    Document {
        kind: "AuditEvent",
        of: Of::Record,
        at: "/auditEvents",
        query: "query($id: ID!, $after: String) { auditEvents(subjectId: $id, first: 100, after: $after) { nodes {
            id at actorName organization { id name } action subjectId allowed } pageInfo { hasNextPage endCursor } } }",
    },
];

/// What is asked for a client's data export, each with the kind of what it answers.
pub fn documents() -> Vec<(&'static str, &'static str)> {
    DOCUMENTS.iter().map(|document| (document.kind, document.query)).collect()
}

#[async_trait]
impl Renders for GraphEngine {
    fn documents(&self) -> Vec<(&'static str, &'static str)> {
        documents()
    }

    /// A resolver that panics, or never answers, is a document that is not answered: it must not stop all that falls due.
    async fn own_data(&self, oneself: &Access) -> Result<Vec<Object>> {
        let whole = AssertUnwindSafe(Box::pin(everything(self, oneself))).catch_unwind();
        match tokio::time::timeout(MOST_TIME, whole).await {
            Ok(Ok(rendered)) => rendered,
            Ok(Err(_)) => Err(Error::internal("the rendering of an export panicked")),
            Err(_) => Err(Error::internal("the rendering of an export takes too long")),
        }
    }
}

async fn everything(engine: &GraphEngine, oneself: &Access) -> Result<Vec<Object>> {
    let records: Vec<_> = oneself.records.iter().map(ToString::to_string).collect();
    let (mut all, mut referrals) = (Vec::new(), Vec::new());
    for document in DOCUMENTS {
        for id in if document.of == Of::Record { &records } else { &referrals } {
            Box::pin(walk(engine, oneself, document, id, &mut all)).await?;
        }
        if document.kind == "Referral" {
            let found = all.iter().filter(|object| object.kind == document.kind);
            referrals = found.filter_map(|object| object.data["id"].as_str().map(ToOwned::to_owned)).collect();
        }
    }
    Ok(all)
}

/// Asks a document of one thing, to the end of its list. What is there already is not there twice. Where a gate is closed to the client
/// there is nothing.
async fn walk(engine: &GraphEngine, oneself: &Access, document: &Document, id: &str, all: &mut Vec<Object>) -> Result<()> {
    let mut after = Json::Null;
    loop {
        let variables = Variables::from_json(json!({ "id": id, "after": after }));
        let answer = Box::pin(engine.execute(oneself.clone(), Request::new(document.query).variables(variables))).await;
        let unanswered = || Error::internal(format!("{}: a document of an export is not answered", document.kind));
        if let Some(error) = answer.response.errors.first() {
            // Where and not what: what a message quotes may be somebody's.
            tracing::error!(kind = document.kind, path = ?error.path, "a document of an export is not answered");
            return Err(unanswered());
        }
        let answer = answer.response.data.into_json().map_err(|_| unanswered())?;
        let found = answer.pointer(document.at).filter(|found| !found.is_null());
        let Some(found) = found else { return if document.of == Of::Record { Err(unanswered()) } else { Ok(()) } };
        let Some(nodes) = found["nodes"].as_array() else {
            let there = all.iter().any(|object| object.kind == document.kind && object.data["id"] == found["id"]);
            if !there {
                all.push(Object { kind: document.kind, data: found.clone() });
            }
            return Ok(());
        };
        all.extend(nodes.iter().map(|node| Object { kind: document.kind, data: node.clone() }));
        match &found["pageInfo"] {
            page if page["hasNextPage"] == true => after = page["endCursor"].clone(),
            _ => return Ok(()),
        }
    }
}
