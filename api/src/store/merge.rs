//! Two records of one person: which rows name a client, how a merge gives them to another, and how its undo gives them back.
//!
//! What is sealed stays under the key of the client it was sealed for; the row says so. What is chained (events, disclosures) stays as
//! it was written, and is read with the record that was merged.

use std::collections::BTreeSet;

use entity::{ClientId, ProgramId, client_moved, client_program, client_search};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait,
    sea_query::{Expr, ExprTrait, Func, OnConflict, Query, SelectStatement},
};
use uuid::Uuid;

use super::{Part, Tx, unique};
use crate::error::{Code, Refusal, Result};

impl Part for client_moved::Entity {}

/// A table whose rows name a client.
struct Named {
    table: &'static str,
    column: &'static str,
    /// By which column its rows are told apart.
    id: &'static str,
    /// Whether its rows are sealed under the client's key.
    sealed: bool,
    /// What to do when both records have what a person has once.
    twice: &'static str,
}

impl Named {
    fn kind(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }
}

const fn named(table: &'static str, column: &'static str, sealed: bool, twice: &'static str) -> Named {
    Named { table, column, id: "id", sealed, twice }
}

/// What names one client and is given to another when the two are merged. The directions of a consent go with it.
const GIVEN: &[Named] = &[
    named("consent", "client_id", true, ""),
    Named { id: "consent_id", ..named("consent_flow", "client_id", false, "") },
    named("episode", "client_id", true, ""),
    named("contact", "client_id", true, ""),
    named("milestone", "client_id", true, ""),
    named("peer_match", "client_id", false, "Both are supported by a peer of the same program: end one of the two pairings first."),
    named("registration", "client_id", false, "Both have a seat in the same session: cancel one of the two first."),
    named("referral", "from_client_id", false, "Both have an open referral to the same program: close one of the two first."),
    named("referral", "to_client_id", false, ""),
];

/// What names a client and is given by rules of its own: memberships and words, as sets.
const BY_ITSELF: &[&str] = &[MEMBERSHIP, "client_search.client_id"];

/// What goes on naming whom it named.
const LEFT: &[&str] = &[
    "work_item.client_id",
    "emergency_access.client_id",
    "client.merged_into_id",
    "client_moved.merged_id",
    "possible_duplicate.client_id",
    "possible_duplicate.other_id",
    "consent.sealed_for_id",
    "contact.sealed_for_id",
    "episode.sealed_for_id",
    "milestone.sealed_for_id",
    "erasure.client_id",
    "bulk_operation.client_id",
    "client_access.client_id",
    "private_calendar.client_id",
    "outgoing_message.client_id",
];

/// Every column that names a client, as `table.column`; a test compares them with the schema.
pub fn columns_that_name_clients() -> BTreeSet<String> {
    let given = GIVEN.iter().map(Named::kind);
    given.chain(BY_ITSELF.iter().chain(LEFT).map(|name| (*name).to_owned())).collect()
}

const MEMBERSHIP: &str = "client_program.client_id";

/// The rows of a kind that a merge moved.
fn moved(merged: ClientId, kind: &str) -> SelectStatement {
    let of = client_moved::Column::MergedId.eq(merged).and(client_moved::Column::Kind.eq(kind));
    Query::select().column("row_id").from("client_moved").and_where(of).take()
}

impl Tx {
    /// Gives whatever names a client to the one into whom they are merged. Doing it again moves what was written since.
    ///
    /// # Errors
    /// Refused when both have what a person has once.
    pub async fn give(&self, merged: ClientId, kept: ClientId) -> Result<()> {
        for this in GIVEN {
            let kind = this.kind();
            let names = || Expr::col(this.column).eq(Uuid::from(merged));
            let rows = Query::select()
                .expr(Expr::val(Uuid::from(merged)))
                .expr(Expr::val(kind.as_str()))
                .column(this.id)
                .from(this.table)
                .and_where(names())
                .take();
            let columns = ["merged_id", "kind", "row_id"];
            let once = OnConflict::columns(columns).do_nothing().to_owned();
            let note =
                Query::insert().into_table("client_moved").columns(columns).select_from(rows).map(|insert| insert.on_conflict(once).take());
            let note = note.map_err(|error| crate::error::Error::internal(error.to_string()))?;
            self.transaction.execute(&note).await?;
            let mut give = Query::update();
            give.table(this.table).value(this.column, Uuid::from(kept)).and_where(names());
            if this.sealed {
                let first = Func::coalesce([Expr::col("sealed_for_id"), Expr::val(Uuid::from(merged))]);
                give.value("sealed_for_id", first);
            }
            let twice = || Refusal::new(Code::AlreadyExists, this.twice).at(["mergeId"]);
            self.transaction.execute(&give).await.map_err(|error| unique(error.into(), twice))?;
        }
        self.give_memberships(merged, kept).await?;
        self.give_words(merged, kept).await
    }

