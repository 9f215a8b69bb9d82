//! Typed ids. Outside the database an id is its kind's prefix and 26 letters and digits (`ref_…`), opaque to
//! callers; inside it is a random UUID (version 4: an id that tells no time, domain 3.4 rule 8).

use std::{borrow::Cow, fmt, str::FromStr, sync::LazyLock};

use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned, ServerResult, Value,
    parser::types::Field, registry::Registry,
};
use data_encoding::{Encoding, Specification};
use sea_orm::DeriveValueType;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Crockford's alphabet in lower case: no letter that is mistaken for a digit.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    specification.encoding().expect("the alphabet has 32 distinct symbols")
});

fn write(prefix: &str, id: Uuid) -> String {
    format!("{prefix}_{}", BASE32.encode(id.as_bytes()))
}

/// Why a text is no id of the wanted kind. Says nothing about whether a row exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    expected: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expected {
            "" => f.write_str("not an id: an id is a prefix, `_` and 26 letters and digits, as this API gave it to you"),
            prefix => write!(f, "not an id of this kind: it begins with `{prefix}_`, as this API gave it to you"),
        }
    }
}

impl std::error::Error for InvalidId {}

/// A kind of id that belongs to one table.
pub trait TypedId: Copy + Eq + std::hash::Hash + fmt::Display + fmt::Debug + Send + Sync + From<Uuid> + Into<Uuid> + 'static {
    /// What stands before the `_`.
    const PREFIX: &'static str;

    /// A new random id.
    fn new() -> Self {
        Self::from(Uuid::new_v4())
    }
}

macro_rules! same_row {
    ($($One:ident is $Other:ident;)*) => {$(
        impl From<$One> for $Other {
            fn from(id: $One) -> Self {
                Self(id.0)
            }
        }
    )*};
}

/// An id of any kind, as `node(id:)` takes it and an event keeps its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnyId {
    /// The prefix of the kind.
    pub prefix: &'static str,
    /// The row.
    pub id: Uuid,
}

impl AnyId {
    /// The id of a row whose kind is known by its prefix.
    ///
    /// # Errors
    /// When no kind has that prefix.
    pub fn new(prefix: &str, id: Uuid) -> Result<Self, InvalidId> {
        let prefix = PREFIXES.iter().find(|known| **known == prefix).ok_or(InvalidId { expected: "" })?;
        Ok(Self { prefix, id })
    }

    /// The typed id, when this is one of that kind.
    pub fn of<I: TypedId>(self) -> Option<I> {
        (self.prefix == I::PREFIX).then(|| I::from(self.id))
    }
}

impl<I: TypedId> From<I> for AnyId {
    fn from(id: I) -> Self {
        Self { prefix: I::PREFIX, id: id.into() }
    }
}

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write(self.prefix, self.id))
    }
}

impl FromStr for AnyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { expected: "" };
        let (prefix, rest) = text.rsplit_once('_').ok_or(invalid.clone())?;
        if rest.len() != 26 {
            return Err(invalid);
        }
        let bytes = BASE32.decode(rest.as_bytes()).map_err(|_| invalid.clone())?;
        Self::new(prefix, Uuid::from_slice(&bytes).map_err(|_| invalid)?)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $Name:ident = $prefix:literal;)*) => {
        /// Every prefix in use.
        pub const PREFIXES: &[&str] = &[$($prefix),*];

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
            pub struct $Name(pub Uuid);

            impl TypedId for $Name {
                const PREFIX: &'static str = $prefix;
            }

            impl sea_orm::TryFromU64 for $Name {
                fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                    Err(sea_orm::DbErr::ConvertFromU64("an id is never counted up"))
                }
            }

            impl From<Uuid> for $Name {
                fn from(id: Uuid) -> Self {
                    Self(id)
                }
            }

            impl From<$Name> for Uuid {
                fn from(id: $Name) -> Self {
                    id.0
                }
            }

            impl From<&$Name> for $Name {
                fn from(id: &$Name) -> Self {
                    *id
                }
            }

            impl fmt::Display for $Name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&write($prefix, self.0))
                }
            }

            impl fmt::Debug for $Name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl FromStr for $Name {
                type Err = InvalidId;

                fn from_str(text: &str) -> Result<Self, InvalidId> {
                    let wrong = InvalidId { expected: $prefix };
                    text.parse::<AnyId>().ok().and_then(AnyId::of).ok_or(wrong)
                }
            }

            impl Serialize for $Name {
                fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                    to.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $Name {
                fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
                }
            }

            impl InputType for $Name {
                type RawValueType = Self;

                fn type_name() -> Cow<'static, str> {
                    <ID as InputType>::type_name()
                }

                fn create_type_info(registry: &mut Registry) -> String {
                    <ID as InputType>::create_type_info(registry)
                }

                fn parse(value: Option<Value>) -> InputValueResult<Self> {
                    match value {
                        Some(Value::String(text)) => text.parse().map_err(|wrong: InvalidId| InputValueError::custom(wrong)),
                        other => Err(InputValueError::expected_type(other.unwrap_or_default())),
                    }
                }

                fn to_value(&self) -> Value {
                    Value::String(self.to_string())
                }

                fn as_raw_value(&self) -> Option<&Self> {
                    Some(self)
                }
            }

            impl OutputType for $Name {
                fn type_name() -> Cow<'static, str> {
                    <ID as OutputType>::type_name()
                }

                fn create_type_info(registry: &mut Registry) -> String {
                    <ID as OutputType>::create_type_info(registry)
                }

                async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
                    Ok(Value::String(self.to_string()))
                }
            }
        )*
    };
}

