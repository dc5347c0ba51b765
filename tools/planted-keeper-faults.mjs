#!/usr/bin/env node
// Plants faults into a copy of the keeper, and demands that schedules of faults on the chain in process find every one.
// The list is tools/planted-keeper-faults.json: what stands in a file, and what is planted there. The copy has all of
// them at once, each asleep until a run wakes it by its number, so that it is built only once.
// That leases fence is planted in the journal's own test, on a real PostgreSQL (`make test-fleet`).
//
//   node tools/planted-keeper-faults.mjs [number of one fault]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SCHEDULES = 3_000;
const CRATES = ['policy', 'allocator', 'chain', 'journal', 'keeper', 'schedules'];
// Both share a folder of builds, in which cargo tells crates apart by their place inside their workspace: theirs must not
// be the place of the crates without faults.
const FOLDER = 'faulty';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const copy = path.join(root, 'target', 'planted-keeper');
const faults = JSON.parse(fs.readFileSync(path.join(root, 'tools', 'planted-keeper-faults.json'), 'utf8'));

function fail(sentence) {
  process.stderr.write(`planted-keeper-faults: ${sentence}\n`);
  process.exit(1);
}

const MODULE = `
#[allow(missing_docs)]
pub mod planted {
    use std::{collections::HashMap, sync::{LazyLock, Mutex}};

    static AWAKE: LazyLock<u32> = LazyLock::new(|| {
        std::env::var("VAGUS_PLANTED_FAULT").ok().and_then(|number| number.parse().ok()).unwrap_or(0)
    });
    static COUNTERS: LazyLock<Mutex<HashMap<usize, u64>>> = LazyLock::new(Mutex::default);

    pub fn is(number: u32) -> bool {
        *AWAKE == number
    }

    /// Asked once, counted from there on.
    pub fn counted(keeper: usize, first: u64) -> u64 {
        let mut counters = COUNTERS.lock().unwrap_or_else(|e| e.into_inner());
        let next = counters.entry(keeper).or_insert(first);
        *next += 1;
        *next - 1
    }
}
`;

function copyCrates() {
  fs.rmSync(copy, { recursive: true, force: true });
  for (const crate of CRATES) {
    fs.cpSync(path.join(root, 'agents', crate), path.join(copy, FOLDER, crate), { recursive: true });
  }
  const manifest = fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8');
  const members = `members = [${CRATES.map((crate) => `"agents/${crate}"`).join(', ')}]`;
  const copied = manifest.replace(/^members = \[[^\]]*\]/m, members).replaceAll('"agents/', `"${FOLDER}/`);
  fs.writeFileSync(path.join(copy, 'Cargo.toml'), copied);
  for (const name of ['Cargo.lock', 'rust-toolchain.toml']) fs.copyFileSync(path.join(root, name), path.join(copy, name));
  faults.forEach(({ name, file, from, to }, place) => {
    const source = path.join(copy, FOLDER, file);
    const text = fs.readFileSync(source, 'utf8');
    const found = text.split(from).length - 1;
    if (found !== 1) fail(`what "${name}" replaces stands ${found} times in ${file}; expected once.`);
    const module = file.startsWith('chain/') ? 'crate::planted' : 'vagus_chain::planted';
    const planted = to.replaceAll('PLANTED', `${module}::is(${place + 1})`).replaceAll('PLACE', module);
    // A function, because "$" means something in a replacement text.
    fs.writeFileSync(source, text.replace(from, () => planted));
  });
  fs.appendFileSync(path.join(copy, FOLDER, 'chain', 'src', 'lib.rs'), MODULE);
}

function build() {
  const parameters = ['test', '--offline', '--no-run', '--message-format', 'json', '-p', 'vagus-schedules'];
  const built = spawnSync('cargo', [...parameters, '--test', 'schedules'], {
    cwd: copy,
    env: { ...process.env, CARGO_TARGET_DIR: path.join(root, 'target') },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const told = built.stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  if (built.status !== 0) {
    const errors = told.filter((message) => message.message?.level === 'error');
    fail(`the copy does not build:\n${errors.map((message) => message.message.rendered).join('\n')}${built.stderr}`);
  }
  const binary = told.map((message) => message.executable).filter(Boolean).pop();
  if (binary === undefined) fail('the build names no test binary.');
  return binary;
}

/** The first seed that finds the fault, with what was found; null if none does. */
function finding(binary, fault) {
  const ran = spawnSync(binary, ['the_first_seed_that_finds_something', '--ignored', '--nocapture'], {
    env: {
      ...process.env,
      RUST_BACKTRACE: '0',
      VAGUS_PLANTED_FAULT: String(fault),
      VAGUS_SCHEDULES: String(fault === 0 ? SCHEDULES / 10 : SCHEDULES),
    },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const told = `${ran.stdout}${ran.stderr}`;
  if (ran.status !== 0) fail(`the run with fault ${fault} ended otherwise:\n${told.slice(0, 4000)}`);
  const match = told.match(/^seed (\d+): (.*)/m);
  return match === null ? null : match[0];
}

const started = Date.now();
copyCrates();
const binary = build();
const without = finding(binary, 0);
if (without !== null) fail(`something is found without a fault: ${without}`);
const wanted = process.argv[2] === undefined ? null : Number(process.argv[2]);
const missed = [];
let count = 0;
faults.forEach(({ name }, place) => {
  if (wanted !== null && wanted !== place + 1) return;
  const found = finding(binary, place + 1);
  count += 1;
  if (found === null) missed.push(name);
  process.stdout.write(`${String(place + 1).padStart(3)}  ${name}\n     ${(found ?? `NOT FOUND in ${SCHEDULES} schedules`).slice(0, 150)}\n`);
});
const seconds = Math.round((Date.now() - started) / 1000);
if (missed.length > 0) fail(`not found: ${missed.join(', ')} (${seconds} s)`);
process.stdout.write(`all of ${count} planted faults were found on the chain in process (${seconds} s)\n`);
