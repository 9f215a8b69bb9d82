//! How what an organization knows of a client changes.

use chrono::NaiveDate;
use entity::{
    ClientId, ProgramId, client, client_program,
    program::{self, Address},
    vocabulary::{EventKind, Experience, FundingKind, Gender, PlanDimension, RaceEthnicity, RecoveryPathway},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    client::{ContactMethod, ExternalIdentifier, Identity, MatchPreference, Recovery, checked, checked_recovery, identity_of, recovery_of},
    client_access,
    client_merge::write_words,
    duplicate,
    message::takes_mail,
};
use crate::{
    access::Access,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Store, Tx, Visible},
};

/// What of a client changes. What is not given stays as it is; of what may be missing, `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct ClientChange {
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// How they want to be called.
    pub preferred_name: Option<Option<String>>,
    /// As they say.
    pub pronouns: Option<Option<String>>,
    /// Date of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// As they say.
    pub gender: Option<Option<Gender>>,
    /// As they say.
    pub race_ethnicity: Option<Vec<RaceEthnicity>>,
    /// Who pays.
    pub payer: Option<Option<FundingKind>>,
    /// How they are reached.
    pub contact_methods: Option<Vec<ContactMethod>>,
    /// Where they live.
    pub address: Option<Option<Address>>,
    /// Their own time zone.
    pub time_zone: Option<String>,
    /// BCP 47.
    pub languages: Option<Vec<String>>,
    /// Whether an interpreter is needed.
    pub interpreter_needed: Option<bool>,
    /// As they describe themselves.
    pub communities: Option<Vec<String>>,
    /// The ways they name.
    pub pathways: Option<Vec<RecoveryPathway>>,
    /// What they have lived through and name.
    pub experiences: Option<Vec<Experience>>,
    /// Where they want support.
    pub needs: Option<Vec<PlanDimension>>,
    /// Whether they use medication for opioid use disorder.
    pub moud: Option<Option<bool>>,
    /// What they want of a peer.
    pub match_preferences: Option<Vec<MatchPreference>>,
    /// What other systems know them by.
    pub external_identifiers: Option<Vec<ExternalIdentifier>>,
    /// The programs they are with, of those that the caller works in.
    pub program_ids: Option<Vec<ProgramId>>,
}

impl ClientChange {
    /// Gives the identity and what they say of their recovery as they will be, and the programs that were named.
    fn over(self, identity: Identity, recovery: Recovery) -> (Identity, Recovery, Option<Vec<ProgramId>>) {
        let identity = Identity {
            given_name: self.given_name.unwrap_or(identity.given_name),
            family_name: self.family_name.unwrap_or(identity.family_name),
            preferred_name: self.preferred_name.unwrap_or(identity.preferred_name),
            pronouns: self.pronouns.unwrap_or(identity.pronouns),
            date_of_birth: self.date_of_birth.unwrap_or(identity.date_of_birth),
            gender: self.gender.unwrap_or(identity.gender),
            race_ethnicity: self.race_ethnicity.unwrap_or(identity.race_ethnicity),
            contact_methods: self.contact_methods.unwrap_or(identity.contact_methods),
            address: self.address.unwrap_or(identity.address),
            time_zone: self.time_zone.unwrap_or(identity.time_zone),
            languages: self.languages.unwrap_or(identity.languages),
            interpreter_needed: self.interpreter_needed.unwrap_or(identity.interpreter_needed),
            payer: self.payer.unwrap_or(identity.payer),
            external_identifiers: self.external_identifiers.unwrap_or(identity.external_identifiers),
        };
        let recovery = Recovery {
            communities: self.communities.unwrap_or(recovery.communities),
            pathways: self.pathways.unwrap_or(recovery.pathways),
            experiences: self.experiences.unwrap_or(recovery.experiences),
            needs: self.needs.unwrap_or(recovery.needs),
            moud: self.moud.unwrap_or(recovery.moud),
            match_preferences: self.match_preferences.unwrap_or(recovery.match_preferences),
        };
        (identity, recovery, self.program_ids)
    }
}

