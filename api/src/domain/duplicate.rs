//! Which records may be of one person (domain 2.8): candidates within one organization's program, for people to decide about.

use std::collections::BTreeSet;

use entity::{ClientId, OrganizationId, ProgramId, client, client_program, client_search, possible_duplicate, vocabulary::WorkItemKind};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ExprTrait, QueryFilter, QuerySelect, QueryTrait};

use super::work_item::{self as work_items, NewWork};
use crate::{
    error::{Error, Result},
    store::{Part, PartOf, Tx, Visible, any_of, query},
};

impl Part for possible_duplicate::Entity {}

impl PartOf<client::Entity> for possible_duplicate::Entity {
    fn parent_column() -> possible_duplicate::Column {
        possible_duplicate::Column::ClientId
    }

    fn parent(part: &possible_duplicate::Model) -> ClientId {
        part.client_id
    }

    fn order() -> possible_duplicate::Column {
        possible_duplicate::Column::OtherId
    }
}

/// How many words of others are compared at the most: a birth date that stands for "unknown" must not make each new record dearer.
const MOST: u64 = 60;

/// The words that a record is found by, as keyed hashes by kind.
pub(super) type Words = BTreeSet<(String, Vec<u8>)>;

/// Whether two records look like one person's: the same family and given names and birth date, or the birth date and a telephone or an
/// e-mail address (domain 2.8, rule 2).
fn alike(one: &Words, other: &Words) -> bool {
    let of = |words: &Words, kind: &str| words.iter().filter(|(of, _)| of == kind).map(|(_, hash)| hash.clone()).collect::<BTreeSet<_>>();
    let share = |kind: &str| !of(one, kind).is_disjoint(&of(other, kind));
    let same = |kind: &str| !of(one, kind).is_empty() && of(one, kind) == of(other, kind);
    share("DATE_OF_BIRTH") && (same("FAMILY_NAME") && same("GIVEN_NAME") || share("PHONE") || share("EMAIL"))
}

async fn words_of(tx: &Tx, clients: impl IntoIterator<Item = ClientId>) -> Result<Vec<client_search::Model>> {
    tx.parts::<client_search::Entity>(Condition::all().add(client_search::Column::ClientId.is_in(clients))).await
}

fn words(rows: &[client_search::Model], of: ClientId) -> Words {
    rows.iter().filter(|row| row.client_id == of).map(|row| (row.kind.clone(), row.hash.clone())).collect()
}

async fn programs_of(tx: &Tx, client: ClientId) -> Result<Vec<ProgramId>> {
    let with = Condition::all().add(client_program::Column::ClientId.eq(client));
    Ok(tx.parts::<client_program::Entity>(with).await?.into_iter().map(|with| with.program_id).collect())
}

/// Looks for records like one that changed its words or its programs.
pub(super) async fn look_again(tx: &mut Tx, client: &client::Model) -> Result<()> {
    let own = words(&words_of(tx, [client.id]).await?, client.id);
    let programs = programs_of(tx, client.id).await?;
    let known = pairs_of(tx, client.id).await?.into_iter().map(|pair| pair.other_id).collect();
    look_for(tx, client.organization_id, client.id, &own, &programs, known).await
}

/// Looks for records of a client's programs that may be of the same person, and tells their coordinators of those that are not known to be
/// or not to be. The other side of a referral never hears of it (domain 2.8, rule 3).
pub(super) async fn look_for(
    tx: &mut Tx,
    organization: OrganizationId,
    client: ClientId,
    own: &Words,
    programs: &[ProgramId],
    known: Vec<ClientId>,
) -> Result<()> {
    let Some((_, born)) = own.iter().find(|(kind, _)| kind == "DATE_OF_BIRTH") else { return Ok(()) };
    let of = |kind: &str, hash: &[u8]| {
        Condition::all()
            .add(client_search::Column::OrganizationId.eq(organization))
            .add(client_search::Column::Kind.eq(kind))
            .add(client_search::Column::Hash.eq(hash.to_vec()))
    };
    let same_day = query::<client_search::Entity>().select_only().column(client_search::Column::ClientId).filter(of("DATE_OF_BIRTH", born));
    let telling = own.iter().filter(|(kind, _)| ["FAMILY_NAME", "PHONE", "EMAIL"].contains(&kind.as_str()));
    let shared = any_of(telling.map(|(kind, hash)| of(kind, hash)));
    let shared = Condition::all()
        .add(shared)
        .add(client_search::Column::ClientId.in_subquery(same_day.into_query()))
        .add(client_search::Column::ClientId.is_not_in(known.into_iter().chain([client])));
    let others: BTreeSet<_> = tx.first_parts::<client_search::Entity>(shared, MOST).await?.into_iter().map(|word| word.client_id).collect();
    if others.is_empty() {
        return Ok(());
    }
    let theirs = words_of(tx, others.iter().copied()).await?;
    let together = Condition::all()
        .add(client_program::Column::ClientId.is_in(others.iter().copied()))
        .add(client_program::Column::ProgramId.is_in(programs.iter().copied()));
    let together = tx.parts::<client_program::Entity>(together).await?;
    let with = |other: ClientId| together.iter().find(|with| with.client_id == other).map(|with| with.program_id);
    let alike = others.into_iter().filter(|other| alike(own, &words(&theirs, *other)));
    let pairs: Vec<_> = alike.filter_map(|other| Some(found(tx, organization, with(other)?, client, other))).collect();
    tx.insert_parts::<possible_duplicate::Entity, _>(pairs.iter().flat_map(both_ways).collect()).await?;
    for program in pairs.iter().map(|pair| pair.program_id).collect::<BTreeSet<_>>() {
        let new = NewWork {
            organization,
            program,
            kind: WorkItemKind::PossibleDuplicate,
            about: client.into(),
            clock: None,
            due_at: None,
            assignee: None,
            note: None,
            requested: false,
        };
        work_items::open(tx, new).await?;
    }
    Ok(())
}

