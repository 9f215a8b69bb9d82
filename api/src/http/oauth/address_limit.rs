//! How often the authorization server may be asked from one address: whoever guesses is slow.

use actix_web::{
    Error, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

use super::{
    super::{
        DoorSettings,
        caller::address,
        rate::{Bucket, Limiter},
    },
    error::OAuthError,
};
use crate::access::Actor;

/// The buckets of addresses. Make them once and share them among workers.
pub struct AddressLimit {
    limiter: Limiter,
    trust_forwarded: bool,
}

impl AddressLimit {
    /// Buckets at the doors' rate.
    pub fn new(settings: &DoorSettings) -> Self {
        Self { limiter: Limiter::new(settings.rate), trust_forwarded: settings.trust_forwarded }
    }
}

/// A middleware for `actix_web::middleware::from_fn`.
///
/// # Errors
/// Those of what it wraps.
pub async fn limited<B: MessageBody + 'static>(
    limit: web::Data<AddressLimit>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let bucket = Bucket::of(Actor::Anonymous, address(request.request(), limit.trust_forwarded));
    let Some(standing) = limit.limiter.take(bucket) else { return Ok(next.call(request).await?.map_into_left_body()) };
    let mut answer = match standing.retry_after {
        None => next.call(request).await?.map_into_left_body(),
        Some(seconds) => {
            let refused = OAuthError::TooMany(seconds).error_response();
            request.into_response(refused).map_into_boxed_body().map_into_right_body()
        }
    };
    standing.write(answer.headers_mut());
    Ok(answer)
}
