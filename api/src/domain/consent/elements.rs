//! What makes a consent complete (42 CFR 2.31(a)), and where it stands.

use entity::{
    OrganizationId, consent, consent_flow,
    vocabulary::{ConsentKind, ConsentStatus, DataClass, ExpiryEvent, PurposeOfUse, RecipientClass, SignatureMethod, SignerCapacity},
};
use sea_orm::{ColumnTrait, Condition};

use super::super::text;
use crate::{
    clock::Instant,
    error::{Code, Refusal, Result},
};

/// The elements of a consent (42 CFR 2.31(a)), as they were signed.
#[derive(Clone, Debug)]
pub struct NewConsent {
    /// What kind.
    pub kind: ConsentKind,
    /// Who may disclose; the organization that records it when none is named.
    pub disclosers: Vec<OrganizationId>,
    /// Who may receive, by name.
    pub recipients: Vec<OrganizationId>,
    /// Or by class.
    pub recipient_class: Option<RecipientClass>,
    /// Which information.
    pub data_classes: Vec<DataClass>,
    /// What for.
    pub purposes: Vec<PurposeOfUse>,
    /// When it was signed.
    pub signed_at: Instant,
    /// By whom.
    pub signed_by: String,
    /// As what.
    pub signer_capacity: SignerCapacity,
    /// How.
    pub signature_method: SignatureMethod,
    /// SHA-256 of the document, in hexadecimal.
    pub evidence_sha256: Option<String>,
    /// In which language.
    pub language: Option<String>,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// Or with what.
    pub expiry_event: Option<ExpiryEvent>,
    /// Or never by itself.
    pub never_expires: bool,
}

/// What of a consent must be there, whoever records it.
struct Elements<'a> {
    kind: ConsentKind,
    disclosers: usize,
    recipients: usize,
    by_class: bool,
    data_classes: &'a [DataClass],
    purposes: &'a [PurposeOfUse],
    signed_by: bool,
    ends: usize,
}

/// Kinds under which an organization tells another about a client; the others permit something else.
pub(super) const fn discloses(kind: ConsentKind) -> bool {
    !matches!(kind, ConsentKind::CommunityTerms | ConsentKind::ContactChannels)
}

/// The names of the elements of 42 CFR 2.31(a) that are missing. While one is, the consent is not active.
fn missing_of(of: &Elements<'_>) -> Vec<&'static str> {
    let telling = discloses(of.kind);
    let elements = [
        ("disclosers", telling && of.disclosers == 0),
        ("recipients", telling && of.recipients == 0 && !of.by_class),
        ("dataClasses", telling && of.data_classes.is_empty()),
        ("purposes", telling && of.purposes.is_empty()),
        ("signedBy", !of.signed_by),
        ("expiry", of.ends == 0),
    ];
    elements.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect()
}

/// The elements that a recorded consent lacks.
pub fn missing(row: &consent::Model, flows: &[consent_flow::Model]) -> Vec<&'static str> {
    let ends = [row.expires_at.is_some(), row.expiry_event.is_some(), row.never_expires];
    missing_of(&Elements {
        kind: row.kind,
        disclosers: flows.len(),
        recipients: flows.iter().filter(|flow| flow.recipient_id.is_some()).count(),
        by_class: row.recipient_class.is_some(),
        data_classes: &row.data_classes,
        purposes: &row.purposes,
        signed_by: true,
        ends: ends.into_iter().filter(|given| *given).count(),
    })
}

/// Where a consent stands: derived from its elements, its expiry and its revocation.
pub fn status(row: &consent::Model, flows: &[consent_flow::Model], now: Instant) -> ConsentStatus {
    if row.revoked_at.is_some() {
        ConsentStatus::Revoked
    } else if row.expired_at.is_some() || row.expires_at.is_some_and(|at| at <= now) {
        ConsentStatus::Expired
    } else if missing(row, flows).is_empty() {
        ConsentStatus::Active
    } else {
        ConsentStatus::Invalid
    }
}

/// Consents that were not revoked and have not ended.
pub fn holding(now: Instant) -> Condition {
    let lasts = Condition::any().add(consent::Column::ExpiresAt.is_null()).add(consent::Column::ExpiresAt.gt(now));
    Condition::all().add(consent::Column::RevokedAt.is_null()).add(consent::Column::ExpiredAt.is_null()).add(lasts)
}

