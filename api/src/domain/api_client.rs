//! Who sees an application, and how one comes to be and ends.

use std::collections::BTreeSet;

use entity::{
    ApiClientId, ProgramId, TypedId, api_client, api_client_program, organization,
    vocabulary::{EventKind, PurposeOfUse, Role},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::{Value as Json, json};
use url::Url;

use super::{staff_member::own_programs, text};
use crate::{
    access::{
        Access, Actor, Scope, checked_own_keys,
        policy::{Act, Resource, may},
        secret::{self, Secrets},
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Grants, Kept, Part, PartOf, Protected, Store, Tx, Visible, any_of, never},
};

impl Protected for api_client::Entity {
    type Id = ApiClientId;

    fn id_column() -> Self::Column {
        api_client::Column::Id
    }

    fn id(row: &api_client::Model) -> ApiClientId {
        row.id
    }

    /// Administrators see their organization's, with the scope for it; an application sees itself.
    fn visible_to(access: &Access) -> Condition {
        let Some(own) = access.organization else { return never() };
        let administers = access.scopes.contains(&Scope::Admin) && may(access, Resource::ApiClient, Act::Read);
        let administered = administers.then(|| api_client::Column::OrganizationId.eq(own));
        let itself = match access.actor {
            Actor::Api(id) => Some(api_client::Column::Id.eq(id)),
            _ => None,
        };
        any_of(administered.into_iter().chain(itself))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(access: &Access, action: Action, _: &api_client::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update | Action::End => may(access, Resource::ApiClient, Act::End),
            _ => false,
        }
    }
}

impl Part for api_client_program::Entity {}

impl PartOf<api_client::Entity> for api_client_program::Entity {
    fn parent_column() -> api_client_program::Column {
        api_client_program::Column::ApiClientId
    }

    fn parent(part: &api_client_program::Model) -> ApiClientId {
        part.api_client_id
    }

    fn order() -> api_client_program::Column {
        api_client_program::Column::ProgramId
    }
}

/// What an application is made of.
#[derive(Clone, Debug)]
pub struct NewApiClient {
    /// As its organization calls it.
    pub name: String,
    /// The most that its tokens may be good for.
    pub scopes: Vec<String>,
    /// In which roles it acts.
    pub roles: Vec<Role>,
    /// For which programs.
    pub program_ids: Vec<ProgramId>,
    /// Which purposes it may name.
    pub purposes: Vec<PurposeOfUse>,
    /// The keys that it signs assertions with, instead of showing a secret.
    pub keys: Option<OwnKeys>,
}

/// The public keys of an application that signs assertions (RFC 7523).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnKeys {
    /// Handed over, as a JSON Web Key Set that was checked.
    Given(String),
    /// Published by the application, at this address.
    Published(Url),
}

impl OwnKeys {
    /// What was given, checked; nothing when nothing was. Whether an address may be called is for the caller to know.
    ///
    /// # Errors
    /// Refused when both are given, the set is no set of public keys, or the address must not be called.
    pub fn checked(
        jwks: Option<&str>,
        jwks_url: Option<&str>,
        may_call: impl FnOnce(&Url) -> Result<(), String>,
    ) -> Result<Option<Self>, Refusal> {
        match (jwks, jwks_url) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Refusal::invalid("Give `jwks` or `jwksUrl`, not both.").at(["input", "jwksUrl"])),
            (Some(jwks), None) => {
                let kept = checked_own_keys(jwks).map_err(|sentence| Refusal::invalid(sentence).at(["input", "jwks"]))?;
                Ok(Some(Self::Given(kept)))
            }
            (None, Some(url)) => {
                let wrong = |why: &str| Refusal::invalid(format!("`jwksUrl` cannot be called: {why}.")).at(["input", "jwksUrl"]);
                let url: Url = text::line("jwksUrl", url, 1_000)?.parse().map_err(|_| wrong("not an address"))?;
                may_call(&url).map_err(|why| wrong(&why))?;
                Ok(Some(Self::Published(url)))
            }
        }
    }
}

/// A secret that is shown once, with what is kept of it.
pub struct NewSecret {
    /// What the application shows at the door.
    pub shown: String,
    /// The keyed hash that is kept.
    pub hash: Vec<u8>,
}

impl NewSecret {
    /// A new random one.
    pub fn make(secrets: &Secrets) -> Self {
        let shown = secret::generate();
        Self { hash: secrets.hash(&shown).to_vec(), shown: shown.to_string() }
    }
}

/// An application with its new secret; a repetition of the request is answered without it.
pub struct WithSecret {
    /// The application.
    pub api_client: Visible<api_client::Entity>,
    /// Shown once; none for an application that signs with keys of its own.
    pub secret: Option<String>,
}

impl Kept for WithSecret {
    fn keep(&self) -> Json {
        json!(self.api_client.keep())
    }

    async fn recall(store: &Store, access: &Access, kept: Json) -> Result<Self> {
        Ok(Self { api_client: Visible::recall(store, access, kept).await?, secret: None })
    }
}

