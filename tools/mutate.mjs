#!/usr/bin/env node
// Breaks vault and guard on purpose, one small change at a time, and demands that a test notices.
//
//   node tools/mutate.mjs [--total N] [--first N] [--id ID] [--file FILE] [--near] [--list] [--workers N]
//
// All mutants lie behind switches in one build of a copy, target/mutation/project (see tools/switches.mjs); each is one
// or two runs of tests. Which mutants there are depends on the code alone; --first runs only as many of them, spread
// over all files; --near asks only the tests of a mutant's own folder. Survivors have to stand in test/MUTANTS.md with the reason why they change nothing. A survivor that
// does not, or an entry there that is no mutant any more or is killed, fails the run.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';

import { Compiler } from './mutate/compiler.mjs';
import { candidates, choose } from './mutate/mutants.mjs';
import { compare, readSurvivors, report, rowOf } from './mutate/report.mjs';
import { ENVIRONMENT, VARIABLE, makeCopy } from './switches.mjs';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');
const home = path.join(root, 'target/mutation');
const project = path.join(home, 'project');
// Gas is enough for every test, and little enough for a loop without an end.
const SETTINGS = { ...ENVIRONMENT, FOUNDRY_FUZZ_RUNS: '16', FOUNDRY_GAS_LIMIT: '2000000000' };
const TIMEOUT_MS = 300_000;
const COPIED = ['contracts', 'script/Deploy.s.sol', 'script/lib', 'test/Base.t.sol', 'test/mocks'];
/** Gas of an optimised build, and a comparison of two libraries, none of them ours. */
const LEFT_OUT = ['test/vault/VaultGas.t.sol', 'test/guard/MathModel.t.sol'];
/** What a result depends on. */
const SOURCES = ['contracts', 'script', 'test', 'foundry.toml'];
/** Tests in the order in which they are asked; the folder of a mutant's own is asked before. */
const FOLDERS = ['guard', 'vault', 'conformance', 'adversarial', 'governance', 'factory'];
/** Not asked, because the build is not optimised. */
const SKIPPED = 'test_Constructor_CodeFitsTheLimit';
const LEAST = 100;

const { values: options } = parseArgs({
  options: {
    total: { type: 'string', default: '180' },
    first: { type: 'string' },
    id: { type: 'string', multiple: true },
    file: { type: 'string' },
    near: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    workers: { type: 'string', default: String(Math.min(2, os.availableParallelism())) },
  },
});
const started = Date.now();
const seconds = () => ((Date.now() - started) / 1000).toFixed(0);

function fail(message) {
  console.error(`mutate: ${message}`);
  process.exit(1);
}

const compiler = new Compiler(root);
const all = candidates(compiler);
const listed = readSurvivors(path.join(root, 'test/MUTANTS.md'));
const stale = listed.filter((entry) => !all.some((mutant) => mutant.id === entry.id));
if (stale.length) {
  fail(`test/MUTANTS.md lists what is no mutant of the sources as they are:\n${stale.map(({ id, place }) => `  ${id} (${place})`).join('\n')}`);
}
const isListed = (mutant) => listed.some(({ id }) => id === mutant.id);
const always = all.filter((mutant) => isListed(mutant) || options.id?.includes(mutant.id));
const { chosen, texts } = choose(compiler, all, Number(options.total), always);
if (chosen.length < LEAST) fail(`${chosen.length} mutants, expected at least ${LEAST}`);
if (options.list) {
  for (const mutant of chosen) console.log(rowOf(mutant));
  process.exit(0);
}

makeCopy(root, project, [...COPIED, ...FOLDERS.map((folder) => `test/${folder}`)], { changed: texts, leftOut: LEFT_OUT });
console.log(`${all.length} changes on offer, ${chosen.length} of them in one build (${seconds()} s)`);
// What ran before on the same texts is not run again.