/// A pair that was seen now.
fn found(
    tx: &Tx,
    organization_id: OrganizationId,
    program_id: ProgramId,
    client_id: ClientId,
    other_id: ClientId,
) -> possible_duplicate::Model {
    possible_duplicate::Model {
        organization_id,
        client_id,
        other_id,
        program_id,
        found_at: tx.access().now,
        apart_at: None,
        apart_by: None,
    }
}

/// A pair as it stands for either of the two.
fn both_ways(pair: &possible_duplicate::Model) -> [possible_duplicate::ActiveModel; 2] {
    let of = |client: ClientId, other: ClientId| possible_duplicate::ActiveModel {
        organization_id: Set(pair.organization_id),
        client_id: Set(client),
        other_id: Set(other),
        program_id: Set(pair.program_id),
        found_at: Set(pair.found_at),
        apart_at: Set(pair.apart_at),
        apart_by: Set(pair.apart_by.clone()),
    };
    [of(pair.client_id, pair.other_id), of(pair.other_id, pair.client_id)]
}

/// Takes the pairs of a client away.
async fn delete_pairs(tx: &Tx, client: ClientId) -> Result<()> {
    let either = Condition::any().add(possible_duplicate::Column::ClientId.eq(client)).add(possible_duplicate::Column::OtherId.eq(client));
    tx.delete_parts::<possible_duplicate::Entity>(either).await
}

/// The pairs of a client, decided and not.
async fn pairs_of(tx: &Tx, client: ClientId) -> Result<Vec<possible_duplicate::Model>> {
    tx.parts::<possible_duplicate::Entity>(Condition::all().add(possible_duplicate::Column::ClientId.eq(client))).await
}

/// Closes what is to be done about clients of whom no pair is open any more.
async fn close_decided(tx: &mut Tx, clients: Vec<ClientId>) -> Result<()> {
    for client in clients {
        if pairs_of(tx, client).await?.iter().all(|pair| pair.apart_at.is_some()) {
            work_items::close(tx, client, &[WorkItemKind::PossibleDuplicate], None).await?;
        }
    }
    Ok(())
}

/// Keeps that a client and those who look like them are different people, so that nobody is asked again. The work item that says so
/// closes itself.
pub(super) async fn are_other_people(tx: &mut Tx, client: ClientId) -> Result<()> {
    let others: Vec<_> = pairs_of(tx, client).await?.into_iter().filter(|pair| pair.apart_at.is_none()).map(|pair| pair.other_id).collect();
    apart(tx, client, &others).await?;
    close_decided(tx, others).await
}

async fn apart(tx: &Tx, client: ClientId, others: &[ClientId]) -> Result<()> {
    let one = possible_duplicate::Column::ClientId.eq(client).and(possible_duplicate::Column::OtherId.is_in(others.iter().copied()));
    let other = possible_duplicate::Column::OtherId.eq(client).and(possible_duplicate::Column::ClientId.is_in(others.iter().copied()));
    let decided =
        possible_duplicate::ActiveModel { apart_at: Set(Some(tx.access().now)), apart_by: Set(Some(tx.actor())), ..Default::default() };
    tx.update_parts::<possible_duplicate::Entity, _>(decided, Condition::any().add(one).add(other)).await.map(drop)
}

