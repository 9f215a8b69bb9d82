//! What a list is of and how it is ordered, without who asks for it.

use entity::TypedId;
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, Order, QuerySelect, QueryTrait, Select, Value,
    sea_query::{CaseStatement, Expr},
};
use serde::{Deserialize, Serialize};

use super::{Protected, sha256, unless};

/// What is asked for, without who asks: which rows of those that exist for the caller, and in which order.
#[derive(Clone, Debug)]
pub(in crate::store) struct Listing<E: Protected> {
    pub(super) narrowed: Condition,
    /// A column whose value is one of these.
    pub(super) among: Option<(E::Column, Vec<Value>)>,
    /// What it is narrowed by, as text: cursors are bound to it.
    pub(super) named: String,
    /// What each row is measured by.
    pub(super) measure: Option<Expr>,
    pub(super) order: Option<(By<E>, Order)>,
}

/// What rows are ordered by, before their ids.
#[derive(Clone, Debug)]
pub(super) enum By<E: Protected> {
    /// A column that is never null and open to all who see the row.
    Column(E::Column),
    /// An instant that some rows have not, or that is open to the caller only where a condition holds.
    Known(E::Column, Known),
    /// An instant that is computed of each row.
    Computed(Computed),
    /// What rows are measured by, and where it is equal, an instant.
    Measure(Expr, Option<Computed>),
}

/// An instant that is computed of each row and never null. Its name stands for it where the expression may hold the time of the request.
#[derive(Clone, Debug)]
pub(super) struct Computed {
    pub(super) name: &'static str,
    pub(super) expr: Expr,
}

impl<E: Protected> By<E> {
    pub(super) fn exprs(&self) -> Vec<Expr> {
        let first = match self {
            Self::Column(column) | Self::Known(column, _) => Some(Expr::col(column.as_column_ref())),
            Self::Computed(_) => None,
            Self::Measure(expr, _) => Some(expr.clone()),
        };
        first.into_iter().chain(self.computed().map(|computed| computed.expr.clone())).collect()
    }

    fn computed(&self) -> Option<&Computed> {
        match self {
            Self::Computed(computed) | Self::Measure(_, Some(computed)) => Some(computed),
            _ => None,
        }
    }
}

/// Of which rows an instant is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// That a row has it, where not all have.
    pub(super) there: Option<Expr>,
    /// That it is open to the caller, where it is not of all rows.
    pub(super) open: Option<Condition>,
}

impl Known {
    pub(super) fn condition(&self) -> Condition {
        Condition::all().add_option(self.there.clone()).add_option(self.open.clone())
    }
}

/// A part of a list whose rows are ordered alike, so that an index can give them in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Stretch {
    /// The rows that have what the list is ordered by: of most lists all.
    Placed,
    /// After them in either direction, those that do not have it.
    Without,
    /// And those of which it is closed to the caller: in an order that tells nothing of it.
    Closed,
}

impl<E: Protected> Listing<E> {
    /// Narrowed to those of a parent.
    pub(in crate::store) fn of(&self, parent: E::Column, or: Option<E::Column>, id: uuid::Uuid) -> Self {
        let named = format!("{} {parent:?} {or:?} {id}", self.named);
        let of_it = Condition::any().add(parent.eq(id)).add_option(or.map(|or| or.eq(id)));
        Self { narrowed: self.narrowed.clone().add(of_it), named, ..self.clone() }
    }

    /// What its rows meet.
    pub(in crate::store) fn condition(&self) -> Condition {
        let among = self.among.as_ref().map(|(column, values)| Expr::col(column.as_column_ref()).is_in(values.clone()));
        self.narrowed.clone().add_option(among)
    }

    /// The same for each value of the column that has one of several.
    pub(super) fn kinds(&self) -> Vec<Condition> {
        let Some((column, values)) = &self.among else { return vec![self.narrowed.clone()] };
        values.iter().map(|value| self.narrowed.clone().add(Expr::col(column.as_column_ref()).eq(value.clone()))).collect()
    }

    /// The stretches of the list, in its order.
    pub(super) fn stretches(&self) -> Vec<Stretch> {
        let known = match &self.order {
            Some((By::Known(_, known), _)) => Some(known),
            _ => None,
        };
        let without = known.and_then(|known| known.there.as_ref()).map(|_| Stretch::Without);
        let closed = known.and_then(|known| known.open.as_ref()).map(|_| Stretch::Closed);
        [Stretch::Placed].into_iter().chain(without).chain(closed).collect()
    }

