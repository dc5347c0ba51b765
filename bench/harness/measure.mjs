// What is measured, and the check of each figure: that the transaction did what it is said to have done.
import { Artifact } from './abi.mjs';
import { HOUR, NO_FEATURES, USER_AMOUNT, World } from './world.mjs';

const COUNTS = [2, 5, 10, 20];
const LEGS = [2, 6, 10];
const DAY = 24 * HOUR;
/** Contracts whose size is reported. */
const CONTRACTS = ['TreasuryVault', 'VaultPeriphery', 'PolicyGuard', 'GuardGovernance', 'GuardRules', 'Conduit', 'TreasuryFactory', 'TreasuryLens'];

function key(count, legs) {
  return `n${count}_k${legs}`;
}

function demand(holds, sentence) {
  if (!holds) throw new Error(`not measured what was meant: ${sentence}`);
}

/** A rebalance, and that every strategy gained or lost what was asked, to a unit of rounding. */
async function rebalanced(world, holder, legs, send) {
  const moves = world.moves(legs);
  const before = await Promise.all(moves.map(({ index }) => world.held(holder, index)));
  const idle = await world.balance(holder);
  const { gas, logs } = await send(moves);
  const after = await Promise.all(moves.map(({ index }) => world.held(holder, index)));
  const grace = world.isYielding ? 2n : 0n;
  moves.forEach(({ index, isDeposit, assets }, i) => {
    const difference = (isDeposit ? after[i] - before[i] : before[i] - after[i]) - assets;
    demand(difference >= -grace && difference <= grace, `strategy ${index} is ${difference} units off`);
  });
  demand((await world.balance(holder)) === idle, 'idle changed');
  if (world.isYielding && holder === world.vault) {
    // The guard's own event is the last one, and the loss its last word.
    demand(BigInt(`0x${logs.at(-1).data.slice(-64)}`) > 0n, 'no leg lost a unit to rounding');
  }
  return gas;
}

const rebalance = (world, legs) => rebalanced(world, world.vault, legs, (moves) => world.rebalance(moves));
const relay = (world, legs) => rebalanced(world, world.vault, legs, (moves) => world.relay(moves));
const floor = (world, legs) => rebalanced(world, world.mover, legs, (moves) => world.bareMove(moves));

/** A user's transaction, and that it moved `change` of the asset to the depositor. */
async function user(world, vault, name, values, change = undefined) {
  const { depositor } = world;
  const before = await world.balance(depositor);
  const { gas } = await world.send(depositor, vault, vault === world.vault ? 'ITreasuryVault' : 'BareVault', name, values);
  const moved = (await world.balance(depositor)) - before;
  demand(change === undefined || moved === change, `the depositor's balance changed by ${moved}`);
  return gas;
}

const deposit = (world, vault) =>
  user(world, vault, 'deposit(uint256,address)', [USER_AMOUNT, world.depositor], -USER_AMOUNT);

const withdraw = (world, vault) =>
  user(world, vault, 'withdraw(uint256,address,address)', [USER_AMOUNT, world.depositor, world.depositor], USER_AMOUNT);

/** All idle is withdrawn first, so that the next withdrawal comes out of a strategy as a whole. */
async function withdrawPulled(world, vault) {
  const idle = await world.balance(vault);
  const { depositor } = world;
  await user(world, vault, 'withdraw(uint256,address,address)', [idle, depositor, depositor], idle);
  demand((await world.balance(vault)) === 0n, 'idle is left');
  return withdraw(world, vault);
}

function redeemInKind(world) {
  return user(world, world.vault, 'redeemInKind', [USER_AMOUNT, world.depositor, world.depositor, []]);
}

/** Runs `work` on a world and ends it. */
async function within(out, count, options, work) {
  const world = await World.build(out, count, options);
  try {
    return await work(world);
  } finally {
    world.stop();
  }
}

/** Figures of a rebalance in a world, under a map of its own, for the pairs that fit. */
async function rebalances(world, into, legsList, how = rebalance) {
  for (const legs of legsList.filter((k) => k <= world.count)) {
    into[key(world.count, legs)] = await world.fresh(() => how(world, legs));
  }
}

