#!/usr/bin/env node
// Plants faults of one operator each into a copy of the Rust rules, and demands that the differential test finds every
// one. The list is tools/planted-faults.txt.
//
//   node tools/planted-faults.mjs [number of one fault]
import fs from 'node:fs';
import path from 'node:path';
import { buildWithFaults, demandFound, fail, root, runAwake } from './planted.mjs';

const CASES = 20_000;
const LEAST_FAULTS = 20;
const list = path.join(root, 'tools', 'planted-faults.txt');

/** The faults of the list, in its order. */
function readFaults() {
  const lines = fs.readFileSync(list, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line, place) => {
    const [file, from, fault, ...rest] = line.split(' | ');
    if (fault === undefined || rest.length > 0) fail(`"${line}" is no fault; expected "file | what stands there | the fault".`);
    const to = `(if crate::planted::is(${place + 1}) { ${fault} } else { ${from} })`;
    return { title: `${file}: ${from}  ->  ${fault}`, file: `policy/src/${file}`, from, to };
  });
}

const faults = readFaults();
if (faults.length < LEAST_FAULTS) fail(`${list} has ${faults.length} faults; expected at least ${LEAST_FAULTS}.`);
const [binary] = buildWithFaults({
  name: 'planted',
  crates: ['draw', 'policy', 'evm', 'differential'],
  homes: ['policy'],
  faults,
  tests: [{ package: 'vagus-differential', test: 'differential' }],
});

/** The test that has to find a fault: what documents change has one of its own. */
function testOf(fault) {
  const isOfDocuments = fault > 0 && faults[fault - 1].file.includes('compare');
  return isOfDocuments ? 'rust_and_the_guard_agree_on_what_takes_effect_at_once' : 'rust_and_solidity_say_the_same';
}

/** The case on which the two sides differed, or null. */
function difference(fault) {
  const { status, told } = runAwake(binary, fault, [testOf(fault)], {
    FOUNDRY_OUT: path.resolve(root, process.env.FOUNDRY_OUT ?? 'out'),
    VAGUS_DIFFERENTIAL_CASES: String(fault === 0 ? CASES / 10 : CASES),
  });
  const match = told.match(/^(?:case|pair) (\d+) of seed [^\n]*/m);
  // A run with too few cases for its table has still compared all it had.
  const isCompared = status === 0 || told.includes('too few cases of');
  if (match === null && !isCompared) fail(`the run with fault ${fault} ended otherwise:\n${told}`);
  return match === null ? null : match[0];
}

demandFound(faults.map(({ title }) => title), difference, `${CASES} cases`);
