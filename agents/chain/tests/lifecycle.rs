//! The life of a transaction, case by case; and over random events, what holds in every case.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use alloy::primitives::B256;
use proptest::prelude::*;
use vagus_chain::lifecycle::{
    Alert, Effect, FeePolicy, Fees, Head, Inclusion, Phase, Signing, TxEvent, TxState, bumped_up,
    step,
};

const GWEI: u128 = 1_000_000_000;
const DEADLINE: u64 = 1_000;
const POLICY: FeePolicy = FeePolicy {
    max_fee_wei: 100 * GWEI,
    priority_fee_wei: GWEI,
    cancel_max_fee_wei: 150 * GWEI,
    rebroadcast_blocks: 5,
};

fn hash(n: u8) -> B256 {
    B256::repeat_byte(n)
}

fn head(number: u64, timestamp: u64, base_fee_gwei: u128) -> Head {
    Head {
        number,
        timestamp,
        base_fee_wei: base_fee_gwei * GWEI,
        finalized_number: number.saturating_sub(10),
    }
}

fn fees(max_gwei: u128, tip_gwei: u128) -> Fees {
    Fees { max_fee_wei: max_gwei * GWEI, priority_fee_wei: tip_gwei * GWEI }
}

fn mined(n: u8, block_number: u64, is_success: bool) -> Inclusion {
    Inclusion {
        hash: hash(n),
        block_number,
        block_hash: B256::repeat_byte(0xbb),
        is_success,
        gas_used: 300_000,
        effective_gas_price_wei: 11 * GWEI,
    }
}

/// Takes steps and keeps the state, which goes through JSON each time as it does through the journal.
struct Run(TxState);

impl Run {
    fn new() -> Self {
        Self(TxState::intended(DEADLINE, head(100, 900, 10)))
    }

    fn take(&mut self, event: TxEvent) -> Vec<Effect> {
        let (next, effects) = step(&self.0, &event, &POLICY);
        let text = serde_json::to_string(&next).unwrap();
        self.0 = serde_json::from_str(&text).unwrap();
        assert_eq!(self.0, next);
        effects
    }

    /// Answers the signing request that is open.
    fn sign(&mut self, n: u8) -> Vec<Effect> {
        let Signing { fees, is_cancel, .. } = self.0.signing.expect("nothing is to be signed");
        self.take(TxEvent::AttemptSigned { hash: hash(n), fees, is_cancel })
    }

    fn pending() -> Self {
        let mut run = Self::new();
        run.take(TxEvent::Head(head(100, 900, 10)));
        run.take(TxEvent::NonceClaimed { nonce: 7 });
        run.sign(1);
        run.take(TxEvent::BroadcastOk { hash: hash(1) });
        assert_eq!(run.0.phase, Phase::Pending);
        run
    }
}

fn query(hashes: &[u8]) -> Effect {
    Effect::QueryReceipts { hashes: hashes.iter().copied().map(hash).collect() }
}

#[test]
fn bump_is_an_eighth_up_and_at_least_one_wei() {
    let cases = [(0, 1), (1, 2), (7, 8), (8, 9), (9, 11), (1_000, 1_125), (u128::MAX, u128::MAX)];
    for (before, after) in cases {
        assert_eq!(bumped_up(before), after, "{before}");
    }
}

#[test]
fn first_offer_is_twice_the_base_fee_and_the_tip_inside_the_cap() {
    assert_eq!(POLICY.first(10 * GWEI), fees(21, 1));
    assert_eq!(POLICY.first(0), fees(1, 1));
    assert_eq!(POLICY.first(u128::MAX), fees(100, 1));
    let tight = FeePolicy { max_fee_wei: GWEI / 2, ..POLICY };
    assert_eq!(tight.first(0), Fees { max_fee_wei: GWEI / 2, priority_fee_wei: GWEI / 2 });
}

