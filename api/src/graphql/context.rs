//! What a resolver has at hand: the request's store and access, its loader, and its list of what stayed closed.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    convert::Infallible,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_graphql::{
    ContextBase, QueryPathNode, QueryPathSegment,
    dataloader::{DataLoader, Loader},
};
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::task::{JoinHandle, yield_now};
use uuid::Uuid;

use crate::{
    access::Access,
    error::Error,
    store::{ChildPage, Children, Class, Protected, Store, Visible},
};

/// A gate that stayed closed. Depends on the selection, the viewer and consents, never on values (contract.md, "Answers").
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redaction {
    path: Vec<serde_json::Value>,
    code: &'static str,
    data_class: &'static str,
    remedy: &'static str,
}

/// The data of one request.
pub(crate) struct RequestData {
    pub(crate) store: Store,
    pub(crate) access: Access,
    loaders: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    redactions: Mutex<Vec<Redaction>>,
    pub(crate) replayed: std::sync::atomic::AtomicBool,
    /// Whether anything was executed: a subscription's first item, or a query. See [`super::nullable`].
    pub(crate) executed: std::sync::atomic::AtomicBool,
}

impl RequestData {
    pub(crate) fn new(store: Store, access: Access) -> Self {
        Self { store, access, loaders: Mutex::default(), redactions: Mutex::default(), replayed: false.into(), executed: false.into() }
    }

    /// What stayed closed since it was last asked.
    pub(crate) fn take_redactions(&self) -> Vec<Redaction> {
        std::mem::take(&mut self.redactions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The request's one loader of this kind.
    fn loader<L: OfRequest>(&self) -> Arc<DataLoader<L>> {
        let mut loaders = self.loaders.lock().unwrap_or_else(PoisonError::into_inner);
        let loader = loaders.entry(TypeId::of::<L>()).or_insert_with(|| {
            let loader = L::new(self.store.clone(), self.access.clone());
            Arc::new(DataLoader::new(loader, after_siblings).delay(Duration::ZERO))
        });
        Arc::clone(loader).downcast().expect("the loaders are kept under their own type")
    }
}

/// Runs what gathers the rows of a level once the request's task, which may give way in the middle of a long level, has gone on to its end.
fn after_siblings(load: BoxFuture<'static, ()>) -> JoinHandle<()> {
    tokio::spawn(async {
        yield_now().await;
        load.await;
    })
}

/// What loads for one request with the caller's access.
trait OfRequest: Send + Sync + 'static {
    fn new(store: Store, access: Access) -> Self;
}

/// Rows by id, as the caller may see them, all that one level asks for with one statement.
struct ById<E> {
    store: Store,
    access: Access,
    entity: PhantomData<E>,
}

impl<E: Protected> OfRequest for ById<E> {
    fn new(store: Store, access: Access) -> Self {
        Self { store, access, entity: PhantomData }
    }
}

impl<E: Protected> Loader<E::Id> for ById<E> {
    type Value = Visible<E>;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[E::Id]) -> Result<HashMap<E::Id, Visible<E>>, Arc<Error>> {
        let rows = self.store.by_ids::<E>(&self.access, ids).await.map_err(Arc::new)?;
        Ok(rows.into_iter().map(|row| (row.id(), row)).collect())
    }
}

/// Pages of children by parent, all of the same list that one level asks for with one statement.
struct OfParents<E> {
    store: Store,
    access: Access,
    entity: PhantomData<E>,
}

impl<E: Protected> OfRequest for OfParents<E> {
    fn new(store: Store, access: Access) -> Self {
        Self { store, access, entity: PhantomData }
    }
}

/// A list of one parent. The digest tells lists apart.
#[derive(Clone)]
struct OfParent<E: Protected> {
    parent: Uuid,
    digest: Arc<[u8]>,
    list: Arc<Children<E>>,
}

impl<E: Protected> PartialEq for OfParent<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.parent, &self.digest) == (other.parent, &other.digest)
    }
}

