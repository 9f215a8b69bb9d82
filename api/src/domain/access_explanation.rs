//! "Could this reader see that, and why (not)?", answered by the very conditions that guard the data.

use entity::{
    ClientId, OrganizationId, client, organization, program, referral,
    vocabulary::{DataClass, PurposeOfUse, Role},
};
use sea_orm::{ColumnTrait, Condition};

use crate::{
    access::{
        Access, Actor, Scope,
        policy::{Act, Resource, may},
    },
    error::{Error, Result},
    store::{Class, Store},
};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the reader could.
    pub allowed: bool,
    /// Each rule that was asked, in order.
    pub steps: Vec<Step>,
    /// What would change the answer; null when the reader could.
    pub remedy: Option<&'static str>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub rule: &'static str,
    /// Whether it lets the reader through.
    pub passed: bool,
    /// In a sentence.
    pub detail: &'static str,
}

/// Who would read: the caller, or anyone in a role of an organization.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader {
    /// Of which organization; the caller's own when none is named.
    pub organization: Option<OrganizationId>,
    /// In which role; the caller's own when none is named.
    pub role: Option<Role>,
}

const fn class_of(class: DataClass) -> Class {
    match class {
        DataClass::Identity => Class::Identity,
        DataClass::ReferralClinical => Class::ReferralClinical,
        DataClass::ReferralStatus => Class::ReferralStatus,
        DataClass::ContactsAndNotes => Class::ContactsAndNotes,
        DataClass::Outcomes => Class::Outcomes,
        DataClass::Alerts => Class::Alerts,
    }
}

/// Explains for a client of the caller's organization. Other readers than the caller are the privacy officer's to ask about.
///
/// # Errors
/// `NotFound` when the client is not there for the caller, `NotPermitted` when the caller may not ask about others.
pub async fn explain(
    store: &Store,
    access: &Access,
    client: ClientId,
    class: DataClass,
    purpose: PurposeOfUse,
    reader: Reader,
) -> Result<Explanation> {
    let client = store.fetch::<client::Entity>(access, client).await?.ok_or(Error::NotFound)?;
    let asks_of_others = reader.organization.is_some() || reader.role.is_some();
    if asks_of_others && !access.has(Role::PrivacyOfficer) {
        return Err(Error::NotPermitted);
    }
    let system = Access::system("explaining access", access.now);
    let as_reader = reading_as(store, &system, access, reader, purpose).await?;
    match as_reader.organization == Some(client.organization_id) {
        true => within(store, &as_reader, client.id, class_of(class)).await,
        false if purpose == PurposeOfUse::Emergency => in_emergency(store, &as_reader, client.id, class_of(class)).await,
        false => across(store, &system, &as_reader, client.id, class_of(class)).await,
    }
}

/// The access that the reader would come with: a role in every program of its organization, and every scope.
async fn reading_as(store: &Store, system: &Access, access: &Access, reader: Reader, purpose: PurposeOfUse) -> Result<Access> {
    let own = Access { purpose: Some(purpose), ..access.clone() };
    let Some(organization) = reader.organization.or(access.organization) else { return Ok(own) };
    if reader.role.is_none() && reader.organization.is_none() {
        return Ok(own);
    }
    let kind = store.fetch::<organization::Entity>(system, organization).await?.ok_or(Error::NotFound)?.kind;
    let programs = store.find::<program::Entity>(system).by(program::Column::OrganizationId, |column| column.eq(organization));
    let programs = programs.first(1_000).await?.into_iter().map(|program| program.id).collect();
    let roles = reader.role.map_or_else(|| Role::ALL.iter().copied().collect(), |role| std::iter::once(role).collect());
    let scopes = Scope::ALL.iter().map(|(scope, _)| *scope).collect();
    let (organization, organization_kind) = (Some(organization), Some(kind));
    Ok(Access { actor: Actor::Anonymous, organization, organization_kind, programs, roles, scopes, ..own })
}