#[test]
fn replacement_reaches_the_cap_and_never_passes_it() {
    let cap_wei = bumped_up(80 * GWEI);
    let at_cap = POLICY.replacement(fees(80, 1), 0, cap_wei).unwrap();
    assert_eq!(at_cap.max_fee_wei, cap_wei);
    assert_eq!(at_cap.priority_fee_wei, bumped_up(GWEI));
    assert_eq!(POLICY.replacement(fees(80, 1), 0, cap_wei - 1), None);
    // The market may ask for more than the bump, but not for more than the cap.
    let dear = POLICY.replacement(fees(20, 1), 30 * GWEI, 100 * GWEI).unwrap();
    assert_eq!(dear.max_fee_wei, 60 * GWEI + bumped_up(GWEI));
    let dearest = POLICY.replacement(fees(20, 1), 90 * GWEI, 100 * GWEI).unwrap();
    assert_eq!(dearest.max_fee_wei, 100 * GWEI);
}

#[test]
fn market_is_ahead_one_wei_past_the_offer() {
    assert!(!fees(20, 1).is_behind(19 * GWEI));
    assert!(fees(20, 1).is_behind(19 * GWEI + 1));
}

#[test]
fn decided_sent_mined_and_final() {
    let mut run = Run::new();
    assert_eq!(run.take(TxEvent::Head(head(100, 900, 10))), [Effect::ClaimNonce]);
    let effects = run.take(TxEvent::NonceClaimed { nonce: 7 });
    assert_eq!(effects, [Effect::Sign { nonce: 7, fees: fees(21, 1), replaces: None }]);
    assert_eq!(run.0.phase, Phase::Claimed);
    let stored_then_sent =
        [Effect::StoreAttempt { hash: hash(1) }, Effect::Broadcast { hash: hash(1) }];
    assert_eq!(run.sign(1), stored_then_sent);
    assert_eq!(run.0.phase, Phase::Signed);
    assert_eq!(run.take(TxEvent::BroadcastOk { hash: hash(1) }), []);
    assert_eq!(run.0.phase, Phase::Pending);
    assert_eq!(run.take(TxEvent::Head(head(101, 912, 10))), [query(&[1])]);
    assert_eq!(run.take(TxEvent::ReceiptSeen(mined(1, 101, true))), []);
    assert_eq!(run.0.phase, Phase::Included(mined(1, 101, true)));
    // One block before finality it is not final, at finality it is.
    run.take(TxEvent::Head(head(110, 1_020, 10)));
    run.take(TxEvent::ReceiptSeen(mined(1, 101, true)));
    assert_eq!(run.0.phase, Phase::Included(mined(1, 101, true)));
    assert_eq!(run.take(TxEvent::Head(head(111, 1_032, 10))), [query(&[1])]);
    run.take(TxEvent::ReceiptSeen(mined(1, 101, true)));
    assert_eq!(run.0.phase, Phase::Final(mined(1, 101, true)));
    assert!(run.0.is_terminal());
}

#[test]
fn every_answer_of_an_endpoint_means_maybe_sent() {
    let answers = [
        TxEvent::BroadcastOk { hash: hash(1) },
        TxEvent::BroadcastUnclear { hash: hash(1) },
        TxEvent::AlreadyKnown { hash: hash(1) },
        TxEvent::NonceTooLow { hash: hash(1) },
    ];
    for answer in answers {
        let mut run = Run::new();
        run.take(TxEvent::NonceClaimed { nonce: 7 });
        run.sign(1);
        let effects = run.take(answer.clone());
        assert_eq!(run.0.phase, Phase::Pending, "{answer:?}");
        let is_too_low = matches!(answer, TxEvent::NonceTooLow { .. });
        assert_eq!(effects, if is_too_low { vec![query(&[1])] } else { vec![] });
        // Its receipt counts even though the answer was an error.
        run.take(TxEvent::ReceiptSeen(mined(1, 101, true)));
        assert_eq!(run.0.phase, Phase::Included(mined(1, 101, true)), "{answer:?}");
    }
}

#[test]
fn replaced_only_when_the_market_left_it_behind_and_then_by_the_same_nonce() {
    let mut run = Run::pending();
    assert_eq!(run.take(TxEvent::Head(head(101, 912, 20))), [query(&[1])]);
    let effects = run.take(TxEvent::Head(head(102, 924, 21)));
    let offer =
        Fees { max_fee_wei: 42 * GWEI + bumped_up(GWEI), priority_fee_wei: bumped_up(GWEI) };
    let sign = Effect::Sign { nonce: 7, fees: offer, replaces: Some(hash(1)) };
    assert_eq!(effects, [query(&[1]), sign]);
    // It is asked for once.
    assert_eq!(run.take(TxEvent::Head(head(103, 936, 21))), [query(&[1])]);
    run.sign(2);
    assert_eq!(run.take(TxEvent::Head(head(104, 948, 21))), [query(&[1, 2])]);
    // The older one can be the one that is mined.
    run.take(TxEvent::ReceiptSeen(mined(1, 104, true)));
    assert_eq!(run.0.phase, Phase::Included(mined(1, 104, true)));
}

