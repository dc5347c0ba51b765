use alloy::primitives::{B256, U256};
use proptest::prelude::*;

use super::*;

fn hash(branch: u64, number: u64) -> B256 {
    B256::from(U256::from(branch << 32 | number).to_be_bytes())
}

/// A model chain: the list of its blocks from genesis.
#[derive(Clone, Debug)]
struct Model {
    blocks: Vec<Header>,
    forgotten: Vec<Header>,
    branch: u64,
}

impl Model {
    fn new() -> Self {
        let mut model = Self { blocks: Vec::new(), forgotten: Vec::new(), branch: 0 };
        model.mine(1);
        model
    }

    fn mine(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.blocks.len() as u64;
            let parent_hash = self.blocks.last().map(|b| b.block.hash).unwrap_or_default();
            let block = BlockRef {
                number,
                hash: hash(self.branch, number),
                parent_hash,
                timestamp: number,
            };
            self.blocks.push(Header { block, base_fee_wei: 0 });
        }
    }

    fn roll_back(&mut self, depth: usize) {
        let keep = self.blocks.len().saturating_sub(depth).max(1);
        self.forgotten.extend(self.blocks.drain(keep..));
        self.branch += 1;
    }

    fn head(&self) -> Header {
        *self.blocks.last().expect("genesis")
    }

    fn answer(&self, at: BlockAt) -> Option<Header> {
        match at {
            BlockAt::Hash(hash) => {
                self.blocks.iter().chain(&self.forgotten).find(|b| b.block.hash == hash).copied()
            }
            BlockAt::Number(number) => self.blocks.get(usize::try_from(number).ok()?).copied(),
        }
    }

    /// One round, with the number of questions it took.
    fn follow(&self, follower: &mut Follower) -> (Step, usize) {
        let mut step = follower.head(self.head());
        let mut asked = 0;
        while let Step::Ask(at) = step {
            asked += 1;
            step = follower.offer(self.answer(at));
        }
        (step, asked)
    }
}

fn new(model: &Model, reorg_depth: u64) -> Step {
    Step::New { head: model.head(), reorg_depth }
}

#[test]
fn the_first_head_is_taken_as_it_is() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.mine(100);
    assert_eq!(model.follow(&mut follower), (new(&model, 0), 0));
    assert_eq!(model.follow(&mut follower), (Step::Unchanged, 0));
}

#[test]
fn a_child_needs_no_question_and_a_gap_one_each() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(1);
    assert_eq!(model.follow(&mut follower), (new(&model, 0), 0));
    model.mine(5);
    assert_eq!(model.follow(&mut follower), (new(&model, 0), 4));
    assert!((0..=6).all(|number| follower.contains(hash(0, number))));
}

#[test]
fn a_reorganisation_at_the_same_height_is_seen() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(3);
    model.follow(&mut follower);
    let old = model.head();
    model.roll_back(2);
    model.mine(2);
    assert_eq!(model.head().block.number, old.block.number);
    assert_eq!(model.follow(&mut follower).0, new(&model, 2));
    assert!(!follower.contains(old.block.hash));
}

#[test]
fn a_rollback_is_seen_although_its_head_is_known() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(5);
    model.follow(&mut follower);
    model.roll_back(3);
    assert_eq!(model.follow(&mut follower), (new(&model, 3), 0));
    assert_eq!(follower.tip(), Some(model.head().block));
    assert_eq!(model.follow(&mut follower).0, Step::Unchanged);
}

#[test]
fn the_window_is_accepted_and_one_more_is_not() {
    for (depth, is_ordinary) in [(8, true), (9, false)] {
        let (mut model, mut follower) = (Model::new(), Follower::new(8));
        for _ in 0..40 {
            model.mine(1);
            model.follow(&mut follower);
        }
        model.roll_back(depth);
        model.mine(depth + 1);
        let expected = if is_ordinary {
            new(&model, depth as u64)
        } else {
            Step::TooDeep { head: model.head() }
        };
        assert_eq!(model.follow(&mut follower).0, expected, "{depth}");
        // It goes on from there.
        model.mine(1);
        assert_eq!(model.follow(&mut follower).0, new(&model, 0));
    }
}

#[test]
fn after_a_long_pause_the_tip_is_looked_up_instead_of_walking_all() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.mine(1);
    model.follow(&mut follower);
    model.mine(10_000);
    let (step, asked) = model.follow(&mut follower);
    assert_eq!(step, new(&model, 0));
    assert!(asked <= 9, "{asked} questions");
    model.mine(1);
    assert_eq!(model.follow(&mut follower), (new(&model, 0), 0));
}

#[test]
fn a_reorganisation_during_a_long_pause_is_too_deep() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.mine(20);
    model.follow(&mut follower);
    model.roll_back(1);
    model.mine(1_000);
    assert_eq!(model.follow(&mut follower).0, Step::TooDeep { head: model.head() });
}

#[test]
fn a_parent_that_is_not_there_ends_the_round_and_nothing_else() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(3);
    assert!(matches!(follower.head(model.head()), Step::Ask(_)));
    assert_eq!(follower.offer(None), Step::Unchanged);
    assert_eq!(model.follow(&mut follower).0, new(&model, 0));
}

proptest! {
    // Whatever happens, the follower ends at the model's head, what it knows is the model's chain, the depth it reports
    // is that of the fork, and it asks no more than the window allows.
    #[test]
    fn it_agrees_with_the_model(
        rounds in prop::collection::vec((0usize..12, 0usize..30), 1..40),
        window in 1u32..16,
    ) {
        let (mut model, mut follower) = (Model::new(), Follower::new(window));
        model.follow(&mut follower);
        for (depth, mined) in rounds {
            let before: Vec<_> = follower.known.iter().copied().collect();
            model.roll_back(depth);
            model.mine(mined);
            let (step, asked) = model.follow(&mut follower);
            prop_assert!(asked <= 2 * window as usize + 2, "{} questions", asked);
            prop_assert_eq!(follower.tip(), Some(model.head().block));
            for block in &follower.known {
                prop_assert_eq!(model.answer(BlockAt::Number(block.number)).map(|h| h.block), Some(*block));
            }
            let lost = before.iter().filter(|block| {
                model.answer(BlockAt::Number(block.number)).map(|h| h.block) != Some(**block)
            }).count() as u64;
            match step {
                Step::Unchanged => prop_assert_eq!(lost, 0),
                Step::New { reorg_depth, .. } => {
                    prop_assert_eq!(reorg_depth, lost);
                    prop_assert!(reorg_depth <= window.into());
                }
                Step::TooDeep { .. } => prop_assert!(lost > 0),
                Step::Ask(_) => prop_assert!(false, "unfinished"),
            }
        }
    }
}
