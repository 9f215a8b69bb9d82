//! Lists: what exists for the caller, narrowed, ordered and paged by keyset.

use entity::TypedId;
use sea_orm::{
    ColumnTrait, ColumnType, Condition, ExprTrait, IdenStatic, ModelTrait, Order, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait,
    Select, Value,
    sea_query::{CaseStatement, Expr, Func, Query, UnionType},
};
use serde::{Deserialize, Serialize};

use super::{
    Class, Protected, Store, Visible, connection,
    protected::{Fetched, granted, scoped, visible},
    sha256,
};
use crate::{
    access::Access,
    error::{Error, Refusal, Result},
};

/// How many rows a page has when the caller names no number.
const DEFAULT_PAGE: u64 = 20;
/// How many it has at the most.
const LARGEST_PAGE: i32 = 100;

/// Which page (Relay cursor specification).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageArgs {
    /// How many, from the beginning or from `after`.
    pub first: Option<i32>,
    /// After this cursor.
    pub after: Option<String>,
    /// How many, from the end or before `before`.
    pub last: Option<i32>,
    /// Before this cursor.
    pub before: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<E: Protected> {
    /// The rows in the list's order, each with its cursor.
    pub rows: Vec<(String, Visible<E>)>,
    /// Whether more follow.
    pub has_next: bool,
    /// Whether there are rows before.
    pub has_previous: bool,
}

/// A row with the instant that it is ordered by, where that is computed.
pub(in crate::store) type Placed<E> = (Option<chrono::DateTime<chrono::Utc>>, Visible<E>);

/// A list that is being asked for. It begins narrowed to what exists for the caller.
pub struct Find<'a, E: Protected> {
    store: &'a Store,
    access: &'a Access,
    pub(in crate::store) listing: Listing<E>,
}

/// What is asked for, without who asks: which rows of those that exist for the caller, and in which order.
#[derive(Clone, Debug)]
pub(in crate::store) struct Listing<E: Protected> {
    narrowed: Condition,
    /// What it is narrowed by, as text: cursors are bound to it.
    named: String,
    /// What each row is measured by.
    measure: Option<Expr>,
    order: Option<(By<E>, Order)>,
}

/// What rows are ordered by, before their ids.
#[derive(Clone, Debug)]
enum By<E: Protected> {
    Column(E::Column),
    /// An instant that is computed of each row, with its name.
    Computed(&'static str, Expr),
    /// What rows are measured by.
    Measure(Expr),
}

impl<E: Protected> By<E> {
    fn expr(&self) -> Expr {
        match self {
            Self::Column(column) => Expr::col(column.as_column_ref()),
            Self::Computed(_, expr) | Self::Measure(expr) => expr.clone(),
        }
    }
}

/// The place of a row in the order of its list.
#[derive(Serialize, Deserialize)]
struct Place {
    value: Option<Key>,
    id: uuid::Uuid,
}

/// A value that lists can be ordered by.
#[derive(Serialize, Deserialize)]
enum Key {
    Text(String),
    Instant(chrono::DateTime<chrono::Utc>),
    Number(i64),
}

impl Key {
    fn of(value: Value) -> Result<Self> {
        match value {
            Value::String(Some(text)) => Ok(Self::Text(text)),
            Value::ChronoDateTimeUtc(Some(at)) => Ok(Self::Instant(at)),
            Value::Int(Some(number)) => Ok(Self::Number(number.into())),
            Value::BigInt(Some(number)) => Ok(Self::Number(number)),
            _ => Err(Error::internal("a list is ordered by a column that has no place for a cursor")),
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Instant(at) => at.into(),
            Self::Number(number) => number.into(),
        }
    }
}

impl<'a, E: Protected> Find<'a, E> {
    pub(in crate::store) fn new(store: &'a Store, access: &'a Access) -> Self {
        Self::over(store, access, Listing { narrowed: Condition::all(), named: String::new(), measure: None, order: None })
    }

    pub(in crate::store) fn over(store: &'a Store, access: &'a Access, listing: Listing<E>) -> Self {
        Self { store, access, listing }
    }

    /// When it is asked for.
    pub const fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.access.now
    }

    /// Narrows by a column. Where the column is guarded, rows whose class is closed to the caller never match: what may not be
    /// read must not be found either.
    #[must_use]
    pub fn by(self, column: E::Column, holds: impl FnOnce(E::Column) -> Expr) -> Self {
        self.matching(E::class_of(column), Condition::all().add(holds(column)))
    }

    /// Narrows by a condition on other tables, which reads this class of the row, or none.
    #[must_use]
    pub fn matching(self, class: Option<Class>, condition: Condition) -> Self {
        let name = format!("{condition:?}");
        self.matching_as(&name, class, condition)
    }

