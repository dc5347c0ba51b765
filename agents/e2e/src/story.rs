//! The main job from an empty treasury to the last depositor's exit, as a script of blocks.
//!
//! The same script runs twice: with a keeper to its end, and with a keeper that is dismissed after the first
//! allocation, which shows what standing still would have earned in the same world.

use std::path::Path;

use alloy::primitives::U256;
use anyhow::{Context, Result, ensure};

use vagus_allocator::{Decision, Reason};
use vagus_keeper::words;

use crate::{
    ballot::Ballot,
    book::{Book, Recorded},
    figures::{amount, clock, difference, percent, rate, thousands},
    policies::Chapter,
    teller::{Teller, Tone},
    treasury::{GuardActs, Vault, people},
    venues,
    world::{Holdings, RebalanceFact, World},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// How long the keeper stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// To the end of the story.
    ToTheEnd,
    /// Until the first allocation is mined: from then on the treasury stands still.
    FirstAllocation,
}

/// What the story came to.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Depositors with what they brought and what they left with, in the asset's smallest unit.
    pub depositors: Vec<Payout>,
    /// Rebalances in order, read from the guard's events.
    pub rebalances: Vec<RebalanceFact>,
    /// The journal's records in order.
    pub records: Vec<Recorded>,
    /// Blocks for which the keeper held.
    pub held_blocks: u64,
    /// Transactions of the agent that were mined and reverted.
    pub refusals: u64,
    /// Holdings after the first allocation.
    pub first: Holdings,
    /// Holdings before the depositors left.
    pub last: Holdings,
    /// Policies with the block from which they were in force, and revocations; for the checker.
    pub chapters: Vec<Chapter>,
    /// Last block before the exits, and last block of all.
    pub blocks: (u64, u64),
}

/// One depositor's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Who.
    pub name: &'static str,
    /// What was brought.
    pub paid_in: U256,
    /// What was taken out, shares in kind turned into the asset at their venues.
    pub paid_out: U256,
}

impl Ending {
    /// What all depositors took out beyond what they brought.
    ///
    /// # Errors
    /// If they lost.
    pub fn income(&self) -> Result<U256> {
        let paid_in: U256 = self.depositors.iter().map(|who| who.paid_in).sum();
        let paid_out: U256 = self.depositors.iter().map(|who| who.paid_out).sum();
        paid_out.checked_sub(paid_in).context("the depositors left with less than they brought")
    }
}

/// The story under way.
#[derive(Debug)]
pub struct Story {
    /// The world it plays in.
    pub world: World,
    teller: Teller,
    tenure: Tenure,
    told_rebalances: usize,
    told_decision: Option<(u64, Reason)>,
    chapters: Vec<Chapter>,
    first: Option<Holdings>,
}

impl Story {
    /// Builds the world.
    ///
    /// # Errors
    /// If a deployment fails.
    pub async fn open(folder: &Path, tenure: Tenure, teller: Teller) -> Result<Self> {
        teller.chapter("1  A chain, and lending venues as they are");
        let world = World::build(folder).await?;
        Ok(Self {
            world,
            teller,
            tenure,
            told_rebalances: 0,
            told_decision: None,
            chapters: Vec::new(),
            first: None,
        })
    }

    /// Tells it from beginning to end.
    ///
    /// # Errors
    /// If anybody's transaction reverts, or the keeper fails.
    pub async fn tell(mut self) -> Result<(Ending, World)> {
        self.introduce().await?;
        self.adopt().await?;
        self.deposits_and_first_allocation().await?;
        self.the_world_moves().await?;
        self.people_come_and_go().await?;
        self.governance_tightens().await?;
        self.guardian_revokes().await?;
        self.farewell().await
    }

    async fn introduce(&mut self) -> Result<()> {
        let world = &self.world;
        let mut rows = Vec::new();
        for (name, strategy, _) in &world.strategies {
            rows.push(vec![name.clone(), strategy.to_string()]);
        }
        self.teller.line(
            Tone::Plain,
            "Two Aave V3 markets and a Morpho Blue market, from their published packages, with borrowers behind each.",
        );
        self.teller.table(&["venue", "ERC-4626 strategy"], &rows);
        self.teller.chapter("2  A treasury, and a deployer without power");
        self.teller.table(
            &["part", "address"],
            &[
                vec!["vault".into(), world.treasury.vault.to_string()],
                vec!["guard".into(), world.treasury.guard.to_string()],
                vec!["owner: timelock of the Governor".into(), world.treasury.timelock.to_string()],
                vec!["guardian".into(), world.treasury.guardian.to_string()],
            ],
        );
        Ok(())
    }

