//! Connections (Relay cursor specification), with `nodes` and a `totalCount` that is counted only when it is asked for.

use async_graphql::{Context, SimpleObject};

use super::error::query_error;
use crate::store::{Find, Page, PageArgs, Protected};

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
    let total_count = if ctx.look_ahead().field("totalCount").exists() {
        Some(i32::try_from(find.count().await.map_err(query_error)?).unwrap_or(i32::MAX))
    } else {
        None
    };
    let page = find.page(&args).await.map_err(query_error)?;
    let cursor = |row: Option<&(String, _)>| row.map(|(cursor, _)| cursor.clone());
    let page_info = PageInfo {
        has_next_page: page.has_next,
        has_previous_page: page.has_previous,
        start_cursor: cursor(page.rows.first()),
        end_cursor: cursor(page.rows.last()),
    };
    Ok(Paged { page, page_info, total_count })
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
                    nodes: rows.iter().map(|(_, row)| $Node(row.clone())).collect(),
                    edges: rows.into_iter().map(|(cursor, row)| $Edge { cursor, node: $Node(row) }).collect(),
                    page_info: paged.page_info,
                    total_count: paged.total_count,
                }
            }
        }
    };
}

pub(crate) use connection;