#[test]
fn a_failed_signer_is_asked_again() {
    let mut run = Run::new();
    run.take(TxEvent::NonceClaimed { nonce: 7 });
    assert_eq!(run.take(TxEvent::SignFailed), []);
    let effects = run.take(TxEvent::Head(head(101, 912, 30)));
    assert_eq!(effects, [Effect::Sign { nonce: 7, fees: fees(61, 1), replaces: None }]);
}

#[test]
fn a_signature_that_never_comes_is_asked_for_again() {
    let mut run = Run::new();
    run.take(TxEvent::NonceClaimed { nonce: 7 });
    let lost = run.0.signing.unwrap().fees;
    assert_eq!(run.take(TxEvent::Head(head(104, 948, 30))), []);
    let effects = run.take(TxEvent::Head(head(105, 960, 30)));
    assert_eq!(effects, [Effect::Sign { nonce: 7, fees: fees(61, 1), replaces: None }]);
    // The first one comes after all: it must not go out beside the second.
    let event = TxEvent::AttemptSigned { hash: hash(1), fees: lost, is_cancel: false };
    assert_eq!(run.take(event), []);
    run.sign(2);
    assert_eq!(run.0.hashes(), [hash(2)]);
}

#[test]
fn what_nobody_asked_for_is_never_sent() {
    let mut run = Run::pending();
    let before = run.0.clone();
    let unasked = TxEvent::AttemptSigned { hash: hash(9), fees: fees(50, 2), is_cancel: false };
    assert_eq!(run.take(unasked), []);
    assert_eq!(run.take(TxEvent::NonceClaimed { nonce: 8 }), []);
    assert_eq!(run.take(TxEvent::ReceiptSeen(mined(9, 90, true))), []);
    assert_eq!(run.take(TxEvent::ReceiptGone { hash: hash(1) }), []);
    assert_eq!(run.0, before);
}

#[test]
fn at_the_cap_the_same_bytes_are_sent_again_and_it_is_said_once() {
    let mut run = Run::pending();
    run.take(TxEvent::Head(head(101, 912, 99)));
    run.sign(2);
    assert_eq!(run.0.attempts[1].fees.max_fee_wei, POLICY.max_fee_wei);
    let effects = run.take(TxEvent::Head(head(102, 920, 200)));
    assert_eq!(effects, [query(&[1, 2]), Effect::Alert(Alert::AtFeeCap)]);
    assert_eq!(run.take(TxEvent::Head(head(105, 930, 200))), [query(&[1, 2])]);
    let again = [query(&[1, 2]), Effect::Rebroadcast { hash: hash(2) }];
    assert_eq!(run.take(TxEvent::Head(head(106, 940, 200))), again);
    assert_eq!(run.take(TxEvent::Head(head(107, 950, 200))), [query(&[1, 2])]);
    // The spell ends, and the next one is said again.
    run.take(TxEvent::Head(head(108, 960, 20)));
    let effects = run.take(TxEvent::Head(head(109, 970, 200)));
    assert!(effects.contains(&Effect::Alert(Alert::AtFeeCap)));
}

#[test]
fn cancelled_one_second_past_the_deadline_and_not_at_it() {
    let mut run = Run::pending();
    run.take(TxEvent::Head(head(108, DEADLINE, 10)));
    assert_eq!(run.0.phase, Phase::Pending);
    let effects = run.take(TxEvent::Head(head(109, DEADLINE + 1, 10)));
    assert_eq!(run.0.phase, Phase::Cancelling);
    let offer = Fees { max_fee_wei: bumped_up(21 * GWEI), priority_fee_wei: bumped_up(GWEI) };
    assert_eq!(effects, [query(&[1]), Effect::SignCancel { nonce: 7, fees: offer }]);
    // Mined in that very block: what is signed comes too late, and does not go out.
    let mut mined_just_now = Run(run.0.clone());
    mined_just_now.take(TxEvent::ReceiptSeen(mined(1, 109, true)));
    let signed = TxEvent::AttemptSigned { hash: hash(2), fees: offer, is_cancel: true };
    assert_eq!(mined_just_now.take(signed), []);
    assert_eq!(mined_just_now.0.attempts.len(), 1);
    run.sign(2);
    run.take(TxEvent::ReceiptSeen(mined(2, 109, true)));
    run.take(TxEvent::Head(head(120, 1_200, 10)));
    run.take(TxEvent::ReceiptSeen(mined(2, 109, true)));
    assert_eq!(run.0.phase, Phase::Cancelled(mined(2, 109, true)));
}

