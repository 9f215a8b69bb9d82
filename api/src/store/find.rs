//! Lists: what exists for the caller, narrowed, ordered and paged by keyset.

use std::cmp::Ordering;

use sea_orm::{
    ColumnTrait, ColumnType, Condition, ExprTrait, IdenStatic, ModelTrait, Order, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait,
    Select, Value,
    sea_query::{Expr, Query, UnionType},
};
use serde::{Deserialize, Serialize};

use super::{
    Class, Protected, Store, Visible, connection,
    listing::{By, Computed, Known, Listing, Stretch},
    protected::{Fetched, granted, visible},
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
/// Over how many lists, at the most, a page is gathered from each in order. Beyond that the database gathers and sorts.
const MOST_ARMS: usize = 24;

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

/// The place of a row in the order of its list.
#[derive(Serialize, Deserialize)]
pub(super) struct Place {
    stretch: Stretch,
    pub(super) value: Option<Key>,
    /// Where rows that are equal in it are ordered by an instant before their ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) then: Option<chrono::DateTime<chrono::Utc>>,
    pub(super) id: uuid::Uuid,
}

/// Between which places rows are wanted.
#[derive(Default)]
pub(super) struct Between {
    pub(super) after: Option<Place>,
    pub(super) before: Option<Place>,
}

/// A value that lists can be ordered by.
#[derive(Serialize, Deserialize)]
pub(super) enum Key {
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

    fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => text.clone().into(),
            Self::Instant(at) => (*at).into(),
            Self::Number(number) => (*number).into(),
        }
    }
}

