//! Nullable payloads. The library lets one failing mutation make the whole of `data` null; here a nullable root field that fails is
//! null, its error is kept, and the fields beside it go on. Also notes that something was executed at all, which the library tells nobody:
//! a subscription whose stream cannot be made fails before that.

use std::sync::{Arc, Mutex, PoisonError, atomic::Ordering};

use async_graphql::{
    Response, ServerError, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo},
};
use async_trait::async_trait;

use super::context::RequestData;

/// Makes one [`Nullable`] for each request.
pub(crate) struct NullableRoots;

impl ExtensionFactory for NullableRoots {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Nullable::default())
    }
}

#[derive(Default)]
struct Nullable {
    failed: Mutex<Vec<ServerError>>,
}

#[async_trait]
impl Extension for Nullable {
    async fn execute(&self, ctx: &ExtensionContext<'_>, operation_name: Option<&str>, next: NextExecute<'_>) -> Response {
        if let Some(data) = ctx.data_opt::<Arc<RequestData>>() {
            data.executed.store(true, Ordering::Relaxed);
        }
        let mut response = next.run(ctx, operation_name).await;
        response.errors.append(&mut self.failed.lock().unwrap_or_else(PoisonError::into_inner));
        response
    }

    async fn resolve(&self, ctx: &ExtensionContext<'_>, info: ResolveInfo<'_>, next: NextResolve<'_>) -> ServerResult<Option<Value>> {
        let at_root = info.path_node.parent.is_none() && !info.return_type.ends_with('!');
        match next.run(ctx, info).await {
            Err(error) if at_root => {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                Ok(Some(Value::Null))
            }
            other => other,
        }
    }
}
