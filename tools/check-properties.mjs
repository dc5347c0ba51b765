#!/usr/bin/env node
// Plants one fault at a time into the contracts and expects the campaign of the property to fail: a property that holds
// whatever the code does shows nothing. The list is test/invariant/FAULTS.json: for each fault the property, the fault in
// words, the campaign, and the edits: in `file` the text `from` becomes `into`, in which FAULT stands for whether the
// fault is in. All faults lie behind switches of one build (tools/switches.mjs). Every property has a fault.
// A fault is found if the campaign fails with a sentence of the property it was planted for: those that stand in the
// property's functions, and those in `says`, where a helper speaks for it. What forge draws is not the same in two runs:
// a draw in which another property spoke first, or none did, is drawn again, four times at most.
// Usage: tools/check-properties.mjs [--only TEXT] [--part K/N]   (part of a property's or a fault's name; the Kth of N parts)
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { ENVIRONMENT, VARIABLE, isOn, makeCopy, withSwitch } from './switches.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const copy = path.join(root, 'target', 'check-properties');
const TESTS = 'test/invariant';
const LIST = `${TESTS}/FAULTS.json`;
const COPIED = ['contracts', 'script/Deploy.s.sol', 'script/lib', 'test/Base.t.sol', 'test/mocks', TESTS];
const WORKERS = 2;
const SEEDS = ['0x7661677573', '0x1', '0x2', '0x3'];

const started = Date.now();
const seconds = () => Math.round((Date.now() - started) / 1000);

function fail(message) {
  console.error(`check-properties: ${message}`);
  process.exit(1);
}

/** The contracts with every fault in them, each behind its switch. */
function faultyTexts(faults) {
  const texts = new Map();
  faults.forEach(({ edits }, i) => {
    for (const { file, from, into } of edits) {
      const before = texts.get(file) ?? fs.readFileSync(path.join(root, file), 'utf8');
      const count = before.split(from).length - 1;
      if (count !== 1) fail(`${LIST}: ${file} should hold exactly once and holds ${count} times:\n${from}`);
      texts.set(file, before.replace(from, () => into.replaceAll('FAULT', isOn(i + 1))));
    }
  });
  return new Map([...texts].map(([file, text]) => [file, withSwitch(file, text)]));
}

/** A campaign of one sequence of actions: a draw in which nothing was found is followed by another. */
function oneRun(name) {
  const file = `${TESTS}/${name}.invariant.t.sol`;
  const text = fs.readFileSync(path.join(root, file), 'utf8');
  if (!text.includes('default.invariant.runs = 2')) fail(`${file} does not say how many sequences it runs`);
  return [file, text.replace('default.invariant.runs = 2', 'default.invariant.runs = 1')];
}

/** The sentences with which each property fails: the texts in the functions that bear its name. */
function sentences() {
  const texts = new Map();
  const folder = path.join(root, TESTS);
  for (const name of fs.readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.sol'))) {
    const lines = fs.readFileSync(path.join(folder, name), 'utf8').split('\n');
    let property = '';
    for (const line of lines) {
      property = /^    function (property_\w+)/.exec(line)?.[1] ?? (line === '    }' ? '' : property);
      if (property === '') continue;
      for (const [, text] of line.matchAll(/"([^"]+)"/g)) texts.set(property, [...(texts.get(property) ?? []), text]);
    }
  }
  return texts;
}

