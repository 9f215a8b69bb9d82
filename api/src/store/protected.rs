//! Who sees a row, and which of its classes are open to them.

use std::{marker::PhantomData, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{ClientId, OrganizationId, Proof, TypedId, class, vocabulary::DataClass};
use sea_orm::{
    Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, ModelTrait, QueryFilter, QueryResult, QuerySelect,
    sea_query::{CaseStatement, Expr},
};
use uuid::Uuid;

use super::{ReadLog, connection};
use crate::{
    access::Access,
    error::{Refusal, Result},
};

/// What is guarded apart: the classes of domain 3.3, and the parts of the directory that only staff see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// A: identity, contact, safe channels.
    Identity = 0,
    /// B: clinical facts of the referral.
    ReferralClinical = 1,
    /// B2: how a referral goes.
    ReferralStatus = 2,
    /// C: contacts and notes.
    ContactsAndNotes = 3,
    /// D: instruments' answers and scores.
    Outcomes = 4,
    /// E: alerts.
    Alerts = 5,
    /// M: consents, audit, disclosures.
    Privacy = 6,
    /// How an organization is run: no class of people's data.
    Administration = 7,
    /// How a program is run: likewise.
    Operations = 8,
    /// The notes of C, which not all who read C read.
    Notes = 9,
}

impl Class {
    /// The class as a consent names it; null for those that no consent covers.
    pub const fn data_class(self) -> Option<DataClass> {
        match self {
            Self::Identity => Some(DataClass::Identity),
            Self::ReferralClinical => Some(DataClass::ReferralClinical),
            Self::ReferralStatus => Some(DataClass::ReferralStatus),
            Self::ContactsAndNotes | Self::Notes => Some(DataClass::ContactsAndNotes),
            Self::Outcomes => Some(DataClass::Outcomes),
            Self::Alerts => Some(DataClass::Alerts),
            Self::Privacy | Self::Administration | Self::Operations => None,
        }
    }

    /// The class as an answer names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Privacy => "PRIVACY",
            Self::Administration => "ADMINISTRATION",
            Self::Operations => "OPERATIONS",
            Self::Identity => "IDENTITY",
            Self::ReferralClinical => "REFERRAL_CLINICAL",
            Self::ReferralStatus => "REFERRAL_STATUS",
            Self::ContactsAndNotes | Self::Notes => "CONTACTS_AND_NOTES",
            Self::Outcomes => "OUTCOMES",
            Self::Alerts => "ALERTS",
        }
    }
}

/// A class of column, as a type.
pub trait Classed {
    /// The class.
    const CLASS: Class;
}

impl Classed for class::Identity {
    const CLASS: Class = Class::Identity;
}

impl Classed for class::ReferralClinical {
    const CLASS: Class = Class::ReferralClinical;
}

impl Classed for class::ReferralStatus {
    const CLASS: Class = Class::ReferralStatus;
}

impl Classed for class::ContactsAndNotes {
    const CLASS: Class = Class::ContactsAndNotes;
}

impl Classed for class::Notes {
    const CLASS: Class = Class::Notes;
}

impl Classed for class::Privacy {
    const CLASS: Class = Class::Privacy;
}

/// The classes of a row that are open to a caller, each with the condition under which it is. What is not listed is closed.
#[derive(Clone, Debug, Default)]
pub struct Grants(Vec<(Class, Condition)>);

impl Grants {
    /// Nothing is open.
    pub fn none() -> Self {
        Self::default()
    }

    /// Opens a class where this holds.
    #[must_use]
    pub fn open(mut self, class: Class, condition: Condition) -> Self {
        self.0.push((class, condition));
        self
    }

    /// Opens a class on every row, if this holds of the caller.
    #[must_use]
    pub fn open_if(self, class: Class, holds: bool) -> Self {
        if holds { self.open(class, always()) } else { self }
    }

    /// The same where this holds, and nothing elsewhere.
    #[must_use]
    pub fn within(self, holds: &Condition) -> Self {
        Self(self.0.into_iter().map(|(class, condition)| (class, Condition::all().add(holds.clone()).add(condition))).collect())
    }

    /// The condition under which a class is open; one that never holds when it is not listed.
    pub(crate) fn condition(&self, class: Class) -> Condition {
        any_of(self.0.iter().filter(|(listed, _)| *listed == class).map(|(_, condition)| condition.clone()))
    }

