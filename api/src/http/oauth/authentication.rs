//! Who the client is: by secret in the header or in the body (RFC 6749 §2.3.1), or by a signed assertion (RFC 7523).
//! In one way only; and whatever is wrong, the answer is the same.

use actix_web::{HttpRequest, http::header};
use data_encoding::{BASE64, HEXLOWER};
use entity::ApiClientId;
use serde::Deserialize;
use url::form_urlencoded;

use super::{OAuth, RegisteredClient, error::OAuthError, form::Form, instant};
use crate::access::jws::{Audience, Claimed, PublicKey, Validity};

/// The one type of assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion ends within an hour: so long its name is remembered.
const LONGEST_ASSERTION_SECONDS: i64 = 3600;

/// What a client showed.
enum Shown {
    Secret { client_id: String, secret: String },
    Assertion { client_id: Option<String>, assertion: String },
}

#[derive(Clone, Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    aud: Audience,
    jti: String,
    #[serde(flatten)]
    validity: Validity,
}

impl OAuth {
    /// The client that sent this request.
    pub(super) async fn authenticate(&self, request: &HttpRequest, form: &Form) -> Result<RegisteredClient, OAuthError> {
        match shown(request, form)? {
            Shown::Secret { client_id, secret } => self.by_secret(&client_id, &secret).await,
            Shown::Assertion { client_id, assertion } => self.by_assertion(client_id.as_deref(), &assertion).await,
        }
    }

    /// Does the same work whether there is such a client or not.
    async fn by_secret(&self, client_id: &str, secret: &str) -> Result<RegisteredClient, OAuthError> {
        let client = self.client(client_id).await?;
        let hashes = client.as_ref().map_or(&[][..], |client| &client.secret_hashes);
        let first = self.secrets.verify(secret, hashes.first());
        let other = hashes.iter().skip(1).any(|hash| self.secrets.verify(secret, Some(hash)));
        client.filter(|_| first | other).ok_or(OAuthError::InvalidClient)
    }

    async fn by_assertion(&self, client_id: Option<&str>, assertion: &str) -> Result<RegisteredClient, OAuthError> {
        let claimed = Claimed::read(assertion).map_err(|_| OAuthError::InvalidClient)?;
        let issuer = claimed.issuer.as_deref().ok_or(OAuthError::InvalidClient)?;
        let client = self.client(issuer).await?.ok_or(OAuthError::InvalidClient)?;
        let claims = self.opened(&client, claimed.kid.as_deref(), assertion).await?.ok_or(OAuthError::InvalidClient)?;
        if client_id.is_some_and(|given| given != claims.sub) || !self.is_for_us(&claims) {
            return Err(OAuthError::InvalidClient);
        }
        // Remembered last, and only what verified: nobody else can use up a client's names.
        let expires_at = instant(claims.validity.exp.0).ok_or(OAuthError::InvalidClient)?;
        let name = HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, claims.jti.as_bytes()).as_ref());
        let first_time = self.registry.remember_assertion(client.id, &name, expires_at).await?;
        if first_time { Ok(client) } else { Err(OAuthError::InvalidClient) }
    }

    /// The claims of an assertion that one of the client's own keys signed. The name of the key may be left out, unless it is
    /// to be looked for where the client publishes it.
    async fn opened(&self, client: &RegisteredClient, kid: Option<&str>, assertion: &str) -> Result<Option<AssertionClaims>, OAuthError> {
        let keys = match (&client.jwks, &client.jwks_url, kid) {
            (Some(jwks), ..) => PublicKey::from_set(jwks.as_bytes()).unwrap_or_default(),
            (None, Some(url), Some(kid)) => {
                let found = self.key_sets.find(url, kid, self.clock.now()).await;
                found.map_err(|_| OAuthError::Unavailable)?.into_iter().collect()
            }
            _ => Vec::new(),
        };
        let named = |key: &&PublicKey| key.signs_assertions() && (kid.is_none() || key.kid.as_deref() == kid);
        Ok(keys.iter().filter(named).take(8).find_map(|key| key.open(assertion).ok()))
    }

    /// By the client about itself, for this server or its token endpoint, now, not for long (RFC 7523 §3).
    fn is_for_us(&self, claims: &AssertionClaims) -> bool {
        let us = self.tokens.issuer();
        let now = self.clock.now();
        let for_us = claims.aud.names(us) || claims.aud.names(&format!("{us}/")) || claims.aud.names(&format!("{us}/oauth/token"));
        let short = claims.validity.exp.0 <= now.timestamp() + LONGEST_ASSERTION_SECONDS;
        claims.iss == claims.sub && !claims.jti.is_empty() && for_us && short && claims.validity.holds(now)
    }

    async fn client(&self, client_id: &str) -> Result<Option<RegisteredClient>, OAuthError> {
        match client_id.parse::<ApiClientId>() {
            Ok(id) => Ok(self.registry.api_client(id).await?),
            Err(_) => Ok(None),
        }
    }
}

fn shown(request: &HttpRequest, form: &Form) -> Result<Shown, OAuthError> {
    let client_id = form.get("client_id").map(str::to_owned);
    let basic = request.headers().get(header::AUTHORIZATION);
    match (basic, form.get("client_secret"), form.get("client_assertion")) {
        (Some(value), None, None) => {
            let (id, secret) = value.to_str().ok().and_then(basic_credentials).ok_or(OAuthError::InvalidClient)?;
            if client_id.is_some_and(|given| given != id) {
                return Err(OAuthError::InvalidRequest("client_id is not the one of the Authorization header"));
            }
            Ok(Shown::Secret { client_id: id, secret })
        }
        (None, Some(secret), None) => Ok(Shown::Secret {
            client_id: client_id.ok_or(OAuthError::InvalidRequest("give client_id with client_secret"))?,
            secret: secret.to_owned(),
        }),
        (None, None, Some(assertion)) if form.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
            Ok(Shown::Assertion { client_id, assertion: assertion.to_owned() })
        }
        (None, None, Some(_)) => Err(OAuthError::InvalidRequest("client_assertion_type is none that is known here")),
        (None, None, None) => Err(OAuthError::InvalidClient),
        _ => Err(OAuthError::InvalidRequest("authenticate in one way only")),
    }
}

/// Id and secret of a `Basic` header. Each of them was encoded like a form before they were joined and put into base64
/// (RFC 6749 §2.3.1), which many clients forget and nobody notices, since ours have no character that it would change.
fn basic_credentials(value: &str) -> Option<(String, String)> {
    let (scheme, base64) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(BASE64.decode(base64.trim().as_bytes()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    // `&` and `=` only stand between parameters: within a value they are always encoded.
    if text.contains(['&', '=']) {
        return None;
    }
    let parameter = format!("={text}");
    form_urlencoded::parse(parameter.as_bytes()).next().map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_decoded_like_a_form() {
        let header = |joined: &str| basic_credentials(&format!("Basic {}", BASE64.encode(joined.as_bytes())));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(header("api_1:s-e_c"), pair("api_1", "s-e_c"));
        assert_eq!(header("api%5F1:a+b%2Bc%25%3A"), pair("api_1", "a b+c%:"));
        assert_eq!(header("api_1:a:b"), pair("api_1", "a:b"));
        assert_eq!(header("api_1:"), pair("api_1", ""));
        assert_eq!(header("api_1"), None);
        assert_eq!(header("api_1:a&b"), None);
        assert_eq!(basic_credentials("basic eDp5"), pair("x", "y"));
        for wrong in ["Basic", "Basic !", "Bearer eDp5", ""] {
            assert_eq!(basic_credentials(wrong), None, "{wrong}");
        }
    }
}
