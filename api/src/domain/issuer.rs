//! Which outside identity providers an organization trusts, and whom of its staff their tokens mean.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use entity::{
    IssuerId, List, StaffMemberId, TypedId,
    issuer::{self, RoleName},
    issuer_subject, organization, staff_member,
    vocabulary::{EventKind, Role, SubjectClaim},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use url::Url;

use super::text;
use crate::{
    access::{
        Access, KeySets, Scope,
        issuer::{NotVouched, TrustedIssuer, VouchedFor, verify},
        jws::Claimed,
        policy::{Act, Resource, may},
        token::{Subject, Verified},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Grants, Part, Protected, Store, Tx, Visible, never, unique},
};

impl Protected for issuer::Entity {
    type Id = IssuerId;

    fn id_column() -> Self::Column {
        issuer::Column::Id
    }

    fn id(row: &issuer::Model) -> IssuerId {
        row.id
    }

    /// Administrators see their organization's, with the scope for it.
    fn visible_to(access: &Access) -> Condition {
        match access.organization {
            Some(own) if access.scopes.contains(&Scope::Admin) && may(access, Resource::Administration, Act::Read) => {
                Condition::all().add(issuer::Column::OrganizationId.eq(own))
            }
            _ => never(),
        }
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(_: &Access, action: Action, _: &issuer::Model) -> bool {
        action == Action::Read
    }
}

impl Part for issuer_subject::Entity {}

/// What an issuer is made of; see [`issuer::Model`].
#[derive(Clone, Debug)]
pub struct NewIssuer {
    /// Its `iss`, exactly.
    pub issuer: String,
    /// Where it publishes its keys.
    pub jwks_url: Url,
    /// The `aud` of tokens for us.
    pub audience: String,
    /// Which claim says who it is.
    pub subject_claim: SubjectClaim,
    /// Which claim says the roles.
    pub roles_claim: Option<String>,
    /// What it calls our roles.
    pub role_names: Vec<RoleName>,
    /// The roles it may give.
    pub allowed_roles: Option<BTreeSet<Role>>,
    /// Which claim narrows the scopes.
    pub scope_claim: Option<String>,
    /// The most that its tokens are good for.
    pub scopes: BTreeSet<Scope>,
}

/// Trusts an issuer for an organization, within a larger command. Only the command line does, for now; it asks nobody's role.
///
/// # Errors
/// `NotPermitted` for anybody but the system; refused when a field is wrong, or somebody trusts this issuer with this audience.
pub async fn create_in(tx: &mut Tx, organization: &Visible<organization::Entity>, new: NewIssuer) -> Result<Visible<issuer::Entity>> {
    tx.require(false)?;
    let claim = |field, value: Option<String>| value.map(|value| text::line(field, &value, 200)).transpose();
    let now = tx.access().now;
    let row = issuer::ActiveModel {
        id: Set(IssuerId::new()),
        organization_id: Set(organization.id),
        issuer: Set(text::line("issuer", &new.issuer, MOST_ISSUER)?),
        jwks_url: Set(new.jwks_url.to_string()),
        audience: Set(text::line("audience", &new.audience, 500)?),
        subject_claim: Set(new.subject_claim),
        roles_claim: Set(claim("rolesClaim", new.roles_claim)?),
        role_names: Set(new.role_names.into()),
        allowed_roles: Set(new.allowed_roles.map(|roles| roles.into_iter().collect())),
        scope_claim: Set(claim("scopeClaim", new.scope_claim)?),
        scopes: Set(new.scopes.iter().map(ToString::to_string).collect()),
        active: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let taken = || Refusal::new(Code::AlreadyExists, "This issuer is trusted with this audience already: have it use another audience.");
    let made = tx.insert::<issuer::Entity, _>(row).await.map_err(|error| unique(error, taken))?;
    tx.record(changed(&made));
    Ok(made)
}

/// Trusts an issuer no longer: its tokens are refused from the next request on.
///
/// # Errors
/// `NotFound` when there is none, `NotPermitted` for anybody but the system; refused with `IMMUTABLE` when it is not trusted already.
pub async fn end(store: &Store, access: &Access, id: IssuerId) -> Result<Visible<issuer::Entity>> {
    let mut tx = store.begin(access).await?;
    let found = tx.fetch_for::<issuer::Entity>(id, Action::End).await?;
    let change =
        issuer::ActiveModel { active: Set(false), updated_at: Set(access.now), version: Set(found.version + 1), ..Default::default() };
    let over = || Refusal::new(Code::Immutable, "This issuer is not trusted any more.").at(["id"]);
    let ended = tx.update_if(&found, change, issuer::Column::Active.eq(true)).await?.ok_or_else(over)?;
    tx.record(changed(&ended));
    tx.commit(ended).await
}

/// Says whom of its organization's staff an issuer means by its own name for them (`sub`).
///
/// # Errors
/// `NotFound` when there is no such issuer or person, or the person is not of the issuer's organization; refused when the name is
/// somebody's already.
pub async fn link(
    store: &Store,
    access: &Access,
    id: IssuerId,
    subject: &str,
    person: StaffMemberId,
) -> Result<Visible<staff_member::Entity>> {
    let mut tx = store.begin(access).await?;
    let issuer = tx.fetch_for::<issuer::Entity>(id, Action::Update).await?;
    let person = tx.fetch_for::<staff_member::Entity>(person, Action::Update).await?;
    if person.organization_id != issuer.organization_id {
        return Err(Error::NotFound);
    }
    let row = issuer_subject::ActiveModel {
        organization_id: Set(issuer.organization_id),
        issuer_id: Set(issuer.id),
        subject: Set(text::line("subject", subject, 255)?),
        staff_member_id: Set(person.id),
    };
    let taken = || Refusal::new(Code::AlreadyExists, "This issuer means somebody by this name already.").at(["subject"]);
    tx.insert_parts::<issuer_subject::Entity, _>(vec![row]).await.map_err(|error| unique(error, taken))?;
    tx.record(Event::new(EventKind::StaffChanged, person.organization_id, person.id, person.version).changed(["issuerSubjects"]));
    tx.commit(person).await
}

fn changed(issuer: &Visible<issuer::Entity>) -> Event {
    Event::new(EventKind::OrganizationChanged, issuer.organization_id, issuer.id, issuer.version).changed(["issuers"])
}

/// The longest `iss` that is looked for, in characters.
const MOST_ISSUER: usize = 500;

/// What a token of an outside issuer comes to: claims like those of our own tokens, about a person of staff of the issuer's
/// organization. [`super::sign_in::sign_in`] asks what that person still may. An issuer that nobody trusts costs no call to the outside.
///
/// # Errors
/// `NotPermitted`, whatever is wrong with it; `Unavailable` when its issuer is trusted and the keys cannot be had.
pub async fn claims(store: &Store, keys: &KeySets, bearer: &str, now: Instant) -> Result<Verified> {
    let system = Access::system("sign-in", now);
    let claimed = Claimed::read(bearer).map_err(|_| Error::NotPermitted)?;
    let trusted = trusted(store, &system, claimed.issuer.as_deref().unwrap_or_default()).await?;
    let vouched = verify(&trusted, keys, bearer, now).await.map_err(|why| match why {
        NotVouched::Invalid => Error::NotPermitted,
        NotVouched::Unavailable => Error::Unavailable("the issuer's keys cannot be fetched just now"),
    })?;
    let person = meant(store, &system, &vouched).await?.ok_or(Error::NotPermitted)?;
    Ok(Verified {
        subject: Subject::Staff(person),
        organization: vouched.organization,
        roles: vouched.roles,
        scopes: vouched.scopes,
        issued_at: vouched.issued_at.unwrap_or(now),
        expires_at: vouched.expires_at,
        // Its own names are the issuer's: one of them must not be taken for one of ours.
        jti: format!("{}:{}", vouched.issuer, HEXLOWER.encode(digest(&SHA256, bearer.as_bytes()).as_ref())),
    })
}

/// Those that are trusted under this name: one, or several that the audience tells apart.
async fn trusted(store: &Store, system: &Access, named: &str) -> Result<Vec<TrustedIssuer>> {
    // Whoever knocks chooses the name, and nobody has verified it yet.
    if named.is_empty() || named.chars().count() > MOST_ISSUER || named.chars().any(char::is_control) {
        return Ok(Vec::new());
    }
    let find = store.find::<issuer::Entity>(system).by(issuer::Column::Issuer, |column| column.eq(named));
    let rows = find.by(issuer::Column::Active, |column| column.eq(true)).first(1_000).await?;
    rows.iter().map(|row| as_trusted(row)).collect()
}

fn as_trusted(row: &issuer::Model) -> Result<TrustedIssuer> {
    Ok(TrustedIssuer {
        id: row.id,
        issuer: row.issuer.clone(),
        jwks_url: row.jwks_url.parse().map_err(|_| Error::internal("an issuer's key set has no address"))?,
        audience: row.audience.clone(),
        organization: row.organization_id,
        subject_claim: row.subject_claim,
        roles_claim: row.roles_claim.clone(),
        role_map: row.role_names.iter().map(|known| (known.name.clone(), known.role)).collect(),
        allowed_roles: row.allowed_roles.as_ref().map(|roles: &List<Role>| roles.iter().copied().collect()),
        scope_claim: row.scope_claim.clone(),
        scopes: row.scopes.iter().filter_map(|name| name.parse().ok()).collect(),
    })
}

/// The person of staff of the issuer's organization whom it means.
async fn meant(store: &Store, system: &Access, vouched: &VouchedFor) -> Result<Option<StaffMemberId>> {
    match vouched.subject_claim {
        SubjectClaim::Sub => {
            let by_issuer = Condition::all().add(issuer_subject::Column::IssuerId.eq(vouched.issuer));
            let named = by_issuer.add(issuer_subject::Column::Subject.eq(vouched.subject.as_str()));
            let linked = store.parts::<issuer_subject::Entity>(system, named).await?;
            Ok(linked.first().map(|link| link.staff_member_id))
        }
        SubjectClaim::Email => {
            let own = store
                .find::<staff_member::Entity>(system)
                .by(staff_member::Column::OrganizationId, |column| column.eq(vouched.organization));
            let found = own.by(staff_member::Column::Email, |column| column.eq(vouched.subject.as_str())).first(1).await?;
            Ok(found.first().map(|person| person.id))
        }
    }
}