/** What became of a campaign: empty if it passed, else why it failed. */
async function campaign(name, number, worker, seed) {
  const kept = `cache/invariant-${worker}`;
  fs.rmSync(path.join(copy, kept), { recursive: true, force: true });
  const environment = {
    ...ENVIRONMENT,
    [VARIABLE]: String(number),
    FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT: '0',
    FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR: kept,
  };
  const args = ['test', '--match-path', `${TESTS}/${name}.invariant.t.sol`, '--fuzz-seed', seed];
  const options = { cwd: copy, env: environment, maxBuffer: 1 << 28 };
  // As text: with `--json` forge tells every call of a sequence.
  const { stdout, stderr = '' } = await run(path.join(copy, 'node_modules/.bin/forge'), args, options).catch((error) => error);
  if (/^Suite result: ok\. [1-9]/m.test(stdout)) return '';
  const failure = /^\[FAIL(?:: (.*?))?\] ?(?:\[|\(|invariant_|setUp|$)/m.exec(stdout) ?? /^\[FAIL(?:: (.*))?/m.exec(stdout);
  if (!failure) fail(`forge gave no result of the campaign ${name}:\n${stdout}${stderr}`.slice(0, 6000));
  return failure[1] ?? 'without a reason';
}

/** What follows an option on the command line. */
function option(name, otherwise) {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : (process.argv[at + 1] ?? fail(`${name} needs a value`));
}

const only = option('--only', '');
const part = /^(\d+)\/(\d+)$/.exec(option('--part', '1/1'))?.slice(1).map(Number);
if (!part || part[0] < 1 || part[0] > part[1]) fail(`--part ${option('--part')}: expected K/N with K from 1 to N`);
const faults = JSON.parse(fs.readFileSync(path.join(root, LIST), 'utf8'));
const properties = new Set(fs.readFileSync(path.join(root, TESTS, 'PROPERTIES.md'), 'utf8').match(/property_\w+/g));
const unshown = [...properties].filter((name) => !faults.some(({ property }) => property === name));
if (unshown.length !== 0) fail(`${LIST} names no fault for ${unshown.join(', ')}`);
const unknown = faults.filter(({ property }) => !properties.has(property));
if (unknown.length !== 0) fail(`${TESTS}/PROPERTIES.md does not list ${unknown.map(({ property }) => property).join(', ')}`);

const queue = faults.map((fault, i) => ({ ...fault, number: i + 1 }));
const chosen = queue.filter(({ property, fault, number }) => `${property} ${fault}`.includes(only) && number % part[1] === part[0] % part[1]);
if (chosen.length === 0) fail(`nothing in ${LIST} matches «${only}»`);
const campaigns = [...new Set(chosen.map((fault) => fault.campaign))];
fs.rmSync(path.join(copy, 'out'), { recursive: true, force: true });
makeCopy(root, copy, COPIED, { changed: new Map([...faultyTexts(faults), ...campaigns.map(oneRun)]) });
const hasNeverHappened = (reason) => reason.startsWith('never');
for (const name of campaigns) {
  let reason = '';
  for (const seed of SEEDS) {
    reason = await campaign(name, 0, 0, seed);
    if (!hasNeverHappened(reason)) break;
  }
  if (reason !== '') fail(`the campaign ${name} fails with every fault out: ${reason}`);
}
console.log(`${campaigns.join(', ')} pass with every fault out (${seconds()} s)`);

const texts = sentences();
const waiting = [...chosen];
let lived = 0;
async function work(worker) {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const own = [...(texts.get(next.property) ?? []), ...(next.says ?? [])];
    const heard = [];
    let isFound = false;
    for (const seed of SEEDS) {
      const reason = await campaign(next.campaign, next.number, worker, seed);
      isFound = own.some((text) => reason === text || reason.startsWith(`${text}: `));
      heard.push(reason === '' ? 'nothing' : reason);
      if (isFound) break;
    }
    if (!isFound) lived += 1;
    console.log(`${isFound ? 'found' : 'LIVES'}  ${next.property}: ${next.fault} («${heard.join('», «')}», ${seconds()} s)`);
  }
}
await Promise.all(Array.from({ length: WORKERS }, (_, i) => work(i + 1)));
console.log(`${chosen.length - lived} of ${chosen.length} faults are found (${seconds()} s)`);
if (lived !== 0) process.exit(1);
fs.rmSync(copy, { recursive: true, force: true });
