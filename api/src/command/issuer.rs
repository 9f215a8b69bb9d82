//! Identity providers that organizations trust: named, listed and given up here, so that who lets people in is decided by whoever
//! runs the server.

use std::collections::BTreeSet;

use clap::{Args, Subcommand, ValueEnum};
use entity::{
    IssuerId,
    issuer::{self as row, RoleName},
    organization, staff_member,
    vocabulary::{Role, SubjectClaim},
};
use sea_orm::{ColumnTrait, Order};
use serde_json::Value;
use url::Url;

use super::line::{organization_named, parsed, said, spoken};
use crate::{
    access::{Access, Scope},
    app::{App, NotStarted},
    domain::issuer::{self, NewIssuer},
    store::Action,
};

#[derive(Subcommand)]
pub(super) enum IssuerCommand {
    /// Trusts one, and prints its id.
    Add(Box<IssuerAdd>),
    /// Lists them, those that are trusted no more as well.
    List,
    /// Trusts one no longer: its tokens are refused from the next request on.
    Remove {
        /// Its id, as `issuer list` prints it.
        id: String,
    },
    /// Says whom an issuer means by its own name for a person (`sub`).
    Link {
        /// The issuer's id, as `issuer list` prints it.
        id: String,
        /// The issuer's name for the person.
        #[arg(long)]
        subject: String,
        /// The person's e-mail address here.
        #[arg(long)]
        email: String,
    },
}

/// Which claim says who it is, as people type it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The issuer's own name for the person: `issuer link` says whom it means.
    Sub,
    /// The e-mail address, which is that of the person of staff here.
    Email,
}

/// An issuer to trust.
#[derive(Args, Clone, Debug)]
pub struct IssuerAdd {
    /// The organization's name.
    #[arg(long)]
    pub organization: String,
    /// The issuer's URL: the `iss` of its tokens, exactly.
    #[arg(long)]
    pub issuer: String,
    /// Where it publishes its keys; else its `/.well-known/openid-configuration` is asked.
    #[arg(long)]
    pub jwks_url: Option<Url>,
    /// The `aud` of its tokens for us; else our public URL.
    #[arg(long)]
    pub audience: Option<String>,
    /// Which claim says who it is.
    #[arg(long, value_enum, default_value = "email")]
    pub subject: Subject,
    /// Which claim says the roles: a name, or a path with dots.
    #[arg(long, default_value = "roles")]
    pub roles_claim: String,
    /// What it calls our roles, as `name=ROLE` with commas; else as we do.
    #[arg(long, value_delimiter = ',')]
    pub role_names: Vec<String>,
    /// The roles it may give, with commas; else all but ADMINISTRATOR and PRIVACY_OFFICER.
    #[arg(long, value_delimiter = ',')]
    pub allow_roles: Vec<String>,
    /// Which claim narrows the scopes; else its tokens are good for all of them.
    #[arg(long)]
    pub scope_claim: Option<String>,
    /// The most that its tokens are good for, with spaces; else everything that staff do, but `admin`.
    #[arg(long)]
    pub scopes: Option<String>,
}

impl IssuerAdd {
    /// An issuer about which nothing but its URL was said.
    pub fn usual(organization: &str, issuer: &str) -> Self {
        Self {
            organization: organization.to_owned(),
            issuer: issuer.to_owned(),
            jwks_url: None,
            audience: None,
            subject: Subject::Email,
            roles_claim: "roles".to_owned(),
            role_names: Vec::new(),
            allow_roles: Vec::new(),
            scope_claim: None,
            scopes: None,
        }
    }
}

/// Does it, and gives the lines to print.
pub(super) async fn run(app: &App, command: IssuerCommand) -> Result<Vec<String>, NotStarted> {
    match command {
        IssuerCommand::Add(new) => Ok(vec![trust(app, &new).await?.to_string()]),
        IssuerCommand::List => list(app).await,
        IssuerCommand::Remove { id } => {
            let system = Access::system("issuer remove", app.clock().now());
            issuer::end(&app.store, &system, issuer_id(&id)?).await.map_err(spoken)?;
            Ok(Vec::new())
        }
        IssuerCommand::Link { id, subject, email } => link(app, issuer_id(&id)?, &subject, &email).await,
    }
}

/// Trusts an issuer.
///
/// # Errors
/// When something of it is wrong, or it does not say where its keys are.
pub async fn trust(app: &App, add: &IssuerAdd) -> Result<IssuerId, NotStarted> {
    let system = Access::system("issuer add", app.clock().now());
    let home = organization_named(app, &system, &add.organization).await?;
    // Before the transaction: whoever writes is not kept waiting for somebody else's server.
    let new = new_issuer(app, add).await?;
    let mut tx = app.store.begin(&system).await?;
    let home = tx.fetch_for::<organization::Entity>(home, Action::Extend).await?;
    let made = issuer::create_in(&mut tx, &home, new).await.map_err(spoken)?;
    Ok(tx.commit(made).await?.id)
}

