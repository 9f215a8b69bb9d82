//! Connections (Relay cursor specification), with `nodes` and a `totalCount` that is counted only when it is asked for.

use async_graphql::{Context, SimpleObject};
use uuid::Uuid;

use super::{context::RequestContext, error::query_error};
use crate::store::{Find, InMemory, Page, PageArgs, Protected};

/// Where a page stands in its list.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether more follow.
    has_next_page: bool,
    /// Whether there are some before.
    has_previous_page: bool,
    /// The first edge's cursor; null on an empty page.
    start_cursor: Option<String>,
    /// The last edge's cursor; null on an empty page.
    end_cursor: Option<String>,
}

/// What a connection is made of.
pub(crate) struct Paged<E: Protected> {
    pub(crate) page: Page<E>,
    pub(crate) page_info: PageInfo,
    pub(crate) total_count: Option<i32>,
}

/// Fetches a page and, when it is asked for, the count.
pub(crate) async fn paged<E: Protected>(ctx: &Context<'_>, find: Find<'_, E>, args: PageArgs) -> async_graphql::Result<Paged<E>> {
    let count = if counted(ctx) { Some(find.count().await.map_err(query_error)?) } else { None };
    Ok(whole(find.page(&args).await.map_err(query_error)?, count))
}

/// The page of a list that is in memory, and its count when that is asked for.
pub(crate) fn paged_in_memory<E: Protected>(
    ctx: &Context<'_>,
    find: Find<'_, E>,
    args: &PageArgs,
    list: &InMemory<'_, E>,
) -> async_graphql::Result<Paged<E>> {
    let count = counted(ctx).then(|| list.count());
    Ok(whole(find.page_in_memory(args, list).map_err(query_error)?, count))
}

/// The page of a parent's children that are in memory.
pub(crate) fn children_in_memory<E: Protected>(
    ctx: &Context<'_>,
    find: Find<'_, E>,
    column: E::Column,
    parent: impl Into<Uuid>,
    args: PageArgs,
    list: &InMemory<'_, E>,
) -> async_graphql::Result<Paged<E>> {
    let children = find.of_each(column, args, counted(ctx));
    let loaded = children.page_in_memory(ctx.store(), &ctx.access(), parent.into(), list).map_err(query_error)?;
    Ok(whole(loaded.page, loaded.count))
}

/// Fetches a page of a parent's children, together with those of all other parents of whom this level asks the same: lists within
/// lists cost the same number of statements for one parent and for a hundred.
pub(crate) async fn children<E: Protected>(
    ctx: &Context<'_>,
    find: Find<'_, E>,
    column: E::Column,
    parent: impl Into<Uuid>,
    args: PageArgs,
) -> async_graphql::Result<Paged<E>> {
    let loaded = ctx.load_children(parent, find.of_each(column, args, counted(ctx))).await?;
    Ok(whole(loaded.page.clone(), loaded.count))
}

/// Likewise, where one of two columns names the parent.
pub(crate) async fn children_of_either<E: Protected>(
    ctx: &Context<'_>,
    find: Find<'_, E>,
    columns: [E::Column; 2],
    parent: impl Into<Uuid>,
    args: PageArgs,
) -> async_graphql::Result<Paged<E>> {
    let loaded = ctx.load_children(parent, find.of_either(columns[0], columns[1], args, counted(ctx))).await?;
    Ok(whole(loaded.page.clone(), loaded.count))
}

/// Whether the count over all pages is asked for.
fn counted(ctx: &Context<'_>) -> bool {
    ctx.look_ahead().field("totalCount").exists()
}

fn whole<E: Protected>(page: Page<E>, count: Option<u64>) -> Paged<E> {
    let cursor = |row: Option<&(String, _)>| row.map(|(cursor, _)| cursor.clone());
    let page_info = PageInfo {
        has_next_page: page.has_next,
        has_previous_page: page.has_previous,
        start_cursor: cursor(page.rows.first()),
        end_cursor: cursor(page.rows.last()),
    };
    Paged { page, page_info, total_count: count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)) }
}

/// Makes the connection and edge types of a node type over an entity.
macro_rules! connection {
    ($Node:ident, $Connection:ident, $Edge:ident, $Entity:ty, $many:literal) => {
        #[doc = concat!("A page of ", $many, ".")]
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $Connection {
            /// The page's rows with their cursors.
            edges: Vec<$Edge>,
            /// The page's rows.
            nodes: Vec<$Node>,
            /// Where the page stands in the list.
            page_info: crate::graphql::connection::PageInfo,
            /// How many there are over all pages. Counted only when asked for.
            total_count: Option<i32>,
        }

        #[doc = concat!("One of ", $many, " with its cursor.")]
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $Edge {
            /// Names this place in the list, for `after` and `before`.
            cursor: String,
            /// The row.
            node: $Node,
        }

        impl From<crate::graphql::connection::Paged<$Entity>> for $Connection {
            fn from(paged: crate::graphql::connection::Paged<$Entity>) -> Self {
                let rows = paged.page.rows;
                Self {
                    nodes: rows.iter().map(|(_, row)| $Node(row.clone().into())).collect(),
                    edges: rows.into_iter().map(|(cursor, row)| $Edge { cursor, node: $Node(row.into()) }).collect(),
                    page_info: paged.page_info,
                    total_count: paged.total_count,
                }
            }
        }
    };
}

pub(crate) use connection;