    /// One integer: the sum of a bit for each open class.
    fn as_column(&self) -> Expr {
        self.0.iter().fold(Expr::val(0), |sum, (class, condition)| {
            let bit = CaseStatement::new().case(condition.clone(), Expr::val(1_i32 << *class as u8)).finally(Expr::val(0));
            sum.bit_or(Expr::Case(Box::new(bit)))
        })
    }
}

/// A condition that always holds.
pub(crate) fn always() -> Condition {
    Condition::all().add(Expr::cust("TRUE"))
}

/// That a condition does not hold. Of what is null SQL's own `NOT` says neither, and a row would be in no list.
pub(crate) fn unless(condition: Condition) -> Condition {
    let not: Expr = CaseStatement::new().case(condition, Expr::val(false)).finally(Expr::val(true)).into();
    Condition::all().add(not)
}

/// A condition that never holds.
pub(crate) fn never() -> Condition {
    Condition::all().add(Expr::cust("FALSE"))
}

/// That one of these holds; one that never does when there is none.
pub(crate) fn any_of<C: Into<Condition>>(of: impl IntoIterator<Item = C>) -> Condition {
    let any = of.into_iter().fold(Condition::any(), |any, one| any.add(one));
    if any.is_empty() { any.add(never()) } else { any }
}

/// What a caller may want to do with a row that they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read it.
    Read,
    /// Change it.
    Update,
    /// Add something to it: a program to an organization, a client to a program.
    Extend,
    /// End it: revoke, cancel.
    End,
    /// Send it to the other side: submit a referral.
    Submit,
    /// Answer what the other side sent: confirm a consent.
    Answer,
    /// Write to the other side.
    Converse,
    /// Let others read it in a medical emergency.
    Release,
    /// Support the person, and log it.
    Support,
    /// Set what days are counted from.
    Count,
    /// Merge it with another record of the same person, or undo that.
    Merge,
    /// Erase the person.
    Erase,
    /// Write down for them all that is held about them.
    Export,
    /// Invite them to read their own data.
    Invite,
    /// End that they read their own data.
    EndAccess,
}

/// Rows that are somebody's: who sees them, what of them, and who may do what with them. `access/policy.rs` says what a role
/// may do at all; here stands which side of this row may.
pub trait Protected: EntityTrait<Model: FromQueryResult + ModelTrait<Entity = Self> + Clone + Send + Sync> + Default + Send + Sync {
    /// The kind of its id.
    type Id: TypedId;

    /// Its id's column.
    fn id_column() -> Self::Column;

    /// The id of a row.
    fn id(row: &Self::Model) -> Self::Id;

    /// The rows that exist for the caller, as SQL, so that lists, counts and pages agree.
    fn visible_to(access: &Access) -> Condition;

    /// The classes of each row that are open to the caller, as SQL.
    fn grants(access: &Access) -> Grants;

    /// Whether the caller may do this with a row that they see.
    fn allows(access: &Access, action: Action, row: &Self::Model) -> bool;

    /// Why nothing can be done to a row any more but to read it, whoever asks.
    fn over(_row: &Self::Model) -> Option<Refusal> {
        None
    }

    /// The class of a column; null for those that whoever sees the row may read. Filters and orders ask.
    fn class_of(_column: Self::Column) -> Option<Class> {
        None
    }

    /// The lists that together are all that exists for the caller. Where they are several, a page is fetched from each by itself:
    /// planners do badly with an `OR` of two sides, and no index has the rows of several programs in one order.
    fn arms(access: &Access) -> Vec<Condition> {
        vec![Self::visible_to(access)]
    }

    /// The rows that exist for the caller besides when they ask by its id, and in no list, stream or command: those of another
    /// organization, whose data each such answer discloses.
    fn by_id_alone(_access: &Access) -> Option<Condition> {
        None
    }

    /// Whose key seals the columns of a row.
    fn subject(row: &Self::Model) -> Uuid {
        Self::id(row).into()
    }

    /// The organization whose own key seals the columns of a row, where no person's does.
    fn sealed_by(_row: &Self::Model) -> Option<OrganizationId> {
        None
    }

    /// The class that a row is as a whole: fetching it is reading that class.
    fn row_class() -> Option<Class> {
        None
    }