#[test]
fn the_rebalance_can_still_be_mined_while_it_is_cancelled() {
    for (is_success, is_reverted) in [(true, false), (false, true)] {
        let mut run = Run::pending();
        run.take(TxEvent::Head(head(109, DEADLINE + 1, 10)));
        run.sign(2);
        run.take(TxEvent::Head(head(130, 1_300, 10)));
        let effects = run.take(TxEvent::ReceiptSeen(mined(1, 108, is_success)));
        let inclusion = mined(1, 108, is_success);
        let expected =
            if is_reverted { Phase::Reverted(inclusion) } else { Phase::Final(inclusion) };
        assert_eq!(run.0.phase, expected);
        assert_eq!(effects.contains(&Effect::Alert(Alert::Reverted)), is_reverted);
    }
}

#[test]
fn a_rebalance_signed_too_late_is_not_sent() {
    let mut run = Run::pending();
    run.take(TxEvent::Head(head(102, 924, 40)));
    let late = run.0.signing.unwrap().fees;
    run.take(TxEvent::Head(head(109, DEADLINE + 1, 40)));
    let event = TxEvent::AttemptSigned { hash: hash(2), fees: late, is_cancel: false };
    assert_eq!(run.take(event), []);
    assert_eq!(run.0.hashes(), [hash(1)]);
}

#[test]
fn cancellation_has_a_cap_of_its_own() {
    let mut run = Run::pending();
    run.take(TxEvent::Head(head(101, 912, 99)));
    run.sign(2);
    let effects = run.take(TxEvent::Head(head(109, DEADLINE + 1, 99)));
    let offer = Fees {
        max_fee_wei: POLICY.cancel_max_fee_wei,
        priority_fee_wei: bumped_up(bumped_up(GWEI)),
    };
    assert_eq!(effects[1], Effect::SignCancel { nonce: 7, fees: offer });
    run.sign(3);
    let effects = run.take(TxEvent::Head(head(114, DEADLINE + 60, 500)));
    let at_cap =
        [query(&[1, 2, 3]), Effect::Alert(Alert::AtFeeCap), Effect::Rebroadcast { hash: hash(3) }];
    assert_eq!(effects, at_cap);
}

#[test]
fn expires_if_nothing_was_signed_in_time() {
    let mut run = Run::new();
    run.take(TxEvent::Head(head(100, DEADLINE + 1, 10)));
    assert_eq!(run.0.phase, Phase::Expired);
    let mut run = Run::new();
    run.take(TxEvent::NonceClaimed { nonce: 7 });
    let effects = run.take(TxEvent::Head(head(100, DEADLINE + 1, 10)));
    assert_eq!(effects, [Effect::ReleaseNonce { nonce: 7 }]);
    assert_eq!(run.0.phase, Phase::Expired);
}

#[test]
fn a_rebalance_that_would_revert_is_taken_back_before_its_deadline() {
    let mut run = Run::pending();
    let effects = run.take(TxEvent::WouldRevert);
    assert_eq!(run.0.phase, Phase::Cancelling);
    let offer = Fees { max_fee_wei: bumped_up(21 * GWEI), priority_fee_wei: bumped_up(GWEI) };
    assert_eq!(effects, [Effect::SignCancel { nonce: 7, fees: offer }]);
    // Said again, it changes nothing.
    assert_eq!(run.take(TxEvent::WouldRevert), []);
    // Nothing is taken back that was never sent, and nothing that is mined.
    let mut run = Run::new();
    assert_eq!(run.take(TxEvent::WouldRevert), []);
    assert_eq!(run.0.phase, Phase::Expired);
    let mut run = Run::pending();
    run.take(TxEvent::ReceiptSeen(mined(1, 101, true)));
    assert_eq!(run.take(TxEvent::WouldRevert), []);
    assert_eq!(run.0.phase, Phase::Included(mined(1, 101, true)));
}

