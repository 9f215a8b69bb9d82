//! How clients are written: added, changed, merged.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use entity::{
    ClientId, ProgramId,
    vocabulary::{ContactMethodKind, Experience, FundingKind, Gender, MatchCriterionKind, PlanDimension, RaceEthnicity, RecoveryPathway},
};

use super::{
    client::{Client, ExternalIdentifierInput},
    context::RequestContext,
    error::command,
    guard::Requires,
    payload::payloads,
    program::AddressInput,
    scalar::{Date, LanguageTag, LocalTime, TimeZone, each},
};
use crate::{
    access::Scope,
    domain::{
        client::{self as rules, Identity, NewClient, Recovery, create},
        client_erase::erase,
        client_merge::{merge, unmerge},
        client_update::{ClientChange, update},
    },
};

/// A way to reach someone.
#[derive(InputObject)]
pub(crate) struct ContactMethodInput {
    /// What it is.
    pub(crate) kind: ContactMethodKind,
    /// The number or address.
    pub(crate) value: String,
    /// Whether the person called it safe. Nothing else is ever used.
    safe: bool,
    /// Whether what is said there may mention recovery; not unless it says so.
    may_mention_recovery: Option<bool>,
    /// Whether a message may be left; not unless it says so.
    may_leave_message: Option<bool>,
    /// From when in the day, in the person's zone.
    from: Option<LocalTime>,
    /// Until when.
    to: Option<LocalTime>,
}

/// A new client of the caller's organization.
#[derive(InputObject)]
pub(crate) struct ClientCreateInput {
    /// Given name.
    given_name: String,
    /// Family name.
    family_name: String,
    /// How they want to be called.
    preferred_name: Option<String>,
    /// As they say.
    pronouns: Option<String>,
    /// Date of birth; people under 18 cannot be served yet.
    date_of_birth: Date,
    /// As they say.
    gender: Option<Gender>,
    /// As they say.
    race_ethnicity: Option<Vec<RaceEthnicity>>,
    /// Who pays.
    payer: Option<FundingKind>,
    /// How they are reached.
    contact_methods: Vec<ContactMethodInput>,
    /// Where they live.
    address: Option<AddressInput>,
    /// Their own time zone; UTC when none is given.
    time_zone: Option<TimeZone>,
    /// What they speak.
    languages: Option<Vec<LanguageTag>>,
    /// Whether an interpreter is needed.
    interpreter_needed: Option<bool>,
    /// As they describe themselves.
    communities: Option<Vec<String>>,
    /// The ways they name.
    pathways: Option<Vec<RecoveryPathway>>,
    /// What they have lived through and name.
    experiences: Option<Vec<Experience>>,
    /// Where they want support.
    needs: Option<Vec<PlanDimension>>,
    /// Whether they use medication for opioid use disorder.
    moud: Option<bool>,
    /// What they want of a peer.
    match_preferences: Option<Vec<MatchPreferenceInput>>,
    /// What other systems know them by.
    external_identifiers: Option<Vec<ExternalIdentifierInput>>,
    /// The programs they are with: some that the caller works in.
    program_ids: Option<Vec<ProgramId>>,
}

impl From<ClientCreateInput> for NewClient {
    fn from(input: ClientCreateInput) -> Self {
        Self {
            identity: Identity {
                given_name: input.given_name,
                family_name: input.family_name,
                preferred_name: input.preferred_name,
                pronouns: input.pronouns,
                date_of_birth: input.date_of_birth.0,
                gender: input.gender,
                race_ethnicity: input.race_ethnicity.unwrap_or_default(),
                contact_methods: methods(input.contact_methods),
                address: input.address.map(Into::into),
                time_zone: input.time_zone.map_or_else(|| "UTC".to_owned(), |zone| zone.0),
                languages: input.languages.map(each).unwrap_or_default(),
                interpreter_needed: input.interpreter_needed.unwrap_or_default(),
                payer: input.payer,
                external_identifiers: input.external_identifiers.map(each).unwrap_or_default(),
            },
            recovery: Recovery {
                communities: input.communities.unwrap_or_default(),
                pathways: input.pathways.unwrap_or_default(),
                experiences: input.experiences.unwrap_or_default(),
                needs: input.needs.unwrap_or_default(),
                moud: input.moud,
                match_preferences: input.match_preferences.map(each).unwrap_or_default(),
            },
            program_ids: input.program_ids.unwrap_or_default(),
        }
    }
}

