#!/usr/bin/env node
// Breaks vault and guard on purpose, one small change at a time, and demands that a test notices.
//
//   node tools/mutate.mjs [--total N] [--workers N] [--id ID] [--list] [--skip REGEX]
//
// Survivors have to stand in test/MUTANTS.md with the reason why they change nothing. A survivor that does not, or an
// entry there that is no mutant any more or is killed, fails the run. Results are kept in target/mutation and used
// again while contracts and tests are the same; a killer of before is tried first.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

import { Compiler } from './mutate/compiler.mjs';
import { ENTRIES, candidates, queues, quotas, treeHash } from './mutate/mutants.mjs';
import { copyProject } from './mutate/project.mjs';
import { compare, readSurvivors, report } from './mutate/report.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const home = path.join(root, 'target/mutation');
const project = path.join(home, 'project');
const { values: options } = parseArgs({
  options: {
    total: { type: 'string', default: '220' },
    workers: { type: 'string', default: '2' },
    id: { type: 'string', multiple: true },
    file: { type: 'string' },
    list: { type: 'boolean', default: false },
    skip: { type: 'string', default: '' },
  },
});

const compiler = new Compiler(root);
const all = candidates(compiler);
const listed = readSurvivors(path.join(root, 'test/MUTANTS.md'));
const stale = listed.filter((entry) => !all.some((mutant) => mutant.id === entry.id));
if (stale.length) {
  for (const entry of stale) console.error(`test/MUTANTS.md: ${entry.id} (${entry.place}) is no mutant of the sources as they are`);
  process.exit(1);
}
if (options.list) {
  for (const mutant of all) console.log(`${mutant.id} ${mutant.operator}: ${mutant.file} ${mutant.where}: ${mutant.line} | ${mutant.before} -> ${mutant.after}`);
  process.exit(0);
}

const originals = {};
for (const entry of Object.values(ENTRIES)) {
  const { code, error } = compiler.code(entry);
  if (error) throw new Error(error);
  originals[entry] = code;
}
prepare();
const key = treeHash(root, ['contracts', 'test']);
const store = path.join(home, 'results.json');
const results = fs.existsSync(store) ? JSON.parse(fs.readFileSync(store, 'utf8')) : {};
const chosen = await run();
const problems = compare({ chosen, listed, isWhole: !options.id && !options.file && Number(options.total) >= 220 });
report(chosen, all);
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);

/** Builds the project under test once and makes sure that it is green with the code as it is. */
function prepare() {
  console.log('building the tests');
  copyProject(root, project, { patch: true });
  fs.writeFileSync(path.join(project, 'target/VAGUS_VAULT_CODE-original'), originals[ENTRIES['contracts/vault']]);
  fs.writeFileSync(path.join(project, 'target/VAGUS_GUARD_CODE-original'), originals[ENTRIES['contracts/guard']]);
  const env = {
    ...process.env,
    VAGUS_VAULT_CODE: 'target/VAGUS_VAULT_CODE-original',
    VAGUS_GUARD_CODE: 'target/VAGUS_GUARD_CODE-original',
    FOUNDRY_GAS_LIMIT: '20000000000',
    FOUNDRY_DENY: 'never',
  };
  const args = ['test', ...(options.skip ? ['--no-match-test', options.skip] : [])];
  const { status, stdout, stderr } = spawnSync('node_modules/.bin/forge', args, { cwd: project, encoding: 'utf8', env, maxBuffer: 1 << 28 });
  if (status !== 0) {
    const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => /^(\[FAIL|Encountered|Error|Suite result: FAILED)/.test(line));
    throw new Error(`the tests fail without any mutant:\n${lines.join('\n') || stderr.slice(-2000)}`);
  }
}

/** Folders of tests from the nearest to the broadest. */
function stepsFor(nearest) {
  const folders = fs
    .readdirSync(path.join(project, 'test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['mocks', 'helpers', nearest].includes(entry.name))
    .map((entry) => entry.name)
    .filter((name) => fs.readdirSync(path.join(project, 'test', name), { recursive: true }).some((file) => file.endsWith('.t.sol')));
  const broad = ['invariant', 'adversarial', 'governance'].filter((name) => folders.includes(name));
  const rest = folders.filter((name) => !broad.includes(name));
  const steps = [`test/${nearest}/**`, ...(rest.length ? [`test/{${[...rest, 'none'].join(',')}}/**`] : [])];
  return [...steps, ...broad.reverse().map((name) => `test/${name}/**`)];
}

/** Test files that carry a source's code themselves, because they import it as a library. */
function directSuites() {
  const direct = {};
  const sources = all.map((mutant) => mutant.file).filter((file) => !Object.values(ENTRIES).includes(file));
  for (const name of fs.readdirSync(path.join(root, 'test'), { recursive: true })) {
    if (!name.endsWith('.t.sol') || name.startsWith('symbolic')) continue;
    const text = fs.readFileSync(path.join(root, 'test', name), 'utf8');
    for (const file of new Set(sources)) if (text.includes(`/${file}"`)) (direct[file] ??= []).push(`test/${name}`);
  }
  return direct;
}

async function run() {
  const byFile = queues(options.file ? all.filter((mutant) => mutant.file === options.file) : all);
  const left = quotas(byFile, Number(options.total));
  const chosen = [];
  const waiting = [];
  const next = () => {
    if (waiting.length) return waiting.shift();
    for (const [file, queue] of byFile) {
      if (options.id || left.get(file) <= 0 || !queue.length) continue;
      left.set(file, left.get(file) - 1);
      return queue.shift();
    }
    return undefined;
  };
  if (options.id) waiting.push(...all.filter((mutant) => options.id.includes(mutant.id)));

  const settle = (mutant, result) => {
    results[mutant.id] = { ...result, key };
    fs.writeFileSync(store, JSON.stringify(results));
    if (['invalid', 'same code'].includes(result.status)) {
      if (options.id) console.log(`${mutant.id} ${result.status}`);
      left.set(mutant.file, left.get(mutant.file) + 1);
      return;
    }
    chosen.push({ ...mutant, ...result });
    const change = `${mutant.before.replace(/\s+/g, ' ').slice(0, 60)} -> ${mutant.after.replace(/\s+/g, ' ').slice(0, 60)}`;
    console.log(`${String(chosen.length).padStart(4)} ${mutant.id} ${result.status} ${result.seconds.toFixed(0)}s ${mutant.file} ${mutant.where}: ${change} ${result.by ? `(${result.by})` : ''}`);
  };

  const data = {
    root,
    project,
    originals,
    direct: directSuites(),
    steps: Object.fromEntries(Object.keys(ENTRIES).map((folder) => [folder, stepsFor(path.basename(folder))])),
    skip: options.skip,
  };
  const workers = Array.from({ length: Number(options.workers) }, (_, i) => i + 1).map(
    (number) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(new URL('./mutate/worker.mjs', import.meta.url), { workerData: { ...data, number } });
        let current;
        const step = () => {
          for (current = next(); current && results[current.id]?.key === key && results[current.id].status !== 'error'; current = next()) {
            settle(current, results[current.id]);
          }
          if (!current) return worker.terminate().then(resolve);
          worker.postMessage({ mutant: current, hint: results[current.id]?.suite });
        };
        worker.on('message', (result) => {
          settle(current, result);
          step();
        });
        worker.on('error', reject);
        step();
      }),
  );
  await Promise.all(workers);
  return chosen;
}
