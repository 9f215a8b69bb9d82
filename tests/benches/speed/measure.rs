//! Times, and what is said of them.

use std::time::{Duration, Instant};

/// How often each of two is measured.
const ROUNDS: usize = sized(600);
/// And before that, so that caches and prepared statements are there.
const WARM: usize = sized(60);

/// How many of something; a twentieth of it in a build without optimization, which only shows that the benchmark still works.
pub(crate) const fn sized(number: usize) -> usize {
    if cfg!(debug_assertions) { number.div_ceil(20) } else { number }
}

/// The times of one of the things that are compared.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Duration> {
        self.0.iter().copied()
    }

    pub(crate) fn at(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }
}

/// Measures two things in turns, and says how the first compares.
pub(crate) async fn beside(what: &str, other: &str, mut ours: impl AsyncFnMut(), mut theirs: impl AsyncFnMut()) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 0..WARM + ROUNDS {
        let begun = Instant::now();
        ours().await;
        let between = Instant::now();
        theirs().await;
        if round >= WARM {
            first.push(between - begun);
            second.push(between.elapsed());
        }
    }
    let (ours, theirs) = (Times::of(first), Times::of(second));
    let ratio = theirs.at(50).as_secs_f64() / ours.at(50).as_secs_f64();
    println!(
        "{what}: {} beside {other}: {}, ratio {ratio:.2} (p99 {} and {})",
        ms(ours.at(50)),
        ms(theirs.at(50)),
        ms(ours.at(99)),
        ms(theirs.at(99))
    );
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
