#!/usr/bin/env node
// Removes one defence at a time from a copy of the contracts and expects the test of the incident to fail: a test that
// passes without its defence shows nothing. The list is test/adversarial/DEFENCES.json.
// Usage: tools/check-defences.mjs [--only TEXT] [--workers N]   (TEXT: part of a test's or a file's name)
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const work = path.join(root, 'target', 'check-defences');
const LIST = 'test/adversarial/DEFENCES.json';
const COPIED = ['contracts', 'script', 'foundry.toml', 'tools/solc', 'test/Base.t.sol', 'test/mocks', 'test/adversarial'];

// Without the optimiser a compile takes two thirds of the time, and tests reach contracts by their artifacts, so that a
// removal does not compile the tests anew. The code is then larger than chains allow; nothing here is deployed.
const ENVIRONMENT = { ...process.env, FOUNDRY_OPTIMIZER: 'false', FOUNDRY_DYNAMIC_TEST_LINKING: 'true' };
const PREPARED = [
  { file: 'script/Deploy.s.sol', from: 'MAX_CODE_BYTES = 24_576', to: 'MAX_CODE_BYTES = 1_000_000' },
];

function option(name) {
  const place = process.argv.indexOf(name);
  return place < 0 ? undefined : process.argv[place + 1];
}

function fail(message) {
  console.error(`check-defences: ${message}`);
  process.exit(1);
}

/** The text with every edit applied, or what is wrong with one. */
function edit(folder, { file, from, to, all }) {
  const name = path.join(folder, file);
  if (!fs.existsSync(name)) throw new Error(`${file} does not exist`);
  const text = fs.readFileSync(name, 'utf8');
  const count = text.split(from).length - 1;
  if (count === 0 || (count > 1 && !all)) {
    throw new Error(`${file}: expected ${all ? 'at least one' : 'exactly one'} place with «${from}», found ${count}`);
  }
  fs.writeFileSync(name, text.replaceAll(from, () => to));
  return { name, text };
}

async function forge(folder, tests) {
  const names = `^(${tests.join('|')})\\(`;
  const args = ['test', '--match-path', 'test/adversarial/**', '--match-test', names, '--json'];
  const options = { cwd: folder, env: ENVIRONMENT, maxBuffer: 1 << 28 };
  const answer = await run(path.join(folder, 'node_modules/.bin/forge'), args, options).catch((error) => error);
  const start = answer.stdout.indexOf('{"');
  const results = new Map();
  if (start < 0) throw new Error(`forge gave no results:\n${answer.stdout}${answer.stderr}`.slice(0, 4000));
  for (const suite of Object.values(JSON.parse(answer.stdout.slice(start).trim()))) {
    for (const [name, result] of Object.entries(suite.test_results)) results.set(name.replace(/\(.*/, ''), result);
  }
  return results;
}

/** What a removal led to: an empty string if the test failed as it must, else what is wrong. */
async function judge(folder, removal) {
  const before = [];
  try {
    for (const change of removal.edits) before.unshift(edit(folder, change));
    const results = await forge(folder, [removal.test]);
    const result = results.get(removal.test) ?? results.get('setUp');
    if (!result) return 'the test did not run';
    if (results.get('setUp') && !removal.failsInSetUp) return `setUp failed instead: ${results.get('setUp').reason}`;
    return result.status === 'Failure' ? '' : 'the test passes without the defence';
  } catch (error) {
    return error.message;
  } finally {
    for (const { name, text } of before) fs.writeFileSync(name, text);
  }
}

function copy(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  for (const name of COPIED) fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  fs.mkdirSync(path.join(folder, 'target'));
  for (const change of PREPARED) edit(folder, change);
}

const started = Date.now();
const seconds = () => Math.round((Date.now() - started) / 1000);
const all = JSON.parse(fs.readFileSync(path.join(root, LIST), 'utf8'));
const only = option('--only') ?? '';
const list = all.filter(({ test, edits }) => [test, ...edits.map(({ file }) => file)].some((text) => text.includes(only)));
if (list.length === 0) fail(`nothing in ${LIST} matches «${only}»`);

const sources = fs.readdirSync(path.join(root, 'test/adversarial')).filter((name) => name.endsWith('.t.sol'));
const written = sources.flatMap((name) => {
  const text = fs.readFileSync(path.join(root, 'test/adversarial', name), 'utf8');
  return [...text.matchAll(/function (test\w+)\(/g)].map((match) => match[1]);
});
const listed = new Set(all.map(({ test }) => test));
const unproven = written.filter((name) => !listed.has(name));
if (unproven.length !== 0) fail(`no defence is listed for ${unproven.join(', ')}`);

const first = path.join(work, '0');
copy(first);
const tests = [...new Set(list.map(({ test }) => test))];
const untouched = await forge(first, tests).catch((error) => fail(error.message));
const broken = tests.filter((test) => untouched.get(test)?.status !== 'Success');
if (broken.length !== 0) fail(`with every defence in place, these do not pass: ${broken.join(', ')}`);
console.log(`${tests.length} tests pass with every defence in place (${seconds()} s)`);

const folders = [first];
for (let i = 1; i < Number(option('--workers') ?? 2); i += 1) {
  folders.push(path.join(work, String(i)));
  fs.rmSync(folders[i], { recursive: true, force: true });
  fs.cpSync(first, folders[i], { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
}
// Neighbours in this order share what has to be compiled; workers start at opposite ends.
const queue = [...list].sort((a, b) => a.edits[0].file.localeCompare(b.edits[0].file));
const wrong = [];
await Promise.all(
  folders.map(async (folder, i) => {
    while (queue.length !== 0) {
      const removal = i % 2 === 0 ? queue.shift() : queue.pop();
      const message = await judge(folder, removal);
      console.log(`${message === '' ? 'holds' : 'WRONG'}  ${removal.test}: ${removal.removed}${message && `: ${message}`}`);
      if (message !== '') wrong.push(removal);
    }
  }),
);
console.log(`${list.length - wrong.length} of ${list.length} removals make their test fail (${seconds()} s)`);
if (wrong.length !== 0) process.exit(1);
fs.rmSync(work, { recursive: true, force: true });
