#!/usr/bin/env node
// Runs the Solidity tests under `forge coverage` and demands that every line and branch of vault and guard is reached,
// or listed in test/COVERAGE.md with the reason why none can be. A listed one that is reached, or is no line of the
// source any more, fails too.
//
// Of assembly forge sees statements and the conditions of `if`, and nothing finer. What is in it is held by the tests
// and by `make mutate`, which changes it as everything else.
// Usage: tools/check-coverage.mjs [--report FILE]   (an lcov report that is there already)
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const LIST = 'test/COVERAGE.md';
const MEASURED = /^contracts\/(vault|guard)\//;
// Code is compiled with counters and without the optimiser, so what asks for its size or gas does not hold.
const SKIPPED_TESTS = 'test_Constructor_CodeFitsTheLimit|test_Gas_';
// Theirs are the script's limit of size (Governance), and stand-ins and readers of other contracts. Campaigns take ten
// minutes here and reach nothing that the others do not.
const SKIPPED_PATHS = 'test/{adversarial/Governance.t.sol,deploy/**,differential/**,invariant/**,lens/**}';

const { values: options } = parseArgs({ options: { report: { type: 'string' } } });

function fail(message) {
  console.error(`coverage: ${message}`);
  process.exit(1);
}

function measure() {
  const report = path.join(root, 'target/coverage.info');
  fs.rmSync(report, { force: true });
  fs.mkdirSync(path.dirname(report), { recursive: true });
  const args = ['coverage', '--report', 'lcov', '--report-file', report, '--no-match-path', SKIPPED_PATHS];
  const env = { ...process.env, FOUNDRY_FUZZ_RUNS: '64', FOUNDRY_DENY: 'never' };
  const forge = path.join(root, 'node_modules/.bin/forge');
  const { status, stdout } = spawnSync(forge, [...args, '--no-match-test', SKIPPED_TESTS], {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const failed = stdout.split('\n').filter((line) => line.startsWith('[FAIL'));
  if (status !== 0 || failed.length) fail(`the tests fail under it:\n${failed.join('\n') || stdout.slice(-3000)}`);
  return report;
}

/** Lines and branches of a report that nothing reached, and how many there are. */
function unreached(text) {
  const found = new Map();
  const counts = { lines: 0, branches: 0 };
  let file = '';
  let functions = [];
  const note = (line, what) => {
    const source = fs.readFileSync(path.join(root, file), 'utf8').split('\n')[line - 1].trim().replace(/\s+/g, ' ');
    const place = `${file} ${functions.findLast((start) => start.line <= line)?.name ?? ''}`;
    found.set([place, what, source].join(' | '), { place, line, what, source });
  };
  for (const entry of text.split('\n')) {
    if (entry.startsWith('SF:')) file = path.relative(root, path.resolve(root, entry.slice(3)));
    if (entry.startsWith('SF:')) functions = [];
    if (!MEASURED.test(file)) continue;
    const [first, ...rest] = entry.slice(entry.indexOf(':') + 1).split(',');
    const line = Number(first);
    if (entry.startsWith('FN:')) functions.push({ line, name: rest.at(-1) });
    if (entry.startsWith('DA:')) {
      counts.lines += 1;
      if (Number(rest[0]) === 0) note(line, 'line');
    }
    if (entry.startsWith('BRDA:')) {
      counts.branches += 1;
      if (rest[2] === '-' || Number(rest[2]) === 0) note(line, `branch ${Number(rest[1]) + 1}`);
    }
  }
  if (counts.lines < 1000 || counts.branches < 100) {
    fail(`the report tells of ${counts.lines} lines and ${counts.branches} branches; there are more`);
  }
  return { found, counts };
}

/** Rows of the table: | file and function | line or branch | text | reason |. */
function readList() {
  const file = path.join(root, LIST);
  if (!fs.existsSync(file)) return new Map();
  const rows = fs.readFileSync(file, 'utf8').split('\n').filter((line) => line.startsWith('| contracts/'));
  const entries = rows.map((row) => {
    const [, place, what, text, reason] = row.match(/^\| (\S+ \S*) \| (line|branch \d+) \| `(.*)` \| (.*?) \|$/) ?? [];
    if (!reason?.trim()) fail(`${LIST}: expected | file function | line or branch N | \`text\` | reason | in\n${row}`);
    return [[place, what, text.replaceAll('\\|', '|')].join(' | '), reason];
  });
  return new Map(entries);
}

const { found, counts } = unreached(fs.readFileSync(options.report ?? measure(), 'utf8'));
const listed = readList();
const problems = [];
for (const [key, { place, line, what, source }] of found) {
  const row = `| ${place} | ${what} | \`${source.replaceAll('|', '\\|')}\` | `;
  if (!listed.has(key)) problems.push(`${place}, line ${line}: ${what} is reached by no test; ${LIST} would say\n  ${row}`);
}
for (const key of listed.keys()) {
  if (!found.has(key)) problems.push(`${LIST} lists what is reached or is not there: ${key}`);
}
for (const problem of problems) console.error(problem);
if (problems.length) process.exit(1);
console.log(`${counts.lines} lines and ${counts.branches} branches of vault and guard: all are reached but ${found.size} with their reasons`);
