//! What a resolver has at hand: the request's store and access, its loader, and its list of what stayed closed.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_graphql::{ContextBase, QueryPathNode, QueryPathSegment};
use serde::Serialize;
use uuid::Uuid;

use entity::{GatheringId, PeerId, RegistrationId, gathering, peer};
use tokio::sync::OnceCell;

use super::level::{Levels, Loader, Loads};
use crate::{
    access::{Access, Actor},
    domain::{
        referral::Closed,
        schedule::{Audience, Board, InSchedule, Seeing, Snapshot},
        sign_in::still,
    },
    error::Error,
    store::{ChildPage, Children, Class, PartOf, Protected, Store, Visible},
};

/// How many rows in memory are looked through for one request at the most.
const MOST_LOOKED_THROUGH: usize = 1_000_000;

/// Where the doors are, as the outside knows them.
pub(crate) struct PublicUrl(pub(crate) String);

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
    access: Mutex<Arc<Access>>,
    /// The schedule in memory, where this request may be answered from it.
    board: Option<Arc<Board>>,
    seeing: OnceCell<Option<Arc<Seeing>>>,
    /// How many rows in memory were looked through for it.
    looked_through: AtomicUsize,
    loaders: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    redactions: Mutex<Vec<Redaction>>,
    /// What the loaders wait for.
    pub(super) levels: Levels,
    pub(crate) replayed: std::sync::atomic::AtomicBool,
    /// Whether anything was executed: a subscription's first item, or a query. See [`super::nullable`].
    pub(crate) executed: std::sync::atomic::AtomicBool,
}

impl RequestData {
    pub(crate) fn new(store: Store, access: Access, board: Option<Arc<Board>>) -> Self {
        Self {
            store,
            board,
            seeing: OnceCell::new(),
            looked_through: AtomicUsize::new(0),
            access: Mutex::new(Arc::new(access)),
            loaders: Mutex::default(),
            redactions: Mutex::default(),
            levels: Levels::default(),
            replayed: false.into(),
            executed: false.into(),
        }
    }

    /// Who asks, as they are now.
    pub(crate) fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks again who the caller is: what a subscription sends is for them as they are at sending time.
    pub(crate) async fn refresh(&self) -> Result<Arc<Access>, Error> {
        let access = Arc::new(still(&self.store, &self.access()).await?);
        *self.access.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&access);
        self.loaders.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(access)
    }

    /// The schedule in memory as the caller sees it: one snapshot for the whole request. Nothing where they see more than it holds, and
    /// while it is not up to date.
    pub(crate) async fn seeing(&self) -> Option<Arc<Seeing>> {
        let look = async {
            let (access, board) = (self.access(), self.board.as_ref()?);
            Audience::of(&access)?;
            Some(Arc::new(Seeing::of(board.settled(access.now).await?, &access)?))
        };
        self.seeing.get_or_init(|| look).await.clone()
    }

    /// The snapshot that all of an answer to somebody without a token comes from; nothing where the database was asked.
    pub(crate) fn public(&self) -> Option<&Snapshot> {
        let alone = self.access().actor == Actor::Anonymous && !self.store.has_asked();
        self.seeing.get()?.as_ref().filter(|_| alone).map(|seeing| seeing.snapshot())
    }

    /// Whether one more list of so many rows may be looked through for this request; one that asks for much asks the database, where it
    /// can be stopped and holds nobody up.
    pub(crate) fn may_look_through(&self, rows: usize) -> bool {
        self.looked_through.fetch_add(rows, Ordering::Relaxed).saturating_add(rows) <= MOST_LOOKED_THROUGH
    }

    /// What stayed closed since it was last asked.
    pub(crate) fn take_redactions(&self) -> Vec<Redaction> {
        std::mem::take(&mut self.redactions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The request's one loader of this kind.
    fn loader<L: Loads>(&self) -> Arc<Loader<L>> {
        let mut loaders = self.loaders.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Loader::<L>::new(self.store.clone(), self.access(), self.levels.clone())) as Arc<dyn Any + Send + Sync>;
        Arc::clone(loaders.entry(TypeId::of::<L>()).or_insert_with(made)).downcast().expect("the loaders are kept under their own type")
    }
}

