//! Lists within lists: the same page of children for each of many parents, with one statement for a whole level of an answer.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, ExprTrait, IdenStatic, ModelTrait, QueryFilter, QuerySelect, QueryTrait, Value,
    sea_query::{Expr, Func, OverStatement, Query, SelectStatement, WindowStatement},
};
use uuid::Uuid;

use super::{
    Find, Page, PageArgs, Protected, Store,
    find::Placed,
    listing::Listing,
    protected::{Fetched, scoped},
    sha256,
};
use crate::{
    access::Access,
    error::{Error, Result},
};

/// A list that is asked for of each of many parents: which children, in which order, which page, and whether they are counted.
#[derive(Clone, Debug)]
pub struct Children<E: Protected> {
    parent: E::Column,
    or: Option<E::Column>,
    listing: Listing<E>,
    pub(super) args: PageArgs,
    pub(super) counted: bool,
}

/// One parent's page of children, and how many there are over all pages, where they were counted.
#[derive(Clone, Debug)]
pub struct ChildPage<E: Protected> {
    /// The page.
    pub page: Page<E>,
    /// How many there are.
    pub count: Option<u64>,
}

impl<E: Protected> Find<'_, E> {
    /// This list for each of many parents, whom this column of the children names.
    pub fn of_each(self, parent: E::Column, args: PageArgs, counted: bool) -> Children<E> {
        Children { parent, or: None, listing: self.listing, args, counted }
    }

    /// Likewise, where one of two columns names the parent: of one row never two parents that are asked for at once.
    pub fn of_either(self, parent: E::Column, or: E::Column, args: PageArgs, counted: bool) -> Children<E> {
        Children { parent, or: Some(or), listing: self.listing, args, counted }
    }
}

impl<E: Protected> Children<E> {
    /// Tells this list and page from every other, whoever the parents are.
    pub fn digest(&self) -> Vec<u8> {
        let page = format!("{:?} {:?} {:?} {}", self.parent, self.or, self.args, self.counted);
        sha256(&[&self.listing.digest(), page.as_bytes()])
    }

    pub(super) fn of<'a>(&self, store: &'a Store, access: &'a Access, parent: Uuid) -> Find<'a, E> {
        Find::over(store, access, self.listing.of(self.parent, self.or, parent))
    }

    /// That one of these is the parent.
    fn is_of(&self, parents: &[Uuid]) -> Condition {
        let names = |column: E::Column| column.is_in(parents.iter().copied());
        Condition::any().add(names(self.parent)).add_option(self.or.map(names))
    }

    /// Which of these is the parent.
    fn which(&self, parents: &[Uuid]) -> Expr {
        let column = |column: E::Column| Expr::col(column.as_column_ref());
        match self.or {
            Some(or) => Expr::case(self.parent.is_in(parents.iter().copied()), column(self.parent)).finally(column(or)).into(),
            None => column(self.parent),
        }
    }

    /// The ids of the first so many children of each parent.
    fn first_of_each(&self, store: &Store, access: &Access, parents: &[Uuid], most: u64) -> SelectStatement {
        let mut window = WindowStatement::new();
        window.add_partition_by(self.which(parents));
        for (expr, order) in self.listing.order(self.args.backward()) {
            window.order_by_expr(expr, order);
        }
        let children = Find::over(store, access, self.listing.clone()).existing().filter(self.is_of(parents));
        let mut numbered = children.select_only().column(E::id_column()).into_query();
        numbered.expr_window_as(Func::cust("row_number"), window, "number");
        let numbered_up_to = i64::try_from(most).unwrap_or(i64::MAX);
        Query::select()
            .column(E::id_column().as_str())
            .from_subquery(numbered, "numbered")
            .and_where(Expr::col("number").lte(numbered_up_to))
            .take()
    }
}

impl Store {
    /// The page of each of these parents, the same for all: one statement, and one more where they are counted.
    ///
    /// # Errors
    /// Refused when the arguments contradict each other, ask for too many, or hold a cursor that is not of the parent's list: a cursor is
    /// of one parent's list, so that with one there is one parent.
    pub async fn children<E: Protected>(
        &self,
        access: &Access,
        asked: &Children<E>,
        parents: &[Uuid],
    ) -> Result<HashMap<Uuid, ChildPage<E>>> {
        let mut counts = if asked.counted { self.count_children(access, asked, parents).await? } else { HashMap::new() };
        let mut count = |parent| asked.counted.then(|| counts.remove(&parent).unwrap_or_default());
        let mut pages = HashMap::new();
        // One parent's list is read by its index; of many, the rows are numbered.
        if parents.len() == 1 || asked.args.after.is_some() || asked.args.before.is_some() {
            for &parent in parents {
                let page = asked.of(self, access, parent).page(&asked.args).await?;
                pages.insert(parent, ChildPage { page, count: count(parent) });
            }
            return Ok(pages);
        }
        let wanted = asked.args.wanted()?;
        let mut rows = self.rows_of_each(access, asked, parents, wanted + 1).await?;
        for &parent in parents {
            let own = rows.remove(&parent).unwrap_or_default();
            let page = asked.of(self, access, parent).page_of(own, wanted, &asked.args)?;
            pages.insert(parent, ChildPage { page, count: count(parent) });
        }
        Ok(pages)
    }

    async fn rows_of_each<E: Protected>(
        &self,
        access: &Access,
        asked: &Children<E>,
        parents: &[Uuid],
        most: u64,
    ) -> Result<HashMap<Uuid, Vec<Placed<E>>>> {
        let ids = asked.first_of_each(self, access, parents, most);
        let select = asked.listing.with_place(scoped::<E>(access).filter(E::id_column().in_subquery(ids)));
        let select = asked.listing.in_order(select, asked.args.backward());
        let rows = select.into_model::<Fetched<E>>().all(self.reader()).await?;
        let mut of_each: HashMap<Uuid, Vec<Placed<E>>> = HashMap::new();
        for (place, row) in Find::over(self, access, asked.listing.clone()).placed(rows) {
            let named = |column: E::Column| match row.model().get(column) {
                Value::Uuid(Some(parent)) if parents.contains(&parent) => Some(parent),
                _ => None,
            };
            let Some(parent) = named(asked.parent).or_else(|| asked.or.and_then(named)) else {
                return Err(Error::internal("a list of children is asked for by a column that names no parent"));
            };
            of_each.entry(parent).or_default().push((place, row));
        }
        Ok(of_each)
    }

    async fn count_children<E: Protected>(&self, access: &Access, asked: &Children<E>, parents: &[Uuid]) -> Result<HashMap<Uuid, u64>> {
        const PARENT: &str = "of_parent";
        let children = Find::over(self, access, asked.listing.clone()).existing().filter(asked.is_of(parents));
        let counted = children.select_only().column_as(asked.which(parents), PARENT).column_as(E::id_column().count(), "count");
        let counted = counted.group_by(Expr::col(PARENT));
        let counts = counted.into_tuple::<(Uuid, i64)>().all(self.reader()).await?;
        Ok(counts.into_iter().map(|(parent, count)| (parent, count.unsigned_abs())).collect())
    }
}
