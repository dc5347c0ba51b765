// Targets, the comparison with the committed file, and the table for people.
const SIZE_LIMIT = 24_576;

const number = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/** a ÷ b with three decimals, rounded up: a figure just past a target never looks as if it met it. */
export function ratioUp(a, b) {
  const thousandths = Math.floor((a * 1000 + b - 1) / b);
  return `${Math.floor(thousandths / 1000)}.${String(thousandths % 1000).padStart(3, '0')}`;
}

const legsOf = (key) => Number(key.split('_k')[1]);
const countOf = (key) => Number(key.slice(1).split('_')[0]);

/** Keys of a map with this number of legs. */
const keysOf = (map, legs) => Object.keys(map).filter((key) => legsOf(key) === legs);

/**
 * How a target stands.
 * @returns {{name: string, limit: string, figure: string, isMet: boolean, knownMiss: string | null}}
 */
function judge(target, figures) {
  const { name, knownMiss } = target;
  if (target.legs !== undefined) {
    const keys = keysOf(figures.rebalance, target.legs);
    const ratios = keys.map((key) => [figures.rebalance[key], figures.floor[key]]);
    const worst = ratios.reduce((a, b) => (b[0] * a[1] > a[0] * b[1] ? b : a));
    const limit = `${Math.floor(target.limitPercent / 100)}.${String(target.limitPercent % 100).padStart(2, '0')}`;
    return { name, limit, figure: ratioUp(...worst), isMet: worst[0] * 100 <= worst[1] * target.limitPercent, knownMiss };
  }
  if (target.growth) {
    const spans = [...new Set(Object.keys(figures.rebalance).map(legsOf))].map((legs) => {
      const gas = keysOf(figures.rebalance, legs).map((key) => figures.rebalance[key]);
      return Math.max(...gas) - Math.min(...gas);
    });
    const worst = Math.max(...spans);
    return { name, limit: number(target.limit), figure: number(worst), isMet: worst <= target.limit, knownMiss };
  }
  const figure = figures[target.key];
  return { name, limit: number(target.limit), figure: number(figure), isMet: figure <= target.limit, knownMiss };
}

export const judgeAll = (targets, figures) => targets.map((target) => judge(target, figures));

/** One sentence for each target that stands otherwise than `targets.json` says. */
export function surprises(judged) {
  return judged.flatMap(({ name, limit, figure, isMet, knownMiss }) => {
    if (!isMet && knownMiss === null) {
      return [`target missed: ${name} is ${figure}, at most ${limit} was set; name the reason as "knownMiss" in bench/targets.json or bring it down.`];
    }
    if (isMet && knownMiss !== null) {
      return [`target met: ${name} is ${figure}, at most ${limit} was set; set its "knownMiss" in bench/targets.json to null.`];
    }
    return [];
  });
}

function flatten(figures, prefix = '') {
  return Object.entries(figures).flatMap(([key, value]) =>
    typeof value === 'object' ? flatten(value, `${prefix}${key}.`) : [[prefix + key, value]]);
}

/** One sentence for each figure that differs from the committed file. */
export function differences(committed, measured) {
  const [before, after] = [new Map(flatten(committed)), new Map(flatten(measured))];
  const sentences = [];
  for (const [key, now] of after) {
    const then = before.get(key);
    if (then === now) continue;
    if (then === undefined) sentences.push(`${key} is ${number(now)}, and bench/gas.json has no such key.`);
    else if (typeof now !== 'number' || typeof then !== 'number') sentences.push(`${key} is ${now}, bench/gas.json says ${then}.`);
    else {
      const change = `${number(Math.abs(now - then))} ${now > then ? 'more' : 'less'}`;
      sentences.push(`${key} is ${number(now)}, bench/gas.json says ${number(then)} (${change}).`);
    }
  }
  for (const key of before.keys()) {
    if (!after.has(key)) sentences.push(`${key} stands in bench/gas.json and is no longer measured.`);
  }
  return sentences;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const align = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(head), line(align), ...rows.map(line)].join('\n');
}

function rebalanceTable({ floor, rebalance }) {
  const rows = Object.keys(rebalance)
    .sort((a, b) => legsOf(a) - legsOf(b) || countOf(a) - countOf(b))
    .map((key) => [`${legsOf(key)}`, `${countOf(key)}`, number(floor[key]), number(rebalance[key]),
      number(rebalance[key] - floor[key]), `**${ratioUp(rebalance[key], floor[key])}**`]);
  return table(['legs', 'strategies', 'floor', 'rebalance', 'above the floor', 'ratio'], rows);
}

const VARIANTS = {
  rebalance_groups3: 'strategies in groups of three (of those deposited into, every member is read)',
  rebalance_yield_objective: 'objective yield instead of target weights',
  rebalance_rounding: 'share prices that are not one: legs lose a unit, and the loss buckets are charged',
  rebalance_follow: 'price references older than a day, so that each touched one follows',
  rebalance_stale: 'checkpoint older than allowed: all strategies are read first',
  rebalance_for: 'signed by the agent, sent by somebody else',
  rebalance_fees: 'both fees set',
};

function variantTable(figures) {
  const rows = Object.entries(VARIANTS).flatMap(([name, meaning]) =>
    Object.entries(figures[name] ?? {}).map(([key, gas]) => {
      const [base, floor] = [figures.rebalance[key], figures.floor[key]];
      const more = gas - base;
      return [meaning, `${legsOf(key)}`, `${countOf(key)}`, number(gas), `${more < 0 ? '−' : '+'}${number(Math.abs(more))}`, ratioUp(gas, floor)];
    }));
  return table(['what differs', 'legs', 'strategies', 'gas', 'against the row above', 'ratio'], rows);
}

