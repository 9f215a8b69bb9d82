//! The logs whose rows are chained by hash, and what each of their rows is as a link.

use entity::{Guarded, OrganizationId, Sealed, audit_event, disclosure, event, vocabulary::DataClass};
use sea_orm::{EntityTrait, FromQueryResult, Value};
use uuid::Uuid;

use super::sha256;

/// How the rows of a log are numbered, from 1 and without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Numbered {
    /// Over all organizations: the position is a cursor.
    Together,
    /// In each organization for itself.
    PerOrganization,
}

/// What every row of a log has.
#[derive(Clone, Debug)]
pub(in crate::store) struct Links<'a> {
    pub(in crate::store) id: Uuid,
    /// Whose chain it is in; null for what concerns no tenant.
    pub(in crate::store) organization: Option<OrganizationId>,
    /// Null until sealed, as the hash is.
    pub(in crate::store) position: Option<i64>,
    pub(in crate::store) hash: Option<&'a [u8]>,
}

/// A log: a table that only grows, whose rows the sealer numbers and chains by hash, one chain for each organization. It has the
/// columns `id`, `organization_id`, `position` and `hash`, and an index over what has no position.
pub(in crate::store) trait Link: EntityTrait<Model: FromQueryResult + Send + Sync> + Default {
    /// What its chains are called; the organization follows.
    const CHAIN: &'static str;
    /// How its rows are numbered.
    const NUMBERED: Numbered;
    /// The order in which rows that wait at the same time get their places.
    const ORDER: &'static [Self::Column];

    /// What every row has, of this one.
    fn links(row: &Self::Model) -> Links<'_>;

    /// All the rest of the row, as bytes that two different rows never share.
    fn bytes(row: &Self::Model) -> Vec<Vec<u8>>;
}

/// The name of an organization's chain.
pub(in crate::store) fn chain<E: Link>(organization: Option<OrganizationId>) -> String {
    match organization {
        Some(id) => format!("{}:{id}", E::CHAIN),
        None => format!("{}:-", E::CHAIN),
    }
}

/// The hash of a row that stands at this position behind another.
pub(in crate::store) fn hash_after<E: Link>(previous: &[u8], row: &E::Model, position: i64) -> Vec<u8> {
    let Links { id, organization, .. } = E::links(row);
    let place = [id.as_bytes().to_vec(), position.to_be_bytes().to_vec(), optional(organization.as_ref())];
    let bytes = E::bytes(row);
    let parts: Vec<&[u8]> = std::iter::once(previous).chain(place.iter().chain(&bytes).map(Vec::as_slice)).collect();
    sha256(&parts)
}

/// Nothing, or a value that is never the same as nothing.
fn optional<T: ToString>(value: Option<&T>) -> Vec<u8> {
    value.map(|value| format!("+{}", value.to_string()).into_bytes()).unwrap_or_default()
}

fn sealed_bytes<C>(sealed: Guarded<C, Sealed>) -> Vec<u8> {
    match Value::from(sealed) {
        Value::Bytes(Some(bytes)) => bytes.to_vec(),
        _ => Vec::new(),
    }
}

fn classes(of: &[DataClass]) -> Vec<u8> {
    of.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(",").into_bytes()
}

impl Link for event::Entity {
    const CHAIN: &'static str = "event";
    const NUMBERED: Numbered = Numbered::Together;
    const ORDER: &'static [event::Column] =
        &[event::Column::At, event::Column::SubjectId, event::Column::SubjectVersion, event::Column::Ordinal, event::Column::Id];

    fn links(row: &event::Model) -> Links<'_> {
        Links { id: row.id.into(), organization: row.organization_id, position: row.position, hash: row.hash.as_deref() }
    }

    fn bytes(row: &event::Model) -> Vec<Vec<u8>> {
        let mut bytes = vec![
            row.ordinal.to_be_bytes().to_vec(),
            optional(row.other_organization_id.as_ref()),
            row.kind.as_str().into(),
            row.at.timestamp_micros().to_be_bytes().to_vec(),
            row.actor.clone().into_bytes(),
            row.subject_kind.clone().into_bytes(),
            row.subject_id.as_bytes().to_vec(),
            optional(row.subject_version.as_ref()),
            optional(row.client_id.as_ref()),
            row.changed.join(",").into_bytes(),
        ];
        // Rows from before there were referrals keep their hash.
        bytes.extend(row.referral_id.map(|id| id.0.as_bytes().to_vec()));
        bytes
    }
}

impl Link for audit_event::Entity {
    const CHAIN: &'static str = "audit";
    const NUMBERED: Numbered = Numbered::PerOrganization;
    const ORDER: &'static [audit_event::Column] = &[audit_event::Column::At, audit_event::Column::Id];

    fn links(row: &audit_event::Model) -> Links<'_> {
        Links { id: row.id.into(), organization: row.organization_id, position: row.position, hash: row.hash.as_deref() }
    }

    fn bytes(row: &audit_event::Model) -> Vec<Vec<u8>> {
        vec![
            row.at.timestamp_micros().to_be_bytes().to_vec(),
            row.actor.clone().into_bytes(),
            row.action.clone().into_bytes(),
            optional(row.subject_kind.as_ref()),
            optional(row.subject_id.as_ref()),
            classes(&row.data_classes),
            row.request_id.clone().into_bytes(),
            vec![row.allowed.into()],
        ]
    }
}

impl Link for disclosure::Entity {
    const CHAIN: &'static str = "disclosure";
    const NUMBERED: Numbered = Numbered::PerOrganization;
    const ORDER: &'static [disclosure::Column] = &[disclosure::Column::At, disclosure::Column::Id];

    fn links(row: &disclosure::Model) -> Links<'_> {
        Links { id: row.id.into(), organization: Some(row.organization_id), position: row.position, hash: row.hash.as_deref() }
    }

    fn bytes(row: &disclosure::Model) -> Vec<Vec<u8>> {
        let mut bytes = vec![
            row.client_id.0.as_bytes().to_vec(),
            row.recipient_organization_id.map(|id| id.0.as_bytes().to_vec()).unwrap_or_default(),
            row.recipient_name.clone().into_bytes(),
            row.actor.clone().into_bytes(),
            classes(&row.data_classes),
            row.purpose.as_str().into(),
            row.consent_id.map(|id| id.0.as_bytes().to_vec()).unwrap_or_default(),
            row.consent_version.map(|version| version.to_be_bytes().to_vec()).unwrap_or_default(),
            row.request_id.clone().into_bytes(),
            row.at.timestamp_micros().to_be_bytes().to_vec(),
        ];
        // Rows from before there were emergencies keep their hash. The facts are hashed as they are sealed, so that it survives an
        // erasure.
        if let Some(emergency) = row.emergency_access_id {
            bytes.push(emergency.0.as_bytes().to_vec());
            bytes.push(row.facts.clone().map(sealed_bytes).unwrap_or_default());
        }
        bytes
    }
}
