use alloy::primitives::{B256, U256};
use proptest::prelude::*;
use vagus_policy::BlockRef;

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

    /// Replaces the last blocks by as many as are mined.
    fn reorganise(&mut self, depth: usize, mined: usize) {
        self.roll_back(depth);
        self.mine(mined);
    }

    fn is_canonical(&self, block: &BlockId) -> bool {
        self.answer(BlockAt::Number(block.number)).is_some_and(|h| h.block.hash == block.hash)
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

/// The expected end of a round: this many blocks replaced, this many new.
fn new(model: &Model, reorg_depth: u64, followed: u64) -> Step {
    let head = model.head();
    Step::New(NewHead { head, reorg_depth, fork_number: head.block.number - followed, followed })
}

#[test]
fn the_first_head_is_taken_as_it_is() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.mine(100);
    assert_eq!(model.follow(&mut follower), (new(&model, 0, 1), 0));
    assert_eq!(model.follow(&mut follower), (Step::Unchanged, 0));
}

#[test]
fn a_child_needs_no_question_and_a_gap_one_each() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(1);
    assert_eq!(model.follow(&mut follower), (new(&model, 0, 1), 0));
    model.mine(5);
    assert_eq!(model.follow(&mut follower), (new(&model, 0, 5), 4));
    assert!((0..=6).all(|number| follower.contains(hash(0, number))));
}

#[test]
fn a_reorganisation_at_the_same_height_is_seen() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(3);
    model.follow(&mut follower);
    let old = model.head();
    model.reorganise(2, 2);
    assert_eq!(model.head().block.number, old.block.number);
    assert_eq!(model.follow(&mut follower).0, new(&model, 2, 2));
    assert!(!follower.contains(old.block.hash));
}

#[test]
fn a_reorganisation_to_a_shorter_chain_is_seen() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(6);
    model.follow(&mut follower);
    model.reorganise(4, 1);
    assert_eq!(model.follow(&mut follower).0, new(&model, 4, 1));
    assert_eq!(follower.tip(), Some(BlockId::from(&model.head())));
}

#[test]
fn a_known_block_below_the_tip_is_behind_and_changes_nothing() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(5);
    model.follow(&mut follower);
    let tip = follower.tip();
    model.roll_back(3);
    let head = model.head();
    assert_eq!(model.follow(&mut follower), (Step::Behind { head }, 0));
    assert_eq!(follower.tip(), tip);
    // A chain that really went back shows it with its next block.
    model.mine(1);
    assert_eq!(model.follow(&mut follower).0, new(&model, 3, 1));
}

#[test]
fn the_window_is_accepted_and_one_more_is_not() {
    for (depth, is_ordinary) in [(8, true), (9, false)] {
        let (mut model, mut follower) = (Model::new(), Follower::new(8));
        for _ in 0..40 {
            model.mine(1);
            model.follow(&mut follower);
        }
        model.reorganise(depth, depth + 1);
        let step = model.follow(&mut follower).0;
        if is_ordinary {
            assert_eq!(step, new(&model, depth as u64, depth as u64 + 1));
        } else {
            assert!(matches!(step, Step::TooDeep(NewHead { reorg_depth: 9, .. })), "{step:?}");
        }
        // It goes on from there.
        model.mine(1);
        assert_eq!(model.follow(&mut follower).0, new(&model, 0, 1));
    }
}

#[test]
fn after_a_long_pause_the_tip_is_looked_up_instead_of_walking_all() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.mine(1);
    model.follow(&mut follower);
    model.mine(10_000);
    let (step, asked) = model.follow(&mut follower);
    assert_eq!(step, new(&model, 0, 10_000));
    assert!(asked <= 9, "{asked} questions");
    model.mine(1);
    assert_eq!(model.follow(&mut follower), (new(&model, 0, 1), 0));
}

#[test]
fn a_reorganisation_before_a_long_pause_is_found_and_measured() {
    for (depth, is_ordinary) in [(1, true), (5, true), (8, true), (9, false)] {
        let (mut model, mut follower) = (Model::new(), Follower::new(8));
        for _ in 0..20 {
            model.mine(1);
            model.follow(&mut follower);
        }
        model.reorganise(depth, 1_000);
        let (step, asked) = model.follow(&mut follower);
        assert!(asked <= 8 + 5, "{asked} questions");
        if is_ordinary {
            assert_eq!(step, new(&model, depth as u64, 1_000));
        } else {
            assert!(matches!(step, Step::TooDeep(_)), "{step:?}");
        }
    }
}

#[test]
fn a_parent_that_is_not_there_ends_the_round_and_nothing_else() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    model.follow(&mut follower);
    model.mine(3);
    assert!(matches!(follower.head(model.head()), Step::Ask(_)));
    assert_eq!(follower.offer(None), Step::Unchanged);
    assert_eq!(model.follow(&mut follower).0, new(&model, 0, 3));
}

#[test]
fn a_cursor_of_another_version_or_a_smaller_window_is_no_harm() {
    let (mut model, mut follower) = (Model::new(), Follower::new(8));
    for _ in 0..20 {
        model.mine(1);
        model.follow(&mut follower);
    }
    let cursor = Cursor::new(&follower, None, Account::default());
    let mut json = serde_json::to_value(&cursor).expect("json");
    let small = cursor.follower(3).expect("understood");
    assert_eq!((small.known.len(), small.tip()), (4, follower.tip()));
    json["version"] = 2.into();
    let other: Cursor = serde_json::from_value(json).expect("reads");
    assert!(other.follower(8).is_none());
}

