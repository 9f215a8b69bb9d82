//! Lists whose rows are in memory already. They are paged as those of the database are, and a cursor of the one is a cursor of the other.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::Order;
use uuid::Uuid;

use super::{
    ChildPage, Children, Find, Page, PageArgs, Protected, Store, Visible,
    find::{Between, Key, Place, Placed},
};
use crate::{access::Access, error::Result};

/// A row in an order: what it is ordered by, its id, and where it is.
pub type Entry<K> = (K, Uuid, u32);

/// The rows of a list and more, in the ascending order of what the list is ordered by and of their ids.
#[derive(Debug)]
pub enum InOrder<'a> {
    /// By an instant that is a column.
    At(&'a [Entry<DateTime<Utc>>]),
    /// By an instant that is computed.
    Computed(Arc<[Entry<DateTime<Utc>>]>),
    /// By what rows are measured by, and where it is equal, by an instant that is computed.
    Measured(Vec<Entry<(i64, DateTime<Utc>)>>),
}

/// A list in memory.
pub struct InMemory<'a, E: Protected> {
    /// What may be in it, in its order.
    pub order: InOrder<'a>,
    /// Whether the row there is in it.
    pub holds: Box<dyn Fn(u32) -> bool + 'a>,
    /// The row there, as the caller may see it.
    pub row: Box<dyn Fn(u32) -> Visible<E> + 'a>,
}

impl<E: Protected> std::fmt::Debug for InMemory<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InMemory").field("order", &self.order).finish_non_exhaustive()
    }
}

/// What rows in memory can be ordered by.
trait Ordered: Ord + Copy {
    /// What a cursor holds of it.
    fn of(place: &Place) -> Option<Self>;
}

impl Ordered for DateTime<Utc> {
    fn of(place: &Place) -> Option<Self> {
        if let Some(Key::Instant(at)) = place.value { Some(at) } else { None }
    }
}

impl Ordered for (i64, DateTime<Utc>) {
    fn of(place: &Place) -> Option<Self> {
        if let Some(Key::Number(number)) = place.value { Some((number, place.then?)) } else { None }
    }
}

/// The entries between two places. Of a descending list what comes after a place stands before it here.
fn between<'s, K: Ordered>(entries: &'s [Entry<K>], places: &Between, descending: bool) -> &'s [Entry<K>] {
    let (above, below) = if descending { (&places.before, &places.after) } else { (&places.after, &places.before) };
    let key = |place: &Place| K::of(place).map(|key| (key, place.id));
    let from = above.as_ref().and_then(key).map_or(0, |place| entries.partition_point(|(key, id, _)| (*key, *id) <= place));
    let to = below.as_ref().and_then(key).map_or(entries.len(), |place| entries.partition_point(|(key, id, _)| (*key, *id) < place));
    &entries[from.min(to)..to]
}

impl<E: Protected> InMemory<'_, E> {
    /// How many rows may have to be looked through for it.
    pub fn to_look_through(&self) -> usize {
        match &self.order {
            InOrder::At(entries) => entries.len(),
            InOrder::Computed(entries) => entries.len(),
            InOrder::Measured(entries) => entries.len(),
        }
    }

    /// How many rows are in the list.
    pub fn count(&self) -> u64 {
        let places: Box<dyn Iterator<Item = u32> + '_> = match &self.order {
            InOrder::At(entries) => Box::new(entries.iter().map(|(_, _, at)| *at)),
            InOrder::Computed(entries) => Box::new(entries.iter().map(|(_, _, at)| *at)),
            InOrder::Measured(entries) => Box::new(entries.iter().map(|(_, _, at)| *at)),
        };
        places.filter(|at| (self.holds)(*at)).count() as u64
    }

    /// At most so many rows between two places, from one end.
    fn rows(&self, places: &Between, (descending, backward): (bool, bool), most: usize) -> Vec<Placed<E>> {
        let ascending = descending == backward;
        match &self.order {
            InOrder::At(entries) => self.taken(between(entries, places, descending), ascending, most, |_| None),
            InOrder::Computed(entries) => self.taken(between(entries, places, descending), ascending, most, Some),
            InOrder::Measured(entries) => self.taken(between(entries, places, descending), ascending, most, |(_, then)| Some(then)),
        }
    }

    fn taken<K: Copy>(
        &self,
        entries: &[Entry<K>],
        ascending: bool,
        most: usize,
        place: impl Fn(K) -> Option<DateTime<Utc>>,
    ) -> Vec<Placed<E>> {
        let take = |entry: &&Entry<K>| (self.holds)(entry.2);
        let placed = |entry: &Entry<K>| (place(entry.0), (self.row)(entry.2));
        if ascending {
            entries.iter().filter(take).take(most).map(placed).collect()
        } else {
            entries.iter().rev().filter(take).take(most).map(placed).collect()
        }
    }
}

impl<E: Protected> Find<'_, E> {
    /// One page of this list, whose rows these are.
    ///
    /// # Errors
    /// As [`Find::page`].
    pub fn page_in_memory(self, args: &PageArgs, list: &InMemory<'_, E>) -> Result<Page<E>> {
        let (wanted, places) = (args.wanted()?, self.between(args)?);
        let descending = matches!(self.listing.order, Some((_, Order::Desc)));
        let most = usize::try_from(wanted + 1).unwrap_or(usize::MAX);
        self.page_of(list.rows(&places, (descending, args.backward()), most), wanted, args)
    }
}

impl<E: Protected> Children<E> {
    /// One parent's page of this list, whose rows these are.
    ///
    /// # Errors
    /// As [`Store::children`].
    pub fn page_in_memory(&self, store: &Store, access: &Access, parent: Uuid, list: &InMemory<'_, E>) -> Result<ChildPage<E>> {
        let page = self.of(store, access, parent).page_in_memory(&self.args, list)?;
        Ok(ChildPage { page, count: self.counted.then(|| list.count()) })
    }
}
