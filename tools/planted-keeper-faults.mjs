#!/usr/bin/env node
// Plants faults into a copy of the keeper, and demands that each is found in every tier of tests that its row of
// tools/planted-keeper-faults.json names:
//
//   states     the life cycle of a transaction in every state of a small world (agents/chain/tests/model_check)
//   schedules  schedules of faults for the whole keeper, on a chain in process (agents/schedules)
//   fleet      interleavings of keepers on one PostgreSQL, paused beyond their leases (agents/journal/tests/it/fleet)
//
// A row says what stands in a file, and what is planted there.
//
//   node tools/planted-keeper-faults.mjs [number of one fault]
//   node tools/planted-keeper-faults.mjs --real     as a process, on real chains: says which are found there as well
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { buildWithFaults, chosen, demandFound, fail, root, runAwake } from './planted.mjs';

const SCHEDULES = 3_000;
const FLEET_SCHEDULES = 1_000;
const REAL_SCHEDULES = 60;
const POSTGRES = path.join(root, 'agents', 'journal', 'tests', 'with-postgres.sh');
const faults = JSON.parse(fs.readFileSync(path.join(root, 'tools', 'planted-keeper-faults.json'), 'utf8'));
const titles = faults.map(({ name }) => name);

const crates = ['draw', 'policy', 'allocator', 'attribution', 'backtest', 'chain', 'journal', 'keeper', 'schedules'];
// Where a fault may ask whether it is awake; other crates ask the first.
const homes = ['chain', 'journal'];
const plan = {
  name: 'planted-keeper',
  homes,
  faults: faults.map(({ file, from, to }, place) => {
    const isHome = homes.some((home) => file.startsWith(`${home}/`));
    const module = isHome ? 'crate::planted' : `vagus_${homes[0]}::planted`;
    return { file, from, to: to.replaceAll('PLANTED', `${module}::is(${place + 1})`).replaceAll('PLACE', module) };
  }),
};

/** The keeper as a process. What is not found there is no failure: the other tiers find all. */
function onRealChains() {
  // All crates that have programs, so that what they share is not built in another form.
  const all = [...crates, 'e2e', 'differential', 'faults'];
  const [built] = buildWithFaults({ ...plan, crates: all, program: 'keeper' });
  const keeper = path.join(root, 'target', 'planted-keeper', 'keeper');
  fs.copyFileSync(built, keeper);
  // The copy's programs stand where those without faults belong.
  const back = spawnSync('cargo', ['build', '--quiet', '--offline', '--workspace', '--bins'], { cwd: root, stdio: 'inherit' });
  if (back.status !== 0) fail('the programs without faults do not build.');
  titles.forEach((name, place) => process.stdout.write(`${String(place + 1).padStart(3)}  ${name}\n`));
  const numbers = titles.map((_, place) => place + 1);
  const parameters = ['--planted', numbers.join(','), '--schedules', String(REAL_SCHEDULES)];
  const ran = spawnSync(path.join(root, 'target', 'debug', 'faults'), parameters, {
    env: { ...process.env, RUST_BACKTRACE: '0', VAGUS_FAULTS_KEEPER: keeper },
    stdio: 'inherit',
  });
  process.exit(ran.status === null ? 1 : 0);
}

if (process.argv[2] === '--real') onRealChains();
const wanted = chosen(faults.length);
const [states, schedules, fleet] = buildWithFaults({
  ...plan,
  crates,
  tests: [
    { package: 'vagus-chain', test: 'model_check' },
    { package: 'vagus-schedules', test: 'schedules' },
    { package: 'vagus-journal', test: 'it' },
  ],
});

/** What a search told that ends well whatever it finds; null if it found nothing. */
function told(binary, fault, test, environment, pattern) {
  const { status, told } = runAwake(binary, fault, [test, '--ignored', '--nocapture'], environment);
  if (status !== 0) fail(`the run with fault ${fault} ended otherwise:\n${told.slice(0, 4000)}`);
  return told.match(pattern)?.[0] ?? null;
}

const tiers = {
  states: {
    searched: 'the states of a small world',
    find: (fault) => told(states, fault, 'the_first_story_that_breaks_a_property', {}, /^«[^»]*» fails.*/m),
    short: (found) => found.match(/«[^»]*»/)[0],
  },
  schedules: {
    searched: `${SCHEDULES} schedules on a chain in process`,
    find: (fault) => {
      const count = fault === 0 ? SCHEDULES / 10 : SCHEDULES;
      const environment = { VAGUS_SCHEDULES: String(count) };
      return told(schedules, fault, 'the_first_seed_that_finds_something', environment, /^seed \d+: .*/m);
    },
    short: (found) => found.match(/seed \d+/)[0],
  },
  fleet: {
    searched: `${FLEET_SCHEDULES} interleavings on PostgreSQL`,
    find: (fault) => {
      const test = 'every_decision_is_executed_at_most_once_however_holders_are_paused';
      const count = fault === 0 ? FLEET_SCHEDULES / 10 : FLEET_SCHEDULES;
      const environment = { VAGUS_FLEET_SCHEDULES: String(count) };
      const { status, told } = runAwake(fleet, fault, [test, '--nocapture'], environment, [POSTGRES]);
      if (status === 0) return null;
      const failed = told.match(/seeds and what was wrong: \[\s*\(\s*(\d+),\s*"([^\n]*)"/);
      if (failed === null) fail(`the run with fault ${fault} ended otherwise:\n${told.slice(0, 4000)}`);
      return `seed ${failed[1]}: ${failed[2]}`;
    },
    short: (found) => found.match(/seed \d+/)[0],
  },
};

const found = Object.entries(tiers).map(([tier, { searched, find }]) => {
  const numbers = wanted.filter((number) => faults[number - 1].tiers.includes(tier));
  return numbers.length === 0 ? new Map() : demandFound(titles, find, searched, numbers);
});
const rows = wanted.map((number) => [
  String(number).padStart(2),
  titles[number - 1],
  ...Object.values(tiers).map(({ short }, place) => {
    const line = found[place].get(number);
    return line === undefined ? '' : short(line);
  }),
]);
const table = [['  ', 'fault', ...Object.keys(tiers)], ...rows];
const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd());
process.stdout.write(`\n${lines.join('\n')}\n`);