/// Makes an application of the caller's organization. It gets a secret, unless it has keys of its own.
///
/// # Errors
/// `NotPermitted` for other roles than administrators, `NotFound` for programs of others; refused when a field is wrong.
pub async fn create(store: &Store, access: &Access, new: NewApiClient, secret: NewSecret) -> Result<WithSecret> {
    let mut tx = store.begin(access).await?;
    let organization = tx.fetch_for::<organization::Entity>(access.organization.ok_or(Error::NotPermitted)?, Action::Extend).await?;
    let made = create_in(&mut tx, &organization, new, secret).await?;
    tx.commit(made).await
}

/// Makes an application within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(
    tx: &mut Tx,
    organization: &Visible<organization::Entity>,
    new: NewApiClient,
    secret: NewSecret,
) -> Result<WithSecret> {
    tx.require(may(tx.access(), Resource::ApiClient, Act::Create))?;
    let scopes = new.scopes.iter().map(|name| name.parse::<Scope>().map_err(|()| unknown_scope())).collect::<Result<BTreeSet<_>, _>>()?;
    if new.roles.contains(&Role::Client) {
        return Err(Refusal::invalid("`roles` of an API client is none of CLIENT: a client signs in as themselves.")
            .at(["input", "roles"])
            .into());
    }
    let programs = own_programs(tx, organization.id, &new.program_ids).await?;
    let shown = new.keys.is_none().then_some(secret.shown);
    let (given, published) = match &new.keys {
        Some(OwnKeys::Given(jwks)) => (Some(jwks.clone()), None),
        Some(OwnKeys::Published(url)) => (None, Some(url.to_string())),
        None => (None, None),
    };
    let row = api_client::ActiveModel {
        id: Set(ApiClientId::new()),
        organization_id: Set(organization.id),
        name: Set(text::line("name", &new.name, 100)?),
        // No secret is the hash of nothing.
        secret_hash: Set(if new.keys.is_some() { Vec::new() } else { secret.hash }),
        jwks: Set(given),
        jwks_url: Set(published),
        scopes: Set(scopes.iter().map(ToString::to_string).collect()),
        roles: Set(new.roles.into_iter().collect::<BTreeSet<_>>().into_iter().collect()),
        purposes: Set(new.purposes.into_iter().collect::<BTreeSet<_>>().into_iter().collect()),
        last_used_at: Set(None),
        revoked_at: Set(None),
        created_at: Set(tx.access().now),
        version: Set(1),
    };
    let made = tx.insert::<api_client::Entity, _>(row).await?;
    let memberships = programs.into_iter().map(|program_id| api_client_program::ActiveModel {
        organization_id: Set(organization.id),
        api_client_id: Set(made.id),
        program_id: Set(program_id),
    });
    tx.insert_parts::<api_client_program::Entity, _>(memberships.collect()).await?;
    tx.record(Event::new(EventKind::ApiClientChanged, organization.id, made.id, made.version));
    Ok(WithSecret { api_client: made, secret: shown })
}

fn unknown_scope() -> Refusal {
    let names: Vec<&str> = Scope::ALL.iter().map(|(_, name)| *name).collect();
    Refusal::invalid(format!("`scopes` are some of {}.", names.join(", "))).at(["input", "scopes"])
}

/// Gives an application a new secret; the old one is refused from then on.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when it is revoked.
pub async fn rotate_secret(store: &Store, access: &Access, id: ApiClientId, secret: NewSecret) -> Result<WithSecret> {
    let change = api_client::ActiveModel { secret_hash: Set(secret.hash), ..Default::default() };
    let api_client = change_unrevoked(store, access, id, Action::Update, change, "secret").await?;
    let (tx, api_client) = api_client;
    tx.commit(WithSecret { api_client, secret: Some(secret.shown) }).await
}

/// Ends an application: its tokens are refused from then on.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when it is revoked already.
pub async fn revoke(store: &Store, access: &Access, id: ApiClientId) -> Result<Visible<api_client::Entity>> {
    let change = api_client::ActiveModel { revoked_at: Set(Some(access.now)), ..Default::default() };
    let (tx, revoked) = change_unrevoked(store, access, id, Action::End, change, "revokedAt").await?;
    tx.commit(revoked).await
}

async fn change_unrevoked(
    store: &Store,
    access: &Access,
    id: ApiClientId,
    action: Action,
    change: api_client::ActiveModel,
    changed: &'static str,
) -> Result<(Tx, Visible<api_client::Entity>)> {
    let mut tx = store.begin(access).await?;
    let found = tx.fetch_for::<api_client::Entity>(id, action).await?;
    let change = api_client::ActiveModel { version: Set(found.version + 1), ..change };
    let unrevoked = Condition::all().add(api_client::Column::RevokedAt.is_null()).add(api_client::Column::Version.eq(found.version));
    let revoked = || Refusal::new(Code::Immutable, "This API client is revoked: make another.").at(["id"]);
    let Some(after) = tx.update_if(&found, change, unrevoked).await? else {
        let now = tx.fetch_for::<api_client::Entity>(id, action).await?;
        return Err(if now.revoked_at.is_some() { revoked() } else { Refusal::stale(Some(now.version)) }.into());
    };
    tx.record(Event::new(EventKind::ApiClientChanged, after.organization_id, after.id, after.version).changed([changed]));
    Ok((tx, after))
}
