//! Lists: what exists for the caller, narrowed, ordered and paged by keyset.

use chrono::{DateTime, Utc};
use entity::TypedId;
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, ModelTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Value,
    sea_query::{CaseStatement, Expr, Func, Query, UnionType},
};
use serde::{Deserialize, Serialize};

use super::{
    Class, Protected, Store, Visible, connection,
    protected::{Fetched, granted, scoped},
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
/// Where nulls stand in an order of instants.
const NULLS_AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

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
#[derive(Debug)]
pub struct Page<E: Protected> {
    /// The rows in the list's order, each with its cursor.
    pub rows: Vec<(String, Visible<E>)>,
    /// Whether more follow.
    pub has_next: bool,
    /// Whether there are rows before.
    pub has_previous: bool,
}

/// A list that is being asked for. It begins narrowed to what exists for the caller.
pub struct Find<'a, E: Protected> {
    store: &'a Store,
    access: &'a Access,
    narrowed: Condition,
    order: Option<(E::Column, Order)>,
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
    Instant(DateTime<Utc>),
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
        Self { store, access, narrowed: Condition::all(), order: None }
    }

    /// Narrows by a column. Where the column is guarded, rows whose class is closed to the caller never match: what may not be
    /// read must not be found either.
    #[must_use]
    pub fn by(mut self, column: E::Column, holds: impl FnOnce(E::Column) -> Expr) -> Self {
        self.narrowed = self.narrowed.add(holds(column));
        self.reading(E::class_of(column))
    }

    /// Narrows by a condition on other tables, which reads this class of the row, or none.
    #[must_use]
    pub fn matching(mut self, class: Option<Class>, condition: Condition) -> Self {
        self.narrowed = self.narrowed.add(condition);
        self.reading(class)
    }

    fn reading(mut self, class: Option<Class>) -> Self {
        if let (Some(class), false) = (class, self.access.is_system()) {
            self.narrowed = self.narrowed.add(E::grants(self.access).condition(class));
        }
        self
    }

    /// Orders by a column; rows that are equal in it are ordered by their ids. Nulls come before everything, and so does what the
    /// caller may not read.
    #[must_use]
    pub fn ordered(mut self, by: E::Column, order: Order) -> Self {
        self.order = Some((by, order));
        self
    }

    /// What a column is ordered by. Indexes serve columns that everyone may read and that are never null; the others are instants.
    fn sort_key(&self, column: E::Column) -> Expr {
        let class = E::class_of(column);
        if class.is_none() && !column.def().is_null() {
            return Expr::col((E::default(), column));
        }
        let value = Expr::col((E::default(), column));
        let readable = match class {
            Some(class) if !self.access.is_system() => {
                Expr::Case(Box::new(CaseStatement::new().case(E::grants(self.access).condition(class), value)))
            }
            _ => value,
        };
        Func::coalesce([readable, Expr::val(NULLS_AT)]).into()
    }

    /// The place of a row in that order.
    fn sort_value(column: E::Column, row: &Visible<E>) -> Value {
        let open = E::class_of(column).is_none_or(|class| row.may_open(class));
        match row.model().get(column) {
            Value::ChronoDateTimeUtc(at) => at.filter(|_| open).unwrap_or(NULLS_AT).into(),
            other => other,
        }
    }

    /// How many rows there are, over all pages.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn count(&self) -> Result<u64> {
        let select = connection::select::<E>().filter(if self.access.is_system() { Condition::all() } else { E::visible_to(self.access) });
        let ids = select.filter(self.narrowed.clone()).select_only().column(E::id_column());
        Ok(ids.into_tuple::<uuid::Uuid>().count(self.store.reader()).await?)
    }

    /// At most this many rows from the beginning.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn first(self, most: u64) -> Result<Vec<Visible<E>>> {
        let select = self.in_order(scoped::<E>(self.access).filter(self.narrowed.clone()), false).limit(most);
        self.fetch(select).await
    }

    async fn fetch(&self, select: Select<E>) -> Result<Vec<Visible<E>>> {
        let fetched = select.into_model::<Fetched<E>>().all(self.store.reader()).await?;
        let rows = Fetched::all_visible(fetched, self.access, &self.store.reads);
        rows.iter().for_each(Visible::note_row);
        Ok(rows)
    }

    /// The rows that exist for the caller and meet a condition, in order, at most so many. Where what exists is several lists, as many
    /// are taken from each, and then from all of them.
    fn slice(&self, narrowed: &Condition, backward: bool, most: u64) -> Select<E> {
        let arms = if self.access.is_system() { Vec::new() } else { E::arms(self.access) };
        if arms.len() < 2 {
            return self.in_order(scoped::<E>(self.access).filter(narrowed.clone()), backward).limit(most);
        }
        let ids = arms.into_iter().enumerate().map(|(number, arm)| {
            let arm = connection::select::<E>().select_only().column(E::id_column()).filter(arm).filter(narrowed.clone());
            let arm = self.in_order(arm, backward).limit(most).into_query();
            Query::select().column(E::id_column()).from_subquery(arm, format!("arm{number}")).to_owned()
        });
        let ids = ids.reduce(|mut all, arm| all.union(UnionType::Distinct, arm).to_owned()).unwrap_or_default();
        self.in_order(granted::<E>(self.access).filter(E::id_column().in_subquery(ids)), backward).limit(most)
    }

    /// One page.
    ///
    /// # Errors
    /// Refused when the arguments contradict each other, ask for too many, or hold a cursor that is not of this list.
    pub async fn page(self, args: &PageArgs) -> Result<Page<E>> {
        let backward = args.last.is_some();
        if args.first.is_some() && args.last.is_some() {
            return Err(Refusal::invalid("Give `first` or `last`, not both.").at(["last"]).into());
        }
        let wanted = page_size(args)?;
        let bound_to = self.bound_to();
        let mut narrowed = self.narrowed.clone();
        for (cursor, name, beyond) in [(&args.after, "after", true), (&args.before, "before", false)] {
            if let Some(cursor) = cursor {
                narrowed = narrowed.add(self.beyond(&bound_to, cursor, name, beyond)?);
            }
        }
        let mut rows = self.fetch(self.slice(&narrowed, backward, wanted + 1)).await?;
        let more = rows.len() as u64 > wanted;
        rows.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        if backward {
            rows.reverse();
        }
        let rows = rows.into_iter().map(|row| Ok((self.cursor_of(&bound_to, &row)?, row)));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let (has_next, has_previous) = if backward { (args.before.is_some(), more) } else { (more, args.after.is_some()) };
        Ok(Page { rows, has_next, has_previous })
    }

    fn in_order(&self, mut select: Select<E>, backward: bool) -> Select<E> {
        let turned = |order: &Order| match (order, backward) {
            (Order::Desc, false) | (Order::Asc, true) => Order::Desc,
            _ => Order::Asc,
        };
        let mut by_id = Order::Asc;
        if let Some((column, order)) = &self.order {
            select = select.order_by(self.sort_key(*column), turned(order));
            by_id = order.clone();
        }
        select.order_by(E::id_column(), turned(&by_id))
    }

    /// The rows after (or before) a cursor's place.
    fn beyond(&self, bound_to: &[u8], cursor: &str, name: &'static str, after: bool) -> Result<Condition> {
        let not_of_this_list = || {
            let sentence = "This cursor is not one of this list with this filter and order: begin again without it.";
            Error::from(Refusal { code: crate::error::Code::CursorExpired, ..Refusal::invalid(sentence) }.at([name]))
        };
        let plain = self.store.shared.cursor_key.read(bound_to, cursor).ok_or_else(not_of_this_list)?;
        let place: Place = serde_json::from_slice(&plain).map_err(|_| not_of_this_list())?;
        let descending = matches!(self.order, Some((_, Order::Desc)));
        let greater = after != descending;
        let past = |key: Expr, value: Value| if greater { key.gt(value) } else { key.lt(value) };
        let id = past(Expr::col((E::default(), E::id_column())), Value::Uuid(Some(place.id)));
        Ok(match (&self.order, place.value) {
            (Some((column, _)), Some(key)) => {
                let (by, value) = (self.sort_key(*column), key.into_value());
                Condition::any().add(past(by.clone(), value.clone())).add(Condition::all().add(by.eq(value)).add(id))
            }
            _ => Condition::all().add(id),
        })
    }

    fn cursor_of(&self, bound_to: &[u8], row: &Visible<E>) -> Result<String> {
        let value = self.order.as_ref().map(|(column, _)| Key::of(Self::sort_value(*column, row))).transpose()?;
        let place = serde_json::to_vec(&Place { value, id: row.id().into() }).map_err(|_| Error::internal("a place is plain data"))?;
        self.store.shared.cursor_key.write(bound_to, &place)
    }

    /// What a cursor of this list is bound to.
    fn bound_to(&self) -> Vec<u8> {
        let organization = self.access.organization.map(|id| id.to_string()).unwrap_or_default();
        let order = self.order.as_ref().map(|(column, order)| format!("{column:?} {order:?}")).unwrap_or_default();
        let narrowed = format!("{:?}", self.narrowed);
        sha256(&[organization.as_bytes(), E::Id::PREFIX.as_bytes(), order.as_bytes(), narrowed.as_bytes()])
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
