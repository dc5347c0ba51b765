//! The shipped life cycle of a transaction, in every state that a small world can bring it into: with crashes between
//! any two effects, reorganisations, replacements, lagging endpoints, lost answers and foreign use of the key. And the
//! same with bugs planted into the keeper around it, which the properties have to find.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod keeper;
mod world;

use std::io::Write as _;

use stateright::{Checker, HasDiscoveries, Model, Property};
use vagus_chain::lifecycle::{Fees, Fill, Phase};

use keeper::{Bug, Keeper, Network};
use world::{DEADLINE, FINALITY, HIGH_FEE, LOW_FEE, Tx, World};

/// Blocks of a story.
const MAX_HEIGHT: usize = 3;
/// Quiet blocks after which everything has to be over.
const QUIET_BLOCKS: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Story {
    world: World,
    keeper: Keeper,
    left: Left,
}

/// What may still go wrong: each kind once, and so many kinds in one story. A story in which everything fails for ever
/// proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Left {
    kinds: u8,
    gone: u8,
}

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trouble {
    Crash,
    Reorganisation,
    Drop,
    ForeignUse,
    NetworkFault,
    Lag,
    SimulatedFailure,
}

impl Left {
    const fn allows(self, trouble: Trouble) -> bool {
        self.kinds > 0 && self.gone & (1 << trouble as u8) == 0
    }

    const fn had(self, trouble: Trouble) -> bool {
        self.gone & (1 << trouble as u8) != 0
    }