/// Rows by id, as the caller may see them.
struct ById<E>(PhantomData<E>);

impl<E: Protected> Loads for ById<E> {
    type Key = E::Id;
    type Value = Visible<E>;

    async fn load(store: &Store, access: &Access, ids: &[E::Id]) -> Result<HashMap<E::Id, Visible<E>>, Error> {
        let rows = store.by_ids::<E>(access, ids).await?;
        Ok(rows.into_iter().map(|row| (row.id(), row)).collect())
    }
}

/// A page of children of one parent. The digest tells lists apart.
struct OfParent<E: Protected> {
    parent: Uuid,
    digest: Arc<[u8]>,
    list: Arc<Children<E>>,
}

impl<E: Protected> Clone for OfParent<E> {
    fn clone(&self) -> Self {
        Self { parent: self.parent, digest: Arc::clone(&self.digest), list: Arc::clone(&self.list) }
    }
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

/// Pages of children by parent: one statement for each list that is asked of some of them.
struct OfParents<E>(PhantomData<E>);

impl<E: Protected> Loads for OfParents<E> {
    type Key = OfParent<E>;
    /// A list that fails leaves those beside it alone.
    type Value = Result<Arc<ChildPage<E>>, Arc<Error>>;

    async fn load(store: &Store, access: &Access, asked: &[OfParent<E>]) -> Result<HashMap<OfParent<E>, Self::Value>, Error> {
        let mut lists: HashMap<&[u8], Vec<&OfParent<E>>> = HashMap::new();
        for of_parent in asked {
            lists.entry(&of_parent.digest).or_default().push(of_parent);
        }
        let mut loaded = HashMap::new();
        for same in lists.into_values() {
            let parents: Vec<_> = same.iter().map(|of_parent| of_parent.parent).collect();
            match store.children(access, &same[0].list, &parents).await {
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

/// The parts of rows.
struct PartsOf<E, P>(PhantomData<(E, P)>);

impl<E: Protected, P: PartOf<E>> Loads for PartsOf<E, P> {
    type Key = E::Id;
    type Value = Arc<[P::Model]>;

    async fn load(store: &Store, access: &Access, ids: &[E::Id]) -> Result<HashMap<E::Id, Self::Value>, Error> {
        let parts = store.parts_of::<E, P>(access, ids).await?;
        Ok(parts.into_iter().map(|(id, parts)| (id, parts.into())).collect())
    }
}

/// Peers as they appear to everyone: a name and what they say of themselves.
struct Cards;

impl Loads for Cards {
    type Key = PeerId;
    type Value = Visible<peer::Entity>;

    async fn load(store: &Store, access: &Access, ids: &[PeerId]) -> Result<HashMap<PeerId, Self::Value>, Error> {
        let system = Access::system("how a peer appears to others", access.now);
        ById::<peer::Entity>::load(store, &system, ids).await
    }
}

/// Places in line.
struct Places;

impl Loads for Places {
    type Key = RegistrationId;
    type Value = i32;

    async fn load(store: &Store, access: &Access, ids: &[RegistrationId]) -> Result<HashMap<RegistrationId, i32>, Error> {
        store.places_in_line(access, ids).await
    }
}

/// What resolvers ask of their context.
pub(crate) trait RequestContext {
    /// The request's data.
    fn request(&self) -> &RequestData;

    /// The request's data, for what goes on after the resolver: a stream.
    fn shared(&self) -> Arc<RequestData>;

    /// Where in the answer this is.
    fn path(&self) -> Vec<serde_json::Value>;

    /// The store of this request.
    fn store(&self) -> &Store {
        &self.request().store
    }

    /// Who asks.
    fn access(&self) -> Arc<Access> {
        self.request().access()
    }

    /// The row with this id, if it exists for the caller, together with all others that this level asks for.
    fn load<E: Protected>(&self, id: E::Id) -> impl Future<Output = async_graphql::Result<Option<Visible<E>>>> + Send {
        let loader = self.request().loader::<ById<E>>();
        async move { loader.load(id).await.map_err(|error| super::error::internal(&error)) }
    }

    /// The schedule in memory as the caller sees it.
    fn seeing(&self) -> impl Future<Output = Option<Arc<Seeing>>> + Send {
        let request = self.shared();
        async move { request.seeing().await }
    }

    /// A row that the schedule in memory holds as well.
    fn load_public<E: InSchedule>(&self, id: E::Id) -> impl Future<Output = async_graphql::Result<Option<Visible<E>>>> + Send
    where
        Self: Sync,
    {
        async move {
            match self.seeing().await.and_then(|seeing| seeing.row::<E>(id)) {
                Some(row) => Ok(Some(row)),
                None => self.load::<E>(id).await,
            }
        }
    }

    /// A gathering, if it exists for the caller.
    fn gathering(&self, id: GatheringId) -> impl Future<Output = async_graphql::Result<Option<Arc<Visible<gathering::Entity>>>>> + Send
    where
        Self: Sync,
    {
        async move {
            match self.seeing().await.and_then(|seeing| seeing.gathering(id).cloned()) {
                Some(row) => Ok(Some(row)),
                None => Ok(self.load::<gathering::Entity>(id).await?.map(Arc::new)),
            }
        }
    }

    /// The parts of a row that the caller was shown, together with those of all other rows of this level.
    fn load_parts<E: Protected, P: PartOf<E>>(
        &self,
        of: &Visible<E>,
    ) -> impl Future<Output = async_graphql::Result<Arc<[P::Model]>>> + Send {
        let (loader, id) = (self.request().loader::<PartsOf<E, P>>(), of.id());
        async move {
            let loaded = loader.load(id).await.map_err(|error| super::error::internal(&error))?;
            Ok(loaded.unwrap_or_else(|| Arc::from([])))
        }
    }

    /// How a peer appears to everyone, whoever asks: their id was behind the gate that is open here.
    fn load_card(&self, id: PeerId) -> impl Future<Output = async_graphql::Result<Option<Visible<peer::Entity>>>> + Send {
        let loader = self.request().loader::<Cards>();
        async move { loader.load(id).await.map_err(|error| super::error::internal(&error)) }
    }

    /// Which place in line a registration has that the caller was shown, together with all others of this level.
    fn load_place(&self, id: RegistrationId) -> impl Future<Output = async_graphql::Result<Option<i32>>> + Send {
        let loader = self.request().loader::<Places>();
        async move { loader.load(id).await.map_err(|error| super::error::internal(&error)) }
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
            let loaded = loader.load(asked).await.map_err(|error| super::error::internal(&error))?;
            let page = loaded.ok_or_else(|| super::error::internal(&Error::internal("a parent's children were not loaded")))?;
            page.map_err(|error| super::error::told(&error))
        }
    }

    /// Notes that a gate stayed closed because of the caller's role. Only inside what the viewer's own organization holds.
    fn closed_by_role(&self, class: Class) {
        self.closed(class, Closed::Role);
    }

    /// Notes that a gate stayed closed. Only inside what the viewer's own organization made or received.
    fn closed(&self, class: Class, why: Closed) {
        let (code, remedy) = match why {
            Closed::Role => ("ROLE", "Ask someone whose role may read this."),
            Closed::Purpose => ("PURPOSE", "Name a purpose of use in the header X-Purpose-Of-Use, such as TREATMENT."),
            Closed::Consent => {
                ("CONSENT_REQUIRED", "Ask for a consent of the client that covers this class, for your organization and purpose.")
            }
        };
        let closed = Redaction { path: self.path(), code, data_class: class.as_str(), remedy };
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

    fn shared(&self) -> Arc<RequestData> {
        Arc::clone(self.data_unchecked::<Arc<RequestData>>())
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
