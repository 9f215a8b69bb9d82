//! What a token is good for (contract.md, "Tokens").

use std::{fmt, str::FromStr};

/// A scope of a token. A guard asks for it before a resolver runs; the store asks for much more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The public schedule, which needs none.
    ScheduleRead,
    /// Read referrals.
    ReferralsRead,
    /// Make and answer referrals.
    ReferralsWrite,
    /// Read clients.
    ClientsRead,
    /// Make and change clients and consents.
    ClientsWrite,
    /// Read contacts, episodes and peers.
    ServicesRead,
    /// Log contacts and keep peers.
    ServicesWrite,
    /// Run workshops and groups.
    WorkshopsWrite,
    /// Enrol people.
    RegistrationsWrite,
    /// Read instruments' answers.
    OutcomesRead,
    /// Record instruments' answers.
    OutcomesWrite,
    /// Read reports.
    AnalyticsRead,
    /// Keep webhooks.
    WebhooksManage,
    /// Import and export in bulk.
    BulkRun,
    /// Read the audit.
    AuditRead,
    /// A client's own data.
    SelfRead,
    /// A client's own doings.
    SelfWrite,
    /// Directory, staff and API clients.
    Admin,
}

impl Scope {
    /// Every scope with its name.
    pub const ALL: &[(Self, &str)] = &[
        (Self::ScheduleRead, "schedule:read"),
        (Self::ReferralsRead, "referrals:read"),
        (Self::ReferralsWrite, "referrals:write"),
        (Self::ClientsRead, "clients:read"),
        (Self::ClientsWrite, "clients:write"),
        (Self::ServicesRead, "services:read"),
        (Self::ServicesWrite, "services:write"),
        (Self::WorkshopsWrite, "workshops:write"),
        (Self::RegistrationsWrite, "registrations:write"),
        (Self::OutcomesRead, "outcomes:read"),
        (Self::OutcomesWrite, "outcomes:write"),
        (Self::AnalyticsRead, "analytics:read"),
        (Self::WebhooksManage, "webhooks:manage"),
        (Self::BulkRun, "bulk:run"),
        (Self::AuditRead, "audit:read"),
        (Self::SelfRead, "self:read"),
        (Self::SelfWrite, "self:write"),
        (Self::Admin, "admin"),
    ];

    /// The scope as tokens write it.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(scope, _)| *scope == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(scope, _)| *scope).ok_or(())
    }
}
