#!/usr/bin/env node
// Runs test/conformance with and without isolation and checks that it is whole: every rule number from 01 to 70 has a
// test named by it, and every test ran to its end in each of the ten combinations of decimals and fees. A test that
// stops names the combination in which it did.
import { spawnSync } from 'node:child_process';
import process from 'node:process';

const FORGE = 'node_modules/.bin/forge';
const PATHS = 'test/conformance/**';
const RULES = 70;
const COMBINATIONS = [0, 6, 8, 18, 27].flatMap((decimals) =>
  ['off', 'on'].map((fees) => `${decimals} decimals, fees ${fees}`),
);
const NAME = /^test(?:Fuzz)?_Rule(\d\d)_\w+\(/;

/** All tests of one run of forge, by contract and name. */
function run(flags) {
  const { error, status, stdout, stderr } = spawnSync(
    FORGE,
    ['test', '--match-path', PATHS, '--json', '-vv', ...flags],
    { encoding: 'utf8', maxBuffer: 1 << 30 },
  );
  if (error) throw error;
  let suites;
  try {
    suites = JSON.parse(stdout);
  } catch {
    fail([`forge gave no results (exit ${status}):`, stdout, stderr]);
  }
  return Object.entries(suites).flatMap(([suite, { test_results: results }]) =>
    Object.entries(results).map(([name, result]) => ({ suite: suite.split(':').pop(), name, ...result })),
  );
}

/** What is wrong with one run, a sentence each. */
function problemsOf(tests) {
  const problems = [];
  const seen = new Set();
  for (const { suite, name, status, reason, decoded_logs: logs } of tests) {
    const where = `${suite}.${name.split('(')[0]}`;
    if (status !== 'Success') {
      const last = logs.findLast((log) => log.startsWith('begins in '));
      problems.push(`${where} ${status === 'Failure' ? 'failed' : 'was skipped'}${last ? `, ${last.slice(7)}` : ''}: ${reason ?? ''}`);
      continue;
    }
    const rule = NAME.exec(name)?.[1];
    if (rule === undefined) continue;
    const ran = new Set(logs.filter((log) => log.startsWith('ran in ')).map((log) => log.slice(7)));
    const missing = COMBINATIONS.filter((combination) => !ran.has(combination));
    if (missing.length !== 0) problems.push(`${where} did not run in: ${missing.join('; ')}`);
    else seen.add(Number(rule));
  }
  const named = new Set(tests.map(({ name }) => Number(NAME.exec(name)?.[1])));
  const without = Array.from({ length: RULES }, (_, i) => i + 1).filter((rule) => !named.has(rule));
  if (without.length !== 0) problems.push(`no test for rule ${without.join(', ')}`);
  const unknown = [...named].filter((rule) => rule < 1 || rule > RULES);
  if (unknown.length !== 0) problems.push(`no such rule: ${unknown.join(', ')}`);
  return { problems, rules: seen.size };
}

function fail(lines) {
  console.error(lines.join('\n'));
  process.exit(1);
}

for (const flags of [[], ['--isolate']]) {
  const title = flags.length === 0 ? 'one transaction per test' : 'one transaction per call';
  const started = Date.now();
  const tests = run(flags);
  const { problems, rules } = problemsOf(tests);
  if (problems.length !== 0) fail([`conformance (${title}): ${problems.length} found`, ...problems.map((line) => `  ${line}`)]);
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(
    `conformance (${title}): ${tests.length} tests of ${rules} rules, each in ${COMBINATIONS.length} combinations, ${seconds} s`,
  );
}