    /// Likewise. The name binds cursors to the condition in place of its text, which may hold the time of the request.
    #[must_use]
    pub fn matching_as(mut self, name: &str, class: Option<Class>, condition: Condition) -> Self {
        self.listing.narrowed = self.listing.narrowed.add(condition);
        self.listing.named.push_str(name);
        if let (Some(class), false) = (class, self.access.is_system()) {
            self.listing.narrowed = self.listing.narrowed.add(E::grants(self.access).condition(class));
        }
        self
    }

    /// Narrows by a list column, to rows of which an entry meets a condition.
    #[must_use]
    pub fn holding(self, column: E::Column, holds: impl FnOnce(Expr) -> Condition) -> Self {
        let list = Expr::col(column.as_column_ref());
        let any = connection::any_entry(self.store.reader(), list, holds);
        self.matching(E::class_of(column), Condition::all().add(any))
    }

    /// Measures each row by a whole number, such as a distance: [`Visible::measure`] tells it. It is never null in the rows that the
    /// list is narrowed to, and reads columns that everyone who sees the row may read.
    #[must_use]
    pub fn measured(mut self, by: Expr) -> Self {
        self.listing.named.push_str(&format!(" {by:?}"));
        self.listing.measure = Some(by);
        self
    }

    /// Orders by what rows are measured by; rows that are equal in it, and all where nothing is measured, are ordered by their ids.
    #[must_use]
    pub fn ordered_by_measure(mut self, order: Order) -> Self {
        self.listing.order = self.listing.measure.clone().map(|measure| (By::Measure(measure), order));
        self
    }

    /// Orders by a column; rows that are equal in it are ordered by their ids. An instant that is null, or that the caller may not
    /// read, comes before every other. Other columns are never null where they are listed, and open to all who see the row.
    #[must_use]
    pub fn ordered(mut self, by: E::Column, order: Order) -> Self {
        let class = E::class_of(by).filter(|_| !self.access.is_system());
        let instant = matches!(by.def().get_column_type(), ColumnType::TimestampWithTimeZone);
        debug_assert!(class.is_none() || instant, "an order by a guarded column would tell its values");
        if class.is_none() && !(instant && by.def().is_null()) {
            self.listing.order = Some((By::Column(by), order));
            return self;
        }
        let value = Expr::col(by.as_column_ref());
        let readable = match class {
            Some(class) => CaseStatement::new().case(E::grants(self.access).condition(class), value).into(),
            None => value,
        };
        let placed = Func::coalesce([readable, Expr::val(chrono::DateTime::UNIX_EPOCH)]).into();
        self.ordered_by_instant(by.as_str(), placed, order)
    }

    /// Orders by an instant that is computed of each row and never null. The name binds cursors to it in place of the expression, which
    /// may hold the time of the request.
    #[must_use]
    pub fn ordered_by_instant(mut self, name: &'static str, computed: Expr, order: Order) -> Self {
        self.listing.order = Some((By::Computed(name, computed), order));
        self
    }

