#!/usr/bin/env node
// Writes the ABIs that the Rust bindings are made from, out of forge's build, so that `cargo build` needs no Solidity
// build. With --check it writes nothing and fails if a committed file differs from the build.
//
//   node tools/export-abi.mjs [--check] [--out <forge out folder, default: $FOUNDRY_OUT or "out">]
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Artifact by contract name: the folder in forge's out is the source file's name. */
const EXPORTED = {
  IPolicyGuard: 'IPolicyGuard.sol',
  ITreasuryVault: 'ITreasuryVault.sol',
  ITreasuryLens: 'ITreasuryLens.sol',
  ITreasuryFactory: 'ITreasuryFactory.sol',
  IConduit: 'IConduit.sol',
  TreasuryGovernor: 'TreasuryGovernor.sol',
  TreasuryVotes: 'TreasuryVotes.sol',
  TimelockController: 'TimelockController.sol',
  IERC20: 'IERC20.sol',
  IERC4626: 'IERC4626.sol',
};

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(root, 'agents', 'chain', 'abi');

function fail(sentence) {
  process.stderr.write(`export-abi: ${sentence}\n`);
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

function typeOf(parameter) {
  return parameter.components === undefined
    ? parameter.type
    : `(${parameter.components.map(typeOf).join(',')})${parameter.type.slice('tuple'.length)}`;
}

/** Order that does not depend on where a declaration stands in the source. */
function sortKey(entry) {
  return [entry.type, entry.name ?? '', (entry.inputs ?? []).map(typeOf).join(',')].join(' ');
}

function render(out, name, source) {
  const file = path.join(out, source, `${name}.json`);
  let abi;
  try {
    abi = JSON.parse(fs.readFileSync(file, 'utf8')).abi;
  } catch (error) {
    if (error.code === 'ENOENT') fail(`${file} does not exist; run \`forge build\` first.`);
    fail(`${file} is not a forge artifact: ${error.message}.`);
  }
  if (!Array.isArray(abi)) fail(`${file} carries no ABI; expected an array under "abi".`);
  const keyed = abi.map((entry) => [sortKey(entry), entry]);
  keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `${JSON.stringify({ abi: keyed.map(([, entry]) => entry) }, null, 2)}\n`;
}

const options = parseArguments(process.argv.slice(2));
const out = path.resolve(root, options.out);
const rendered = Object.entries(EXPORTED).map(([name, source]) => [`${name}.json`, render(out, name, source)]);

if (options.check) {
  const expected = new Set(rendered.map(([file]) => file));
  const present = fs.existsSync(target) ? fs.readdirSync(target) : [];
  const stray = present.filter((file) => file.endsWith('.json') && !expected.has(file));
  const stale = rendered
    .filter(([file, text]) => !present.includes(file) || fs.readFileSync(path.join(target, file), 'utf8') !== text)
    .map(([file]) => file);
  if (stray.length > 0) fail(`agents/chain/abi holds files that no build makes: ${stray.join(', ')}; remove them.`);
  if (stale.length > 0) {
    fail(`agents/chain/abi differs from the build in ${stale.join(', ')}; run \`node tools/export-abi.mjs\`.`);
  }
  process.stdout.write(`export-abi: ${rendered.length} ABIs match the build.\n`);
} else {
  fs.mkdirSync(target, { recursive: true });
  for (const [file, text] of rendered) fs.writeFileSync(path.join(target, file), text);
  process.stdout.write(`export-abi: ${rendered.length} ABIs written to agents/chain/abi.\n`);
}