    /// Who discloses a class of a row to a reader of this organization; nothing when it is the organization's own.
    fn discloser(_row: &Self::Model, _class: Class, _reader: OrganizationId) -> Option<Discloser> {
        None
    }
}

/// An organization that discloses, and whose data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discloser {
    /// Which organization.
    pub organization: OrganizationId,
    /// Whose data: its own client.
    pub client: ClientId,
    /// The rows of that person on which the consent may have been recorded.
    pub consenting: Vec<ClientId>,
}

/// Rows that are parts of others and have no visibility of their own, such as memberships: written with the row they belong to,
/// and read in conditions.
pub trait Part: EntityTrait<Model: FromQueryResult + Clone + Send + Sync> {}

/// Parts that are listed with the row they belong to, whoever sees that row; what of them is guarded stays guarded.
pub trait PartOf<E: Protected>: Part {
    /// The column that names the row.
    fn parent_column() -> Self::Column;

    /// The row they belong to.
    fn parent(part: &Self::Model) -> E::Id;

    /// The column that they are ordered by.
    fn order() -> Self::Column;

    /// Whose key seals a part, where that is not the row's own: parts of a record that was merged into another stay sealed as they were.
    fn sealed_for(_part: &Self::Model) -> Option<Uuid> {
        None
    }
}

/// For whom a row is read.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Reader {
    /// Somebody of an organization.
    Organization(OrganizationId),
    /// The person whom it is about: whatever they read of themselves is audited, and no disclosure (45 CFR 164.528(a)(1)(ii)).
    Oneself,
}

impl Reader {
    fn of(access: &Access) -> Option<Self> {
        if access.is_oneself() { Some(Self::Oneself) } else { access.organization.map(Self::Organization) }
    }

    /// Who discloses a class of a row to this reader; nothing when it is no disclosure.
    pub(in crate::store) fn discloser<E: Protected>(self, row: &E::Model, class: Class) -> Option<Discloser> {
        match self {
            Self::Organization(reader) => E::discloser(row, class, reader),
            Self::Oneself => None,
        }
    }
}

/// A row that exists for the caller, with the classes of it that are open. Only the store makes one.
#[derive(Clone)]
pub struct Visible<E: Protected> {
    model: E::Model,
    grants: i32,
    reads: ReadLog,
    /// For whom it was fetched; nothing for the system, whose readings are not noted.
    reader: Option<Reader>,
    /// Whose keys are fetched when this row's is: those of all that were fetched with it.
    cohort: Arc<[Uuid]>,
    /// What its list measured it by.
    measure: Option<i64>,
}

impl<E: Protected> std::fmt::Debug for Visible<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Visible({})", self.id())
    }
}

impl<E: Protected> std::ops::Deref for Visible<E> {
    type Target = E::Model;

    fn deref(&self) -> &E::Model {
        &self.model
    }
}

impl<E: Protected> Visible<E> {
    /// Its id.
    pub fn id(&self) -> E::Id {
        E::id(&self.model)
    }

    /// The row, whose guarded columns stay closed.
    pub fn model(&self) -> &E::Model {
        &self.model
    }

    /// What its list measured it by, such as a distance; null when it came from no such list.
    pub fn measure(&self) -> Option<i64> {
        self.measure
    }

    /// The same row, as a list in memory measures it.
    #[must_use]
    pub fn measured(&self, measure: i64) -> Self {
        Self { measure: Some(measure), ..self.clone() }
    }

    /// Whether a class is open, without reading it: noted nowhere.
    pub fn may_open(&self, class: Class) -> bool {
        self.grants & (1 << class as u8) != 0
    }

    /// Notes that the row was read, where fetching it is reading it.
    pub(in crate::store) fn note_row(&self) {
        if let Some(class) = E::row_class() {
            self.reads.note::<E>(&self.model, class, self.reader);
        }
    }

    /// Notes that the row was disclosed, where another organization is told by it that somebody is a client (42 CFR 2.13(c)).
    pub(in crate::store) fn note_disclosed(&self) {
        if self.reader.is_some_and(|reader| reader.discloser::<E>(&self.model, Class::Identity).is_some()) {
            self.reads.note::<E>(&self.model, Class::Identity, self.reader);
        }
    }

    /// Opens a class of columns, where it is open to the caller, and notes that it was read.
    pub fn open<C: Classed>(&self) -> Option<Opened<'_, E, C>> {
        self.may_open(C::CLASS).then(|| {
            self.reads.note::<E>(&self.model, C::CLASS, self.reader);
            Opened { row: self, class: PhantomData }
        })
    }
}

