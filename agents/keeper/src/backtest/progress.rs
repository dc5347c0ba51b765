//! How far it is, for a person at a terminal.

use std::{
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(100);
/// Columns of a full bar.
const WIDTH: u64 = 40;

/// Lines that each candidate has gone through.
#[derive(Debug)]
pub(super) struct Progress {
    total: u64,
    done: Vec<AtomicU64>,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new(lines: u64, candidates: usize, is_shown: bool) -> Self {
        let done = (0..candidates).map(|_| AtomicU64::new(0)).collect();
        let total = lines.saturating_mul(candidates as u64).max(1);
        Self { total, done, is_shown }
    }

    pub(super) fn tell(&self, place: usize, lines: u64) {
        if let Some(done) = self.done.get(place) {
            done.store(lines, Ordering::Relaxed);
        }
    }

    /// Draws until everything has ended; without a person there is nothing to do.
    pub(super) fn watch(&self, has_ended: impl Fn() -> bool) {
        if !self.is_shown {
            return;
        }
        let begin = Instant::now();
        while !has_ended() {
            let bar = self.bar(begin.elapsed());
            let mut err = std::io::stderr().lock();
            // A terminal that has gone away is no error of ours.
            let _ = write!(err, "\r{bar}\x1b[K").and_then(|()| err.flush());
            drop(err);
            thread::sleep(EVERY);
        }
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }

    fn bar(&self, elapsed: Duration) -> String {
        let done = self.done.iter().map(|one| one.load(Ordering::Relaxed)).sum::<u64>();
        let done = done.min(self.total);
        let share = |of: u64| {
            let part = u128::from(done) * u128::from(of) / u128::from(self.total);
            u64::try_from(part).unwrap_or(of)
        };
        // At most as wide as the bar.
        let full = "█".repeat(usize::try_from(share(WIDTH)).unwrap_or_default());
        let rest = "░".repeat(usize::try_from(WIDTH - share(WIDTH)).unwrap_or_default());
        let left = elapsed.as_secs().saturating_mul(self.total - done).checked_div(done);
        let left = left.map_or(String::new(), |seconds| format!(", {seconds} s left"));
        format!("{full}{rest} {} %, {done} of {} decisions{left}", share(100), self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_how_far_all_are_together() {
        let progress = Progress::new(100, 2, true);
        progress.tell(0, 100);
        progress.tell(1, 50);
        progress.tell(2, 50);
        let bar = progress.bar(Duration::from_secs(30));
        assert!(bar.starts_with(&"█".repeat(30)) && !bar.contains(&"█".repeat(31)), "{bar}");
        assert!(bar.ends_with(" 75 %, 150 of 200 decisions, 10 s left"), "{bar}");
        assert!(Progress::new(0, 0, true).bar(Duration::ZERO).contains(" 0 %"));
    }
}