/// Changes a client. What a referral told of them when it was submitted stays as it was.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused when a field is wrong, another client has one of the external identifiers, the record
/// was merged into another, and with `STALE`.
pub async fn update(
    store: &Store,
    access: &Access,
    id: ClientId,
    version: Option<i32>,
    change: ClientChange,
) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let before = tx.fetch_for::<client::Entity>(id, Action::Update).await?;
    if before.merged_into_id.is_some() {
        let sentence = "This record was merged into another: change that one, its `mergedInto`.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["input", "id"]).into());
    }
    let (was, said) = (identity_of(&tx, &before).await?, recovery_of(&tx, &before).await?);
    let (identity, recovery, programs) = change.over(was.clone(), said.clone());
    let (identity, recovery) = (checked(identity, access.now)?, checked_recovery(recovery)?);
    let mut changed = Vec::new();
    let seen = version.unwrap_or(before.version);
    let mut row = client::ActiveModel { updated_at: Set(access.now), version: Set(seen.saturating_add(1)), ..Default::default() };
    let key = tx.key_of(id).await?;
    if identity != was {
        row.identity = Set(key.seal::<client::Entity, _, _>(id, client::Column::Identity, &identity)?);
        changed.push("identity");
    }
    if recovery != said {
        row.recovery = Set(key.seal::<client::Entity, _, _>(id, client::Column::Recovery, &recovery)?);
        changed.push("recovery");
    }
    if !tx.write_if(&before, row, client::Column::Version.eq(seen)).await? {
        return Err(Refusal::stale(Some(before.version)).at(["input", "version"]).into());
    }
    if let Some(programs) = programs
        && belongs(&tx, &before, &programs).await?
    {
        changed.push("programs");
    }
    let after = tx.known::<client::Entity>(id, "a client who was changed").await?.ok_or(Error::NotFound)?;
    if identity != was {
        write_words(&tx, &after).await?;
        let still = |known: &ContactMethod| identity.contact_methods.iter().any(|now| takes_mail(now) && now.value == known.value);
        if was.contact_methods.iter().any(|known| takes_mail(known) && !still(known)) {
            client_access::uninvite(&mut tx, &after).await?;
        }
    }
    duplicate::look_again(&mut tx, &after).await?;
    tx.record(Event::new(EventKind::ClientUpdated, after.organization_id, id, after.version).of_client(id).changed(changed));
    let after = tx.fetch_for::<client::Entity>(id, Action::Read).await?;
    tx.commit(after).await
}

/// Whether it changed with which of the caller's programs a client is: those that were named, and of theirs no others.
async fn belongs(tx: &Tx, client: &client::Model, named: &[ProgramId]) -> Result<bool> {
    let at = ["input", "programIds"];
    let named = tx.fetch_each::<program::Entity>(named, Action::Extend).await?;
    let of = Condition::all().add(client_program::Column::ClientId.eq(client.id));
    let with: Vec<_> = tx.parts::<client_program::Entity>(of.clone()).await?.into_iter().map(|with| with.program_id).collect();
    let mine = &tx.access().programs;
    let new: Vec<_> = named.iter().filter(|program| !with.contains(&program.id)).collect();
    let left: Vec<_> = with.iter().copied().filter(|id| mine.contains(id) && !named.iter().any(|program| program.id == *id)).collect();
    if named.is_empty() {
        let sentence = "Name at least one of your programs in `programIds`: you would not see this person any more.";
        return Err(Refusal::new(Code::Required, sentence).at(at).into());
    }
    let changes = !new.is_empty() || !left.is_empty();
    tx.delete_parts::<client_program::Entity>(of.add(client_program::Column::ProgramId.is_in(left))).await?;
    let rows = new.into_iter().map(|program| client_program::ActiveModel {
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        program_id: Set(program.id),
    });
    tx.insert_parts::<client_program::Entity, _>(rows.collect()).await?;
    Ok(changes)
}
