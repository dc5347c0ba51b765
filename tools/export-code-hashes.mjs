#!/usr/bin/env node
// Writes deployments/code-hashes.json out of forge's build: for each contract of a treasury the hash of its runtime code with
// every immutable set to zero, and where these stand. `keeper policy verify` compares the chain with it, without a build.
// With --check it writes nothing and fails if the committed file differs from the build.
//
//   node tools/export-code-hashes.mjs [--check] [--out <forge out folder, default: $FOUNDRY_OUT or "out">]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CONTRACTS = [
  'TreasuryVault', 'VaultPeriphery', 'Conduit', 'PolicyGuard', 'GuardGovernance', 'GuardRules', 'TreasuryFactory', 'TreasuryLens',
  'MorphoBlueStrategy', 'MorphoBlueMarketsStrategy', 'TimelockController', 'TreasuryGovernor', 'TreasuryVotes',
];

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(root, 'deployments', 'code-hashes.json');

function fail(sentence) {
  process.stderr.write(`export-code-hashes: ${sentence}\n`);
  process.exit(1);
}

function parseArguments(list) {
  const options = { check: false, out: process.env.FOUNDRY_OUT ?? 'out' };
  for (let i = 0; i < list.length; i += 1) {
    if (list[i] === '--check') options.check = true;
    else if (list[i] === '--out' && list[i + 1] !== undefined) options.out = list[(i += 1)];
    else fail(`unknown argument "${list[i]}"; expected --check or --out <folder>.`);
  }
  return options;
}

function entry(out, name) {
  const file = path.join(out, `${name}.sol`, `${name}.json`);
  if (!fs.existsSync(file)) fail(`${file} does not exist; run \`make contracts\` first.`);
  const { object, immutableReferences = {}, linkReferences = {} } = JSON.parse(fs.readFileSync(file, 'utf8')).deployedBytecode;
  if (Object.keys(linkReferences).length > 0) fail(`${file} needs a library beside it, whose code nothing would compare.`);
  const code = Buffer.from(object.slice(2), 'hex');
  const immutables = Object.values(immutableReferences).flat().map(({ start, length }) => [start, length]);
  immutables.sort(([a], [b]) => a - b);
  for (const [start, length] of immutables) code.fill(0, start, start + length);
  const hash = execFileSync(path.join(root, 'node_modules/.bin/cast'), ['keccak', `0x${code.toString('hex')}`]);
  return { bytes: code.length, hash: hash.toString().trim(), immutables };
}

/** One contract a line, so that a change of code is a change of a line. */
function render(out) {
  const lines = CONTRACTS.map((name) => `    ${JSON.stringify(name)}: ${JSON.stringify(entry(out, name))}`);
  return `{\n  "schema": 1,\n  "contracts": {\n${lines.join(',\n')}\n  }\n}\n`;
}

const options = parseArguments(process.argv.slice(2));
const text = render(path.resolve(root, options.out));
if (options.check) {
  const committed = fs.existsSync(target) ? fs.readFileSync(target, 'utf8') : '';
  if (committed !== text) fail('deployments/code-hashes.json differs from the build; run `make code-hashes`.');
  process.stdout.write(`export-code-hashes: ${CONTRACTS.length} contracts match the build.\n`);
} else {
  fs.writeFileSync(target, text);
  process.stdout.write(`export-code-hashes: ${CONTRACTS.length} contracts written to deployments/code-hashes.json.\n`);
}
