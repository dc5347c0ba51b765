#!/usr/bin/env node
// A vault and a guard each run part of their code by delegatecall, on the storage of the first part. Fails unless whatever
// another part has in storage and in transient storage is the first one's too: same name, slot, offset, type, and the
// same that the type consists of. The first may have more behind it.
//
// A check that cannot fail shows nothing: differences are planted into the sources in memory, and each has to be found.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const solc = require('solc');
const root = path.resolve(import.meta.dirname, '..');
const PARTS = [
  ['contracts/vault/TreasuryVault.sol', 'contracts/vault/VaultPeriphery.sol'],
  ['contracts/guard/PolicyGuard.sol', 'contracts/guard/GuardGovernance.sol'],
  ['contracts/guard/PolicyGuard.sol', 'contracts/guard/GuardRules.sol'],
];
const LAYOUTS = ['storageLayout', 'transientStorageLayout'];
const REMAPPINGS = [
  '@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/',
  'solady/=node_modules/solady/src/',
];
// What is planted: a variable of the second half's own, and one in front of all that the first half has.
const AT_ITS_END = (variable) => [/^(contract \w+ is [^{]*\{)/m, `$1\n    ${variable}`];
const IN_FRONT = (variable) => [/^contract (\w+) is/m, `abstract contract Planted { ${variable} }\ncontract $1 is Planted,`];
const VARIABLES = ['uint256 private planted;', 'uint256 private transient planted;'];

function fail(message) {
  console.error(`check-layouts: ${message}`);
  process.exit(1);
}

const nameOf = (file) => path.basename(file, '.sol');

/** Layouts by file, of the sources as they are or with some text in the place of a file's. */
function layouts(files, replaced = {}) {
  const read = (file) => replaced[file] ?? fs.readFileSync(path.join(root, file), 'utf8');
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(files.map((file) => [file, { content: read(file) }])),
    settings: {
      evmVersion: 'prague',
      remappings: REMAPPINGS,
      outputSelection: Object.fromEntries(files.map((file) => [file, { [nameOf(file)]: LAYOUTS }])),
    },
  };
  const found = (file) => ({ contents: read(file) });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: found }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === 'error');
  if (errors.length > 0) fail(`the compiler says\n${errors.map((error) => error.formattedMessage).join('\n')}`);
  return Object.fromEntries(files.map((file) => [file, output.contracts[file][nameOf(file)]]));
}

/** What the second half has and the first has not, one line each. */
function differences(first, second) {
  return LAYOUTS.flatMap((kind) => {
    const [known, wanted] = [first, second].map((layout) => [
      ...layout[kind].storage.map(({ label, slot, offset, type }) => `slot ${slot} byte ${offset}: ${type} ${label}`),
      ...Object.entries(layout[kind].types ?? {}).map(([name, type]) => {
        const members = (type.members ?? []).map(({ label, slot, offset, type: of }) => `${slot}/${offset} ${of} ${label}`);
        return `${name}: ${type.numberOfBytes} bytes, ${type.encoding}, ${[type.key, type.value, type.base, ...members].join(' ')}`;
      }),
    ]);
    return wanted.filter((line) => !known.includes(line)).map((line) => `${kind}: ${line}`);
  });
}

const all = layouts(PARTS.flat());
let count = 0;
for (const [first, second] of PARTS) {
  const found = differences(all[first], all[second]);
  if (found.length > 0) fail(`${nameOf(first)} has not what ${nameOf(second)} has:\n  ${found.join('\n  ')}`);
  const sizes = LAYOUTS.map((kind) => all[second][kind].storage.length);
  if (sizes.includes(0)) fail(`${nameOf(second)} has no ${LAYOUTS[sizes.indexOf(0)]}; the check would say nothing of it`);
  console.log(`${nameOf(second)} finds its ${sizes[0]} variables and ${sizes[1]} transient ones where ${nameOf(first)} has them`);
  for (const variable of VARIABLES) {
    for (const [file, [from, to]] of [[second, AT_ITS_END(variable)], [first, IN_FRONT(variable)]]) {
      const text = fs.readFileSync(path.join(root, file), 'utf8');
      if (!from.test(text)) fail(`${file} does not hold ${from}, into which a difference is planted`);
      const planted = layouts([first, second], { [file]: text.replace(from, to) });
      if (differences(planted[first], planted[second]).length === 0) fail(`not found: ${variable} in ${file}`);
      count += 1;
    }
  }
}
console.log(`${count} planted differences were found`);