    /// How many rows there are, over all pages.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn count(&self) -> Result<u64> {
        let ids = self.existing().select_only().column(E::id_column());
        Ok(ids.into_tuple::<uuid::Uuid>().count(self.store.reader()).await?)
    }

    /// At most this many rows from the beginning.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn first(self, most: u64) -> Result<Vec<Visible<E>>> {
        let rows = self.listing.in_order(self.selected(), false).limit(most).into_model::<Fetched<E>>().all(self.store.reader()).await?;
        Ok(self.placed(rows).into_iter().map(|(_, row)| row).collect())
    }

    /// One page.
    ///
    /// # Errors
    /// Refused when the arguments contradict each other, ask for too many, or hold a cursor that is not of this list.
    pub async fn page(self, args: &PageArgs) -> Result<Page<E>> {
        let wanted = args.wanted()?;
        let bound_to = self.bound_to();
        let mut beyond_cursors = Condition::all();
        for (cursor, name, beyond) in [(&args.after, "after", true), (&args.before, "before", false)] {
            if let Some(cursor) = cursor {
                beyond_cursors = beyond_cursors.add(self.beyond(&bound_to, cursor, name, beyond)?);
            }
        }
        let select = self.slice(&beyond_cursors, args.backward(), wanted + 1);
        let rows = select.into_model::<Fetched<E>>().all(self.store.reader()).await?;
        self.page_of(self.placed(rows), wanted, args)
    }

    /// At most so many rows beyond a place. Where what exists for the caller is several lists, as many are taken from each, and then from
    /// all of them.
    fn slice(&self, beyond: &Condition, backward: bool, most: u64) -> Select<E> {
        let arms = if self.access.is_system() { Vec::new() } else { E::arms(self.access) };
        if arms.len() < 2 {
            return self.listing.in_order(self.selected().filter(beyond.clone()), backward).limit(most);
        }
        let ids = arms.into_iter().enumerate().map(|(number, arm)| {
            let arm = connection::select::<E>().select_only().column(E::id_column()).filter(arm);
            let arm = arm.filter(self.listing.narrowed.clone()).filter(beyond.clone());
            let arm = self.listing.in_order(arm, backward).limit(most).into_query();
            Query::select().column(E::id_column().as_str()).from_subquery(arm, format!("arm{number}")).to_owned()
        });
        let ids = ids.reduce(|mut all, arm| all.union(UnionType::Distinct, arm).to_owned()).unwrap_or_default();
        let rows = self.listing.with_place(granted::<E>(self.access).filter(E::id_column().in_subquery(ids)));
        self.listing.in_order(rows, backward).limit(most)
    }

    /// The rows of one statement as the caller sees them, each with what it is ordered by, where that is computed.
    pub(in crate::store) fn placed(&self, rows: Vec<Fetched<E>>) -> Vec<Placed<E>> {
        let places: Vec<_> = rows.iter().map(Fetched::place).collect();
        let rows = Fetched::all_visible(rows, self.access, &self.store.reads);
        rows.iter().for_each(Visible::note_row);
        places.into_iter().zip(rows).collect()
    }

    /// The rows of the list without their grants, to be counted or numbered.
    pub(in crate::store) fn existing(&self) -> Select<E> {
        visible::<E>(self.access).filter(self.listing.narrowed.clone())
    }

    /// The rows of the list with their grants and what they are ordered by.
    fn selected(&self) -> Select<E> {
        self.listing.with_place(scoped::<E>(self.access).filter(self.listing.narrowed.clone()))
    }

    /// A page of rows that are in the order in which they were asked for, one more than wanted where more follow.
    pub(in crate::store) fn page_of(&self, mut rows: Vec<Placed<E>>, wanted: u64, args: &PageArgs) -> Result<Page<E>> {
        let bound_to = self.bound_to();
        let more = rows.len() as u64 > wanted;
        rows.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        if args.backward() {
            rows.reverse();
        }
        let rows = rows.into_iter().map(|(place, row)| Ok((self.cursor_of(&bound_to, &row, place)?, row)));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let (has_next, has_previous) = if args.backward() { (args.before.is_some(), more) } else { (more, args.after.is_some()) };
        Ok(Page { rows, has_next, has_previous })
    }

    /// The rows after (or before) a cursor's place.
    fn beyond(&self, bound_to: &[u8], cursor: &str, name: &'static str, after: bool) -> Result<Condition> {
        let not_of_this_list = || {
            let sentence = "This cursor is not one of this list with this filter and order: begin again without it.";
            Error::from(Refusal { code: crate::error::Code::CursorExpired, ..Refusal::invalid(sentence) }.at([name]))
        };
        let plain = self.store.shared.cursor_key.read(bound_to, cursor).ok_or_else(not_of_this_list)?;
        let place: Place = serde_json::from_slice(&plain).map_err(|_| not_of_this_list())?;
        let descending = matches!(self.listing.order, Some((_, Order::Desc)));
        let greater = after != descending;
        let past = |expr: Expr, value: Value| if greater { expr.gt(value) } else { expr.lt(value) };
        let id = past(Expr::col(E::id_column().as_column_ref()), Value::Uuid(Some(place.id)));
        Ok(match (&self.listing.order, place.value) {
            (Some((by, _)), Some(key)) => {
                let value = key.into_value();
                Condition::any().add(past(by.expr(), value.clone())).add(Condition::all().add(by.expr().eq(value)).add(id))
            }
            _ => Condition::all().add(id),
        })
    }

    fn cursor_of(&self, bound_to: &[u8], row: &Visible<E>, computed: Option<chrono::DateTime<chrono::Utc>>) -> Result<String> {
        let value = match &self.listing.order {
            Some((By::Column(column), _)) => Some(Key::of(row.model().get(*column))?),
            Some((By::Computed(..), _)) => Some(Key::of(Value::ChronoDateTimeUtc(computed))?),
            Some((By::Measure(_), _)) => Some(Key::of(Value::BigInt(row.measure()))?),
            None => None,
        };
        let place = serde_json::to_vec(&Place { value, id: row.id().into() }).map_err(|_| Error::internal("a place is plain data"))?;
        self.store.shared.cursor_key.write(bound_to, &place)
    }

    /// What a cursor of this list is bound to.
    fn bound_to(&self) -> Vec<u8> {
        let organization = self.access.organization.map(|id| id.to_string()).unwrap_or_default();
        sha256(&[organization.as_bytes(), &self.listing.digest()])
    }
}