/// What happens to the chain between two rounds.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Longer(usize, usize),
    SameHeight(usize),
    Shorter(usize, usize),
    Mined(usize),
    // The endpoint names a block this far below its newest.
    Lags(usize),
    Restart,
    // The chain reorganises after this many answers of the round.
    Within(usize, usize),
}

fn turns() -> impl Strategy<Value = Turn> {
    prop_oneof![
        (1usize..24, 1usize..40).prop_map(|(depth, more)| Turn::Longer(depth, more)),
        (1usize..24).prop_map(Turn::SameHeight),
        (2usize..24, 1usize..24)
            .prop_map(|(depth, less)| Turn::Shorter(depth, less.min(depth - 1))),
        (0usize..4).prop_map(Turn::Mined),
        (1usize..6).prop_map(Turn::Lags),
        Just(Turn::Restart),
        (0usize..6, 1usize..6).prop_map(|(after, depth)| Turn::Within(after, depth)),
    ]
}

/// One round in which the chain reorganises between two answers.
fn follow_while_it_changes(
    model: &mut Model,
    follower: &mut Follower,
    after: usize,
    depth: usize,
) -> Step {
    let mut step = follower.head(model.head());
    let mut asked = 0;
    while let Step::Ask(at) = step {
        if asked == after {
            model.reorganise(depth, depth + 1);
        }
        asked += 1;
        step = follower.offer(model.answer(at));
    }
    step
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    // Whatever happens, the follower ends at the model's head, what it knows is the model's chain, depth, fork and the
    // number of new blocks are the model's, and it asks no more than the window allows.
    #[test]
    fn it_agrees_with_the_model(
        rounds in prop::collection::vec(turns(), 1..40),
        window in 1u32..16,
    ) {
        let (mut model, mut follower) = (Model::new(), Follower::new(window));
        model.mine(30);
        model.follow(&mut follower);
        let mut account = Account::default();
        account.follow(1, false);
        account.decide();
        for turn in rounds {
            let before: Vec<_> = follower.known.iter().copied().collect();
            let tip = follower.tip();
            let mut is_disturbed = false;
            match turn {
                Turn::Longer(depth, more) => model.reorganise(depth, depth + more),
                Turn::SameHeight(depth) => {
                    let height = model.blocks.len();
                    model.roll_back(depth);
                    model.mine(height - model.blocks.len());
                }
                Turn::Shorter(depth, less) => model.reorganise(depth, depth - less),
                Turn::Mined(count) => model.mine(count),
                Turn::Lags(depth) => {
                    let place = model.blocks.len().saturating_sub(1 + depth);
                    let head = model.blocks[place];
                    let known = follower.contains(head.block.hash);
                    if known && tip.is_some_and(|tip| tip.hash != head.block.hash) {
                        prop_assert_eq!(follower.head(head), Step::Behind { head });
                        prop_assert_eq!(follower.tip(), tip);
                    }
                    continue;
                }
                Turn::Restart => {
                    let cursor = Cursor::new(&follower, None, account);
                    let json = serde_json::to_string(&cursor).expect("json");
                    let cursor: Cursor = serde_json::from_str(&json).expect("reads");
                    follower = cursor.follower(window).expect("understood");
                    prop_assert!(follower.known.iter().copied().eq(before.iter().copied()));
                    prop_assert_eq!(cursor.account, account);
                    continue;
                }
                Turn::Within(after, depth) => {
                    model.mine(after + 1);
                    is_disturbed = true;
                    // Whatever it concluded, the next round finds its way.
                    if let Step::New(new) | Step::TooDeep(new) =
                        follow_while_it_changes(&mut model, &mut follower, after, depth)
                    {
                        account.follow(new.followed, false);
                        account.decide();
                    }
                }
            }
            let (step, asked) = model.follow(&mut follower);
            prop_assert!(asked <= 2 * window as usize + 8, "{} questions", asked);
            prop_assert_eq!(follower.tip(), Some(BlockId::from(&model.head())));
            for block in &follower.known {
                prop_assert!(model.is_canonical(block));
            }
            for (a, b) in follower.known.iter().zip(follower.known.iter().skip(1)) {
                prop_assert_eq!(a.number + 1, b.number);
            }
            if let Step::New(new) | Step::TooDeep(new) = step {
                account.follow(new.followed, false);
                account.decide();
            }
            prop_assert_eq!(account.followed, account.decided + account.passed_over);
            if is_disturbed {
                continue;
            }
            let lost = before.iter().filter(|block| !model.is_canonical(block)).count() as u64;
            match step {
                Step::Unchanged => prop_assert_eq!(lost, 0),
                Step::New(new) => {
                    prop_assert_eq!(new.reorg_depth, lost);
                    prop_assert!(lost <= window.into());
                    let kept = before.iter().rev().find(|block| model.is_canonical(block));
                    prop_assert_eq!(kept.map(|block| block.number), Some(new.fork_number));
                    prop_assert_eq!(new.followed, model.head().block.number - new.fork_number);
                }
                Step::TooDeep(_) => {
                    prop_assert!(lost > u64::from(window) || lost == before.len() as u64);
                }
                // A chain that is shorter without a new block.
                Step::Behind { .. } => prop_assert!(false, "it has the model's head"),
                Step::Ask(_) => prop_assert!(false, "unfinished"),
            }
        }
    }
}
