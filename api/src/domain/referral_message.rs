//! Messages about a referral between its two sides.

use entity::{
    OrganizationId, ReferralId, ReferralMessageId, TypedId, class, organization, referral, referral_message,
    vocabulary::{DataClass, EventKind, ReferralResult},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    consent as consents,
    referral::{Side, followed, happened},
    text,
};
use crate::{
    access::Access,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Discloser, Event, Grants, Protected, Store, Tx, Visible, always},
};

impl Protected for referral_message::Entity {
    type Id = ReferralMessageId;

    fn id_column() -> Self::Column {
        referral_message::Column::Id
    }

    fn id(row: &referral_message::Model) -> ReferralMessageId {
        row.id
    }

    /// To whom the referral's progress is open. Sending was the disclosure, and was accounted for then.
    fn visible_to(access: &Access) -> Condition {
        Condition::all().add(referral_message::Column::ReferralId.in_subquery(followed(access)))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none().open(Class::ReferralStatus, always())
    }

    fn allows(_: &Access, action: Action, _: &referral_message::Model) -> bool {
        action == Action::Read
    }

    fn class_of(column: referral_message::Column) -> Option<Class> {
        matches!(column, referral_message::Column::Body).then_some(Class::ReferralStatus)
    }

    fn subject(row: &referral_message::Model) -> uuid::Uuid {
        row.referral_id.into()
    }

    fn row_class() -> Option<Class> {
        Some(Class::ReferralStatus)
    }
}

/// Sends a message to the other side of a submitted referral.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `CONSENT_REQUIRED` when no consent lets the other side read it, and when it is
/// empty or too long.
pub async fn send(store: &Store, access: &Access, id: ReferralId, body: &str) -> Result<Visible<referral_message::Entity>> {
    let mut tx = store.begin(access).await?;
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Converse).await?;
    let body = text::paragraph("body", body, 4_000).map_err(|refusal| refusal.at(["body"]))?;
    if body.is_empty() {
        return Err(Refusal::required("body").at(["body"]).into());
    }
    let (Some(own), Some(to), true) = (access.organization, referral.to_organization_id, referral.submitted_at.is_some()) else {
        return Err(Refusal::new(Code::InvalidTransition, "A draft has no other side yet: submit it first.").at(["id"]).into());
    };
    let side = if own == to { Side::Receiver } else { Side::Sender };
    let (discloser, recipient) = match side {
        Side::Sender => {
            let client = referral.from_client_id;
            (Some(Discloser { organization: own, client, consenting: vec![client] }), to)
        }
        Side::Receiver => {
            let consenting = |client| vec![referral.from_client_id, client];
            let own_client = referral.to_client_id;
            let discloser = own_client.map(|client| Discloser { organization: own, client, consenting: consenting(client) });
            (discloser, referral.from_organization_id)
        }
    };
    disclose(&mut tx, &referral, discloser, recipient).await?;
    let message = write(&mut tx, &referral, side, own, &body).await?;
    let sent = tx.fetch_for::<referral_message::Entity>(message, Action::Read).await?;
    tx.commit(sent).await
}

async fn write(tx: &mut Tx, referral: &referral::Model, side: Side, own: OrganizationId, body: &str) -> Result<ReferralMessageId> {
    let message = ReferralMessageId::new();
    let key = tx.key_of(referral.id).await?;
    let row = referral_message::ActiveModel {
        id: Set(message),
        referral_id: Set(referral.id),
        organization_id: Set(own),
        author: Set(tx.actor()),
        body: Set(key.seal::<referral_message::Entity, class::ReferralStatus, _>(message, referral_message::Column::Body, &body)?),
        sent_at: Set(tx.access().now),
        read_at: Set(None),
    };
    tx.insert_unseen(row).await?;
    let told = happened(referral, side, 1);
    tx.record(Event { kind: EventKind::ReferralMessageSent, subject: message.into(), subject_version: None, ..told });
    Ok(message)
}

/// Tells the sender what became of a referral, as far as a consent lets it (domain 2.3, row 12: the message that closes the loop): what
/// the receiver said to it, or a sentence of ours.
pub(super) async fn close_loop(
    tx: &mut Tx,
    referral: &Visible<referral::Entity>,
    result: ReferralResult,
    said: Option<&str>,
) -> Result<()> {
    let ours = match result {
        ReferralResult::Engaged => "Support has begun and goes on.",
        ReferralResult::SingleContactOnly => "There was one contact; no more is planned for now. They are welcome back at any time.",
        ReferralResult::LinkedElsewhere => "They have found support elsewhere.",
    };
    tell_sender(tx, referral, said.unwrap_or(ours)).await
}

/// Tells the sender something of the receiver's, as far as a consent lets it; nothing where the two are one organization.
pub(super) async fn tell_sender(tx: &mut Tx, referral: &Visible<referral::Entity>, body: &str) -> Result<()> {
    let Some((own, client)) = referral.to_organization_id.zip(referral.to_client_id) else { return Ok(()) };
    if own == referral.from_organization_id {
        return Ok(());
    }
    let consenting = vec![referral.from_client_id, client];
    match disclose(tx, referral, Some(Discloser { organization: own, client, consenting }), referral.from_organization_id).await {
        Ok(()) => {}
        Err(Error::Refused(_)) => return Ok(()),
        Err(error) => return Err(error),
    }
    write(tx, referral, Side::Receiver, own, body).await.map(drop)
}

/// Makes sure that a consent lets the other side read it, and accounts for it. Before acceptance the receiver has no record of the
/// person to account for.
async fn disclose(
    tx: &mut Tx,
    referral: &Visible<referral::Entity>,
    discloser: Option<Discloser>,
    recipient: OrganizationId,
) -> Result<()> {
    let refused = || {
        let sentence = "No consent lets the other organization read this: record one that covers REFERRAL_STATUS for it.";
        Error::from(Refusal::new(Code::ConsentRequired, sentence).at(["id"]))
    };
    let recipient = tx.fetch_for::<organization::Entity>(recipient, Action::Read).await?;
    let from = discloser.as_ref().map(|discloser| discloser.organization).or(referral.to_organization_id).ok_or_else(refused)?;
    let clients: Vec<_> = std::iter::once(referral.from_client_id).chain(referral.to_client_id).collect();
    let flows = consents::flows_for_treatment(tx, &clients, from, &recipient).await?;
    let covering =
        flows.into_iter().find(|flow| flow.data_classes & DataClass::ReferralStatus.bit() != 0 && (flow.confirmed || discloser.is_none()));
    let covering = covering.ok_or_else(refused)?;
    if let Some(discloser) = discloser {
        let consent = consents::named(tx, covering.consent_id).await?.ok_or_else(refused)?;
        tx.disclose(&discloser, &recipient, vec![DataClass::ReferralStatus], &consent).await?;
    }
    Ok(())
}