/// After a merge: the pair is decided, and whoever looked like the merged record looks like the kept one.
pub(super) async fn merged(tx: &mut Tx, kept: ClientId, merged: ClientId) -> Result<()> {
    let known: BTreeSet<_> = pairs_of(tx, kept).await?.into_iter().map(|pair| pair.other_id).collect();
    let old = pairs_of(tx, merged).await?;
    delete_pairs(tx, merged).await?;
    let concerned: Vec<_> = old.iter().map(|pair| pair.other_id).chain([kept, merged]).collect();
    let moved = old.into_iter().filter(|pair| pair.other_id != kept && !known.contains(&pair.other_id));
    let moved = moved.flat_map(|pair| both_ways(&possible_duplicate::Model { client_id: kept, ..pair })).collect();
    tx.insert_parts::<possible_duplicate::Entity, _>(moved).await?;
    close_decided(tx, concerned).await
}

/// After an erasure: nobody looks like them any more.
pub(super) async fn forgotten(tx: &mut Tx, client: ClientId) -> Result<()> {
    let others: Vec<_> = pairs_of(tx, client).await?.into_iter().map(|pair| pair.other_id).collect();
    delete_pairs(tx, client).await?;
    close_decided(tx, others).await
}

/// After the undo of a merge: somebody has said that they are two people.
pub(super) async fn unmerged(tx: &mut Tx, kept: &Visible<client::Entity>, parted: &client::Model) -> Result<()> {
    look_again(tx, parted).await?;
    let parted = parted.id;
    let program = programs_of(tx, parted).await?.into_iter().next().ok_or_else(|| Error::internal("a client is with no program"))?;
    let known = pairs_of(tx, parted).await?.iter().any(|pair| pair.other_id == kept.id);
    if !known {
        let pair = found(tx, kept.organization_id, program, kept.id, parted);
        tx.insert_parts::<possible_duplicate::Entity, _>(both_ways(&pair).into()).await?;
    }
    apart(tx, parted, &[kept.id]).await?;
    close_decided(tx, vec![parted, kept.id]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(words: &[(&str, &str)]) -> Words {
        words.iter().map(|(kind, word)| ((*kind).to_owned(), word.as_bytes().to_vec())).collect()
    }

    #[test]
    fn records_are_alike_by_name_and_birth_date_or_by_birth_date_and_channel() {
        const ANA: &[(&str, &str)] =
            &[("FAMILY_NAME", "reyes"), ("GIVEN_NAME", "ana"), ("DATE_OF_BIRTH", "1990"), ("PHONE", "1"), ("EMAIL", "a")];
        type Record<'a> = &'a [(&'a str, &'a str)];
        let cases: [(&str, Record<'_>, bool); 9] = [
            ("the same name and day", &[("FAMILY_NAME", "reyes"), ("GIVEN_NAME", "ana"), ("DATE_OF_BIRTH", "1990")], true),
            ("the same name, another day", &[("FAMILY_NAME", "reyes"), ("GIVEN_NAME", "ana"), ("DATE_OF_BIRTH", "1991")], false),
            ("another given name", &[("FAMILY_NAME", "reyes"), ("GIVEN_NAME", "eva"), ("DATE_OF_BIRTH", "1990")], false),
            (
                "a part of the name",
                &[("FAMILY_NAME", "reyes"), ("FAMILY_NAME", "lopez"), ("GIVEN_NAME", "ana"), ("DATE_OF_BIRTH", "1990")],
                false,
            ),
            ("the day and a telephone", &[("FAMILY_NAME", "x"), ("GIVEN_NAME", "y"), ("DATE_OF_BIRTH", "1990"), ("PHONE", "1")], true),
            ("the day and an address", &[("FAMILY_NAME", "x"), ("GIVEN_NAME", "y"), ("DATE_OF_BIRTH", "1990"), ("EMAIL", "a")], true),
            ("a telephone alone", &[("FAMILY_NAME", "x"), ("GIVEN_NAME", "y"), ("DATE_OF_BIRTH", "1991"), ("PHONE", "1")], false),
            ("the day alone", &[("FAMILY_NAME", "x"), ("GIVEN_NAME", "y"), ("DATE_OF_BIRTH", "1990"), ("PHONE", "2")], false),
            ("an identifier", &[("FAMILY_NAME", "x"), ("GIVEN_NAME", "y"), ("DATE_OF_BIRTH", "1991"), ("EXTERNAL_IDENTIFIER", "1")], false),
        ];
        for (what, other, expected) in cases {
            assert_eq!(alike(&record(ANA), &record(other)), expected, "{what}");
            assert_eq!(alike(&record(other), &record(ANA)), expected, "{what}, the other way round");
        }
        assert!(!alike(&record(&[("DATE_OF_BIRTH", "1990")]), &record(&[("DATE_OF_BIRTH", "1990")])), "no names are no same names");
    }
}
