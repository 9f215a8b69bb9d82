//! The chains of hashes, one for each organization and log: what a changed byte breaks.

use std::collections::{BTreeMap, BTreeSet};

use entity::{OrganizationId, audit_event, chain_head, disclosure, event};
use sea_orm::{Condition, DatabaseTransaction, DbErr, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::{
    Store, connection,
    link::{Link, Numbered, chain, hash_after},
};
use crate::{
    access::Access,
    error::{Error, Result},
};

/// How many rows are read at once.
const BATCH: u64 = 1_000;

/// What `verify` found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Verified {
    /// Sealed events.
    pub events: u64,
    /// Sealed audit entries.
    pub audit: u64,
    /// Sealed disclosures.
    pub disclosures: u64,
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

/// Why a walk along the chains ended early.
enum Stopped {
    Broken(Broken),
    Failed(Error),
}

impl From<Broken> for Stopped {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<DbErr> for Stopped {
    fn from(error: DbErr) -> Self {
        Self::Failed(error.into())
    }
}

/// Rows that are numbered from 1 without a gap: those of a log, or of one organization in it.
struct Series {
    chain: String,
    of: Condition,
}

/// The chains while they are walked, and where each ends so far.
struct Walk<'a> {
    snapshot: &'a DatabaseTransaction,
    ends: BTreeMap<String, (i64, Vec<u8>)>,
}

impl Walk<'_> {
    /// Walks all chains of a log. Gives how many rows it has.
    async fn along<E: Link>(&mut self) -> Result<u64, Stopped> {
        let mut rows = 0;
        for series in self.series::<E>().await? {
            let last = self.along_series::<E>(&series).await?;
            if E::NUMBERED == Numbered::Together && last > 0 {
                self.ends.insert(series.chain, (last, Vec::new()));
            }
            rows += last.unsigned_abs();
        }
        Ok(rows)
    }

    async fn series<E: Link>(&self) -> Result<Vec<Series>, Stopped> {
        if E::NUMBERED == Numbered::Together {
            return Ok(vec![Series { chain: E::CHAIN.to_owned(), of: Condition::all() }]);
        }
        let column = || Expr::col("organization_id");
        let organizations = connection::select::<E>().select_only().column_as(column(), "organization_id").distinct();
        let organizations = organizations.into_tuple::<Option<OrganizationId>>().all(self.snapshot).await?;
        let one = |organization: Option<OrganizationId>| {
            let of = organization.map_or(column().is_null(), |id| column().eq(id));
            Series { chain: chain::<E>(organization), of: Condition::all().add(of) }
        };
        Ok(organizations.into_iter().map(one).collect())
    }

    /// Gives the last position.
    async fn along_series<E: Link>(&mut self, series: &Series) -> Result<i64, Stopped> {
        let mut last = 0;
        loop {
            let next = connection::select::<E>().filter(series.of.clone()).filter(Expr::col("position").gt(last));
            let rows = next.order_by_asc(Expr::col("position")).limit(BATCH).all(self.snapshot).await?;
            if rows.is_empty() {
                return Ok(last);
            }
            for row in &rows {
                last += 1;
                if E::links(row).position != Some(last) {
                    return Err(Broken { chain: series.chain.clone(), position: last, because: "nothing has this position" }.into());
                }
                self.step::<E>(row, last)?;
            }
        }
    }

    fn step<E: Link>(&mut self, row: &E::Model, position: i64) -> Result<(), Broken> {
        let links = E::links(row);
        let chain = chain::<E>(links.organization);
        let (length, previous) = self.ends.entry(chain.clone()).or_default();
        let wanted = hash_after::<E>(previous, row, position);
        if links.hash != Some(&wanted) {
            return Err(Broken { chain, position, because: "the row was changed, or one before it was taken away or put in" });
        }
        (*length, *previous) = (*length + 1, wanted);
        Ok(())
    }

    /// Compares where the chains end with where the sealer left them.
    async fn ends_agree(&self) -> Result<(), Stopped> {
        let heads = connection::select::<chain_head::Entity>().all(self.snapshot).await?;
        let heads: BTreeMap<String, _> = heads.into_iter().map(|head| (head.chain, (head.length, head.hash))).collect();
        let chains: BTreeSet<&String> = heads.keys().chain(self.ends.keys()).collect();
        // An organization's chain is named rather than the log over all of them, which comes before it.
        let Some(chain) = chains.into_iter().rev().find(|chain| heads.get(*chain) != self.ends.get(*chain)) else { return Ok(()) };
        let length = |ends: &BTreeMap<String, (i64, Vec<u8>)>| ends.get(chain).map_or(0, |end| end.0);
        let position = Ord::max(length(&heads), length(&self.ends));
        Err(Broken { chain: chain.clone(), position, because: "the end of the chain was cut off, or its head was changed" }.into())
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
        match walk(snapshot).await {
            Ok(verified) => Ok(Ok(verified)),
            Err(Stopped::Broken(broken)) => Ok(Err(broken)),
            Err(Stopped::Failed(error)) => Err(error),
        }
    }

    /// How many rows of all logs wait for their place.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn unsealed(&self) -> Result<u64> {
        let waiting = self.waiting::<event::Entity>().await? + self.waiting::<audit_event::Entity>().await?;
        Ok(waiting + self.waiting::<disclosure::Entity>().await?)
    }

    async fn waiting<E: Link>(&self) -> Result<u64> {
        Ok(connection::select::<E>().filter(Expr::col("position").is_null()).count(self.reader()).await?)
    }
}

async fn walk(snapshot: &DatabaseTransaction) -> Result<Verified, Stopped> {
    let mut walk = Walk { snapshot, ends: BTreeMap::new() };
    let verified = Verified {
        events: walk.along::<event::Entity>().await?,
        audit: walk.along::<audit_event::Entity>().await?,
        disclosures: walk.along::<disclosure::Entity>().await?,
    };
    walk.ends_agree().await?;
    Ok(verified)
}
