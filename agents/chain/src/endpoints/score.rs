//! Which endpoint is asked first: the preferred one, unless it fails or stands still. Time is an argument.

use std::time::Duration;

/// Failures in a row after which others are asked first.
const FAILURES: u32 = 3;
/// After this time one that was set back gets another try; doubled each time it fails that.
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Why an endpoint was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It gave no answer, or none that makes sense.
    Failing,
    /// Its head stood still while another's did not.
    Stalled,
}

#[derive(Clone, Copy, Debug)]
struct SetBack {
    fault: Fault,
    until: Duration,
    rests: u32,
}

/// What is remembered of one endpoint.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    failures: u32,
    set_back: Option<SetBack>,
    // The highest head it named, and when it first did.
    head: Option<(u64, Duration)>,
}

/// What is remembered of all endpoints, in the order of preference.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    list: Vec<Score>,
    stale_after: Duration,
}

impl Scores {
    pub(super) fn new(count: usize, stale_after: Duration) -> Self {
        Self { list: vec![Score::default(); count], stale_after }
    }

    /// Places in the order in which they are asked: those in good standing and those that are due for another try, each
    /// by preference; then the others, because any answer is better than none.
    pub(super) fn order(&self, now: Duration) -> Vec<usize> {
        let is_resting =
            |place: &usize| self.list[*place].set_back.is_some_and(|set_back| now < set_back.until);
        let (last, mut order): (Vec<usize>, Vec<usize>) =
            (0..self.list.len()).partition(|place| is_resting(place));
        order.extend(last);
        order
    }

    /// It answered a question. Whether it was set back and is not any more.
    pub(super) fn answered(&mut self, place: usize) -> bool {
        let score = &mut self.list[place];
        score.failures = 0;
        let is_back = score.set_back.is_some_and(|set_back| set_back.fault == Fault::Failing);
        if is_back {
            score.set_back = None;
        }
        is_back
    }

    /// It did not answer. Whether it is set back for that from now on.
    pub(super) fn failed(&mut self, place: usize, now: Duration) -> bool {
        let score = &mut self.list[place];
        score.failures = score.failures.saturating_add(1);
        let was_set_back = score.set_back.is_some();
        if score.failures >= FAILURES || was_set_back {
            self.set_back(place, Fault::Failing, now);
            return !was_set_back;
        }
        false
    }

    /// Sets one back, longer each time in a row.
    pub(super) fn set_back(&mut self, place: usize, fault: Fault, now: Duration) {
        let score = &mut self.list[place];
        let rests = score.set_back.map_or(0, |set_back| set_back.rests);
        let rest = FIRST_REST.saturating_mul(2u32.saturating_pow(rests.min(10))).min(LONGEST_REST);
        let until = now.saturating_add(rest);
        score.set_back = Some(SetBack { fault, until, rests: rests.saturating_add(1) });
    }

    /// It named a head.
    pub(super) fn saw_head(&mut self, place: usize, number: u64, now: Duration) {
        let score = &mut self.list[place];
        if score.head.is_none_or(|(highest, _)| number > highest) {
            score.head = Some((number, now));
        }
    }

    /// Whether it was set back because it stood still.
    pub(super) fn is_set_back_as_stalled(&self, place: usize) -> bool {
        self.list[place].set_back.is_some_and(|set_back| set_back.fault == Fault::Stalled)
    }

    /// It moves again.
    pub(super) fn moves_again(&mut self, place: usize) {
        self.list[place].set_back = None;
    }

    /// Whether its head stands still for longer than it may.
    pub(super) fn stands_still(&self, place: usize, now: Duration) -> bool {
        self.list[place].head.is_some_and(|(_, since)| now.saturating_sub(since) > self.stale_after)
    }

    /// The highest head of those in good standing, this one left out.
    pub(super) fn best_of_others(&self, place: usize) -> Option<u64> {
        let others = self.list.iter().enumerate().filter(|(other, _)| *other != place);
        let standing = others.filter(|(_, score)| score.set_back.is_none());
        standing.filter_map(|(_, score)| score.head.map(|(number, _)| number)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn scores() -> Scores {
        Scores::new(3, at(60))
    }

    #[test]
    fn the_third_failure_in_a_row_sets_one_back_and_the_second_does_not() {
        let mut scores = scores();
        for _ in 0..2 {
            assert!(!scores.failed(0, at(0)));
            assert_eq!(scores.order(at(0)), [0, 1, 2]);
        }
        scores.answered(0);
        assert!(!scores.failed(0, at(0)) && !scores.failed(0, at(0)));
        assert!(scores.failed(0, at(0)));
        assert_eq!(scores.order(at(0)), [1, 2, 0]);
    }

    #[test]
    fn it_is_tried_again_after_a_rest_that_grows_up_to_a_bound() {
        let mut scores = scores();
        let mut now = at(0);
        for _ in 0..3 {
            scores.failed(0, now);
        }
        for rest in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert_eq!(scores.order(now + at(rest) - Duration::from_nanos(1))[0], 1, "{rest}");
            now += at(rest);
            assert_eq!(scores.order(now)[0], 0, "{rest}");
            assert!(!scores.failed(0, now), "it is said once");
        }
        assert!(scores.answered(0));
        assert_eq!(scores.order(now)[0], 0);
        assert!(!scores.failed(0, now), "with a clean record");
    }

    #[test]
    fn all_that_fail_are_still_asked() {
        let mut scores = scores();
        for place in 0..3 {
            for _ in 0..3 {
                scores.failed(place, at(0));
            }
        }
        assert_eq!(scores.order(at(1)), [0, 1, 2]);
    }

    #[test]
    fn a_head_stands_still_one_moment_after_the_limit() {
        let mut scores = scores();
        assert!(!scores.stands_still(0, at(1_000)), "it has not named one yet");
        scores.saw_head(0, 7, at(10));
        scores.saw_head(0, 7, at(60));
        scores.saw_head(0, 6, at(65));
        assert!(!scores.stands_still(0, at(70)));
        assert!(scores.stands_still(0, at(70) + Duration::from_nanos(1)));
        scores.saw_head(0, 8, at(71));
        assert!(!scores.stands_still(0, at(131)));
    }

    #[test]
    fn one_that_stalled_is_not_back_for_answering_other_questions() {
        let mut scores = scores();
        scores.saw_head(0, 7, at(0));
        scores.saw_head(1, 9, at(0));
        scores.set_back(0, Fault::Stalled, at(0));
        assert!(!scores.answered(0));
        assert!(scores.is_set_back_as_stalled(0));
        assert_eq!(scores.order(at(1)), [1, 2, 0]);
        assert_eq!((scores.best_of_others(0), scores.best_of_others(1)), (Some(9), None));
        scores.moves_again(0);
        assert_eq!(scores.order(at(1)), [0, 1, 2]);
    }
}