    const fn spend(&mut self, trouble: Trouble) {
        self.kinds -= 1;
        self.gone |= 1 << trouble as u8;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Deed {
    Mine {
        base_fee_wei: u128,
        takes: bool,
        succeeds: bool,
    },
    Reorganise {
        returns: bool,
    },
    Drop,
    Foreign,
    Wake {
        lag: u8,
    },
    WouldRevert,
    Proceed(Network),
    /// Up to a step that does not use the network, and no further.
    ProceedAndCrash(usize),
    Crash,
}

struct Lives {
    bug: Bug,
    /// How many kinds of trouble one story may have.
    troubles: u8,
}

impl Model for Lives {
    type State = Story;
    type Action = Deed;

    fn init_states(&self) -> Vec<Story> {
        let world = World::new();
        let keeper = Keeper::new(&world);
        let left = Left { kinds: self.troubles, gone: 0 };
        vec![Story { world, keeper, left }]
    }

    fn actions(&self, story: &Story, deeds: &mut Vec<Deed>) {
        let Story { world, keeper, left } = story;
        if keeper.breach.is_some() {
            return;
        }
        if !keeper.queue.is_empty() {
            deeds.push(Deed::Proceed(Network::Works));
            if left.allows(Trouble::NetworkFault) && keeper.is_networked() {
                deeds.push(Deed::Proceed(Network::Lost));
                deeds.push(Deed::Proceed(Network::AnswerLost));
            }
            if left.allows(Trouble::Crash) {
                let (mut keeper, mut world) = (keeper.clone(), world.clone());
                let steps = keeper.proceed(&mut world, Network::Works, self.bug, usize::MAX);
                deeds.push(Deed::Crash);
                deeds.extend((0..steps).map(Deed::ProceedAndCrash));
            }
        } else if !keeper.state.is_terminal() {
            deeds.push(Deed::Wake { lag: 0 });
            if left.allows(Trouble::Lag) {
                deeds.push(Deed::Wake { lag: 1 });
            }
            let is_open = matches!(keeper.state.phase, Phase::Signed | Phase::Pending);
            if left.allows(Trouble::SimulatedFailure)
                && is_open
                && !world.has_used(keeper.state.nonce)
            {
                deeds.push(Deed::WouldRevert);
            }
        }
        if world.height() < MAX_HEIGHT {
            for base_fee_wei in [LOW_FEE, HIGH_FEE] {
                deeds.push(Deed::Mine { base_fee_wei, takes: false, succeeds: true });
                if !world.pool.is_empty() {
                    for succeeds in [true, false] {
                        deeds.push(Deed::Mine { base_fee_wei, takes: true, succeeds });
                    }
                }
            }
        }
        if left.allows(Trouble::Reorganisation) && world.height() > world.finalized {
            deeds.extend([true, false].map(|returns| Deed::Reorganise { returns }));
        }
        if left.allows(Trouble::Drop) && world.pool.iter().any(Tx::is_ours) {
            deeds.push(Deed::Drop);
        }
        if left.allows(Trouble::ForeignUse) {
            deeds.push(Deed::Foreign);
        }
    }

    fn next_state(&self, before: &Story, deed: Deed) -> Option<Story> {
        let mut story = before.clone();
        let Story { world, keeper, left } = &mut story;
        match deed {
            Deed::Mine { base_fee_wei, takes, succeeds } => {
                world.mine(base_fee_wei, takes, succeeds)
            }
            Deed::Reorganise { returns } => {
                left.spend(Trouble::Reorganisation);
                world.reorganise(returns);
            }
            Deed::Drop => {
                left.spend(Trouble::Drop);
                world.pool.retain(|tx| !tx.is_ours());
            }
            Deed::Foreign => {
                left.spend(Trouble::ForeignUse);
                let fees = Fees { max_fee_wei: 100, priority_fee_wei: 50 };
                let nonce = world.count(world.height());
                world.put(Tx { id: 0, nonce, fees, is_cancel: false });
            }
            Deed::Wake { lag } => {
                if lag > 0 {
                    left.spend(Trouble::Lag);
                }
                keeper.wake(world, lag, self.bug);
            }
            Deed::WouldRevert => {
                left.spend(Trouble::SimulatedFailure);
                keeper.told_it_would_revert();
            }
            Deed::Proceed(network) => {
                if network != Network::Works {
                    left.spend(Trouble::NetworkFault);
                }
                keeper.proceed(world, network, self.bug, usize::MAX);
            }
            Deed::ProceedAndCrash(steps) => {
                left.spend(Trouble::Crash);
                keeper.proceed(world, Network::Works, self.bug, steps);
                keeper.restart(world);
            }
            Deed::Crash => {
                left.spend(Trouble::Crash);
                keeper.restart(world);
            }
        }
        (&story != before).then_some(story)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing happens that must never happen", |_, story: &Story| {
                story.keeper.breach.is_none()
            }),
            Property::always("what is out is in the journal", |_, story: &Story| {
                let mined = story.world.chain.iter().filter_map(|block| block.tx.map(|(tx, _)| tx));
                let known = |tx: Tx| !tx.is_ours() || story.keeper.journal.is_stored(tx.hash());
                mined.chain(story.world.pool.iter().copied()).all(known)
            }),
            Property::always("all attempts have one nonce", |_, story: &Story| {
                let (nonce, fills) = (story.keeper.journal.nonce, &story.keeper.journal.fills);
                // But for what makes way for them, below.
                let is_fill = |tx: &Tx| {
                    let is = |fill: &Fill| (fill.hash, fill.nonce) == (tx.hash(), tx.nonce);
                    Some(tx.nonce) < nonce && fills.iter().any(is)
                };
                story.keeper.stored.iter().all(|tx| Some(tx.nonce) == nonce || is_fill(tx))
            }),
            Property::always("an end is what the chain says for good", |_, story: &Story| {
                !story.keeper.journal.is_terminal() || is_true(story)
            }),
            Property::always("nothing that is still wanted is given up", |_, story: &Story| {
                let Keeper { journal, highest, would_revert, .. } = &story.keeper;
                journal.phase != Phase::Expired || *highest > DEADLINE || *would_revert
            }),
            Property::always("when all is quiet it ends", |model, story: &Story| {
                story.keeper.breach.is_some()
                    || !story.keeper.queue.is_empty()
                    || ends_quietly(model, story)
            }),
            Property::sometimes("it is executed", |_, story: &Story| {
                matches!(story.keeper.state.phase, Phase::Final(_))
            }),
            Property::sometimes("it reverts", |_, story: &Story| {
                matches!(story.keeper.state.phase, Phase::Reverted(_))
            }),
            Property::sometimes("it is cancelled", |_, story: &Story| {
                matches!(story.keeper.state.phase, Phase::Cancelled(_))
            }),
            Property::sometimes("its nonce is used by somebody else", |_, story: &Story| {
                story.keeper.state.phase == Phase::Foreign
            }),
            Property::sometimes("it expires unsent", |_, story: &Story| {
                story.keeper.state.phase == Phase::Expired
            }),
            Property::always("nothing is filled but what a stranger left", |_, story: &Story| {
                story.keeper.journal.fills.is_empty() || story.left.had(Trouble::ForeignUse)
            }),
            Property::sometimes("a gap is filled", |_, story: &Story| {
                let fills = &story.keeper.journal.fills;
                let is_fill = |tx: &Tx| fills.iter().any(|fill| fill.hash == tx.hash());
                story.world.chain.iter().any(|block| block.tx.is_some_and(|(tx, _)| is_fill(&tx)))
            }),
            Property::sometimes("a replacement is mined", |_, story: &Story| {
                story
                    .world
                    .chain
                    .iter()
                    .any(|block| block.tx.is_some_and(|(tx, _)| tx.id > 1 && !tx.is_cancel))
            }),
        ]
    }
}

