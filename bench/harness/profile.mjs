// Where the gas of one transaction goes: by contract and kind of instruction, and by function of our own contracts.
import fs from 'node:fs';
import path from 'node:path';

import { NO_FEATURES, ROOT, USER_AMOUNT, World } from './world.mjs';

const CALLS = new Set(['CALL', 'STATICCALL', 'DELEGATECALL', 'CALLCODE', 'CREATE', 'CREATE2']);
const KINDS = {
  SLOAD: 'storage read', SSTORE: 'storage write', TLOAD: 'transient', TSTORE: 'transient', EXTCODESIZE: 'account',
  EXTCODEHASH: 'account', BALANCE: 'account', KECCAK256: 'hash', LOG0: 'event', LOG1: 'event', LOG2: 'event', LOG3: 'event', LOG4: 'event',
};

function kindOf(op) {
  if (CALLS.has(op)) return 'call';
  return KINDS[op] ?? 'computing';
}

const hexAddress = (word) => `0x${BigInt(word).toString(16).padStart(40, '0').slice(-40)}`;

/** Steps of a trace with the gas each spent itself, and the code it ran in. */
function ownGas(steps, label) {
  const open = [];
  const rows = steps.map((step, i) => {
    const next = steps[i + 1];
    if (step.depth > open.length) {
      const caller = steps[i - 1];
      const target = i === 0 ? undefined : hexAddress(caller.stack[caller.stack.length - 2]);
      open.push(label(target));
    }
    const row = { step, code: open[step.depth - 1], own: step.gasCost, inside: 0 };
    if (next !== undefined && next.depth === step.depth) row.own = step.gas - next.gas;
    if (next !== undefined && next.depth < step.depth) open.length = next.depth;
    return row;
  });
  // A call's own cost is what it took off its frame, less what the frame below it used.
  rows.forEach((row, i) => {
    const below = rows[i + 1];
    if (!CALLS.has(row.step.op) || below === undefined || below.step.depth <= row.step.depth) return;
    let end = i + 1;
    while (end < rows.length && rows[end].step.depth > row.step.depth) end += 1;
    const last = rows[end - 1];
    const used = below.step.gas - (last.step.gas - last.step.gasCost);
    const after = rows[end];
    row.own = (after === undefined ? row.step.gasCost : row.step.gas - after.step.gas) - used;
  });
  return rows;
}

