//! Places at which a test may kill the process, right before and right after each step of the path.
//!
//! Compiled only into debug builds and with the feature `crash-points`. `VAGUS_CRASH_AT=broadcast` kills right after
//! the first broadcast, `VAGUS_CRASH_AT=before-broadcast:3` right before the third.

/// Steps of the path in their order. Each is a place by its own name (right after it) and by `before-` it.
pub const CRASH_STEPS: [&str; 10] = [
    "observed",
    "decided",
    "checked",
    "simulated",
    "stored",
    "signed",
    "attempt-stored",
    "broadcast",
    "included",
    "settled",
];

/// Passes the place right before a step.
pub fn before(step: &'static str) {
    point("before-", step);
}

/// Passes the place right after a step.
pub fn after(step: &'static str) {
    point("", step);
}

#[cfg(not(any(debug_assertions, feature = "crash-points")))]
fn point(_: &'static str, _: &'static str) {}

#[cfg(any(debug_assertions, feature = "crash-points"))]
fn point(prefix: &'static str, step: &'static str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    debug_assert!(CRASH_STEPS.contains(&step), "{step} is not listed");
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("VAGUS_CRASH_AT").ok()?;
        let (place, times) = text.split_once(':').unwrap_or((&text, "1"));
        Some((place.to_owned(), times.parse().ok()?))
    });
    let Some((place, times)) = wanted else { return };
    let is_here = place.strip_prefix(prefix).is_some_and(|rest| rest == step);
    if is_here && PASSED.fetch_add(1, Ordering::SeqCst).saturating_add(1) == *times {
        die();
    }
}

/// Panics here if `VAGUS_PANIC_AT` names the place, with everything in the message that a careless one could hold.
#[cfg(not(any(debug_assertions, feature = "crash-points")))]
pub fn panic_if_told(_: &'static str, _: &dyn std::fmt::Debug) {}

/// Panics here if `VAGUS_PANIC_AT` names the place, with everything in the message that a careless one could hold.
#[cfg(any(debug_assertions, feature = "crash-points"))]
pub fn panic_if_told(place: &'static str, held: &dyn std::fmt::Debug) {
    if std::env::var("VAGUS_PANIC_AT").is_ok_and(|wanted| wanted == place) {
        // A test asked for it; there is no other way to see what a panic says.
        std::panic::panic_any(format!("told to panic at {place}: {held:?}"));
    }
}

/// Ends the process as `kill -9` does: nothing is flushed, closed or dropped.
#[cfg(any(debug_assertions, feature = "crash-points"))]
fn die() -> ! {
    let pid = std::process::id().to_string();
    let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
    std::process::abort()
}