impl<'a, E: Protected> Find<'a, E> {
    pub(in crate::store) fn new(store: &'a Store, access: &'a Access) -> Self {
        Self::over(store, access, Listing { narrowed: Condition::all(), among: None, named: String::new(), measure: None, order: None })
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

    /// Narrows to rows whose column has one of these values; otherwise as [`Find::by`]. An index on it gives each value's rows in order.
    #[must_use]
    pub fn among<V: Into<Value>>(mut self, column: E::Column, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let name = format!("{column:?} {values:?}");
        self.listing.among = Some((column, values));
        self.matching_as(&name, E::class_of(column), Condition::all())
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

    /// Whether rows are measured.
    pub const fn is_measured(&self) -> bool {
        self.listing.measure.is_some()
    }

    /// Orders by what rows are measured by; rows that are equal in it, and all where nothing is measured, are ordered by their ids, or
    /// before that by an instant, which is given as [`Find::ordered_by_instant`] has it.
    #[must_use]
    pub fn ordered_by_measure(mut self, then: Option<(&'static str, Expr)>, order: Order) -> Self {
        let then = then.map(|(name, expr)| Computed { name, expr });
        self.listing.order = self.listing.measure.clone().map(|measure| (By::Measure(measure, then), order));
        self
    }

    /// Orders by a column; rows that are equal in it are ordered by their ids. Where an instant is null, or closed to the caller, the row
    /// comes after all others, in either direction. Other columns are never null where they are listed, and open to all who see the row.
    #[must_use]
    pub fn ordered(mut self, by: E::Column, order: Order) -> Self {
        let class = E::class_of(by).filter(|_| !self.access.is_system());
        let instant = matches!(by.def().get_column_type(), ColumnType::TimestampWithTimeZone);
        debug_assert!(class.is_none() || instant, "an order by a guarded column would tell its values");
        let known = Known {
            there: (instant && by.def().is_null()).then(|| by.is_not_null()),
            open: class.map(|class| E::grants(self.access).condition(class)),
        };
        let by = if known.condition().is_empty() { By::Column(by) } else { By::Known(by, known) };
        self.listing.order = Some((by, order));
        self
    }

    /// Orders by an instant that is computed of each row and never null. The name binds cursors to it in place of the expression, which
    /// may hold the time of the request.
    #[must_use]
    pub fn ordered_by_instant(mut self, name: &'static str, computed: Expr, order: Order) -> Self {
        self.listing.order = Some((By::Computed(Computed { name, expr: computed }), order));
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
        Ok(self.rows(&Between::default(), false, most).await?.into_iter().map(|(_, row)| row).collect())
    }

    /// One page.
    ///
    /// # Errors
    /// Refused when the arguments contradict each other, ask for too many, or hold a cursor that is not of this list.
    pub async fn page(self, args: &PageArgs) -> Result<Page<E>> {
        let (wanted, between) = (args.wanted()?, self.between(args)?);
        let rows = self.rows(&between, args.backward(), wanted + 1).await?;
        self.page_of(rows, wanted, args)
    }

    /// The places that the cursors of a page name.
    pub(super) fn between(&self, args: &PageArgs) -> Result<Between> {
        let bound_to = self.bound_to();
        let place = |cursor: &Option<String>, name| cursor.as_ref().map(|cursor| self.place(&bound_to, cursor, name)).transpose();
        Ok(Between { after: place(&args.after, "after")?, before: place(&args.before, "before")? })
    }

    /// At most so many rows between two places, from one end. What follows a stretch is only asked for when that did not suffice.
    async fn rows(&self, between: &Between, backward: bool, most: u64) -> Result<Vec<Placed<E>>> {
        let mut stretches = self.listing.stretches();
        if backward {
            stretches.reverse();
        }
        let mut rows = Vec::new();
        for stretch in stretches {
            let missing = most.saturating_sub(rows.len() as u64);
            if missing == 0 {
                break;
            }
            let Some(within) = self.within(stretch, between) else { continue };
            let select = self.slice(stretch, &within, backward, missing);
            rows.extend(self.placed(select.into_model::<Fetched<E>>().all(self.store.reader()).await?));
        }
        Ok(rows)
    }

    /// At most so many rows of a stretch. Where what exists for the caller is several lists, as many are taken from each, and then from
    /// all of them; and likewise where a column has one of several values.
    fn slice(&self, stretch: Stretch, within: &Condition, backward: bool, most: u64) -> Select<E> {
        let listing = &self.listing;
        let in_stretch = |select: Select<E>, narrowed: Condition| {
            let of_stretch = select.filter(narrowed).filter(within.clone());
            listing.sorted(of_stretch, listing.order_of(stretch, backward)).limit(most)
        };
        let arms = if self.access.is_system() { Vec::new() } else { E::arms(self.access) };
        let mut kinds = listing.kinds();
        if arms.len() * kinds.len() > MOST_ARMS {
            kinds = vec![listing.condition()];
        }
        if arms.len() * kinds.len() < 2 {
            let all = Condition::all().add(listing.condition());
            return in_stretch(listing.with_place(granted::<E>(self.access)), arms.into_iter().fold(all, Condition::add));
        }
        let arms = arms.iter().flat_map(|arm| kinds.iter().map(|kind| Condition::all().add(arm.clone()).add(kind.clone())));
        let ids = arms.enumerate().map(|(number, arm)| {
            let arm = in_stretch(connection::select::<E>().select_only().column(E::id_column()), arm).into_query();
            Query::select().column(E::id_column().as_str()).from_subquery(arm, format!("arm{number}")).to_owned()
        });
        let ids = ids.reduce(|mut all, arm| all.union(UnionType::All, arm).to_owned()).unwrap_or_default();
        let rows = listing.with_place(granted::<E>(self.access).filter(E::id_column().in_subquery(ids)));
        listing.sorted(rows, listing.order_of(stretch, backward)).limit(most)
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
        visible::<E>(self.access).filter(self.listing.condition())
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

    /// The place that a cursor names.
    fn place(&self, bound_to: &[u8], cursor: &str, name: &'static str) -> Result<Place> {
        let not_of_this_list = || {
            let sentence = "This cursor is not one of this list with this filter and order: begin again without it.";
            Error::from(Refusal { code: crate::error::Code::CursorExpired, ..Refusal::invalid(sentence) }.at([name]))
        };
        let plain = self.store.shared.cursor_key.read(bound_to, cursor).ok_or_else(not_of_this_list)?;
        serde_json::from_slice(&plain).map_err(|_| not_of_this_list())
    }

    /// The rows of a stretch that are between two places; nothing when none can be.
    fn within(&self, stretch: Stretch, between: &Between) -> Option<Condition> {
        let mut all = Condition::all().add_option(self.listing.is_in(stretch));
        for (place, after) in [(&between.after, true), (&between.before, false)] {
            let Some(place) = place else { continue };
            let ahead = if after { Ordering::Greater } else { Ordering::Less };
            match stretch.cmp(&place.stretch) {
                Ordering::Equal => all = all.add(self.beyond(place, after)),
                order if order == ahead => {}
                _ => return None,
            }
        }
        Some(all)
    }

    /// The rows of a place's stretch that come after it, or before.
    fn beyond(&self, place: &Place, after: bool) -> Expr {
        let descending = matches!(self.listing.order, Some((_, Order::Desc)));
        let exprs = self.listing.order.iter().flat_map(|(by, _)| by.exprs());
        let keys = place.value.iter().map(Key::to_value).chain(place.then.map(Value::from));
        let (mut ours, mut theirs): (Vec<_>, Vec<_>) = exprs.zip(keys.map(Expr::val)).unzip();
        ours.push(Expr::col(E::id_column().as_column_ref()));
        theirs.push(Expr::val(place.id));
        // Compared as rows, which an index on both can answer.
        let (ours, theirs) = (Expr::tuple(ours), Expr::tuple(theirs));
        if after == descending { ours.lt(theirs) } else { ours.gt(theirs) }
    }

    fn cursor_of(&self, bound_to: &[u8], row: &Visible<E>, computed: Option<chrono::DateTime<chrono::Utc>>) -> Result<String> {
        let (mut stretch, mut then) = (Stretch::Placed, None);
        let value = match &self.listing.order {
            Some((By::Column(column), _)) => Some(Key::of(row.model().get(*column))?),
            Some((By::Known(column, _), _)) => {
                let open = self.access.is_system() || E::class_of(*column).is_none_or(|class| row.may_open(class));
                match row.model().get(*column) {
                    Value::ChronoDateTimeUtc(Some(at)) if open => Some(Key::Instant(at)),
                    _ => {
                        stretch = if open { Stretch::Without } else { Stretch::Closed };
                        None
                    }
                }
            }
            Some((By::Computed(..), _)) => Some(Key::of(Value::ChronoDateTimeUtc(computed))?),
            Some((By::Measure(_, by), _)) => {
                then = computed.filter(|_| by.is_some());
                Some(Key::of(Value::BigInt(row.measure()))?)
            }
            None => None,
        };
        let place = serde_json::to_vec(&Place { stretch, value, then, id: row.id().into() })
            .map_err(|_| Error::internal("a place is plain data"))?;
        self.store.shared.cursor_key.write(bound_to, &place)
    }

    /// What a cursor of this list is bound to.
    fn bound_to(&self) -> Vec<u8> {
        let organization = self.access.organization.map(|id| id.to_string()).unwrap_or_default();
        sha256(&[organization.as_bytes(), &self.listing.digest()])
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
