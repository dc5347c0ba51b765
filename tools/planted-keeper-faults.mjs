#!/usr/bin/env node
// Plants faults into a copy of the keeper, and demands that schedules of faults on the chain in process find every one.
// The list is tools/planted-keeper-faults.json: what stands in a file, and what is planted there.
// That leases fence is planted in the journal's own test, on a real PostgreSQL (`make test-fleet`).
//
//   node tools/planted-keeper-faults.mjs [number of one fault]
//   node tools/planted-keeper-faults.mjs --real     as a process, on real chains: says which are found there as well
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { buildWithFaults, demandFound, fail, root, runAwake } from './planted.mjs';

const SCHEDULES = 3_000;
const REAL_SCHEDULES = 60;
const faults = JSON.parse(fs.readFileSync(path.join(root, 'tools', 'planted-keeper-faults.json'), 'utf8'));

const crates = ['draw', 'policy', 'allocator', 'attribution', 'backtest', 'chain', 'journal', 'keeper', 'schedules'];
const plan = {
  name: 'planted-keeper',
  home: 'chain',
  faults: faults.map(({ file, from, to }, place) => {
    const module = file.startsWith('chain/') ? 'crate::planted' : 'vagus_chain::planted';
    return { file, from, to: to.replaceAll('PLANTED', `${module}::is(${place + 1})`).replaceAll('PLACE', module) };
  }),
};

/** The second tier. What it does not find is no failure: the first one finds all. */
function onRealChains() {
  // All crates that have programs, so that what they share is not built in another form.
  const all = [...crates, 'e2e', 'differential', 'faults'];
  const built = buildWithFaults({ ...plan, crates: all, program: 'keeper' });
  const keeper = path.join(root, 'target', 'planted-keeper', 'keeper');
  fs.copyFileSync(built, keeper);
  // The copy's programs stand where those without faults belong.
  const back = spawnSync('cargo', ['build', '--quiet', '--offline', '--workspace', '--bins'], { cwd: root, stdio: 'inherit' });
  if (back.status !== 0) fail('the programs without faults do not build.');
  faults.forEach(({ name }, place) => process.stdout.write(`${String(place + 1).padStart(3)}  ${name}\n`));
  const numbers = faults.map((_, place) => place + 1);
  const parameters = ['--planted', numbers.join(','), '--schedules', String(REAL_SCHEDULES)];
  const ran = spawnSync(path.join(root, 'target', 'debug', 'faults'), parameters, {
    env: { ...process.env, RUST_BACKTRACE: '0', VAGUS_FAULTS_KEEPER: keeper },
    stdio: 'inherit',
  });
  process.exit(ran.status === null ? 1 : 0);
}

if (process.argv[2] === '--real') onRealChains();
const binary = buildWithFaults({ ...plan, crates, package: 'vagus-schedules', test: 'schedules' });

/** The first seed that finds the fault, with what was found; null if none does. */
function finding(fault) {
  const { status, told } = runAwake(binary, fault, ['the_first_seed_that_finds_something', '--ignored', '--nocapture'], {
    VAGUS_SCHEDULES: String(fault === 0 ? SCHEDULES / 10 : SCHEDULES),
  });
  if (status !== 0) fail(`the run with fault ${fault} ended otherwise:\n${told.slice(0, 4000)}`);
  const match = told.match(/^seed (\d+): (.*)/m);
  return match === null ? null : match[0];
}

demandFound(faults.map(({ name }) => name), finding, `${SCHEDULES} schedules`);
