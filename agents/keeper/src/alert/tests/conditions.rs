//! What raises each alert: at its limit, and one past it.

use alloy::primitives::{B256, U256};
use tokio::time::Instant;
use vagus_allocator::Reason;
use vagus_chain::AgentKey;
use vagus_policy::Mode;

use super::*;
use crate::{
    board::{Board, ChainView, Latest, Purse, Seen, Trouble, TroubleKind, VaultView},
    status, testing,
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: u64 = 86_400;
const TICK: Duration = Duration::from_nanos(1);

/// What a state is changed by, at a moment.
type Change = fn(&mut ChainView, Instant);

/// What is promised of a kind.
struct Row {
    /// Whether it is a vault's, and not the whole chain's.
    is_vaults: bool,
    /// Seconds for which it has to be so.
    after: u64,
    /// The least that raises it.
    wrong: Change,
    /// The most that does not, nor raises anything else.
    almost: Change,
}

fn chains(after: u64, wrong: Change, almost: Change) -> Row {
    Row { is_vaults: false, after, wrong, almost }
}

fn vaults(after: u64, wrong: Change, almost: Change) -> Row {
    Row { is_vaults: true, after, wrong, almost }
}

fn vault(view: &mut ChainView) -> &mut VaultView {
    Arc::make_mut(&mut view.vaults[0])
}

fn seen(view: &mut ChainView) -> &mut Seen {
    vault(view).seen.as_mut().expect("seen")
}

fn purse(view: &mut ChainView) -> &mut Purse {
    view.purse.as_mut().expect("looked at")
}

fn decided(view: &mut ChainView, since: Instant, reason: Reason) {
    let (decision, is_rebalance) = (B256::ZERO, reason.is_rebalance());
    vault(view).latest = Some(Latest { block: 7, reason, decision, is_rebalance, count: 1, since });
}

fn failing(view: &mut ChainView, since: Instant, kind: TroubleKind) {
    view.trouble = Some(Trouble { kind, failures: 1, since });
}

fn reorganised(view: &mut ChainView, at: Instant) {
    view.held_at.insert(Reason::DeepReorg, at);
}

fn mandate_left(view: &mut ChainView, seconds: u64) {
    let seen = seen(view);
    let mandate = seen.mandate.as_mut().expect("a mandate");
    mandate.expires_at = seen.block.timestamp + seconds;
}

fn optimal(view: &mut ChainView, now: Instant) {
    decided(view, now, Reason::Optimal);
}

fn works(_: &mut ChainView, _: Instant) {}

/// A kind without a row does not compile.
fn row(kind: AlertKind) -> Row {
    match kind {
        AlertKind::LoopHangs => chains(
            0,
            |view, now| view.beat = now - view.patience - TICK,
            |view, now| view.beat = now - view.patience,
        ),
        AlertKind::ChainEnded => chains(0, |view, _| view.has_ended = true, works),
        AlertKind::StaleHead => chains(
            0,
            |view, now| view.head_since = now - view.stale_after - TICK,
            |view, now| view.head_since = now - view.stale_after,
        ),
        AlertKind::EndpointsFailing => {
            chains(60, |view, now| failing(view, now, TroubleKind::Chain), works)
        }
        AlertKind::JournalFailing => {
            chains(60, |view, now| failing(view, now, TroubleKind::Journal), works)
        }
        AlertKind::RoundsFailing => {
            chains(60, |view, now| failing(view, now, TroubleKind::Other), works)
        }
        AlertKind::DeepReorg => chains(
            0,
            |view, now| reorganised(view, now - (HOUR - TICK)),
            |view, now| reorganised(view, now - HOUR),
        ),
        AlertKind::EndpointsDisagree => {
            vaults(30, |view, now| decided(view, now, Reason::EndpointsDisagree), optimal)
        }
        AlertKind::NoMandate => {
            vaults(30, |view, now| decided(view, now, Reason::NoMandate), optimal)
        }
        AlertKind::MandateExpiring => vaults(
            0,
            |view, _| mandate_left(view, 14 * DAY - 1),
            |view, _| mandate_left(view, 14 * DAY),
        ),
        AlertKind::VaultClosed => vaults(
            30,
            |view, _| seen(view).mode = Mode::Paused,
            |view, _| seen(view).mode = Mode::ExitOnly,
        ),
        AlertKind::ModelMistrust => {
            vaults(0, |view, now| decided(view, now, Reason::ModelMistrust), optimal)
        }
        AlertKind::VaultHeld => {
            vaults(3_600, |view, now| decided(view, now, Reason::Unreadable), optimal)
        }
        AlertKind::TransactionStuck => {
            vaults(3_600, |view, now| decided(view, now, Reason::InFlight), optimal)
        }
        AlertKind::TransactionReverted => vaults(
            0,
            |view, now| vault(view).reverted = Some((B256::ZERO, now - (HOUR - TICK))),
            |view, now| vault(view).reverted = Some((B256::ZERO, now - HOUR)),
        ),
        AlertKind::ForeignNonce => vaults(
            0,
            |view, now| vault(view).foreign = Some((B256::ZERO, now - (HOUR - TICK))),
            |view, now| vault(view).foreign = Some((B256::ZERO, now - HOUR)),
        ),
        AlertKind::SignerFailing => {
            vaults(60, |view, now| decided(view, now, Reason::SignerFailed), optimal)
        }
        AlertKind::GasLow => chains(
            0,
            |view, _| purse(view).balance_wei = U256::from(999),
            |view, _| purse(view).balance_wei = U256::from(1_000),
        ),
        AlertKind::FeeBudgetLow => chains(
            0,
            |view, _| purse(view).budget_wei = Some((500, 99)),
            |view, _| purse(view).budget_wei = Some((500, 100)),
        ),
    }
}

/// What a decision with this code raises; a code without an answer does not compile.
fn of_reason(reason: Reason) -> Option<AlertKind> {
    match reason {
        Reason::NoMandate => Some(AlertKind::NoMandate),
        Reason::EndpointsDisagree => Some(AlertKind::EndpointsDisagree),
        Reason::ModeClosed => Some(AlertKind::VaultClosed),
        Reason::InFlight => Some(AlertKind::TransactionStuck),
        Reason::SignerFailed => Some(AlertKind::SignerFailing),
        Reason::ModelMistrust => Some(AlertKind::ModelMistrust),
        Reason::SimulationFailed
        | Reason::RuleRefuses
        | Reason::Unreadable
        | Reason::VaultUnread
        | Reason::PolicyUnread
        | Reason::NoNativePrice
        | Reason::NoQuorum
        | Reason::FeeBudgetSpent
        | Reason::NoPolicy => Some(AlertKind::VaultHeld),
        Reason::RepairWeight
        | Reason::RepairIdle
        | Reason::RepairExitOnly
        | Reason::RepairGroup
        | Reason::RepairFloor
        | Reason::RepairTarget
        | Reason::Income
        | Reason::Person
        | Reason::Checkpoint
        | Reason::Trim
        | Reason::FollowPrice
        | Reason::Activate
        | Reason::Optimal
        | Reason::BelowHurdle
        | Reason::WithinBand
        | Reason::RepairBlocked
        | Reason::Cooldown
        | Reason::TurnoverSpent
        | Reason::LossSpent
        | Reason::NoCapital
        | Reason::NoHistory
        // The chain's own alerts, and a person's own doing.
        | Reason::StaleHead
        | Reason::DeepReorg
        | Reason::Paused
        | Reason::TooManyInFlight => None,
    }
}

/// A chain and a vault with which nothing is wrong, at a moment.
fn quiet() -> (ChainView, Instant) {
    let key = AgentKey::random();
    let (_, world) = testing::world(&key);
    let mut view = (*Board::new(std::slice::from_ref(&world)).views()[0]).clone();
    // Long after the start of this machine, so that there are moments long before.
    let now = Instant::now() + Duration::from_secs(30 * DAY);
    (view.beat, view.head_since, view.sends) = (now, now, true);
    view.purse = Some(Purse {
        balance_wei: U256::from(1_000_000),
        low_wei: U256::from(1_000),
        budget_wei: Some((500, 500)),
    });
    let (policy, snapshot) = (testing::policy(key.address()), testing::snapshot(key.address()));
    let state = status::view(&world, &world.vaults[0], Some(&policy), &snapshot);
    (vault(&mut view).decides, vault(&mut view).seen) = (true, Some(state.into()));
    mandate_left(&mut view, 100 * DAY);
    optimal(&mut view, now);
    (view, now)
}

/// What a change of the quiet state raises.
fn raised(change: impl FnOnce(&mut ChainView, Instant)) -> Vec<Condition> {
    let (mut view, now) = quiet();
    change(&mut view, now);
    conditions(&[Arc::new(view)], now)
}

fn kinds(found: &[Condition]) -> Vec<AlertKind> {
    found.iter().map(|condition| condition.kind).collect()
}

#[test]
fn every_kind_is_raised_past_its_limit_and_not_at_it() {
    assert_eq!(raised(works), []);
    for kind in AlertKind::ALL {
        let row = row(kind);
        let found = raised(row.wrong);
        assert_eq!(kinds(&found), [kind], "{found:?}");
        let place = (found[0].chain.as_str(), found[0].vault.as_deref());
        assert_eq!(place, ("mainnet", row.is_vaults.then_some("treasury")), "{kind:?}");
        assert!(!found[0].summary.is_empty(), "{kind:?}");
        assert_eq!(raised(row.almost), [], "{kind:?}");
    }
}

#[test]
fn the_list_of_kinds_misses_none() {
    // An unknown name is answered with all that are known.
    let error = serde_json::from_str::<AlertKind>("\"\"").expect_err("no such kind").to_string();
    let (_, known) = error.split_once("expected one of").expect("the names");
    let known: BTreeSet<&str> = known.split('`').skip(1).step_by(2).collect();
    let listed: Vec<String> = AlertKind::ALL.iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(listed.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
}

#[test]
fn each_is_told_when_it_has_been_so_for_its_time_and_not_a_second_before() {
    for kind in AlertKind::ALL {
        let (wrong, mut book) = (raised(row(kind).wrong), book());
        // What begins within ten seconds is told together.
        let due = row(kind).after.max(10);
        for second in [0, due - 1] {
            assert_eq!(book.step(at(second), wrong.clone()), [], "{kind:?} after {second} s");
        }
        assert_eq!(book.step(at(due), wrong).len(), 1, "{kind:?} after {due} s");
    }
}

#[test]
fn every_reason_of_a_decision_raises_what_is_said_of_it() {
    for reason in Reason::ALL {
        let found = raised(|view, now| decided(view, now - Duration::from_secs(90), reason));
        let expected: Vec<AlertKind> = of_reason(reason).into_iter().collect();
        assert_eq!(kinds(&found), expected, "{reason:?}");
        for condition in found {
            let start = format!("holds for 1 minute 30 seconds, {reason:?}: ");
            assert!(condition.summary.starts_with(&start), "{}", condition.summary);
        }
    }
}

#[test]
fn one_thing_is_one_alert_and_what_does_not_run_is_asked_nothing_else() {
    // A closed vault by its decision and by its mode.
    let closed = raised(|view, now| {
        decided(view, now, Reason::ModeClosed);
        seen(view).mode = Mode::Paused;
    });
    assert_eq!(kinds(&closed), [AlertKind::VaultClosed]);
    // A loop that has ended does not hang, and one that hangs says nothing of the head.
    let stopped = |view: &mut ChainView, now: Instant| {
        (view.beat, view.head_since) = (now - view.patience - TICK, now - view.stale_after - TICK);
        failing(view, now, TroubleKind::Chain);
    };
    assert_eq!(kinds(&raised(stopped)), [AlertKind::LoopHangs]);
    let ended = |view: &mut ChainView, now: Instant| {
        stopped(view, now);
        view.has_ended = true;
    };
    assert_eq!(kinds(&raised(ended)), [AlertKind::ChainEnded]);
    // A mandate that is none does not expire, however little is left.
    let over = raised(|view, now| {
        mandate_left(view, 0);
        seen(view).mandate.as_mut().expect("one").is_valid = false;
        decided(view, now, Reason::NoMandate);
    });
    assert_eq!(kinds(&over), [AlertKind::NoMandate]);
}

#[test]
fn a_keeper_speaks_of_what_is_its_own() {
    // Another keeper decides about the vault, and another one pays.
    for kind in AlertKind::ALL {
        let found = raised(|view, now| {
            (row(kind).wrong)(view, now);
            (vault(view).decides, view.sends) = (false, false);
        });
        let is_others = matches!(
            kind,
            AlertKind::EndpointsDisagree
                | AlertKind::NoMandate
                | AlertKind::MandateExpiring
                | AlertKind::VaultClosed
                | AlertKind::ModelMistrust
                | AlertKind::VaultHeld
                | AlertKind::TransactionStuck
                | AlertKind::SignerFailing
                | AlertKind::GasLow
                | AlertKind::FeeBudgetLow
        );
        let expected: &[AlertKind] = if is_others { &[] } else { &[kind] };
        assert_eq!(kinds(&found), expected, "{kind:?}");
    }
}