/// What was typed, checked, with where the keys are.
pub(super) async fn new_issuer(app: &App, add: &IssuerAdd) -> Result<NewIssuer, NotStarted> {
    let url: Url = add.issuer.parse().map_err(|_| said("`--issuer` is a URL, such as https://login.example.org"))?;
    if add.issuer == app.tokens.issuer() {
        return Err(said("`--issuer` is this server itself, whose tokens are good anyway"));
    }
    let jwks_url = match &add.jwks_url {
        Some(jwks_url) => jwks_url.clone(),
        None => discovered(app, &add.issuer, &url).await?,
    };
    for address in [&url, &jwks_url] {
        app.outgoing.check(address).map_err(|why| said(format!("{address}: {why}")))?;
    }
    let scopes = match &add.scopes {
        Some(names) => names.split_whitespace().map(|name| name.parse().map_err(|()| said(format!("`{name}` is no scope")))).collect(),
        None => Ok(staff_scopes()),
    };
    let allowed = parsed::<Role>(&add.allow_roles, "role")?;
    Ok(NewIssuer {
        issuer: add.issuer.clone(),
        jwks_url,
        audience: add.audience.clone().unwrap_or_else(|| app.tokens.issuer().to_owned()),
        subject_claim: if add.subject == Subject::Sub { SubjectClaim::Sub } else { SubjectClaim::Email },
        roles_claim: Some(add.roles_claim.clone()),
        role_names: add.role_names.iter().filter(|pair| !pair.is_empty()).map(|pair| role_name(pair)).collect::<Result<_, _>>()?,
        allowed_roles: (!allowed.is_empty()).then_some(allowed),
        scope_claim: add.scope_claim.clone(),
        scopes: scopes?,
    })
}

/// Everything that staff do, but running the organization: with `admin` one could let oneself in anywhere.
fn staff_scopes() -> BTreeSet<Scope> {
    let all = Scope::ALL.iter().map(|(scope, _)| *scope);
    all.filter(|scope| !matches!(scope, Scope::Admin | Scope::SelfRead | Scope::SelfWrite)).collect()
}

fn role_name(pair: &str) -> Result<RoleName, NotStarted> {
    let named = pair.split_once('=').and_then(|(name, role)| Some((name.trim(), role.trim().to_ascii_uppercase().parse().ok()?)));
    let (name, role) = named.filter(|(name, _)| !name.is_empty()).ok_or_else(|| said(format!("`{pair}` is no `name=ROLE`")))?;
    Ok(RoleName { name: name.to_owned(), role })
}

/// Where an issuer says that its keys are (OpenID Connect Discovery 1.0 §4). It must say so about itself.
async fn discovered(app: &App, issuer: &str, url: &Url) -> Result<Url, NotStarted> {
    let page = format!("{}/.well-known/openid-configuration", url.as_str().trim_end_matches('/'));
    let silent = |why: &dyn std::fmt::Display| said(format!("{page}: {why}; `--jwks-url` can say where the keys are"));
    let page_url = page.parse().map_err(|why: url::ParseError| silent(&why))?;
    let answer = app.outgoing.get(&page_url).await.map_err(|why| silent(&why))?;
    if !answer.status.is_success() {
        return Err(silent(&format!("answers {}", answer.status)));
    }
    let told: Value = serde_json::from_slice(&answer.body).map_err(|_| silent(&"is no JSON"))?;
    if told["issuer"] != issuer {
        return Err(silent(&"is about another issuer"));
    }
    told["jwks_uri"].as_str().and_then(|uri| uri.parse().ok()).ok_or_else(|| silent(&"names no `jwks_uri`"))
}

async fn list(app: &App) -> Result<Vec<String>, NotStarted> {
    let system = Access::system("issuer list", app.clock().now());
    let issuers = app.store.find::<row::Entity>(&system).ordered(row::Column::Issuer, Order::Asc).first(10_000).await?;
    let homes: Vec<_> = issuers.iter().map(|issuer| issuer.organization_id).collect();
    let homes = app.store.by_ids::<organization::Entity>(&system, &homes).await?;
    let lines = issuers.iter().map(|issuer| {
        let home = homes.iter().find(|home| home.id == issuer.organization_id).map_or("", |home| home.name.as_str());
        let state = if issuer.active { "trusted" } else { "removed" };
        format!("{}  {state}  {}  for {home}, audience {}, keys at {}", issuer.id, issuer.issuer, issuer.audience, issuer.jwks_url)
    });
    Ok(lines.collect())
}

async fn link(app: &App, id: IssuerId, subject: &str, email: &str) -> Result<Vec<String>, NotStarted> {
    let system = Access::system("issuer link", app.clock().now());
    let issuer = app.store.fetch::<row::Entity>(&system, id).await?.ok_or_else(|| said("there is no issuer with this id"))?;
    let own = app.store.find::<staff_member::Entity>(&system);
    let own = own.by(staff_member::Column::OrganizationId, |column| column.eq(issuer.organization_id));
    let found = own.by(staff_member::Column::Email, |column| column.eq(email.to_lowercase())).first(1).await?;
    let person = found.first().ok_or_else(|| said(format!("nobody of the issuer's organization has the address `{email}`")))?;
    let linked = issuer::link(&app.store, &system, id, subject, person.id).await.map_err(spoken)?;
    Ok(vec![linked.id.to_string()])
}

fn issuer_id(text: &str) -> Result<IssuerId, NotStarted> {
    text.parse().map_err(|wrong| said(format!("`{text}` is {wrong}")))
}