/// Inside the organization whose client it is.
async fn within(store: &Store, reader: &Access, client: ClientId, class: Class) -> Result<Explanation> {
    let this = || Condition::all().add(client::Column::Id.eq(client));
    let seen = store.find::<client::Entity>(reader).matching(None, this()).count().await? > 0;
    let open = match class {
        // How a referral goes is the referral's, whoever sees one of this client.
        Class::ReferralStatus => of_client(store, reader, client, Some(class)).await?,
        _ => store.find::<client::Entity>(reader).matching(Some(class), this()).count().await? > 0,
    };
    let steps = vec![
        Step { rule: "organization", passed: true, detail: "The client is the reader's own organization's." },
        Step { rule: "need-to-know", passed: seen, detail: "The reader's role and programs reach this client (domain 3.3: p, a, o)." },
        Step { rule: "role", passed: open, detail: "The reader's role reads this class of data." },
    ];
    let remedy = (!open).then_some("Ask somebody of the client's program whose role reads this class.");
    Ok(Explanation { allowed: open, steps, remedy })
}

/// From another organization: only what a referral between the two carries, under a consent.
async fn across(store: &Store, system: &Access, reader: &Access, client: ClientId, class: Class) -> Result<Explanation> {
    let between = Condition::all().add(referral::Column::SubmittedAt.is_not_null()).add(
        Condition::any()
            .add(
                Condition::all()
                    .add(referral::Column::FromClientId.eq(client))
                    .add(referral::Column::ToOrganizationId.eq(reader.organization)),
            )
            .add(
                Condition::all()
                    .add(referral::Column::ToClientId.eq(client))
                    .add(referral::Column::FromOrganizationId.eq(reader.organization)),
            ),
    );
    let related = store.find::<referral::Entity>(system).matching(None, between).count().await? > 0;
    let seen = of_client(store, reader, client, None).await?;
    let open = of_client(store, reader, client, Some(class)).await?;
    let steps = vec![
        Step { rule: "referral", passed: related, detail: "A submitted referral of this client joins the two organizations." },
        Step { rule: "role", passed: seen, detail: "The reader's role and programs reach that referral." },
        Step { rule: "consent", passed: open, detail: "A consent that holds now covers this class, this purpose and this direction." },
    ];
    let remedy = match (related, seen, open) {
        (_, _, true) => None,
        (false, ..) => Some("A consent permits and does not share by itself: there must be a referral as well."),
        (_, false, _) => Some("Ask somebody of the referral's program whose role reads referrals."),
        _ => Some("Record a consent of the client that names the organization, this class and this purpose."),
    };
    Ok(Explanation { allowed: open, steps, remedy })
}

/// From another organization in a medical emergency, which needs no consent and opens no referral.
async fn in_emergency(store: &Store, reader: &Access, client: ClientId, class: Class) -> Result<Explanation> {
    let reads = may(reader, Resource::EmergencyAccess, Act::Read);
    // Every emergency access opens who somebody is, to those whose role reads it.
    let released = store.opens::<client::Entity>(reader, client, Class::Identity).await?;
    let open = store.opens::<client::Entity>(reader, client, class).await?;
    let steps = vec![
        Step { rule: "role", passed: reads, detail: "The reader's role reads what a medical emergency opens (42 CFR 2.51)." },
        Step { rule: "emergency", passed: released, detail: "An emergency access that is open now names the reader's organization." },
        Step {
            rule: "class",
            passed: open,
            detail: "An emergency access opens who the client is and the clinical facts, and nothing else.",
        },
    ];
    let remedy = match (reads, released, open) {
        (_, _, true) => None,
        (false, ..) => Some("Ask somebody whose role may read this."),
        (_, false, _) => Some("Record the medical emergency with `emergencyAccess`, for the reader's organization."),
        _ => Some("Ask for a consent of the client: an emergency does not open this class."),
    };
    Ok(Explanation { allowed: open, steps, remedy })
}

/// Whether the reader sees a referral of this client, and a class of it.
async fn of_client(store: &Store, reader: &Access, client: ClientId, class: Option<Class>) -> Result<bool> {
    let of = Condition::any().add(referral::Column::FromClientId.eq(client)).add(referral::Column::ToClientId.eq(client));
    Ok(store.find::<referral::Entity>(reader).matching(class, of).count().await? > 0)
}
