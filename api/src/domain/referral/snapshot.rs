//! What a referral tells the receiver of the person: sealed under its own key, as it was when it was submitted.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    class, client,
    program::Address,
    referral,
    vocabulary::{AsamEdition, DataClass, DischargeType, RecoveryPathway},
};
use sea_orm::ActiveValue::Set;
use serde::{Deserialize, Serialize};

use super::super::{
    client::{ContactMethod, Identity, MatchPreference, Recovery, identity_of, recovery_of},
    program as programs, text,
};
use crate::{
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Tx, Visible},
};

/// Class A of a referral: the person as the sender disclosed them. Sealed as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// How they want to be called.
    pub preferred_name: Option<String>,
    /// As they say.
    pub pronouns: Option<String>,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// How they are reached.
    pub contact_methods: Vec<ContactMethod>,
    /// Where they live.
    pub address: Option<Address>,
    /// Their own time zone.
    pub time_zone: String,
    /// BCP 47.
    pub languages: Vec<String>,
    /// Whether an interpreter is needed.
    pub interpreter_needed: bool,
}

impl Person {
    pub(super) fn of(identity: Identity) -> Self {
        Self {
            given_name: identity.given_name,
            family_name: identity.family_name,
            preferred_name: identity.preferred_name,
            pronouns: identity.pronouns,
            date_of_birth: identity.date_of_birth,
            contact_methods: identity.contact_methods,
            address: identity.address,
            time_zone: identity.time_zone,
            languages: identity.languages,
            interpreter_needed: identity.interpreter_needed,
        }
    }

    /// The receiver's own record begins with what it was sent. What the sender's systems call the person stays with the sender.
    pub(super) fn into_client(self, clinical: Option<Clinical>) -> (Identity, Recovery) {
        let identity = Identity {
            given_name: self.given_name,
            family_name: self.family_name,
            preferred_name: self.preferred_name,
            pronouns: self.pronouns,
            date_of_birth: self.date_of_birth,
            gender: None,
            race_ethnicity: Vec::new(),
            contact_methods: self.contact_methods,
            address: self.address,
            time_zone: self.time_zone,
            languages: self.languages,
            interpreter_needed: self.interpreter_needed,
            payer: None,
            external_identifiers: Vec::new(),
        };
        let recovery = clinical.map(|clinical| Recovery {
            communities: clinical.communities,
            pathways: clinical.pathways,
            match_preferences: clinical.match_preferences,
            moud: clinical.moud,
            ..Recovery::default()
        });
        (identity, recovery.unwrap_or_default())
    }
}

/// Class B of a referral: the facts of discharge, with what the client says of their recovery as it was at submission. Sealed as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clinical {
    /// When they were discharged (UTC); null while they have not been.
    pub discharged_at: Option<DateTime<Utc>>,
    /// When they are expected to be.
    pub expected_discharge_on: Option<NaiveDate>,
    /// Why treatment ended.
    pub discharge_type: DischargeType,
    /// The ASAM level that they leave.
    pub level: Option<(AsamEdition, String)>,
    /// As they describe themselves.
    pub communities: Vec<String>,
    /// The ways of recovery they name.
    pub pathways: Vec<RecoveryPathway>,
    /// Whether they use medication for opioid use disorder.
    pub moud: Option<bool>,
    /// What they want of a peer.
    #[serde(default)]
    pub match_preferences: Vec<MatchPreference>,
    /// What the sender says to it.
    pub reason: Option<String>,
}

pub(super) fn checked_clinical(clinical: Clinical, now: Instant) -> Result<Clinical, Refusal> {
    let at = |field: &'static str| ["input", field];
    if let Some((edition, code)) = &clinical.level
        && programs::level_name(*edition, code).is_none()
    {
        let sentence = format!("`{code}` is no level of care of this edition of the ASAM criteria.");
        return Err(Refusal::invalid(sentence).at(["input", "levelOfCareLeft", "code"]));
    }
    if clinical.discharge_type == DischargeType::Deceased {
        return Err(Refusal::new(Code::NotEligible, "Somebody who has died cannot be referred.").at(at("dischargeType")));
    }
    if clinical.discharged_at.is_some_and(|discharged| discharged > now) {
        let sentence = "`dischargedAt` is not in the future: give `expectedDischargeOn` for a planned discharge.";
        return Err(Refusal::invalid(sentence).at(at("dischargedAt")));
    }
    if clinical.discharge_type == DischargeType::NotYetDischarged && clinical.discharged_at.is_some() {
        let sentence = "`dischargeType` is NOT_YET_DISCHARGED, and `dischargedAt` says otherwise: give one of them.";
        return Err(Refusal::invalid(sentence).at(at("dischargeType")));
    }
    let reason = text::optional("reason", clinical.reason, 4_000)?;
    Ok(Clinical { reason, ..clinical })
}

/// The person and the facts as they are now, sealed under the referral's own key, and when the person was discharged.
pub(super) async fn snapshot_of(
    tx: &Tx,
    draft: &Visible<referral::Entity>,
    covered: i32,
) -> Result<(referral::ActiveModel, Option<Instant>)> {
    let broken = || Error::internal("the client of a draft is gone");
    let client = tx.known::<client::Entity>(draft.from_client_id, "snapshot for the receiver").await?.ok_or_else(broken)?;
    let (identity, recovery) = (identity_of(tx, &client).await?, recovery_of(tx, &client).await?);
    let opened = draft.open::<class::ReferralClinical>().ok_or(Error::NotPermitted)?;
    let clinical: Clinical = tx.unseal(&opened, referral::Column::Clinical, &opened.clinical).await?;
    if !identity.contact_methods.iter().any(|method| method.safe) {
        let sentence = "Give at least one contact method that the client called safe: nobody is reached by another.";
        return Err(Refusal::new(Code::Required, sentence).at(["input", "client", "contactMethods"]).into());
    }
    if clinical.discharged_at.is_none() && clinical.discharge_type != DischargeType::NotYetDischarged {
        let sentence = "Give `dischargedAt`, or `dischargeType` NOT_YET_DISCHARGED.";
        return Err(Refusal::new(Code::Required, sentence).at(["input", "dischargedAt"]).into());
    }
    if clinical.level.is_none() {
        return Err(Refusal::required("levelOfCareLeft").at(["input", "levelOfCareLeft"]).into());
    }
    let key = tx.key_of(draft.id).await?;
    let of_client = covered & DataClass::ReferralClinical.bit() != 0;
    let clinical = if of_client {
        let Recovery { communities, pathways, moud, match_preferences, .. } = recovery;
        Clinical { communities, pathways, moud, match_preferences, ..clinical }
    } else {
        clinical
    };
    let person = Person::of(identity);
    let snapshot = referral::ActiveModel {
        person: Set(Some(key.seal::<referral::Entity, _, _>(draft.id, referral::Column::Person, &person)?)),
        clinical: Set(key.seal::<referral::Entity, _, _>(draft.id, referral::Column::Clinical, &clinical)?),
        ..Default::default()
    };
    Ok((snapshot, clinical.discharged_at))
}