    async fn adopt(&mut self) -> Result<()> {
        self.teller.chapter("3  The DAO votes a policy in");
        let (file, policy) = self.world.policies.first()?;
        self.teller.table(&["limit", "voted"], &self.world.policies.summary(&policy));
        let ballot = Ballot::write(&self.world, "policy.toml", &policy)?;
        self.quote("policy validate policy.toml", &ballot.review()?);
        self.say(Tone::Faint, "keeper policy propose policy.toml");
        let at_once = self.world.carry(&ballot.proposal()?, &policy).await?;
        ensure!(!at_once, "a first policy must wait");
        self.say(Tone::Plain, "proposed, voted, queued, executed; it waits its delay");
        self.world.wait_delay().await?;
        self.say(Tone::Faint, "keeper policy activate");
        let (to, data) = ballot.activation()?;
        self.world.anyone_calls(to, data, "activatePolicy").await?;
        self.chapters.push(Chapter::adopted(&self.world.clock.head, file, policy));
        self.say(Tone::Good, "activated: the policy is in force");
        Ok(())
    }

    /// A command of the keeper, and what it says.
    fn quote(&self, command: &str, said: &str) {
        self.teller.line(Tone::Faint, &format!("keeper {command}"));
        for line in said.lines().filter(|line| !line.is_empty()) {
            self.teller.line(Tone::Plain, &format!("  {line}"));
        }
    }

    async fn deposits_and_first_allocation(&mut self) -> Result<()> {
        self.teller.chapter("4  Depositors enter, a keeper is hired");
        for (name, person, whole) in [
            ("Alice", people::ALICE, 4_000_000),
            ("Bob", people::BOB, 3_000_000),
            ("Carol", people::CAROL, 2_000_000),
        ] {
            self.world.deposit(person, whole, MINUTE).await?;
            self.say(Tone::Plain, &format!("{name} deposits {}.00", thousands(&whole.to_string())));
        }
        self.pass(&[HOUR]).await?;
        self.say(
            Tone::Faint,
            "an hour later the new capital is seasoned: it counts towards the limits",
        );
        self.world.hire()?;
        self.say(Tone::Plain, "keeper run: it follows the chain from here on");
        self.pass(&[12, 12, HOUR]).await?;
        ensure!(!self.rebalances().await?.is_empty(), "the keeper did not allocate");
        self.first = Some(self.world.holdings().await?);
        self.show_weights().await?;
        if self.tenure == Tenure::FirstAllocation {
            self.world.dismiss().await?;
        }
        Ok(())
    }

    async fn the_world_moves(&mut self) -> Result<()> {
        self.teller.chapter("5  The world moves");
        self.pass(&[6 * HOUR, 6 * HOUR, 6 * HOUR]).await?;

        let loan = self.world.assets(2_200_000);
        self.world.clock.ready(HOUR).await?;
        let hash =
            venues::borrow_aave(&self.world.clock.chain, &self.world.venues, 1, loan).await?;
        self.world.clock.land(hash, "borrow", HOUR).await?;
        self.say(Tone::Plain, "a borrower takes a large loan at Aave Prime: its rate leaps");
        self.pass(&[12, 12, 12 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR]).await?;

        let back = self.world.assets(5_000_000);
        self.world.clock.ready(HOUR).await?;
        let hash = venues::repay_aave(&self.world.clock.chain, &self.world.venues, 0, back).await?;
        self.world.clock.land(hash, "repay", HOUR).await?;
        self.say(Tone::Plain, "another repays at Aave Main: its rate falls");
        self.pass(&[12, 12, 12 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR]).await
    }

    async fn people_come_and_go(&mut self) -> Result<()> {
        self.teller.chapter("6  People come and go");
        self.world.deposit(people::DAVE, 1_500_000, MINUTE).await?;
        self.say(Tone::Plain, "Dave deposits 1,500,000.00");
        self.pass(&[2 * HOUR, 12, 12, 12 * HOUR, 24 * HOUR]).await?;

        let (carol, assets) = (self.world.person(people::CAROL), self.world.assets(1_500_000));
        let vault = self.world.treasury.vault;
        let idle = self.world.asset_of(vault).await?;
        // Standing still, Dave's deposit lies idle; with a keeper it does not.
        ensure!(
            self.tenure == Tenure::FirstAllocation || assets > idle,
            "the withdrawal should be larger than idle"
        );
        let call = Vault::withdrawCall { assets, receiver: carol, owner: carol };
        self.world.clock.act(carol, vault, call, MINUTE).await?;
        self.say(
            Tone::Plain,
            "Carol withdraws 1,500,000.00, more than lies idle: the vault draws on its strategies",
        );
        self.pass(&[12, 12, HOUR, 12 * HOUR, 24 * HOUR]).await?;
        self.show_weights().await
    }

