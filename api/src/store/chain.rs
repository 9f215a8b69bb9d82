//! The chains of hashes, one for each organization and log: what a changed byte breaks.

use std::collections::BTreeMap;

use entity::{audit_event, chain_head, event};
use sea_orm::{ColumnTrait, DatabaseTransaction, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Store, connection, sha256};
use crate::{access::Access, error::Result};

/// How many rows are read at once.
const BATCH: u64 = 1_000;

/// What `verify` found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Verified {
    /// Sealed events.
    pub events: u64,
    /// Sealed audit entries.
    pub audit: u64,
}

/// Where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which chain.
    pub chain: String,
    /// The first position that is wrong.
    pub position: i64,
    /// What is wrong there.
    pub because: &'static str,
}

/// A row of a log that is chained.
pub(in crate::store) trait Link {
    /// Everything of the row but its hash, as bytes that two different rows never share.
    fn bytes(&self) -> Vec<Vec<u8>>;

    /// The name of its chain.
    fn chain(&self) -> String;

    /// The hash of this row behind another.
    fn hash_after(&self, previous: &[u8]) -> Vec<u8> {
        let bytes = self.bytes();
        let parts: Vec<&[u8]> = std::iter::once(previous).chain(bytes.iter().map(Vec::as_slice)).collect();
        sha256(&parts)
    }
}

fn optional<T: ToString>(value: Option<&T>) -> Vec<u8> {
    value.map(|value| format!("+{}", value.to_string()).into_bytes()).unwrap_or_default()
}

impl Link for event::Model {
    fn bytes(&self) -> Vec<Vec<u8>> {
        let changed = self.changed.join(",");
        let mut bytes = vec![
            self.id.0.as_bytes().to_vec(),
            self.ordinal.to_be_bytes().to_vec(),
            optional(self.position.as_ref()),
            self.organization_id.0.as_bytes().to_vec(),
            optional(self.other_organization_id.as_ref()),
            self.kind.as_str().into(),
            self.at.timestamp_micros().to_be_bytes().to_vec(),
            self.actor.clone().into_bytes(),
            self.subject_kind.clone().into_bytes(),
            self.subject_id.as_bytes().to_vec(),
            optional(self.subject_version.as_ref()),
            optional(self.client_id.as_ref()),
            changed.into_bytes(),
        ];
        // Rows from before there were referrals keep their hash.
        bytes.extend(self.referral_id.map(|id| id.0.as_bytes().to_vec()));
        bytes
    }

    fn chain(&self) -> String {
        format!("event:{}", self.organization_id)
    }
}

impl Link for audit_event::Model {
    fn bytes(&self) -> Vec<Vec<u8>> {
        let classes: Vec<&str> = self.data_classes.iter().map(|class| class.as_str()).collect();
        vec![
            self.id.0.as_bytes().to_vec(),
            optional(self.position.as_ref()),
            optional(self.organization_id.as_ref()),
            self.at.timestamp_micros().to_be_bytes().to_vec(),
            self.actor.clone().into_bytes(),
            self.action.clone().into_bytes(),
            optional(self.subject_kind.as_ref()),
            optional(self.subject_id.as_ref()),
            classes.join(",").into_bytes(),
            self.request_id.clone().into_bytes(),
            vec![self.allowed.into()],
        ]
    }

    fn chain(&self) -> String {
        let organization = self.organization_id.map(|id| id.to_string());
        format!("audit:{}", organization.as_deref().unwrap_or("-"))
    }
}

/// The ends of the chains while they are walked.
#[derive(Default)]
struct Walk {
    ends: BTreeMap<String, (i64, Vec<u8>)>,
}

impl Walk {
    fn step(&mut self, link: &impl Link, position: i64, hash: Option<&Vec<u8>>) -> Result<(), Broken> {
        let chain = link.chain();
        let (length, previous) = self.ends.entry(chain.clone()).or_default();
        let wanted = link.hash_after(previous);
        if hash != Some(&wanted) {
            return Err(Broken { chain, position, because: "the row was changed, or one before it was taken away or put in" });
        }
        (*length, *previous) = (*length + 1, wanted);
        Ok(())
    }
}

impl Store {
    /// Computes every chain anew and compares.
    ///
    /// # Errors
    /// `Database` when it cannot be read. What does not hold is in the result.
    pub async fn verify(&self, _access: &Access) -> Result<Result<Verified, Broken>> {
        // What is sealed meanwhile would look like a chain that does not fit its head.
        let snapshot = &self.shared.connections.snapshot().await?;
        let mut verified = Verified::default();
        let mut walk = Walk::default();
        let mut at = 0;
        loop {
            let rows = connection::select::<event::Entity>()
                .filter(event::Column::Position.gt(at))
                .order_by_asc(event::Column::Position)
                .limit(BATCH)
                .all(snapshot)
                .await?;
            for row in &rows {
                let position = row.position.unwrap_or_default();
                if position != at + 1 {
                    return Ok(Err(Broken { chain: "event".to_owned(), position: at + 1, because: "no event has this position" }));
                }
                if let Err(broken) = walk.step(row, position, row.hash.as_ref()) {
                    return Ok(Err(broken));
                }
                at = position;
                verified.events += 1;
            }
            if rows.is_empty() {
                break;
            }
        }
        let organizations = connection::select::<audit_event::Entity>()
            .select_only()
            .column(audit_event::Column::OrganizationId)
            .distinct()
            .into_tuple::<Option<entity::OrganizationId>>()
            .all(snapshot)
            .await?;
        for organization in organizations {
            let of = match organization {
                Some(id) => audit_event::Column::OrganizationId.eq(id),
                None => audit_event::Column::OrganizationId.is_null(),
            };
            let mut at = 0;
            loop {
                let rows = connection::select::<audit_event::Entity>()
                    .filter(of.clone())
                    .filter(audit_event::Column::Position.gt(at))
                    .order_by_asc(audit_event::Column::Position)
                    .limit(BATCH)
                    .all(snapshot)
                    .await?;
                for row in &rows {
                    let position = row.position.unwrap_or_default();
                    if position != at + 1 {
                        return Ok(Err(Broken { chain: row.chain(), position: at + 1, because: "no entry has this position" }));
                    }
                    if let Err(broken) = walk.step(row, position, row.hash.as_ref()) {
                        return Ok(Err(broken));
                    }
                    at = position;
                    verified.audit += 1;
                }
                if rows.is_empty() {
                    break;
                }
            }
        }
        Ok(heads_agree(snapshot, &walk).await?.map_or(Ok(verified), Err))
    }

    /// How many events wait for their place.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn unsealed(&self) -> Result<u64> {
        Ok(connection::select::<event::Entity>().filter(event::Column::Position.is_null()).count(self.reader()).await?)
    }
}

/// Where a chain is shorter than its head says: its end was cut off.
async fn heads_agree(snapshot: &DatabaseTransaction, walk: &Walk) -> Result<Option<Broken>> {
    let heads = connection::select::<chain_head::Entity>().all(snapshot).await?;
    let cut = heads.into_iter().filter(|head| head.chain != "event").find(|head| {
        let (length, hash) = walk.ends.get(&head.chain).cloned().unwrap_or_default();
        length != head.length || hash != head.hash
    });
    Ok(cut.map(|head| Broken { position: head.length, chain: head.chain, because: "the end of the chain was cut off" }))
}