/// Whether a terminal state says what no reorganisation can change any more.
fn is_true(story: &Story) -> bool {
    let World { finalized, pool, .. } = &story.world;
    let nonce = story.keeper.journal.nonce;
    let mut mined = story.world.mined(*finalized).map(|(_, _, tx, is_success)| (tx, is_success));
    let truth = mined.find(|(tx, _)| Some(tx.nonce) == nonce);
    match (story.keeper.journal.phase, truth) {
        (Phase::Final(inclusion), Some((tx, true))) => !tx.is_cancel && tx.hash() == inclusion.hash,
        (Phase::Reverted(inclusion), Some((tx, false))) => {
            !tx.is_cancel && tx.hash() == inclusion.hash
        }
        (Phase::Cancelled(inclusion), Some((tx, _))) => tx.is_cancel && tx.hash() == inclusion.hash,
        (Phase::Foreign, Some((tx, _))) => !tx.is_ours(),
        (Phase::Expired, _) => {
            let mined = story.world.mined(usize::MAX).map(|(_, _, tx, _)| tx);
            mined.chain(pool.iter().copied()).all(|tx| !tx.is_ours())
        }
        _ => false,
    }
}

/// Cheap blocks that take everything, and a keeper that hears everything.
fn ends_quietly(model: &Lives, story: &Story) -> bool {
    let Story { mut world, mut keeper, .. } = story.clone();
    for _ in 0..QUIET_BLOCKS {
        world.mine(LOW_FEE, true, true);
        keeper.wake(&world, 0, model.bug);
        while !keeper.queue.is_empty() && keeper.breach.is_none() {
            keeper.proceed(&mut world, Network::Works, model.bug, usize::MAX);
        }
    }
    keeper.breach.is_none() && is_true(&Story { world, keeper, left: story.left })
}

#[test]
fn every_state_of_a_small_world_is_sound() {
    const { assert!(QUIET_BLOCKS > 2 * FINALITY + MAX_HEIGHT) };
    let checker = Lives { bug: Bug::None, troubles: 2 }.checker().threads(2).spawn_bfs().join();
    // Not by a macro, so that every run tells it, also one that keeps to itself what tests print.
    let told = writeln!(
        std::io::stderr(),
        "life cycle of a transaction: {} states, {} unique, depth {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    told.unwrap();
    for (name, path) in checker.discoveries() {
        if matches!(model_property(&checker, name), stateright::Expectation::Always) {
            panic!("«{name}» fails after {:?}", path.into_actions());
        }
    }
    checker.assert_properties();
    assert!(checker.unique_state_count() >= 100_000);
}

fn model_property<C: Checker<Lives>>(checker: &C, name: &str) -> stateright::Expectation {
    let property = checker.model().properties().into_iter().find(|property| property.name == name);
    property.expect("a property of the model").expectation
}

#[test]
fn planted_bugs_are_found() {
    for bug in [
        Bug::BroadcastBeforeStore,
        Bug::NonceFromACounter,
        Bug::NonceFreedOnTimeout,
        Bug::NewestHashOnly,
        Bug::EmptyAnswerIsZero,
        Bug::FinalAtInclusion,
        Bug::ReplacementWithANewNonce,
        Bug::OrphanNotReturned,
        Bug::CancelAfterInclusion,
        Bug::WallClockDeadline,
    ] {
        let found = first_failure(bug).unwrap_or_else(|| panic!("{bug:?} was not found"));
        println!("{bug:?}: {found}");
    }
}

/// For copies of the crate with a planted fault.
#[test]
#[ignore = "a search, run by tools/planted-keeper-faults.mjs"]
fn the_first_story_that_breaks_a_property() {
    println!("\n{}", first_failure(Bug::None).unwrap_or_else(|| "nothing was found".to_owned()));
}

/// A property that does not hold, with what was done until then.
fn first_failure(bug: Bug) -> Option<String> {
    let checker = Lives { bug, troubles: 2 }
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let (name, path) = checker.discoveries().into_iter().find(|(name, _)| {
        matches!(model_property(&checker, name), stateright::Expectation::Always)
    })?;
    Some(format!("«{name}» fails after {:?}", path.into_actions()))
}