    async fn governance_tightens(&mut self) -> Result<()> {
        self.teller.chapter("7  The DAO lowers a limit");
        let (file, policy) = self.world.policies.tightened()?;
        let ballot = Ballot::write(&self.world, "policy-tightened.toml", &policy)?;
        self.quote("policy diff on-chain policy-tightened.toml", &ballot.changes()?);
        self.say(Tone::Faint, "keeper policy propose policy-tightened.toml");
        let at_once = self.world.carry(&ballot.proposal()?, &policy).await?;
        ensure!(at_once, "a stricter policy must take effect at once");
        self.chapters.push(Chapter::adopted(&self.world.clock.head, file, policy));
        self.say(Tone::Plain, "the vote passed and took effect at once: it only tightens");
        self.pass(&[12, 12, HOUR, 12 * HOUR, 24 * HOUR]).await?;
        self.show_weights().await
    }

    async fn guardian_revokes(&mut self) -> Result<()> {
        self.teller.chapter("8  The guardian revokes the agent");
        let (guardian, guard) = (self.world.person(people::GUARDIAN), self.world.treasury.guard);
        let agent = crate::keeper::Keeper::agent()?;
        self.world.clock.act(guardian, guard, GuardActs::revokeAgentCall { agent }, HOUR).await?;
        self.chapters.push(Chapter::revoked(&self.world.clock.head, agent));
        self.say(Tone::Stop, "the mandate has ended; the keeper still runs");
        self.world.clock.ready(HOUR).await?;
        let chain = &self.world.clock.chain;
        let loan = self.world.assets(700_000);
        let hash = venues::borrow_morpho(chain, &self.world.venues, 0, loan).await?;
        self.world.clock.land(hash, "borrow", HOUR).await?;
        self.say(
            Tone::Plain,
            "a large loan at Morpho lifts its rate; without a mandate nothing may move",
        );
        self.pass(&[12, 12, 12 * HOUR]).await
    }

    async fn farewell(mut self) -> Result<(Ending, World)> {
        self.teller.chapter("9  Everybody leaves with what is due");
        self.world.dismiss().await?;
        let last = self.world.holdings().await?;
        let last_block = self.world.clock.head.number;
        for (name, person) in
            [("Alice", people::ALICE), ("Dave", people::DAVE), ("Carol", people::CAROL)]
        {
            let who = self.world.person(person);
            let shares = self.world.shares_of(who).await?;
            let call = Vault::redeemCall { shares, receiver: who, owner: who };
            self.world.clock.act(who, self.world.treasury.vault, call, MINUTE).await?;
            ensure!(self.world.shares_of(who).await?.is_zero(), "{name} could not leave wholly");
        }
        self.leave_in_kind(people::BOB).await?;
        let depositors = self.payouts().await?;
        let decimals = self.world.venues.asset.decimals;
        let rows: Vec<Vec<String>> = depositors
            .iter()
            .map(|who| {
                vec![
                    who.name.to_owned(),
                    amount(who.paid_in, decimals),
                    amount(who.paid_out, decimals),
                    difference(who.paid_out, who.paid_in, decimals),
                ]
            })
            .collect();
        self.teller.table(&["depositor", "brought", "left with", "income"], &rows);
        let rebalances = self.rebalances().await?;
        let book = Book::open(&self.world.folder).await?;
        let records = book.records().await?;
        let ending = Ending {
            depositors,
            refusals: self.refusals().await?,
            held_blocks: records
                .iter()
                .filter(|record| record.is_hold)
                .map(|record| record.count)
                .sum(),
            records,
            rebalances,
            first: self.first.clone().context("a story without a first allocation")?,
            last,
            chapters: self.chapters.clone(),
            blocks: (last_block, self.world.clock.head.number),
        };
        Ok((ending, self.world))
    }

    async fn leave_in_kind(&mut self, person: usize) -> Result<()> {
        let who = self.world.person(person);
        let shares = self.world.shares_of(who).await?;
        let call = Vault::redeemInKindCall { shares, receiver: who, owner: who, skip: Vec::new() };
        self.world.clock.act(who, self.world.treasury.vault, call, MINUTE).await?;
        self.say(Tone::Plain, "Bob leaves in kind: his part of idle and of each strategy's shares");
        for (_, strategy, _) in self.world.strategies.clone() {
            let chain = &self.world.clock.chain;
            let shares = chain.call(strategy, Vault::balanceOfCall { account: who }).await?;
            if shares.is_zero() {
                continue;
            }
            let call = Vault::redeemCall { shares, receiver: who, owner: who };
            self.world.clock.act(who, strategy, call, MINUTE).await?;
        }
        Ok(())
    }

