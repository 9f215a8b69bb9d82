//! How often one caller may ask: a bucket of tokens for each, refilled steadily.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::TimeDelta;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use crate::{
    access::{Actor, Share},
    clock::Instant,
};

/// How often one caller may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests at once, when none was made for a while.
    pub burst: NonZeroU32,
    /// Requests per second in the long run.
    pub per_second: NonZeroU32,
}

impl Default for Rate {
    /// Generous: what a busy partner needs, and far from what one machine can serve.
    fn default() -> Self {
        Self { burst: NonZeroU32::new(1_000).unwrap_or(NonZeroU32::MIN), per_second: NonZeroU32::new(100).unwrap_or(NonZeroU32::MIN) }
    }
}

impl Rate {
    /// Seconds in which an empty bucket fills.
    fn window(self) -> u32 {
        self.burst.get().div_ceil(self.per_second.get()).max(1)
    }
}

/// Whose bucket it is. Callers without a valid token share one per address; one home has a whole /64 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bucket {
    Caller(Actor),
    Address(IpAddr),
}

impl Bucket {
    /// The bucket of a caller.
    pub(super) fn of(actor: Actor, address: IpAddr) -> Self {
        match (actor, address) {
            (Actor::Anonymous, IpAddr::V6(address)) => Self::Address(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            (Actor::Anonymous, address) => Self::Address(address),
            (actor, _) => Self::Caller(actor),
        }
    }
}

/// What is left of a caller's bucket, or that it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    rate: Rate,
    left: u32,
    /// Seconds until the next request may come, when this one may not.
    pub(super) retry_after: Option<u64>,
}

impl Standing {
    /// Seconds until the bucket is full, or until the next request may come.
    fn reset(self) -> u64 {
        let Self { rate, left, retry_after } = self;
        retry_after.unwrap_or_else(|| u64::from((rate.burst.get() - left.min(rate.burst.get())).div_ceil(rate.per_second.get())))
    }

    /// The same, for the caller to ask about.
    pub(super) fn share(self, now: Instant) -> Share {
        let wait = TimeDelta::seconds(self.reset().try_into().unwrap_or(i64::from(u32::MAX)));
        Share { limit: self.rate.burst.get(), remaining: self.left, reset_at: now + wait }
    }

    /// Says it in the headers of the IETF draft "RateLimit header fields for HTTP", and in `Retry-After`.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let (Self { rate, left, retry_after }, reset) = (self, self.reset());
        let mut set = |name, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("ratelimit", format!("\"default\";r={left};t={reset}"));
        set("ratelimit-policy", format!("\"default\";q={};w={}", rate.burst, rate.window()));
        if let Some(seconds) = retry_after {
            set("retry-after", seconds.to_string());
        }
    }
}

type Buckets = RateLimiter<Bucket, DefaultKeyedStateStore<Bucket>, DefaultClock, StateInformationMiddleware>;

/// All buckets.
pub(super) struct Limiter {
    buckets: Option<(Rate, Buckets)>,
    clock: DefaultClock,
    asked: AtomicU32,
}

impl Limiter {
    /// Buckets at this rate; without one, nobody is held up.
    pub(super) fn new(rate: Option<Rate>) -> Self {
        let bucket = |rate: Rate| {
            let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
            (rate, DefaultKeyedRateLimiter::keyed(quota).with_middleware())
        };
        Self { buckets: rate.map(bucket), clock: DefaultClock::default(), asked: AtomicU32::new(0) }
    }

    /// Takes one token of the caller's bucket.
    pub(super) fn take(&self, bucket: Bucket) -> Option<Standing> {
        let (rate, buckets) = self.buckets.as_ref()?;
        // Full buckets are forgotten now and then, or addresses would pile up.
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(16_384) {
            buckets.retain_recent();
        }
        Some(match buckets.check_key(&bucket) {
            Ok(state) => Standing { rate: *rate, left: state.remaining_burst_capacity(), retry_after: None },
            Err(refusal) => Standing { rate: *rate, left: 0, retry_after: Some(whole_seconds(refusal.wait_time_from(self.clock.now()))) },
        })
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_says_when_to_come_back() {
        let rate = Rate { burst: NonZeroU32::new(2).unwrap(), per_second: NonZeroU32::MIN };
        let limiter = Limiter::new(Some(rate));
        let bucket = Bucket::Address(IpAddr::from([127, 0, 0, 1]));
        let standings: Vec<_> = (0..3).filter_map(|_| limiter.take(bucket)).map(|standing| (standing.left, standing.retry_after)).collect();
        assert_eq!(standings, [(1, None), (0, None), (0, Some(1))]);
        assert_eq!(Limiter::new(None).take(bucket), None);
    }

    #[test]
    fn one_network_is_one_bucket() {
        let of = |address: &str| Bucket::of(Actor::Anonymous, address.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