fn methods(inputs: Vec<ContactMethodInput>) -> Vec<rules::ContactMethod> {
    let method = |(place, method): (usize, ContactMethodInput)| rules::ContactMethod {
        id: (place + 1).to_string(),
        kind: method.kind,
        value: method.value,
        safe: method.safe,
        may_mention_recovery: method.may_mention_recovery.unwrap_or_default(),
        may_leave_message: method.may_leave_message.unwrap_or_default(),
        from: method.from.map(|time| time.0),
        to: method.to.map(|time| time.0),
    };
    inputs.into_iter().enumerate().map(method).collect()
}

/// A change of a client. What is not given stays as it is, and so does what is null where null has no meaning of its own. Lists are given
/// whole.
#[derive(InputObject)]
pub(crate) struct ClientUpdateInput {
    /// Whom.
    id: ClientId,
    /// The version that was read; a stale one gives STALE. The present one when none is named.
    version: Option<i32>,
    /// Given name.
    given_name: Option<String>,
    /// Family name.
    family_name: Option<String>,
    /// How they want to be called; null takes it away.
    preferred_name: MaybeUndefined<String>,
    /// As they say; null takes it away.
    pronouns: MaybeUndefined<String>,
    /// Date of birth; people under 18 cannot be served yet.
    date_of_birth: Option<Date>,
    /// As they say; null takes it away.
    gender: MaybeUndefined<Gender>,
    /// As they say.
    race_ethnicity: Option<Vec<RaceEthnicity>>,
    /// Who pays; null when nobody is known.
    payer: MaybeUndefined<FundingKind>,
    /// How they are reached.
    contact_methods: Option<Vec<ContactMethodInput>>,
    /// Where they live; null takes it away.
    address: MaybeUndefined<AddressInput>,
    /// Their own time zone.
    time_zone: Option<TimeZone>,
    /// What they speak.
    languages: Option<Vec<LanguageTag>>,
    /// Whether an interpreter is needed.
    interpreter_needed: Option<bool>,
    /// As they describe themselves.
    communities: Option<Vec<String>>,
    /// The ways they name.
    pathways: Option<Vec<RecoveryPathway>>,
    /// What they have lived through and name.
    experiences: Option<Vec<Experience>>,
    /// Where they want support.
    needs: Option<Vec<PlanDimension>>,
    /// Whether they use medication for opioid use disorder; null when they have not said.
    moud: MaybeUndefined<bool>,
    /// What they want of a peer.
    match_preferences: Option<Vec<MatchPreferenceInput>>,
    /// What other systems know them by.
    external_identifiers: Option<Vec<ExternalIdentifierInput>>,
    /// The programs they are with, of those that the caller works in; the others stay.
    program_ids: Option<Vec<ProgramId>>,
}

impl From<ClientUpdateInput> for ClientChange {
    fn from(input: ClientUpdateInput) -> Self {
        Self {
            given_name: input.given_name,
            family_name: input.family_name,
            preferred_name: input.preferred_name.into(),
            pronouns: input.pronouns.into(),
            date_of_birth: input.date_of_birth.map(|date| date.0),
            gender: input.gender.into(),
            race_ethnicity: input.race_ethnicity,
            payer: input.payer.into(),
            contact_methods: input.contact_methods.map(methods),
            address: input.address.map_value(Into::into).into(),
            time_zone: input.time_zone.map(|zone| zone.0),
            languages: input.languages.map(each),
            interpreter_needed: input.interpreter_needed,
            communities: input.communities,
            pathways: input.pathways,
            experiences: input.experiences,
            needs: input.needs,
            moud: input.moud.into(),
            match_preferences: input.match_preferences.map(each),
            external_identifiers: input.external_identifiers.map(each),
            program_ids: input.program_ids,
        }
    }
}

/// What somebody wants of a peer.
#[derive(InputObject)]
pub(crate) struct MatchPreferenceInput {
    /// What it is about.
    criterion: MatchCriterionKind,
    /// What they want, such as a language's tag or a word of their own.
    value: String,
    /// Whether it must be so; otherwise it is a wish.
    required: bool,
}

