//! The first organization of a production database.

use entity::{
    ApiClientId,
    vocabulary::{OrganizationKind, Role},
};

use super::{
    issuer::{self, IssuerAdd},
    line::spoken,
};
use crate::{
    access::{Access, Scope},
    app::{App, NotStarted},
    domain::{
        api_client::{self, NewApiClient, NewSecret},
        organization::{self, NewOrganization},
        staff_member::{self, NewStaffMember},
    },
};

/// What the first organization is made of.
#[derive(Clone, Debug)]
pub struct NewInstallation {
    /// Its name.
    pub organization: String,
    /// What it is.
    pub kind: OrganizationKind,
    /// IANA name.
    pub time_zone: String,
    /// The administrator's e-mail address.
    pub administrator: String,
    /// The identity provider whose tokens its staff sign in with, if it has one.
    pub issuer: Option<String>,
}

/// Makes the first organization, its administrator, and an API client of theirs, as one, and trusts its identity provider. Gives the client's id and secret.
///
/// # Errors
/// When there is an organization already, or something of it is wrong.
pub async fn first_organization(app: &App, new: NewInstallation) -> Result<(ApiClientId, String), NotStarted> {
    if !app.store.is_empty().await? {
        return Err(NotStarted("there is an organization already: its administrators make what else is needed".to_owned()));
    }
    let trusted = match new.issuer {
        Some(url) => Some(issuer::new_issuer(app, &IssuerAdd::usual(&new.organization, &url)).await?),
        None => None,
    };
    let system = Access::system("init", app.clock().now());
    let mut tx = app.store.begin(&system).await?;
    let home = NewOrganization { name: new.organization, kind: new.kind, time_zone: new.time_zone };
    let home = organization::create_in(&mut tx, home).await.map_err(spoken)?;
    let person = NewStaffMember {
        display_name: "Administrator".to_owned(),
        email: Some(new.administrator),
        roles: vec![Role::Administrator],
        program_ids: Vec::new(),
    };
    staff_member::create_in(&mut tx, &home, person).await.map_err(spoken)?;
    let client = NewApiClient {
        name: "Administrator's client".to_owned(),
        scopes: vec![Scope::Admin.to_string(), Scope::ReferralsRead.to_string()],
        roles: vec![Role::Administrator],
        program_ids: Vec::new(),
        purposes: Vec::new(),
        keys: None,
    };
    if let Some(trusted) = trusted {
        crate::domain::issuer::create_in(&mut tx, &home, trusted).await.map_err(spoken)?;
    }
    let made = api_client::create_in(&mut tx, &home, client, NewSecret::make(&app.secrets)).await.map_err(spoken)?;
    let made = tx.commit(made).await?;
    Ok((made.api_client.id, made.secret.unwrap_or_default()))
}