    async fn payouts(&self) -> Result<Vec<Payout>> {
        let mut payouts = Vec::new();
        for (name, person, whole) in [
            ("Alice", people::ALICE, 4_000_000),
            ("Bob", people::BOB, 3_000_000),
            ("Carol", people::CAROL, 2_000_000),
            ("Dave", people::DAVE, 1_500_000),
        ] {
            // Each brought all it had, so all it has now was paid out.
            let paid_out = self.world.asset_of(self.world.person(person)).await?;
            payouts.push(Payout { name, paid_in: self.world.assets(whole), paid_out });
        }
        Ok(payouts)
    }

    /// Blocks pass; the keeper deals with each, and what it did is told.
    async fn pass(&mut self, seconds: &[u64]) -> Result<()> {
        for step in seconds {
            // What the keeper thinks of the last block, then the blocks up to the next event.
            self.world.clock.settle().await?;
            self.tell_decision().await?;
            self.world.clock.advance(*step).await?;
            self.tell_news().await?;
        }
        self.world.clock.settle().await?;
        self.tell_decision().await
    }

    async fn tell_news(&mut self) -> Result<()> {
        let decimals = self.world.venues.asset.decimals;
        let rebalances = self.rebalances().await?;
        for fact in rebalances.iter().skip(self.told_rebalances) {
            let moved = amount(fact.turnover, decimals);
            let text = format!("rebalanced: {moved} moved for {} gas", fact.gas);
            self.say_at(fact.timestamp, Tone::Good, &text);
        }
        self.told_rebalances = rebalances.len();
        Ok(())
    }

    /// Tells why the keeper does what it does, when that changes.
    async fn tell_decision(&mut self) -> Result<()> {
        if self.world.clock.keeper.is_none() {
            return Ok(());
        }
        let Some(record) = Book::open(&self.world.folder).await?.latest().await? else {
            return Ok(());
        };
        let decision = &record.last().decision;
        let told = (record.last().block().number, decision.reason);
        if self.told_decision == Some(told)
            || (record.is_hold() && self.told_decision.is_some_and(|last| last.1 == told.1))
        {
            return Ok(());
        }
        self.told_decision = Some(told);
        let why = words::reason(decision.reason);
        if record.is_hold() {
            self.say(Tone::Faint, &format!("keeper holds ({:?}): {why}", decision.reason));
        } else {
            self.say(Tone::Good, &format!("keeper moves ({:?}): {why}", decision.reason));
            for line in self.reasons(decision) {
                self.teller.line(Tone::Faint, &format!("              {line}"));
            }
        }
        Ok(())
    }

    /// What the decision moves, what that is worth, and what better there could be.
    fn reasons(&self, decision: &Decision) -> Vec<String> {
        let decimals = self.world.venues.asset.decimals;
        let mut lines: Vec<String> = decision
            .lines
            .iter()
            .zip(&self.world.strategies)
            .filter(|(line, _)| line.assets_before != line.assets_after)
            .map(|(line, (name, _, _))| {
                let change = difference(line.assets_after, line.assets_before, decimals);
                let (before, after) = (rate(line.rate_before_ray), rate(line.rate_after_ray));
                format!("{name:<14} {change:>15}   rate {before} to {after}")
            })
            .collect();
        if let Some(best) = decision.candidates.first() {
            lines.push(format!(
                "gains {} over the horizon, costs {}; no list of moves gains more than {}",
                amount(best.gain, decimals),
                amount(best.cost, decimals),
                amount(decision.certificate.upper_bound, decimals),
            ));
        }
        lines
    }

    fn say(&self, tone: Tone, text: &str) {
        self.say_at(self.world.clock.head.timestamp, tone, text);
    }

    fn say_at(&self, timestamp: u64, tone: Tone, text: &str) {
        let at = clock(timestamp, self.world.began_at);
        self.teller.line(tone, &format!("{at}  {text}"));
    }

    async fn show_weights(&self) -> Result<()> {
        let decimals = self.world.venues.asset.decimals;
        let holdings = self.world.holdings().await?;
        let total = holdings.total();
        let mut rows = vec![vec![
            "idle".to_owned(),
            amount(holdings.idle, decimals),
            percent(holdings.idle, total),
        ]];
        for ((name, _, _), value) in self.world.strategies.iter().zip(&holdings.strategies) {
            rows.push(vec![name.clone(), amount(*value, decimals), percent(*value, total)]);
        }
        self.teller.table(&["where", "assets", "weight"], &rows);
        Ok(())
    }

    /// Rebalances so far, from the guard's events and their receipts.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn rebalances(&self) -> Result<Vec<RebalanceFact>> {
        self.world.rebalances().await
    }

    /// The agent's transactions that were mined and reverted.
    async fn refusals(&self) -> Result<u64> {
        self.world.reverted_of(crate::keeper::Keeper::agent()?).await
    }
}