impl From<MatchPreferenceInput> for rules::MatchPreference {
    fn from(input: MatchPreferenceInput) -> Self {
        Self { criterion: input.criterion, value: input.value, required: input.required }
    }
}

payloads! {
    ClientCreatePayload = "clientCreate", client: Client, "The client";
    ClientUpdatePayload = "clientUpdate", client: Client, "The client";
    ClientMergePayload = "clientMerge", client: Client, "The record that was kept";
    ClientErasePayload = "clientErase", client: Client, "What is left of the record";
    ClientUnmergePayload = "clientUnmerge", client: Client, "The record that stands for itself again";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ClientMutation;

#[Object]
impl ClientMutation {
    /// Adds a client to programs that the caller works in. For coordinators.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: ClientCreateInput,
    ) -> Result<Option<ClientCreatePayload>> {
        let (client, user_errors) = command(ctx, "clientCreate", create(ctx.store(), &ctx.access(), input.into())).await?;
        Ok(Some(ClientCreatePayload { client: client.map(Client), user_errors }))
    }

    /// Changes what an organization knows of a client. For coordinators. What was submitted with a referral stays as it was.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: ClientUpdateInput,
    ) -> Result<Option<ClientUpdatePayload>> {
        let (id, version) = (input.id, input.version);
        let changed = async { update(ctx.store(), &ctx.access(), id, version, input.into()).await };
        let (client, user_errors) = command(ctx, "clientUpdate", changed).await?;
        Ok(Some(ClientUpdatePayload { client: client.map(Client), user_errors }))
    }

    /// Merges two records of one person of the caller's organization: referrals, consents, support and seats of the one are the other's
    /// from then on, who is also found by what the one was found by, and is with the programs of both. For 30 days `clientUnmerge`
    /// undoes it. For coordinators. No other organization hears of it. Whoever read their own data as one of the two is invited anew.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record that goes on.")] keep_id: ClientId,
        #[graphql(desc = "The record that is merged into it.")] merge_id: ClientId,
    ) -> Result<Option<ClientMergePayload>> {
        let merged = async { merge(ctx.store(), &ctx.access(), keep_id, merge_id).await };
        let (client, user_errors) = command(ctx, "clientMerge", merged).await?;
        Ok(Some(ClientMergePayload { client: client.map(Client), user_errors }))
    }

    /// Undoes a merge within 30 days: the record has again what it had; what was written since stays with the other. For coordinators.
    /// Whoever read the data of both as their own is invited anew.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_unmerge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record that was merged into another.")] id: ClientId,
    ) -> Result<Option<ClientUnmergePayload>> {
        let parted = async { unmerge(ctx.store(), &ctx.access(), id).await };
        let (client, user_errors) = command(ctx, "clientUnmerge", parted).await?;
        Ok(Some(ClientUnmergePayload { client: client.map(Client), user_errors }))
    }
    /// Erases a person of the caller's organization: destroys the key that everything of them is sealed under, in backups as well, with the
    /// records that were merged into theirs. For privacy officers. It cannot be undone.
    ///
    /// Refused with IMMUTABLE while something goes on that somebody relies on: a referral that is a draft or waits for an answer, a
    /// received one that is open, an episode, a pairing, a seat in a session to come, a review of an emergency access. What stays is the
    /// record's id, pseudonym and log, what was decided here, and the accounting of disclosures. Nobody finds the person any more, and
    /// nothing can be added to the record.
    ///
    /// Of a referral this side reads nothing any more but that there was one. A receiver that accepted it keeps its own record and the
    /// snapshot that it was sent, and notices nothing; a sender keeps what it sent when the receiver erases. The snapshot and the messages
    /// are destroyed with the last side that holds them: when the sender erases what was never accepted, and when both have erased.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_erase(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record that stands for the person.")] id: ClientId,
        #[graphql(desc = "Why, for the organization to answer for it: one line of at most 500 characters that names nobody.")]
        reason: String,
    ) -> Result<Option<ClientErasePayload>> {
        let erased = async { erase(ctx.store(), &ctx.access(), id, &reason).await };
        let (client, user_errors) = command(ctx, "clientErase", erased).await?;
        Ok(Some(ClientErasePayload { client: client.map(Client), user_errors }))
    }
}
