//! Whether what a record says was decided comes out again: the decision, the guard's rules for it, and its certificate.

use vagus_allocator::{ALGORITHM_VERSION, Reason, verify_certificate};
use vagus_journal::{Body, Observation, draft};
use vagus_policy::Policy;

use super::{
    difference::first_difference,
    finding::{
        Finding,
        Standing::{Differs, Holds, Nothing, OtherVersion, Unknown},
        Subject,
    },
    release::deciding_so,
    rerun::{drafts, guarded, recorded},
    verify::Look,
};

impl Look<'_> {
    pub(super) fn decision(&self, policy: Option<&Policy>, observation: &Observation) -> Finding {
        let of = |standing, words: &str| Finding::new(Subject::Decision, standing, words);
        if self.needs_policy(observation) && policy.is_none() {
            return of(Unknown, "without the document in force it cannot be made again");
        }
        let version = observation.decision.algorithm_version;
        if version != ALGORITHM_VERSION {
            return of(
                OtherVersion,
                &format!(
                    "algorithm {version}: {} makes it again; this one has {ALGORITHM_VERSION}",
                    deciding_so(self.file)
                ),
            );
        }
        let recorded = recorded(&self.record.body, observation);
        let Some(all) = guarded(|| drafts(policy, observation)) else {
            return of(Differs, "its numbers cannot be decided about");
        };
        if all.contains(&recorded) {
            return of(Holds, "made again: the same, to the last digit");
        }
        let difference = all.first().and_then(|draft| {
            let (a, b) = (&recorded.observation, &draft.observation);
            first_difference(a, b).or_else(|| {
                let plans = recorded.plan.as_ref().zip(draft.plan.as_ref());
                let sent = plans.and_then(|(a, b)| first_difference(&a.rebalance, &b.rebalance));
                sent.or_else(|| {
                    plans.and_then(|(a, b)| first_difference(&a.predicted, &b.predicted))
                })
            })
        });
        let words = difference.unwrap_or_else(|| {
            "a plan comes out where the record has none, or none where it has one".to_owned()
        });
        of(Differs, &format!("made again it is another: {words}"))
    }

    fn needs_policy(&self, observation: &Observation) -> bool {
        let reason = observation.decision.reason;
        let is_blind = matches!(
            reason,
            Reason::VaultUnread
                | Reason::PolicyUnread
                | Reason::StaleHead
                | Reason::DeepReorg
                | Reason::Paused
                | Reason::ModelMistrust
        );
        self.record.header.policy_version != 0 && !is_blind && !reason.is_upkeep()
    }

    pub(super) fn rules(&self, policy: Option<&Policy>, observation: &Observation) -> Finding {
        let of = |standing, words: &str| Finding::new(Subject::Rules, standing, words);
        let Body::Rebalance { .. } = &self.record.body else {
            return of(Nothing, "nothing was to be sent");
        };
        let Some(policy) = policy else {
            return of(Unknown, "without the document in force they cannot be checked");
        };
        let recorded = recorded(&self.record.body, observation);
        let (snapshot, inputs) = (&observation.snapshot, &observation.inputs);
        let decision = observation.decision.clone();
        match guarded(|| draft::checked(policy, snapshot, inputs, decision)) {
            Some(draft) if draft == recorded => of(
                Holds,
                &format!("{} checks with headroom, the same numbers", observation.checks.len()),
            ),
            Some(draft) if draft.plan.is_none() => {
                of(Differs, "a rule refuses what was to be sent")
            }
            Some(draft) => {
                let difference = first_difference(&observation.checks, &draft.observation.checks);
                of(
                    Differs,
                    &difference.unwrap_or_else(|| {
                        "what was to be sent, or is predicted, is another".to_owned()
                    }),
                )
            }
            None => of(Differs, "its numbers cannot be checked"),
        }
    }
}

/// The bound on what the decision misses, recomputed from its prices.
pub(super) fn certificate(policy: Option<&Policy>, observation: &Observation) -> Finding {
    let of = |standing, words: String| Finding::new(Subject::Certificate, standing, words);
    let decision = &observation.decision;
    if decision.lines.is_empty() {
        return of(Nothing, "nothing was weighed".to_owned());
    }
    let Some(policy) = policy else {
        return of(Unknown, "without the document in force it cannot be recomputed".to_owned());
    };
    let (snapshot, inputs) = (&observation.snapshot, &observation.inputs);
    match guarded(|| verify_certificate(policy, snapshot, inputs, decision)) {
        Some(Ok(())) => of(Holds, "recomputed from its prices, without the search".to_owned()),
        Some(Err(error)) => of(Differs, error.to_string()),
        None => of(Differs, "its numbers cannot be recomputed".to_owned()),
    }
}