#[test]
fn a_reorganised_receipt_returns_to_pending_and_goes_out_again() {
    let mut run = Run::pending();
    run.take(TxEvent::ReceiptSeen(mined(1, 101, true)));
    let effects = run.take(TxEvent::ReceiptGone { hash: hash(1) });
    assert_eq!(run.0.phase, Phase::Pending);
    assert_eq!(effects, [Effect::Alert(Alert::Reorged), Effect::Rebroadcast { hash: hash(1) }]);
    // Past the deadline the nonce is taken back instead.
    let mut run = Run::pending();
    run.take(TxEvent::ReceiptSeen(mined(1, 108, true)));
    run.take(TxEvent::Head(head(110, DEADLINE + 5, 10)));
    assert_eq!(run.0.phase, Phase::Included(mined(1, 108, true)));
    let effects = run.take(TxEvent::ReceiptGone { hash: hash(1) });
    assert_eq!(run.0.phase, Phase::Cancelling);
    assert!(matches!(effects[..], [Effect::Alert(Alert::Reorged), Effect::SignCancel { .. }]));
}

#[test]
fn foreign_only_when_finality_passed_the_nonce_and_none_of_ours_is_there() {
    let mut run = Run::pending();
    // The count is at the nonce: it is not used.
    assert_eq!(run.take(TxEvent::NonceFinalized { count: 7, finalized_number: 95 }), []);
    // Nothing was found, but nothing says that the nonce is used.
    assert_eq!(run.take(TxEvent::ReceiptsMissing { finalized_number: 95 }), []);
    let effects = run.take(TxEvent::NonceFinalized { count: 8, finalized_number: 96 });
    assert_eq!(effects, [query(&[1])]);
    // An endpoint that is behind cannot know.
    assert_eq!(run.take(TxEvent::ReceiptsMissing { finalized_number: 95 }), []);
    assert_eq!(run.0.phase, Phase::Pending);
    let effects = run.take(TxEvent::ReceiptsMissing { finalized_number: 96 });
    assert_eq!(effects, [Effect::Alert(Alert::ForeignNonce)]);
    assert_eq!(run.0.phase, Phase::Foreign);
    // With a receipt it is ours.
    let mut run = Run::pending();
    run.take(TxEvent::NonceFinalized { count: 8, finalized_number: 96 });
    run.take(TxEvent::Head(head(106, 960, 10)));
    run.take(TxEvent::ReceiptSeen(mined(1, 96, true)));
    assert_eq!(run.0.phase, Phase::Final(mined(1, 96, true)));
    // Nothing signed: nothing to look for.
    let mut run = Run::new();
    run.take(TxEvent::NonceClaimed { nonce: 7 });
    run.take(TxEvent::NonceFinalized { count: 8, finalized_number: 96 });
    assert_eq!(run.0.phase, Phase::Foreign);
}

#[test]
fn a_restart_looks_first_and_sends_again_at_the_next_head() {
    let mut run = Run::new();
    run.take(TxEvent::NonceClaimed { nonce: 7 });
    run.sign(1);
    assert_eq!(run.0.phase, Phase::Signed);
    assert_eq!(run.take(TxEvent::Restarted), [query(&[1])]);
    assert_eq!(run.0.phase, Phase::Pending);
    let effects = run.take(TxEvent::Head(head(101, 912, 10)));
    assert_eq!(effects, [query(&[1]), Effect::Rebroadcast { hash: hash(1) }]);
    // What was being signed is signed again.
    let mut run = Run::new();
    run.take(TxEvent::NonceClaimed { nonce: 7 });
    assert_eq!(run.take(TxEvent::Restarted), []);
    let effects = run.take(TxEvent::Head(head(101, 912, 10)));
    assert_eq!(effects, [Effect::Sign { nonce: 7, fees: fees(21, 1), replaces: None }]);
}