impl<E: Protected> Eq for OfParent<E> {}

impl<E: Protected> Hash for OfParent<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.parent, &self.digest).hash(state);
    }
}

impl<E: Protected> Loader<OfParent<E>> for OfParents<E> {
    /// A list that fails leaves those beside it alone.
    type Value = Result<Arc<ChildPage<E>>, Arc<Error>>;
    type Error = Infallible;

    async fn load(&self, asked: &[OfParent<E>]) -> Result<HashMap<OfParent<E>, Self::Value>, Infallible> {
        let mut lists: HashMap<&[u8], Vec<&OfParent<E>>> = HashMap::new();
        for of_parent in asked {
            lists.entry(&of_parent.digest).or_default().push(of_parent);
        }
        let mut loaded = HashMap::new();
        for same in lists.into_values() {
            let parents: Vec<_> = same.iter().map(|of_parent| of_parent.parent).collect();
            match self.store.children(&self.access, &same[0].list, &parents).await {
                Ok(mut pages) => {
                    loaded.extend(same.into_iter().filter_map(|key| Some((key.clone(), Ok(Arc::new(pages.remove(&key.parent)?))))))
                }
                Err(error) => {
                    let error = Arc::new(error);
                    loaded.extend(same.into_iter().map(|key| (key.clone(), Err(Arc::clone(&error)))));
                }
            }
        }
        Ok(loaded)
    }
}

/// What resolvers ask of their context.
pub(crate) trait RequestContext {
    /// The request's data.
    fn request(&self) -> &RequestData;

    /// Where in the answer this is.
    fn path(&self) -> Vec<serde_json::Value>;

    /// The store of this request.
    fn store(&self) -> &Store {
        &self.request().store
    }

    /// Who asks.
    fn access(&self) -> &Access {
        &self.request().access
    }

    /// The row with this id, if it exists for the caller, together with all others that this level asks for.
    fn load<E: Protected>(&self, id: E::Id) -> impl Future<Output = async_graphql::Result<Option<Visible<E>>>> + Send {
        let loader = self.request().loader::<ById<E>>();
        async move { loader.load_one(id).await.map_err(|error| super::error::internal(&error)) }
    }

    /// A parent's page of children, together with those of all other parents of whom this level asks the same list.
    fn load_children<E: Protected>(
        &self,
        parent: impl Into<Uuid>,
        list: Children<E>,
    ) -> impl Future<Output = async_graphql::Result<Arc<ChildPage<E>>>> + Send {
        let loader = self.request().loader::<OfParents<E>>();
        let asked = OfParent { parent: parent.into(), digest: list.digest().into(), list: Arc::new(list) };
        async move {
            let Ok(loaded) = loader.load_one(asked).await;
            let page = loaded.ok_or_else(|| super::error::internal(&Error::internal("a parent's children were not loaded")))?;
            page.map_err(|error| super::error::told(&error))
        }
    }

    /// Notes that a gate stayed closed because of the caller's role. Only inside what the viewer's own organization holds.
    fn closed_by_role(&self, class: Class) {
        let closed =
            Redaction { path: self.path(), code: "ROLE", data_class: class.as_str(), remedy: "Ask someone whose role may read this." };
        self.request().redactions.lock().unwrap_or_else(PoisonError::into_inner).push(closed);
    }
}

impl<T> RequestContext for ContextBase<'_, T>
where
    T: Send + Sync,
{
    fn request(&self) -> &RequestData {
        self.data_unchecked::<Arc<RequestData>>()
    }

    fn path(&self) -> Vec<serde_json::Value> {
        let mut path = Vec::new();
        let mut node: Option<&QueryPathNode<'_>> = self.path_node.as_ref();
        while let Some(at) = node {
            path.push(match at.segment {
                QueryPathSegment::Index(index) => index.into(),
                QueryPathSegment::Name(name) => name.into(),
            });
            node = at.parent;
        }
        path.reverse();
        path
    }
}
