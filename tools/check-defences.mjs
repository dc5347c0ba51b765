#!/usr/bin/env node
// Takes one defence at a time out of the contracts and expects the test of the incident to fail: a test that passes
// without its defence shows nothing. The list is test/adversarial/DEFENCES.json: for each removal the test, the defence
// in words, and the edits: in `file` the statements or the expression `from` become `to`; or they become `into`, in which
// REMOVED stands for whether the defence is out.
//
// A compile per removal would take half an hour. So a copy under target/check-defences is compiled once, with every
// removal in it behind a switch (tools/switches.mjs). In one run each test has a removal of its own; there are as many
// runs as the test with most removals has.
// Usage: tools/check-defences.mjs [--only TEXT]   (part of a test's or a file's name)
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { ENVIRONMENT, VARIABLE, choose, isOn, makeCopy, withSwitch } from './switches.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const copy = path.join(root, 'target', 'check-defences');
const TESTS = 'test/adversarial';
const LIST = `${TESTS}/DEFENCES.json`;
const COPIED = ['contracts', 'script/Deploy.s.sol', 'script/lib', 'test/Base.t.sol', 'test/mocks', TESTS];

function option(name) {
  const place = process.argv.indexOf(name);
  return place < 0 ? undefined : process.argv[place + 1];
}

function fail(message) {
  console.error(`check-defences: ${message}`);
  process.exit(1);
}

function replace({ file, from, text, all }) {
  const name = path.join(copy, file);
  const before = fs.existsSync(name) ? fs.readFileSync(name, 'utf8') : '';
  const count = before.split(from).length - 1;
  if (count === 0 || (count > 1 && !all)) {
    fail(`${LIST}: ${file} should hold ${all ? 'at least once' : 'exactly once'} and holds ${count} times:\n${from}`);
  }
  fs.writeFileSync(name, before.replaceAll(from, () => text));
}

/** The edit with both texts in it, the removed one behind the switch. */
function switched({ file, from, to, into, all }, number) {
  const isOut = isOn(number);
  const either = from.endsWith(';') ? `if (${isOut}) { ${to} } else { ${from} }` : `(${isOut} ? ${to} : ${from})`;
  const text = into ? into.replaceAll('REMOVED', isOut) : either;
  return { file, from, text, all };
}

function importSwitch(file) {
  const name = path.join(copy, file);
  fs.writeFileSync(name, withSwitch(file, fs.readFileSync(name, 'utf8')));
}

/** Has every test set its own switch first. */
function letTestsChoose(name) {
  const file = path.join(copy, TESTS, name);
  const head = /(function (test\w+)\([^)]*\) public \{)/g;
  const text = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, text.replace(head, (_, start, test) => `${start}\n        ${choose(`${VARIABLE}_${test}`)}`));
}

/** Results by the test's name, each test with its own defence removed as the environment says. */
async function forge(tests, environment) {
  const args = ['test', '--match-path', `${TESTS}/**`, '--match-test', `^(${tests.join('|')})\\(`, '--json'];
  const options = { cwd: copy, env: { ...ENVIRONMENT, ...environment }, maxBuffer: 1 << 28 };
  const answer = await run(path.join(copy, 'node_modules/.bin/forge'), args, options).catch((error) => error);
  const start = (answer.stdout ?? '').indexOf('{"');
  if (start < 0) fail(`forge gave no results:\n${answer.stdout}${answer.stderr}`.slice(0, 6000));
  const results = new Map();
  for (const suite of Object.values(JSON.parse(answer.stdout.slice(start).trim()))) {
    for (const [name, result] of Object.entries(suite.test_results)) results.set(name.replace(/\(.*/, ''), result);
  }
  return results;
}

/** What is wrong with a removal; empty if its test failed as it must. */
function judge({ test, isInSetUp }, results) {
  const result = results.get(test) ?? (isInSetUp ? results.get('setUp') : undefined);
  if (!result) return `the test did not run${results.has('setUp') ? `: ${results.get('setUp').reason}` : ''}`;
  return result.status === 'Failure' ? '' : 'the test passes without the defence';
}

/** Removals that go into one run: no test twice, and what concerns the set-up alone. */
function nextRun(queue) {
  const alone = queue.findIndex(({ isInSetUp }) => isInSetUp);
  if (alone >= 0) return queue.splice(alone, 1);
  const chosen = queue.filter(({ test }, i) => queue.findIndex((other) => other.test === test) === i);
  for (const removal of chosen) queue.splice(queue.indexOf(removal), 1);
  return chosen;
}

const started = Date.now();
const seconds = () => Math.round((Date.now() - started) / 1000);
const all = JSON.parse(fs.readFileSync(path.join(root, LIST), 'utf8'));

const suites = fs.readdirSync(path.join(root, TESTS)).filter((name) => name.endsWith('.t.sol'));
const written = suites.flatMap((name) => {
  const text = fs.readFileSync(path.join(root, TESTS, name), 'utf8');
  return [...text.matchAll(/function (test\w+)\(/g)].map((match) => match[1]);
});
const listed = new Set(all.map(({ test }) => test));
const unproven = written.filter((name) => !listed.has(name));
if (unproven.length !== 0) fail(`${LIST} names no defence for ${unproven.join(', ')}`);

fs.rmSync(copy, { recursive: true, force: true });
makeCopy(root, copy, COPIED);
suites.forEach(letTestsChoose);
const numbers = new Map();
for (const removal of all) {
  const key = JSON.stringify(removal.edits);
  if (!numbers.has(key)) {
    numbers.set(key, numbers.size + 1);
    for (const edit of removal.edits) replace(switched(edit, numbers.get(key)));
  }
  removal.number = numbers.get(key);
}
new Set(all.flatMap(({ edits }) => edits.map(({ file }) => file))).forEach(importSwitch);

const only = option('--only') ?? '';
const queue = all.filter(({ test, edits }) => [test, ...edits.map(({ file }) => file)].some((text) => text.includes(only)));
if (queue.length === 0) fail(`nothing in ${LIST} matches «${only}»`);
const count = queue.length;
const tests = [...new Set(queue.map(({ test }) => test))];
const untouched = await forge(tests, {});
const broken = tests.filter((test) => untouched.get(test)?.status !== 'Success');
if (broken.length !== 0) {
  fail(`these fail with every defence in place:\n${broken.map((t) => `  ${t}: ${untouched.get(t)?.reason}`).join('\n')}`);
}
console.log(`${tests.length} tests pass with every defence in place (${seconds()} s)`);

const wrong = [];
while (queue.length !== 0) {
  const removals = nextRun(queue);
  const environment = removals.map(({ test, number, isInSetUp }) => [isInSetUp ? VARIABLE : `${VARIABLE}_${test}`, number]);
  const results = await forge(removals.map(({ test }) => test), Object.fromEntries(environment));
  for (const removal of removals) {
    const message = judge(removal, results);
    if (message === '') continue;
    wrong.push(removal);
    console.log(`${removal.test}, without «${removal.removed}»: ${message}`);
  }
}
console.log(`${count - wrong.length} of ${count} removals make their test fail (${seconds()} s)`);
if (wrong.length !== 0) process.exit(1);
fs.rmSync(copy, { recursive: true, force: true });