/// What is read of a consent before a referral relies on it. The path names the argument that holds the consent's elements.
pub(super) fn checked(new: NewConsent, now: Instant, path: &[&'static str]) -> Result<NewConsent, Refusal> {
    let at = |field: &'static str| path.iter().copied().chain([field]);
    let ends = [new.expires_at.is_some(), new.expiry_event.is_some(), new.never_expires].into_iter().filter(|given| *given).count();
    let missing = missing_of(&Elements {
        kind: new.kind,
        disclosers: new.disclosers.len(),
        recipients: new.recipients.len(),
        by_class: new.recipient_class.is_some(),
        data_classes: &new.data_classes,
        purposes: &new.purposes,
        signed_by: !new.signed_by.trim().is_empty(),
        ends,
    });
    if !missing.is_empty() {
        let sentence = format!("A consent needs every element of 42 CFR 2.31(a); this one lacks {}.", missing.join(", "));
        let missing = Some(missing.into_iter().map(str::to_owned).collect());
        return Err(Refusal { missing, ..Refusal::new(Code::ConsentIncomplete, sentence).at(path.iter().copied()) });
    }
    if ends > 1 {
        return Err(Refusal::invalid("Give one of `expiresAt`, `expiryEvent` and `neverExpires`.").at(at("expiresAt")));
    }
    if new.signed_at > now {
        return Err(Refusal::invalid("`signedAt` is not in the future.").at(at("signedAt")));
    }
    if new.expires_at.is_some_and(|ends| ends <= now) {
        return Err(Refusal::invalid("`expiresAt` is in the future: a consent that has ended permits nothing.").at(at("expiresAt")));
    }
    if new.purposes.contains(&PurposeOfUse::Emergency) {
        return Err(Refusal::invalid("`purposes` has no EMERGENCY: an emergency needs no consent (42 CFR 2.51).").at(at("purposes")));
    }
    let tpo = [PurposeOfUse::Treatment, PurposeOfUse::Payment, PurposeOfUse::Operations];
    if new.kind == ConsentKind::TpoSingle && new.purposes.iter().any(|purpose| !tpo.contains(purpose)) {
        let sentence = "`purposes` of TPO_SINGLE are TREATMENT, PAYMENT and OPERATIONS: everything else needs a consent of its own.";
        return Err(Refusal::invalid(sentence).at(at("purposes")));
    }
    if (new.expiry_event == Some(ExpiryEvent::ResearchEnds)) != (new.kind == ConsentKind::Research && new.expiry_event.is_some()) {
        return Err(Refusal::invalid("`expiryEvent` RESEARCH_ENDS is for kind RESEARCH, and no other is.").at(at("expiryEvent")));
    }
    let hexadecimal = |hash: &String| hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    if new.evidence_sha256.as_ref().is_some_and(|hash| !hexadecimal(hash)) {
        return Err(Refusal::invalid("`evidenceSha256` is a SHA-256 hash: 64 hexadecimal digits.").at(at("evidenceSha256")));
    }
    Ok(NewConsent {
        signed_by: text::line("signedBy", &new.signed_by, 200)?,
        evidence_sha256: new.evidence_sha256.map(|hash| hash.to_ascii_lowercase()),
        language: new.language.map(|tag| text::language("language", &tag)).transpose()?,
        ..new
    })
}

/// What of the data classes a kind of consent opens to a reader at all (domain 3.3: superscripts t and s).
pub(super) fn opened_by(kind: ConsentKind, classes: &[DataClass]) -> i32 {
    match kind {
        ConsentKind::TpoSingle | ConsentKind::Specific => DataClass::bits(classes),
        ConsentKind::PartnerStatusFeedback => DataClass::bits(classes) & DataClass::ReferralStatus.bit(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Elements<'static> {
        Elements {
            kind: ConsentKind::Specific,
            disclosers: 1,
            recipients: 1,
            by_class: false,
            data_classes: &[DataClass::Identity],
            purposes: &[PurposeOfUse::Treatment],
            signed_by: true,
            ends: 1,
        }
    }

    #[test]
    fn each_missing_element_is_named() {
        assert_eq!(missing_of(&complete()), [""; 0]);
        let cases = [
            (Elements { disclosers: 0, ..complete() }, "disclosers"),
            (Elements { recipients: 0, ..complete() }, "recipients"),
            (Elements { data_classes: &[], ..complete() }, "dataClasses"),
            (Elements { purposes: &[], ..complete() }, "purposes"),
            (Elements { signed_by: false, ..complete() }, "signedBy"),
            (Elements { ends: 0, ..complete() }, "expiry"),
        ];
        for (elements, missing) in cases {
            assert_eq!(missing_of(&elements), [missing]);
        }
        assert_eq!(missing_of(&Elements { recipients: 0, by_class: true, ..complete() }), [""; 0]);
        let terms =
            Elements { kind: ConsentKind::CommunityTerms, disclosers: 0, recipients: 0, data_classes: &[], purposes: &[], ..complete() };
        assert_eq!(missing_of(&terms), [""; 0], "it discloses nothing");
    }

    #[test]
    fn a_status_consent_opens_status_alone() {
        let all = DataClass::ALL;
        assert_eq!(opened_by(ConsentKind::PartnerStatusFeedback, all), DataClass::ReferralStatus.bit());
        assert_eq!(opened_by(ConsentKind::Specific, &[DataClass::Identity]), DataClass::Identity.bit());
        assert_eq!(opened_by(ConsentKind::Research, all), 0);
    }
}