    /// The kept record is with the merged one's programs, too: whoever worked with the person goes on.
    async fn give_memberships(&self, merged: ClientId, kept: ClientId) -> Result<()> {
        let of = |client: ClientId| self.parts::<client_program::Entity>(Condition::all().add(client_program::Column::ClientId.eq(client)));
        let there: BTreeSet<ProgramId> = of(kept).await?.into_iter().map(|row| row.program_id).collect();
        let new: Vec<_> = of(merged).await?.into_iter().filter(|row| !there.contains(&row.program_id)).collect();
        let moved = new.iter().map(|row| client_moved::ActiveModel {
            merged_id: Set(merged),
            kind: Set(MEMBERSHIP.to_owned()),
            row_id: Set(row.program_id.into()),
        });
        self.insert_parts::<client_moved::Entity, _>(moved.collect()).await?;
        let with = new.iter().map(|row| client_program::ActiveModel {
            organization_id: Set(row.organization_id),
            client_id: Set(kept),
            program_id: Set(row.program_id),
        });
        self.insert_parts::<client_program::Entity, _>(with.collect()).await
    }

    /// Whoever is looked for by the merged record's words finds the kept one.
    async fn give_words(&self, merged: ClientId, kept: ClientId) -> Result<()> {
        let of = |client: ClientId| self.parts::<client_search::Entity>(Condition::all().add(client_search::Column::ClientId.eq(client)));
        let there: BTreeSet<_> = of(kept).await?.into_iter().map(|row| (row.kind, row.hash)).collect();
        let words = of(merged).await?.into_iter().filter(|row| !there.contains(&(row.kind.clone(), row.hash.clone())));
        let words = words.map(|row| client_search::ActiveModel {
            organization_id: Set(row.organization_id),
            kind: Set(row.kind),
            hash: Set(row.hash),
            client_id: Set(kept),
        });
        let words = words.collect();
        self.delete_parts::<client_search::Entity>(client_search::Column::ClientId.eq(merged)).await?;
        self.insert_parts::<client_search::Entity, _>(words).await
    }

    /// Gives back what a merge moved: `into` are the records above, from the one it was merged into to the one that stands. Words are
    /// written anew by whoever knows the identities.
    ///
    /// # Errors
    /// Refused when the two have by now what a person has once.
    pub async fn give_back(&self, merged: ClientId, into: &[ClientId]) -> Result<()> {
        for this in GIVEN {
            let kind = this.kind();
            let mut back = Query::update();
            let rows = Expr::col(this.id).in_subquery(moved(merged, &kind));
            back.table(this.table).value(this.column, Uuid::from(merged)).and_where(rows);
            if this.sealed {
                let own = Expr::col("sealed_for_id").eq(Uuid::from(merged));
                let own = Expr::case(own, Expr::value(None::<Uuid>)).finally(Expr::col("sealed_for_id"));
                back.value("sealed_for_id", own);
            }
            self.transaction.execute(&back).await?;
            // The merges above moved these rows as well: they are no longer theirs to give back.
            for above in into {
                let theirs = client_moved::Column::MergedId.eq(*above).and(client_moved::Column::Kind.eq(&*kind));
                let theirs = theirs.and(Expr::col("row_id").in_subquery(moved(merged, &kind)));
                self.delete_parts::<client_moved::Entity>(theirs).await?;
            }
        }
        self.take_memberships(merged, into).await?;
        self.delete_parts::<client_moved::Entity>(client_moved::Column::MergedId.eq(merged)).await
    }

    /// Ends the memberships that a record has only through the merged one.
    async fn take_memberships(&self, merged: ClientId, into: &[ClientId]) -> Result<()> {
        let through = |client: ClientId| {
            Condition::all().add(client_moved::Column::MergedId.eq(client)).add(client_moved::Column::Kind.eq(MEMBERSHIP))
        };
        let programs = async |client| -> Result<BTreeSet<Uuid>> {
            Ok(self.parts::<client_moved::Entity>(through(client)).await?.into_iter().map(|row| row.row_id).collect())
        };
        let mut only = programs(merged).await?;
        for above in into {
            let with = Condition::all()
                .add(client_program::Column::ClientId.eq(*above))
                .add(client_program::Column::ProgramId.is_in(only.iter().copied().map(ProgramId::from)));
            self.delete_parts::<client_program::Entity>(with).await?;
            only = only.intersection(&programs(*above).await?).copied().collect();
            let passed = through(*above).add(client_moved::Column::RowId.is_in(only.iter().copied()));
            self.delete_parts::<client_moved::Entity>(passed).await?;
        }
        Ok(())
    }
}