/** For each program counter of a contract: the function of the source it was made from. */
function functionsOf(artifact, out) {
  const cacheFile = path.join(process.env.FOUNDRY_CACHE_PATH ?? path.join(ROOT, 'cache'), 'solidity-files-cache.json');
  const { files } = JSON.parse(fs.readFileSync(cacheFile, 'utf8'));
  const entry = Object.values(files).flatMap(({ artifacts }) => Object.entries(artifacts ?? {}))
    .find(([name]) => name === artifact.name)?.[1];
  if (entry === undefined) return () => 'unknown';
  const { build_id: build } = Object.values(Object.values(entry)[0])[0];
  const names = JSON.parse(fs.readFileSync(path.join(out, 'build-info', `${build}.json`), 'utf8')).source_id_to_path;
  const sources = new Map();
  const functionAt = (file, offset) => {
    if (names[file] === undefined) return 'abi coding';
    if (!sources.has(file)) {
      const text = fs.readFileSync(path.resolve(ROOT, names[file]), 'latin1');
      sources.set(file, [...text.matchAll(/\b(?:function|modifier) +(\w+)|\bconstructor\b|\b(?:contract|library) +(\w+)[^;{]*\{/g)]
        .map((match) => [match.index, match[1] ?? '(dispatch)']));
    }
    const found = sources.get(file).filter(([start]) => start <= offset).at(-1);
    return `${path.basename(names[file], '.sol')}.${found === undefined ? '?' : found[1]}`;
  };

  const code = Buffer.from(artifact.deployedBytecode.object.slice(2).replace(/__\$\w+\$__/g, '0'.repeat(40)), 'hex');
  const places = new Map();
  const entries = artifact.deployedBytecode.sourceMap.split(';');
  let [start, file, instruction] = ['0', '-1', 0];
  for (let pc = 0; pc < code.length && instruction < entries.length; pc += 1, instruction += 1) {
    const parts = entries[instruction].split(':');
    start = parts[0] || start;
    file = parts[2] || file;
    places.set(pc, functionAt(file, Number(start)));
    if (code[pc] >= 0x60 && code[pc] <= 0x7f) pc += code[pc] - 0x5f;
  }
  return (pc) => places.get(pc) ?? 'unknown';
}

function sums(rows, keysOf) {
  const result = new Map();
  for (const row of rows) {
    const key = keysOf(row);
    const sum = result.get(key) ?? { gas: 0, count: 0 };
    sum.gas += row.own;
    sum.count += 1;
    result.set(key, sum);
  }
  return [...result].sort((a, b) => b[1].gas - a[1].gas);
}

function intrinsic(input) {
  const bytes = Buffer.from(input.slice(2), 'hex');
  const zeros = bytes.filter((byte) => byte === 0).length;
  return { base: 21_000, calldata: zeros * 4 + (bytes.length - zeros) * 16 };
}

async function trace(world, receipt, label) {
  const { chain } = world;
  const transaction = await chain.rpc('eth_getTransactionByHash', receipt.transactionHash);
  const { structLogs } = await chain.rpc('debug_traceTransaction', receipt.transactionHash,
    { disableMemory: true, enableMemory: false, disableStorage: true });
  const rows = ownGas(structLogs, (target) => label(target ?? transaction.to));
  const { base, calldata } = intrinsic(transaction.input);
  const execution = rows.reduce((sum, { own }) => sum + own, 0);
  return { rows, base, calldata, execution, refund: base + calldata + execution - receipt.gas, gas: receipt.gas };
}

function describe(title, { rows, base, calldata, execution, refund, gas }, functionsByCode) {
  const lines = [`${title}: ${gas} = ${base} base + ${calldata} calldata + ${execution} execution − ${refund} refund`, ''];
  const line = (name, { gas: spent, count }) => lines.push(`  ${String(spent).padStart(8)}  ${String(count).padStart(6)}  ${name}`);
  lines.push('  by contract and kind (gas, instructions)');
  for (const [key, sum] of sums(rows, ({ code, step }) => `${code}: ${kindOf(step.op)}`)) line(key, sum);
  lines.push('', '  storage by contract, kind and price (gas, accesses)');
  const priced = rows.filter(({ step }) => ['SLOAD', 'SSTORE'].includes(step.op) || CALLS.has(step.op));
  for (const [key, sum] of sums(priced, ({ code, step, own }) => `${code}: ${step.op} at ${own}`)) {
    if (!key.includes('CALL') || sum.gas / sum.count >= 2_600) line(key, sum);
  }
  for (const [code, functionAt] of Object.entries(functionsByCode)) {
    const mine = rows.filter((row) => row.code === code);
    if (mine.length === 0) continue;
    lines.push('', `  ${code} by function, calls and storage included (gas, instructions)`);
    for (const [key, sum] of sums(mine, ({ step }) => functionAt(step.pc))) line(key, sum);
  }
  return `${lines.join('\n')}\n\n`;
}

const USER = {
  deposit: (world) => ['deposit(uint256,address)', [USER_AMOUNT, world.depositor]],
  withdraw_idle: (world) => ['withdraw(uint256,address,address)', [USER_AMOUNT, world.depositor, world.depositor]],
  redeem_in_kind: (world) => ['redeemInKind', [USER_AMOUNT, world.depositor, world.depositor, []]],
};

/** The transactions behind a key: name in the report, and how to send it. */
function transactionsOf(key) {
  const pair = /^n(\d+)_k(\d+)$/.exec(key);
  if (pair !== null) {
    const legs = Number(pair[2]);
    return { count: Number(pair[1]), sends: {
      rebalance: (world) => world.rebalance(world.moves(legs)),
      floor: (world) => world.bareMove(world.moves(legs)),
    } };
  }
  const user = /^(\w+)_n(\d+)$/.exec(key);
  if (user === null || USER[user[1]] === undefined) {
    throw new Error(`"${key}" cannot be profiled; expected one such as n5_k2, ${Object.keys(USER).map((name) => `${name}_n5`).join(', ')}`);
  }
  const send = (vault, contract) => (world) => world.send(world.depositor, world[vault], contract, ...USER[user[1]](world));
  const sends = { vault: send('vault', 'ITreasuryVault') };
  if (user[1] !== 'redeem_in_kind') sends.floor = send('bareVault', 'BareVault');
  return { count: Number(user[2]), sends };
}

/** Text about the transaction with this key, and about the floor below it. */
export async function profile(out, key) {
  const { count, sends } = transactionsOf(key);
  const { targetWeights } = await World.featuresOf(out);
  const world = await World.build(out, count, { features: { ...NO_FEATURES, targetWeights }, isTraced: true });
  try {
    const conduit = hexAddress(await world.read(world.vault, 'ITreasuryVault', 'conduit'));
    const names = new Map([
      [world.guard, 'PolicyGuard'], [world.vault, 'TreasuryVault'], [conduit, 'Conduit'], [world.asset, 'asset'],
      [world.mover, 'floor'], [world.bareVault, 'floor'], ...world.strategies.map((strategy) => [strategy, 'strategies']),
    ].map(([address, name]) => [address.toLowerCase(), name]));
    const label = (address) => names.get(address.toLowerCase()) ?? address;
    const functions = Object.fromEntries(['PolicyGuard', 'TreasuryVault', 'Conduit']
      .map((name) => [name, functionsOf(world.artifact(name), out)]));
    let text = '';
    for (const [name, send] of Object.entries(sends)) {
      const traced = await world.fresh(async () => trace(world, await send(world), label));
      text += describe(`${name} ${key}`, traced, name === 'floor' ? {} : functions);
    }
    return text;
  } finally {
    world.stop();
  }
}
