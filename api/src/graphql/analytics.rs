//! What is measured. Reports follow their definitions.

use async_graphql::{Object, SimpleObject};

use super::guard::Requires;
use crate::{access::Scope, domain::metric};

/// How programs do, never about one person.
#[derive(SimpleObject)]
pub(crate) struct Analytics {
    /// How each measure is counted now, in the order of their ids.
    definitions: Vec<MetricDefinition>,
}

/// How one measure is counted. A changed definition is another version; what was reported by one stays as it was.
#[derive(SimpleObject)]
pub(crate) struct MetricDefinition {
    /// Which measure: `M01` and on.
    id: String,
    /// Counts its definitions, from 1.
    version: i32,
    /// What it is called.
    name: String,
    /// What is counted.
    numerator: String,
    /// Of what.
    denominator: String,
    /// What is left out, beyond what always is: what was entered in error, and data of sandboxes.
    exclusions: Option<String>,
    /// Where the definition comes from.
    source: String,
}

impl From<&metric::MetricDefinition> for MetricDefinition {
    fn from(of: &metric::MetricDefinition) -> Self {
        Self {
            id: of.id.clone(),
            version: of.version,
            name: of.name.clone(),
            numerator: of.numerator.clone(),
            denominator: of.denominator.clone(),
            exclusions: of.exclusions.clone(),
            source: of.source.clone(),
        }
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct AnalyticsQuery;

#[Object]
impl AnalyticsQuery {
    /// How programs do, never about one person.
    #[graphql(guard = "Requires(Scope::AnalyticsRead)")]
    async fn analytics(&self) -> Analytics {
        Analytics { definitions: metric::current().map(Into::into).collect() }
    }
}