const [key, buildKey] = [hashOf(root), hashOf(project)];
const store = path.join(home, 'results.json');
const kept = fs.existsSync(store) ? JSON.parse(fs.readFileSync(store, 'utf8')) : {};
const results = kept.key === key ? kept.results : {};
if (kept.buildKey !== buildKey) {
  const intact = await forge(0, 'test/**', '0');
  if (intact.failed) fail(`tests fail without any mutant:\n${intact.output}`);
  console.log(`the tests pass without any of them (${seconds()} s)`);
  keep();
}
const queue = wanted();
const total = queue.length;
const done = [];
await Promise.all(Array.from({ length: Number(options.workers) }, work));

report(done);
const problems = compare({ done, listed });
for (const problem of problems) console.error(problem);
console.log(`${seconds()} s`);
process.exit(problems.length ? 1 : 0);

/** The mutants of this run; a listed one lives through all tests, which only the whole run takes the time to see. */
function wanted() {
  if (options.id) return chosen.filter(({ id }) => options.id.includes(id));
  if (options.file) return chosen.filter(({ file }) => file.endsWith(options.file));
  const unlisted = chosen.filter((mutant) => !isListed(mutant));
  if (options.first) return unlisted.slice(0, Number(options.first));
  return options.near ? unlisted : [...chosen];
}

async function work() {
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
    const from = Date.now();
    const result = results[mutant.id] ?? (await judge(mutant));
    if (result.killed || !options.near) results[mutant.id] = result;
    const took = ((Date.now() - from) / 1000).toFixed(1);
    done.push({ ...mutant, ...result });
    keep();
    const change = `${flat(mutant.before)} -> ${flat(mutant.after)}`;
    const end = result.killed ? `killed (${result.by})` : 'SURVIVED';
    console.log(`${done.length}/${total} ${took}s ${mutant.id} ${mutant.where}: ${change}: ${end}`);
  }
}

function flat(text) {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}

async function judge(mutant) {
  const own = path.basename(path.dirname(mutant.file));
  const others = FOLDERS.filter((folder) => folder !== own);
  const broad = options.near ? [] : [`test/{${others.join(',')}}/**`];
  for (const paths of [`test/${own}/**`, ...broad]) {
    const result = await forge(mutant.number, paths, '1');
    if (result.failed) return { killed: true, by: result.by };
  }
  return { killed: false };
}

async function forge(number, paths, threads) {
  const failures = path.join(home, `failures-${number}`);
  const args = ['test', '--threads', threads, '--match-path', paths, '--no-match-test', SKIPPED];
  if (number !== 0) args.push('--fail-fast');
  const env = { ...SETTINGS, [VARIABLE]: String(number), FOUNDRY_FUZZ_FAILURE_PERSIST_DIR: failures };
  const settings = { cwd: project, env, maxBuffer: 1 << 28, timeout: number === 0 ? 0 : TIMEOUT_MS };
  const answer = await run(path.join(project, 'node_modules/.bin/forge'), args, settings).catch((error) => error);
  fs.rmSync(failures, { recursive: true, force: true });
  if (answer.killed) return { failed: true, by: `${paths} did not end` };
  const output = `${answer.stdout}\n${answer.stderr}`;
  if (!(answer instanceof Error)) {
    if (!/[1-9]\d* tests passed/.test(output)) fail(`forge found no tests in ${paths}:\n${output.slice(-2000)}`);
    return { failed: false };
  }
  const failed = output.split('\n').filter((line) => line.startsWith('[FAIL'));
  if (failed.length === 0) fail(`forge did not run ${paths}:\n${output.slice(-4000)}`);
  return { failed: true, by: failed[0].match(/\] (\w+)\(/)?.[1] ?? 'set-up', output: failed.join('\n') };
}

function keep() {
  fs.writeFileSync(store, JSON.stringify({ key, buildKey, results }));
}

function hashOf(folder) {
  const hash = createHash('sha256');
  for (const item of SOURCES) {
    const start = path.join(folder, item);
    const names = fs.statSync(start).isFile() ? [''] : fs.readdirSync(start, { recursive: true }).sort();
    for (const name of names) {
      const file = path.join(start, name);
      if (fs.statSync(file).isFile()) hash.update(`${item}/${name}\0`).update(fs.readFileSync(file));
    }
  }
  return hash.digest('hex');
}