impl<E: Protected> Listing<E> {
    /// Narrowed to those of a parent.
    pub(in crate::store) fn of(&self, parent: E::Column, or: Option<E::Column>, id: uuid::Uuid) -> Self {
        let named = format!("{} {parent:?} {or:?} {id}", self.named);
        let of_it = Condition::any().add(parent.eq(id)).add_option(or.map(|or| or.eq(id)));
        Self { narrowed: self.narrowed.clone().add(of_it), named, ..self.clone() }
    }

    /// By what the rows are ordered, and which way.
    pub(in crate::store) fn order(&self, backward: bool) -> Vec<(Expr, Order)> {
        let turned = |order: &Order| match (order, backward) {
            (Order::Desc, false) | (Order::Asc, true) => Order::Desc,
            _ => Order::Asc,
        };
        let by_id = self.order.as_ref().map_or(Order::Asc, |(_, order)| order.clone());
        let first = self.order.iter().map(|(by, order)| (by.expr(), turned(order)));
        first.chain([(Expr::col(E::id_column().as_column_ref()), turned(&by_id))]).collect()
    }

    pub(in crate::store) fn in_order(&self, mut select: Select<E>, backward: bool) -> Select<E> {
        for (expr, order) in self.order(backward) {
            QueryTrait::query(&mut select).order_by_expr(expr, order);
        }
        select
    }

    /// With the instant that rows are ordered by, where it is computed, and what they are measured by.
    pub(in crate::store) fn with_place(&self, select: Select<E>) -> Select<E> {
        let select = match &self.measure {
            Some(measure) => select.expr_as(measure.clone(), "measure"),
            None => select,
        };
        match &self.order {
            Some((By::Computed(_, expr), _)) => select.expr_as(expr.clone(), "place"),
            _ => select,
        }
    }

    /// Tells this list from every other.
    pub(in crate::store) fn digest(&self) -> Vec<u8> {
        let order = match &self.order {
            Some((By::Column(column), order)) => format!("{column:?} {order:?}"),
            Some((By::Computed(name, _), order)) => format!("{name} {order:?}"),
            Some((By::Measure(_), order)) => format!("measure {order:?}"),
            None => String::new(),
        };
        sha256(&[E::Id::PREFIX.as_bytes(), order.as_bytes(), self.named.as_bytes()])
    }
}

impl PageArgs {
    /// Whether rows are taken from the end.
    pub(in crate::store) const fn backward(&self) -> bool {
        self.last.is_some()
    }

    /// How many rows are wanted.
    ///
    /// # Errors
    /// Refused when the arguments contradict each other or ask for too many.
    pub(in crate::store) fn wanted(&self) -> Result<u64> {
        if self.first.is_some() && self.last.is_some() {
            return Err(Refusal::invalid("Give `first` or `last`, not both.").at(["last"]).into());
        }
        page_size(self)
    }
}

fn page_size(args: &PageArgs) -> Result<u64> {
    let (name, wanted) = match (args.first, args.last) {
        (_, Some(last)) => ("last", last),
        (Some(first), None) => ("first", first),
        (None, None) => return Ok(DEFAULT_PAGE),
    };
    match u64::try_from(wanted) {
        Ok(size) if wanted <= LARGEST_PAGE => Ok(size),
        _ => Err(Refusal::invalid(format!("`{name}` is from 0 to {LARGEST_PAGE}.")).at([name]).into()),
    }
}

impl Store {
    /// The cursor of a place in the log: encrypted and bound to the organization, so that nobody learns how much others do.
    ///
    /// # Errors
    /// `Sealing` when it cannot be encrypted.
    pub fn event_cursor(&self, access: &Access, position: i64) -> Result<String> {
        self.shared.cursor_key.write(&event_place(access), &position.to_be_bytes())
    }

    /// The place in the log that a cursor names.
    ///
    /// # Errors
    /// Refused with `CURSOR_EXPIRED` when it is not one of the caller's organization.
    pub fn event_position(&self, access: &Access, cursor: &str) -> Result<i64> {
        let plain = self.shared.cursor_key.read(&event_place(access), cursor);
        let position = plain.and_then(|plain| plain.try_into().ok()).map(i64::from_be_bytes);
        position.ok_or_else(|| {
            let sentence = "This cursor is not one of your organization's events: begin again with `viewer { eventCursor }`.";
            Error::from(Refusal { code: crate::error::Code::CursorExpired, ..Refusal::invalid(sentence) }.at(["after"]))
        })
    }
}

fn event_place(access: &Access) -> Vec<u8> {
    sha256(&[b"events", access.organization.map(|id| id.to_string()).unwrap_or_default().as_bytes()])
}