/// One class of one row, open to the caller.
pub struct Opened<'a, E: Protected, C> {
    row: &'a Visible<E>,
    class: PhantomData<C>,
}

impl<E: Protected, C> Opened<'_, E, C> {
    pub(in crate::store) fn cohort(&self) -> &[Uuid] {
        &self.row.cohort
    }
}

impl<E: Protected, C> std::ops::Deref for Opened<'_, E, C> {
    type Target = E::Model;

    fn deref(&self) -> &E::Model {
        &self.row.model
    }
}

impl<E: Protected, C> Proof<C> for Opened<'_, E, C> {}

/// What a select gives, before the request's log is tied to it.
pub(in crate::store) struct Fetched<E: Protected> {
    model: E::Model,
    grants: i32,
    place: Option<DateTime<Utc>>,
    measure: Option<i64>,
}

impl<E: Protected> FromQueryResult for Fetched<E> {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        // Only lists in a computed order select their place in it.
        let place = row.try_get(prefix, "place").ok();
        // And only lists that measure their rows select the measure.
        let measure = row.try_get(prefix, "measure").unwrap_or_default();
        Ok(Self { model: E::Model::from_query_result(row, prefix)?, grants: row.try_get(prefix, "grants")?, place, measure })
    }
}

impl<E: Protected> Fetched<E> {
    /// The rows of one statement, as the caller sees them.
    pub(in crate::store) fn all_visible(fetched: Vec<Self>, access: &Access, reads: &ReadLog) -> Vec<Visible<E>> {
        let cohort: Arc<[Uuid]> = fetched.iter().map(|row| E::subject(&row.model)).collect();
        let visible = |row: Self| Visible {
            model: row.model,
            grants: row.grants,
            reads: reads.clone(),
            reader: Reader::of(access),
            cohort: Arc::clone(&cohort),
            measure: row.measure,
        };
        fetched.into_iter().map(visible).collect()
    }

    /// What it is ordered by, where that is computed.
    pub(in crate::store) const fn place(&self) -> Option<DateTime<Utc>> {
        self.place
    }
}

/// The rows that exist for the caller, each with its grants. The one select that everything begins with.
pub(in crate::store) fn scoped<E: Protected>(access: &Access) -> sea_orm::Select<E> {
    let granted = granted::<E>(access);
    if access.is_system() { granted } else { granted.filter(E::visible_to(access)) }
}

/// The rows that exist for the caller when they ask by id.
pub(in crate::store) fn named<E: Protected>(access: &Access) -> sea_orm::Select<E> {
    match E::by_id_alone(access) {
        Some(alone) if !access.is_system() => granted::<E>(access).filter(Condition::any().add(E::visible_to(access)).add(alone)),
        _ => scoped::<E>(access),
    }
}

/// Rows with their grants, of ids that are known to exist for the caller.
pub(in crate::store) fn granted<E: Protected>(access: &Access) -> sea_orm::Select<E> {
    let grants = if access.is_system() { Expr::val(i32::MAX) } else { E::grants(access).as_column() };
    connection::select::<E>().expr_as(grants, "grants")
}

/// The rows that exist for the caller, without their grants: to be counted or numbered.
pub(in crate::store) fn visible<E: Protected>(access: &Access) -> sea_orm::Select<E> {
    if access.is_system() { connection::select::<E>() } else { connection::select::<E>().filter(E::visible_to(access)) }
}

/// Those of these rows that exist for the caller of a command.
pub(in crate::store) async fn select_by_ids<E: Protected, D: ConnectionTrait>(
    on: &D,
    access: &Access,
    ids: &[E::Id],
    reads: &ReadLog,
) -> Result<Vec<Visible<E>>> {
    let rows = with_ids(scoped::<E>(access), ids).into_model::<Fetched<E>>().all(on).await?;
    Ok(Fetched::all_visible(rows, access, reads))
}

/// Narrows to rows with these ids.
pub(in crate::store) fn with_ids<E: Protected>(select: sea_orm::Select<E>, ids: &[E::Id]) -> sea_orm::Select<E> {
    select.filter(sea_orm::ColumnTrait::is_in(&E::id_column(), ids.iter().map(|id| super::key_of::<E>(*id))))
}
