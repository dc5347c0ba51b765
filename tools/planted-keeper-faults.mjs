#!/usr/bin/env node
// Plants faults into a copy of the keeper, and demands that schedules of faults on the chain in process find every one.
// The list is tools/planted-keeper-faults.json: what stands in a file, and what is planted there.
// That leases fence is planted in the journal's own test, on a real PostgreSQL (`make test-fleet`).
//
//   node tools/planted-keeper-faults.mjs [number of one fault]
import fs from 'node:fs';
import path from 'node:path';
import { buildWithFaults, demandFound, fail, root, runAwake } from './planted.mjs';

const SCHEDULES = 3_000;
const faults = JSON.parse(fs.readFileSync(path.join(root, 'tools', 'planted-keeper-faults.json'), 'utf8'));

const binary = buildWithFaults({
  name: 'planted-keeper',
  crates: ['draw', 'policy', 'allocator', 'chain', 'journal', 'keeper', 'schedules'],
  home: 'chain',
  faults: faults.map(({ file, from, to }, place) => {
    const module = file.startsWith('chain/') ? 'crate::planted' : 'vagus_chain::planted';
    return { file, from, to: to.replaceAll('PLANTED', `${module}::is(${place + 1})`).replaceAll('PLACE', module) };
  }),
  package: 'vagus-schedules',
  test: 'schedules',
});

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