async function userPaths(world, figures) {
  const suffix = `_n${world.count}`;
  const put = async (name, work) => { figures[name + suffix] = await work(); };
  await put('deposit', () => world.fresh(() => deposit(world, world.vault)));
  await put('withdraw_idle', () => world.fresh(() => withdraw(world, world.vault)));
  await put('withdraw_pulled', () => world.fresh(() => withdrawPulled(world, world.vault)));
  await put('redeem_in_kind', () => world.fresh(() => redeemInKind(world)));
  await put('redeem_in_kind_again', () => world.fresh(async () => {
    await redeemInKind(world);
    world.chain.warp(world.chain.now + HOUR);
    return redeemInKind(world);
  }));
  await put('checkpoint', () => world.stale(async () => (await world.checkpoint()).gas));
}

async function governance(world, figures) {
  const suffix = `_n${world.count}`;
  figures[`adopt_policy_first${suffix}`] = world.firstAdoption;
  const loosened = world.policy();
  loosened.strategies[1].cap += 1n;
  await world.waiting(loosened, async (submission) => {
    figures[`submit_policy${suffix}`] = submission.gas;
    figures[`adopt_policy${suffix}`] = (await world.activate(loosened)).gas;
  });
  const tightened = world.policy();
  tightened.strategies[1].cap -= 1n;
  await world.stale(async () => {
    figures[`adopt_policy_at_once${suffix}`] = (await world.submit(tightened)).gas;
    const { policyVersion } = await world.read(world.guard, 'IPolicyGuard', 'guardState');
    demand(policyVersion === 2n, 'the tightened document is not in force');
  });
}

/** Every figure, in the order in which the file has them. */
export async function measure(out) {
  const enforced = await World.featuresOf(out);
  const features = { ...NO_FEATURES, targetWeights: enforced.targetWeights };
  const figures = { enforced, floor: {}, rebalance: {}, rebalance_groups3: {}, rebalance_yield_objective: {} };

  for (const count of COUNTS) {
    await within(out, count, { features }, async (world) => {
      await rebalances(world, figures.floor, LEGS, floor);
      await rebalances(world, figures.rebalance, LEGS);
      if (count === 5 || count === 20) await userPaths(world, figures);
      if (count !== 5) return;
      await governance(world, figures);
      const { bareVault } = world;
      figures.floor_deposit = await world.fresh(() => deposit(world, bareVault));
      figures.floor_withdraw_idle = await world.fresh(() => withdraw(world, bareVault));
      figures.floor_withdraw_pulled = await world.fresh(() => withdrawPulled(world, bareVault));
    });
  }

  // The same rebalance where something comes on top.
  for (const count of [5, 10, 20]) {
    if (!enforced.groups) break;
    await within(out, count, { features: { ...features, groups: true } },
      (world) => rebalances(world, figures.rebalance_groups3, LEGS));
  }
  if (enforced.targetWeights) {
    await within(out, 10, {}, (world) => rebalances(world, figures.rebalance_yield_objective, LEGS));
  }
  figures.rebalance_follow = {};
  figures.rebalance_stale = {};
  await within(out, 10, { features }, async (world) => {
    for (const legs of LEGS) {
      figures.rebalance_follow[key(10, legs)] = await world.fresh(() => rebalance(world, legs), DAY);
    }
    figures.rebalance_stale[key(10, 2)] = await world.stale(() => rebalance(world, 2));
    if (world.artifact('IPolicyGuard').has('rebalanceFor')) {
      figures.rebalance_for = { [key(10, 2)]: await world.fresh(() => relay(world, 2)) };
    }
  });
  figures.rebalance_rounding = {};
  await within(out, 10, { features, isYielding: true }, (world) => rebalances(world, figures.rebalance_rounding, LEGS));
  if (enforced.fees) {
    await within(out, 5, { features: { ...features, fees: true } }, async (world) => {
      // The gain is above the high-water mark: both fees are due, and the recipient has had shares before.
      figures.deposit_fees_n5 = await world.fresh(async () => {
        await world.earn();
        world.chain.warp(world.chain.now + HOUR);
        const feeShares = () => world.read(world.vault, 'ITreasuryVault', 'balanceOf', [world.feeRecipient]);
        const before = await feeShares();
        const gas = await deposit(world, world.vault);
        const after = await feeShares();
        demand(before > 0n && after > before, 'no fee was minted');
        return gas;
      });
      figures.rebalance_fees = { [key(5, 2)]: await world.fresh(() => rebalance(world, 2)) };
    });
  }

  figures.code_size = {};
  for (const name of CONTRACTS) figures.code_size[name] = new Artifact(out, name).size;
  return figures;
}
