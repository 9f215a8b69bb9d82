//! What is released of a client in a medical emergency (42 CFR 2.51; domain 3.1 and 3.4).

use chrono::TimeDelta;
use entity::{
    ClientId, DisclosureId, EmergencyAccessId, OrganizationId, TypedId, WorkItemId, client, client_program, disclosure, emergency_access,
    organization,
    vocabulary::{DataClass, EventKind, WorkItemKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde::{Deserialize, Serialize};

use super::{
    text,
    work_item::{self as work_items, NewWork},
};
use crate::{
    access::{Access, Actor},
    error::{Error, Refusal, Result},
    store::{Action, Discloser, Event, Part, Released, Store, Tx, Visible},
};

/// How long what is released can be read (domain 3.4).
const LASTS: TimeDelta = TimeDelta::hours(4);
/// Within what time the privacy officer looks at it (D): hours as they pass, since an emergency keeps no office hours.
const REVIEWED_WITHIN: TimeDelta = TimeDelta::hours(72);
/// What is released: classes A and B (domain 3.4).
const CLASSES: &[DataClass] = &[DataClass::Identity, DataClass::ReferralClinical];
/// To whom, in a line of the accounting that names nobody: its facts do.
const MEDICAL_PERSONNEL: &str = "Medical personnel";

impl Part for emergency_access::Entity {}

/// What is recorded at once (42 CFR 2.51(c)). Who disclosed and when is recorded with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Who was told.
    pub recipient_name: String,
    /// The medical facility that they are of.
    pub facility: String,
    /// The nature of the emergency.
    pub nature: String,
}

/// What somebody releases in a medical emergency.
#[derive(Clone, Debug)]
pub struct NewEmergencyAccess {
    /// Of whom.
    pub client: ClientId,
    /// To whose staff; nothing when it was told by other means, such as by telephone.
    pub recipient: Option<OrganizationId>,
    /// To whom and why.
    pub facts: Facts,
}

/// The facts as they are kept. All that is wrong with them is told at once: there is no time for one after the other.
fn checked(facts: &Facts) -> Result<Facts> {
    let recipient_name = text::line("recipientName", &facts.recipient_name, 200).map_err(|refusal| refusal.at(["recipientName"]));
    let facility = text::line("facility", &facts.facility, 300).map_err(|refusal| refusal.at(["facility"]));
    let nature = text::optional("nature", Some(&facts.nature), 2_000).and_then(|nature| nature.ok_or_else(|| Refusal::required("nature")));
    match (recipient_name, facility, nature.map_err(|refusal| refusal.at(["nature"]))) {
        (Ok(recipient_name), Ok(facility), Ok(nature)) => Ok(Facts { recipient_name, facility, nature }),
        (name, facility, nature) => Err(Error::Refused([name.err(), facility.err(), nature.err()].into_iter().flatten().collect())),
    }
}

/// Records a medical emergency, for a client whom the caller sees, and releases who they are and the clinical facts: to an organization
/// whose staff read them for four hours, or as what was told by other means. A privacy officer reviews it.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever, the latter for applications as well; refused with `REQUIRED` when one of the facts is missing,
/// and when the recipient is the caller's own organization.
pub async fn open(store: &Store, access: &Access, new: NewEmergencyAccess) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    tx.hold::<client::Entity>(new.client).await?;
    let client = tx.fetch_for::<client::Entity>(new.client, Action::Release).await?;
    // Who disclosed is a person (42 CFR 2.51(c)(2)).
    tx.require(matches!(access.actor, Actor::Staff(_)))?;
    let facts = checked(&new.facts)?;
    let recipient = match new.recipient {
        Some(id) if id == client.organization_id => {
            let sentence = "`recipientOrganizationId` is another organization than your own, whose staff ask the client's program.";
            return Err(Refusal::invalid(sentence).at(["recipientOrganizationId"]).into());
        }
        Some(id) => Some(tx.fetch_for::<organization::Entity>(id, Action::Read).await?),
        None => None,
    };
    let (id, now) = (EmergencyAccessId::new(), tx.access().now);
    let row = emergency_access::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        recipient_organization_id: Set(recipient.as_ref().map(|recipient| recipient.id)),
        work_item_id: Set(to_review(&mut tx, &client).await?),
        opened_at: Set(now),
        expires_at: Set(now + LASTS),
        ended_at: Set(None),
    };
    tx.insert_parts::<emergency_access::Entity, _>(vec![row]).await?;
    let line = DisclosureId::new();
    let released = Released {
        id: line,
        under: id,
        recipient: recipient.as_ref().map(|recipient| recipient.id),
        name: recipient.as_ref().map_or(MEDICAL_PERSONNEL, |recipient| &recipient.name),
        classes: CLASSES.to_vec(),
        facts: tx.key_of(client.id).await?.seal::<disclosure::Entity, _, _>(line, disclosure::Column::Facts, &facts)?,
    };
    let discloser = Discloser { organization: client.organization_id, client: client.id, consenting: Vec::new() };
    tx.disclose_in_emergency(discloser, released).await?;
    tx.record(Event::new(EventKind::EmergencyAccessOpened, client.organization_id, client.id, client.version).of_client(client.id));
    tx.commit(client).await
}

/// Opens its review: each emergency has one of its own.
async fn to_review(tx: &mut Tx, client: &Visible<client::Entity>) -> Result<WorkItemId> {
    let with = tx.parts::<client_program::Entity>(Condition::all().add(client_program::Column::ClientId.eq(client.id))).await?;
    let programs = || with.iter().map(|with| with.program_id);
    let here = programs().find(|program| tx.access().programs.contains(program)).or_else(|| programs().next());
    let work = NewWork {
        organization: client.organization_id,
        program: here.ok_or_else(|| Error::internal("a client is with no program"))?,
        kind: WorkItemKind::EmergencyAccessReview,
        about: client.id.into(),
        clock: None,
        due_at: Some(tx.access().now + REVIEWED_WITHIN),
        assignee: None,
        note: None,
        requested: true,
    };
    work_items::open_another(tx, work).await
}

/// Ends what a review rejected: from now on nobody reads under it.
pub(super) async fn rejected(tx: &Tx, review: WorkItemId) -> Result<()> {
    let change = emergency_access::ActiveModel { ended_at: Set(Some(tx.access().now)), ..Default::default() };
    let of = Condition::all().add(emergency_access::Column::WorkItemId.eq(review)).add(emergency_access::Column::EndedAt.is_null());
    tx.update_parts::<emergency_access::Entity, _>(change, of).await.map(drop)
}