function userTable(figures) {
  const rows = [
    ['deposit, stays idle', 'deposit', 'floor_deposit'],
    ['withdrawal from idle', 'withdraw_idle', 'floor_withdraw_idle'],
    ['withdrawal pulled out of a strategy, idle empty', 'withdraw_pulled', 'floor_withdraw_pulled'],
    ['redemption in kind, first time (a new balance of each strategy)', 'redeem_in_kind'],
    ['redemption in kind, again', 'redeem_in_kind_again'],
    ['checkpoint', 'checkpoint'],
  ].map(([meaning, name, floor]) => {
    const [five, twenty] = [figures[`${name}_n5`], figures[`${name}_n20`]];
    const below = figures[floor];
    return [meaning, below === undefined ? '–' : number(below), number(five),
      below === undefined ? '–' : ratioUp(five, below), number(twenty), number(Math.round((twenty - five) / 15))];
  });
  const fees = figures.deposit_fees_n5;
  if (fees !== undefined) {
    rows.splice(1, 0, ['deposit, both fees due', '–', number(fees), ratioUp(fees, figures.floor_deposit), '–', '–']);
  }
  return table(['1,000 tokens, an existing holder', 'floor', '5 strategies', 'ratio', '20 strategies', 'per strategy'], rows);
}

function governanceTable(figures) {
  const rows = [
    ['submission of a document that waits', 'submit_policy_n5'],
    ['adoption of a waiting document over one with the same strategies', 'adopt_policy_n5'],
    ['adoption of the first document', 'adopt_policy_first_n5'],
    ['submission of a stricter document, adopted at once', 'adopt_policy_at_once_n5'],
  ].map(([meaning, key]) => [meaning, number(figures[key])]);
  return table(['5 strategies, one agent', 'gas'], rows);
}

function sizeTable({ code_size: sizes }) {
  const rows = Object.entries(sizes).map(([name, bytes]) => [`\`${name}\``, number(bytes), number(SIZE_LIMIT - bytes)]);
  return table(['contract', 'bytes on the chain', 'left of 24,576'], rows);
}

function targetTable(judged) {
  const rows = judged.map(({ name, limit, figure, isMet, knownMiss }) =>
    [name, limit, figure, isMet ? 'met' : `**missed**${knownMiss === null ? '' : `: ${knownMiss}`}`]);
  return table(['target', 'at most', 'measured', ''], rows);
}

function enforcedSentence({ enforced }) {
  const missing = Object.entries({ groups: 'groups', fees: 'fees', targetWeights: 'target weights' })
    .filter(([name]) => !enforced[name]).map(([, name]) => name);
  if (missing.length === 0) return '';
  return `\nThe guard measured here does not enforce ${missing.join(', ')} yet; rows that need them are absent${
    enforced.targetWeights ? '' : ', and the objective of all rows is yield'}.\n`;
}

export function readme(figures, judged) {
  return `# Gas

Written by \`make bench-gas\` from [gas.json](gas.json); \`make check-gas\` measures again and fails if one figure differs by one
unit, in either direction. Every figure is \`gasUsed\` in the receipt of a transaction: intrinsic cost, calldata, execution, less the refund.
${enforcedSentence(figures)}
## Targets

${targetTable(judged)}

## Rebalance

The **floor** is a contract with one operator that holds the same positions and makes the same ERC-4626 calls, with standing
allowances and no checks ([BareMover](contracts/BareMover.sol)).

${rebalanceTable(figures)}

The same rebalance where something comes on top:

${variantTable(figures)}

## Deposits and withdrawals

The floor is an OpenZeppelin vault with its total in one slot and one strategy behind it ([BareVault](contracts/BareVault.sol)). Entries and
exits read every strategy, on purpose: they pay by what positions are worth now.

${userTable(figures)}

## Governance

${governanceTable(figures)}

## Sizes

${sizeTable(figures)}

## How it is measured

- Real transactions on a local anvil of the pinned version, hardfork prague (EIP-7623 and EIP-3529 in force), each alone in its block, so that
  every slot and account is cold but sender, recipient and precompiles. No figure is an estimate: it is the receipt's. Each starts from a
  snapshot of its own, and the harness checks on the chain that the transaction moved what it is said to move.
- Contracts as deployed: solc of the pinned version, ${'`foundry.toml`'}'s settings. Treasury made by the factory. Asset: OpenZeppelin ERC-20, 18 decimals.
  Strategies: OpenZeppelin ERC-4626 with nothing added, each holding 1,000 tokens of a third party; no yield unless a row says so.
- 1,000,000 tokens of one depositor, 1 % idle, the rest equally over the strategies. A rebalance moves 1 % of assets: half its legs
  withdraw 10,000 tokens together, half deposit them.
- Policy in force: mode Active; weights, floors, caps, minimum idle, price bands, cooldown and both buckets of the agent and of the vault set
  and none of them idle; target weights as objective where the guard enforces them; no groups and no fees unless a row says so. The plan
  names the vault's rebalance count. The agent is an externally owned account and calls the guard itself.
- Buckets, nonces, counters and conduit allowances have been used by earlier rebalances; price references are younger than a day; the checkpoint is
  an hour old and fresh. An hour passes before each measured transaction.
- Keys, deployers and times are fixed. What stands in calldata does not depend on the code measured, so a figure moves only when the code's
  cost does.

${'`node tools/bench-gas.mjs --profile n5_k2`'} (or ${'`deposit_n5`'}) shows where the gas goes, by contract, kind of instruction and function.
`;
}