#[test]
fn finality_taken_back_is_said_and_changes_nothing() {
    let mut run = Run::pending();
    run.take(TxEvent::ReceiptSeen(mined(1, 90, true)));
    assert_eq!(run.0.phase, Phase::Final(mined(1, 90, true)));
    let effects = run.take(TxEvent::ReceiptGone { hash: hash(1) });
    assert_eq!(effects, [Effect::Alert(Alert::FinalityBroken)]);
    assert_eq!(run.0.phase, Phase::Final(mined(1, 90, true)));
}

/// An event, or one that answers what the state has asked for.
#[derive(Clone, Debug)]
enum Draw {
    Event(TxEvent),
    SignAsAsked(u8),
    /// Receipt of the n-th attempt, this far from the finalized block.
    Receipt(usize, i64, bool),
    Gone(usize),
    Answer(usize, u8),
}

fn any_draw() -> impl Strategy<Value = Draw> {
    let any_hash = (1_u8..6).prop_map(hash);
    let any_head = (95_u64..130, 880_u64..1_100, 0_u128..300, 0_u64..20).prop_map(
        |(number, timestamp, base_fee, depth)| {
            let finalized_number = number.saturating_sub(depth);
            TxEvent::Head(Head { finalized_number, ..head(number, timestamp, base_fee) })
        },
    );
    let junk = (any_hash.clone(), 0_u128..200, 0_u128..9, any::<bool>()).prop_map(
        |(hash, max, tip, is_cancel)| TxEvent::AttemptSigned {
            hash,
            fees: fees(max, tip),
            is_cancel,
        },
    );
    let event = prop_oneof![
        6 => any_head,
        2 => (6_u64..9).prop_map(|nonce| TxEvent::NonceClaimed { nonce }),
        1 => junk,
        1 => Just(TxEvent::SignFailed),
        1 => Just(TxEvent::Restarted),
        1 => any_hash.prop_map(|hash| TxEvent::NonceTooLow { hash }),
        1 => (5_u64..9, 80_u64..130)
            .prop_map(|(count, finalized_number)| TxEvent::NonceFinalized { count, finalized_number }),
        1 => (80_u64..130).prop_map(|finalized_number| TxEvent::ReceiptsMissing { finalized_number }),
    ];
    prop_oneof![
        6 => event.prop_map(Draw::Event),
        4 => any::<u8>().prop_map(Draw::SignAsAsked),
        1 => (0_usize..4, -2_i64..3, any::<bool>()).prop_map(|(n, d, s)| Draw::Receipt(n, d, s)),
        1 => (0_usize..4).prop_map(Draw::Gone),
        2 => (0_usize..4, 0_u8..4).prop_map(|(n, answer)| Draw::Answer(n, answer)),
    ]
}

fn resolve(draw: &Draw, state: &TxState) -> Option<TxEvent> {
    let hash_of = |n: &usize| state.attempts.get(*n).map(|attempt| attempt.hash);
    Some(match draw {
        Draw::Event(event) => event.clone(),
        Draw::SignAsAsked(n) => {
            let Signing { fees, is_cancel, .. } = state.signing?;
            TxEvent::AttemptSigned { hash: hash(*n), fees, is_cancel }
        }
        Draw::Receipt(n, distance, is_success) => TxEvent::ReceiptSeen(Inclusion {
            hash: hash_of(n)?,
            ..mined(0, state.head.finalized_number.saturating_add_signed(*distance), *is_success)
        }),
        Draw::Gone(n) => TxEvent::ReceiptGone { hash: hash_of(n)? },
        Draw::Answer(n, 0) => TxEvent::BroadcastOk { hash: hash_of(n)? },
        Draw::Answer(n, 1) => TxEvent::BroadcastUnclear { hash: hash_of(n)? },
        Draw::Answer(n, 2) => TxEvent::AlreadyKnown { hash: hash_of(n)? },
        Draw::Answer(n, _) => TxEvent::NonceTooLow { hash: hash_of(n)? },
    })
}

fn is_at_least_an_eighth_above(new: u128, old: u128) -> bool {
    new > old && new.saturating_mul(8) >= old.saturating_mul(9)
}