    /// That a row is in a stretch; nothing where there is one.
    pub(super) fn is_in(&self, stretch: Stretch) -> Option<Condition> {
        let Some((By::Known(column, known), _)) = &self.order else { return None };
        Some(match stretch {
            Stretch::Placed => known.condition(),
            Stretch::Without => Condition::all().add(column.is_null()).add_option(known.open.clone()),
            Stretch::Closed => unless(known.open.clone().unwrap_or_else(Condition::all)),
        })
    }

    /// By what the rows of a stretch are ordered, and which way.
    pub(super) fn order_of(&self, stretch: Stretch, backward: bool) -> Vec<(Expr, Order)> {
        let by_id = self.order.as_ref().map_or(Order::Asc, |(_, order)| order.clone());
        // Where there is none, the column is equal in all rows, and the index is still in its order.
        let order = self.order.iter().filter(|_| stretch != Stretch::Closed);
        let first = order.flat_map(|(by, order)| by.exprs().into_iter().map(|expr| (expr, order.clone())));
        let order = first.chain([(Expr::col(E::id_column().as_column_ref()), by_id)]);
        order.map(|(expr, order)| (expr, turned(order, backward))).collect()
    }

    /// By what the rows of all stretches are ordered, and which way.
    pub(in crate::store) fn order(&self, backward: bool) -> Vec<(Expr, Order)> {
        let order = self.order_of(Stretch::Placed, backward);
        let Some((By::Known(_, known), _)) = &self.order else { return order };
        let last = CaseStatement::new().case(known.condition(), Expr::val(0));
        let last = match &known.open {
            Some(open) => last.case(open.clone(), Expr::val(1)).finally(Expr::val(2)),
            None => last.finally(Expr::val(1)),
        };
        let where_known = order.into_iter().enumerate().map(|(number, (expr, order))| match number {
            // What is closed must not be told by an order.
            0 => (CaseStatement::new().case(known.condition(), expr).into(), order),
            _ => (expr, order),
        });
        std::iter::once((last.into(), turned(Order::Asc, backward))).chain(where_known).collect()
    }

    pub(in crate::store) fn in_order(&self, select: Select<E>, backward: bool) -> Select<E> {
        self.sorted(select, self.order(backward))
    }

    pub(super) fn sorted(&self, mut select: Select<E>, order: Vec<(Expr, Order)>) -> Select<E> {
        for (expr, order) in order {
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
        match self.order.as_ref().and_then(|(by, _)| by.computed()) {
            Some(computed) => select.expr_as(computed.expr.clone(), "place"),
            None => select,
        }
    }

    /// Tells this list from every other.
    pub(in crate::store) fn digest(&self) -> Vec<u8> {
        let order = match &self.order {
            Some((By::Column(column) | By::Known(column, _), order)) => format!("{column:?} {order:?}"),
            Some((By::Computed(computed), order)) => format!("{} {order:?}", computed.name),
            Some((By::Measure(_, then), order)) => {
                let then = then.as_ref().map(|then| format!("{} ", then.name)).unwrap_or_default();
                format!("measure {then}{order:?}")
            }
            None => String::new(),
        };
        sha256(&[E::Id::PREFIX.as_bytes(), order.as_bytes(), self.named.as_bytes()])
    }
}

/// The other way, when it is read from its end.
fn turned(order: Order, backward: bool) -> Order {
    match (order, backward) {
        (Order::Desc, false) | (Order::Asc, true) => Order::Desc,
        _ => Order::Asc,
    }
}

#[cfg(test)]
mod tests {
    use entity::session;

    use super::*;

    #[test]
    fn a_cursor_without_the_second_key_is_of_another_list() {
        let by = |then| By::<session::Entity>::Measure(Expr::val(1), then);
        let digest = |by| {
            let listing =
                Listing { narrowed: Condition::all(), among: None, named: String::new(), measure: None, order: Some((by, Order::Asc)) };
            listing.digest()
        };
        let then = Computed { name: "start", expr: Expr::val(2) };
        assert_ne!(digest(by(None)), digest(by(Some(then))));
    }
}
