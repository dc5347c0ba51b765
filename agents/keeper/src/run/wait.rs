//! How long a chain's loop waits between two rounds.

use std::time::Duration;

use crate::config::Profile;

/// How long the loop waits for its next round.
pub(super) struct Wait {
    pub(super) longest: Duration,
    /// Whether an announced head ends it.
    pub(super) is_woken: bool,
}

impl Wait {
    /// After a question that found nothing the next one is a whole poll later, whatever is announced meanwhile: at most
    /// one question in vain per poll. While heads are announced, the next question waits for that.
    pub(super) fn after(is_new: bool, is_announced: bool, profile: &Profile) -> Self {
        let longest = if is_new && is_announced { profile.lazy_poll() } else { profile.poll() };
        Self { longest, is_woken: is_new }
    }

    pub(super) const fn patiently(longest: Duration) -> Self {
        Self { longest, is_woken: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_in_vain_is_asked_once_per_poll_whatever_is_announced() {
        let profile = &crate::testing::config().chains[0].profile;
        let (poll, lazy) = (profile.poll(), profile.lazy_poll());
        assert_eq!((poll.as_millis(), lazy.as_secs()), (2_000, 24));
        for (is_new, is_announced, longest, is_woken) in [
            (false, false, poll, false),
            (false, true, poll, false),
            (true, false, poll, true),
            (true, true, lazy, true),
        ] {
            let wait = Wait::after(is_new, is_announced, profile);
            assert_eq!((wait.longest, wait.is_woken), (longest, is_woken));
        }
    }
}