ids! {
    /// An organization: the tenant.
    OrganizationId = "org";
    /// One of an organization's services.
    ProgramId = "prg";
    /// A person of staff.
    StaffMemberId = "stf";
    /// A partner's application.
    ApiClientId = "api";
    /// A trusted outside identity provider.
    IssuerId = "iss";
    /// A person receiving support, as one organization knows them.
    ClientId = "cli";
    /// A consent under 42 CFR 2.31.
    ConsentId = "con";
    /// One disclosure of a client's data to someone outside the organization that holds it.
    DisclosureId = "dis";
    /// Access to a client's data because of a medical emergency.
    EmergencyAccessId = "emg";
    /// A handing over of a client to a program.
    ReferralId = "ref";
    /// One change of a referral's state.
    ReferralTransitionId = "rtr";
    /// One clock of a referral.
    ReferralClockId = "clk";
    /// Something that somebody has to do.
    WorkItemId = "wrk";
    /// A live introduction of a client to a peer.
    WarmHandoffId = "who";
    /// An offer of a referral to several programs.
    ReferralOfferId = "off";
    /// A message about a referral between its two sides.
    ReferralMessageId = "msg";
    /// A period in which a program supports a client.
    EpisodeId = "epi";
    /// A peer recovery support specialist.
    PeerId = "per";
    /// A pairing of a client with a peer.
    PeerMatchId = "pmt";
    /// One interaction with a client, or an attempt at one.
    ContactId = "ctc";
    /// What people come together for, whichever kind it is: between the rooms of this house, never outside.
    GatheringId = "gth";
    /// A workshop.
    WorkshopId = "wks";
    /// A support group.
    SupportGroupId = "grp";
    /// A meeting of others, taken in from a feed.
    ListedMeetingId = "lst";
    /// The schedule of somebody else, which is taken in.
    FeedId = "fed";
    /// One meeting of a workshop or group.
    SessionId = "ses";
    /// A seat, or a place in line, at a session.
    RegistrationId = "reg";
    /// Work on many rows at once.
    BulkOperationId = "blk";
    /// Something that a bulk operation could not do.
    BulkErrorId = "ber";
    /// A message that is sent to somebody.
    OutgoingMessageId = "out";
    /// One entry of the event log.
    EventId = "evt";
    /// One entry of the audit log.
    AuditEventId = "aud";
}

same_row! {
    WorkshopId is GatheringId;
    SupportGroupId is GatheringId;
    ListedMeetingId is GatheringId;
    GatheringId is WorkshopId;
    GatheringId is SupportGroupId;
    GatheringId is ListedMeetingId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_being_written_and_read() {
        let id = ReferralId::new();
        assert_eq!(id.to_string().len(), 30);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().parse::<AnyId>().map(AnyId::of::<ReferralId>), Ok(Some(id)));
    }

    #[test]
    fn an_id_of_another_kind_or_none_is_refused() {
        for text in [
            "",
            "ref_",
            "ref",
            "ref_zz",
            &ClientId::new().to_string(),
            &ReferralId::new().to_string().to_uppercase(),
            "ref_0123456789012345678901234l",
        ] {
            assert!(text.parse::<ReferralId>().is_err(), "{text}");
        }
    }
}