/// What holds after every step.
fn check(before: &TxState, event: &TxEvent, after: &TxState, effects: &[Effect]) {
    assert_eq!(step(before, event, &POLICY), (after.clone(), effects.to_vec()), "not pure");
    if before.is_terminal() {
        assert_eq!(before, after, "a terminal state changed");
        assert!(effects.iter().all(|e| *e == Effect::Alert(Alert::FinalityBroken)));
        return;
    }
    if before.nonce.is_some() {
        assert_eq!(before.nonce, after.nonce, "a nonce changed");
    }
    assert!(after.attempts.starts_with(&before.attempts), "an attempt was forgotten");
    assert!(after.attempts.len() <= before.attempts.len() + 1);
    for (index, effect) in effects.iter().enumerate() {
        match effect {
            Effect::Broadcast { hash } => {
                assert_eq!(effects[index - 1], Effect::StoreAttempt { hash: *hash });
                assert_eq!(after.attempts.last().map(|attempt| attempt.hash), Some(*hash));
            }
            Effect::Rebroadcast { hash } => assert!(after.is_ours(*hash)),
            Effect::QueryReceipts { hashes } => assert_eq!(*hashes, after.hashes()),
            Effect::Sign { nonce, fees, replaces } => {
                assert_eq!(Some(*nonce), after.nonce);
                assert!(after.head.timestamp <= DEADLINE, "signed past the deadline");
                check_offer(after, *fees, POLICY.max_fee_wei);
                assert_eq!(replaces.is_some(), !after.attempts.is_empty());
                assert!(after.attempts.iter().all(|attempt| !attempt.is_cancel));
            }
            Effect::SignCancel { nonce, fees } => {
                assert_eq!(Some(*nonce), after.nonce);
                assert!(!after.attempts.is_empty(), "nothing to cancel");
                check_offer(after, *fees, POLICY.cancel_max_fee_wei);
            }
            _ => {}
        }
    }
    let signs = |e: &&Effect| matches!(e, Effect::Sign { .. } | Effect::SignCancel { .. });
    assert!(effects.iter().filter(signs).count() <= 1);
    check_end(before, event, after);
}

/// Inside the cap, and every node would take it for any of the attempts before.
fn check_offer(state: &TxState, offer: Fees, cap_wei: u128) {
    assert!(offer.max_fee_wei <= cap_wei && offer.priority_fee_wei <= offer.max_fee_wei);
    for attempt in &state.attempts {
        let old = attempt.fees;
        assert!(is_at_least_an_eighth_above(offer.max_fee_wei, old.max_fee_wei));
        assert!(is_at_least_an_eighth_above(offer.priority_fee_wei, old.priority_fee_wei));
    }
}

/// Each end has its proof.
fn check_end(before: &TxState, event: &TxEvent, after: &TxState) {
    match after.phase {
        Phase::Final(inclusion) | Phase::Reverted(inclusion) | Phase::Cancelled(inclusion) => {
            assert_eq!(*event, TxEvent::ReceiptSeen(inclusion));
            assert!(inclusion.block_number <= after.head.finalized_number);
            let attempt = after.attempts.iter().find(|a| a.hash == inclusion.hash).unwrap();
            assert_eq!(attempt.is_cancel, matches!(after.phase, Phase::Cancelled(_)));
            if !attempt.is_cancel {
                assert_eq!(inclusion.is_success, matches!(after.phase, Phase::Final(_)));
            }
        }
        Phase::Expired => {
            assert!(after.attempts.is_empty(), "something was signed");
            assert!(after.head.timestamp > DEADLINE);
        }
        Phase::Foreign => match event {
            TxEvent::NonceFinalized { count, .. } => {
                assert!(before.attempts.is_empty() && Some(*count) > before.nonce);
            }
            TxEvent::ReceiptsMissing { finalized_number } => {
                assert!(before.nonce_passed_at.is_some_and(|at| at <= *finalized_number));
            }
            other => panic!("foreign by {other:?}"),
        },
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn holds_over_random_events(draws in prop::collection::vec(any_draw(), 1..80)) {
        let mut state = TxState::intended(DEADLINE, head(100, 900, 10));
        for draw in &draws {
            let Some(event) = resolve(draw, &state) else { continue };
            let (after, effects) = step(&state, &event, &POLICY);
            check(&state, &event, &after, &effects);
            let text = serde_json::to_string(&after).unwrap();
            prop_assert_eq!(&serde_json::from_str::<TxState>(&text).unwrap(), &after);
            state = after;
        }
    }
}
