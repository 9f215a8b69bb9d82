//! The two pages that tell clients and receivers how things are done here.

use actix_web::{HttpResponse, http::header, web};
use serde_json::json;

use super::{OAuth, grants};
use crate::access::Scope;

/// A rotation is known everywhere five minutes later.
const CACHED: &str = "public, max-age=300";

/// How API clients show who they are. People need nothing but the secret that they exchange.
const AUTHENTICATION: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

/// What assertions may be signed with: what [`crate::access::jws::PublicKey::signs_assertions`] takes.
const ASSERTION_ALGORITHMS: [&str; 2] = ["EdDSA", "RS256"];

/// Authorization server metadata (RFC 8414 §2).
pub(super) async fn server(oauth: web::Data<OAuth>) -> HttpResponse {
    let us = oauth.tokens.issuer();
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, CACHED)).json(json!({
        "issuer": us,
        "token_endpoint": format!("{us}/oauth/token"),
        "introspection_endpoint": format!("{us}/oauth/introspect"),
        "revocation_endpoint": format!("{us}/oauth/revoke"),
        "jwks_uri": format!("{us}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials", grants::INVITATION, grants::REFRESH],
        "response_types_supported": [],
        "scopes_supported": Scope::ALL.iter().map(|(_, name)| name).collect::<Vec<_>>(),
        "token_endpoint_auth_methods_supported": AUTHENTICATION.iter().chain(&["none"]).collect::<Vec<_>>(),
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": AUTHENTICATION,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": AUTHENTICATION.iter().chain(&["none"]).collect::<Vec<_>>(),
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    }))
}

/// The public signing keys (RFC 7517 §5).
pub(super) async fn keys(oauth: web::Data<OAuth>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, CACHED))
        .content_type("application/jwk-set+json")
        .body(serde_json::to_vec(&oauth.tokens.keys().jwks()).unwrap_or_default())
}
