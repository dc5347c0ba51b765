#!/usr/bin/env node
// Plants faults of one operator each into a copy of the Rust rules, and demands that the differential test finds every
// one. The list is tools/planted-faults.txt. The copy has all faults at once, each asleep until a run wakes it by its
// number, so that it is built only once; the rules themselves know nothing of it.
//
//   node tools/planted-faults.mjs [number of one fault]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CASES = 20_000;
const LEAST_FAULTS = 20;
// Both share a folder of builds, in which cargo tells crates apart by their place inside their workspace: theirs must not
// be the place of the crates without faults.
const FOLDER = 'faulty';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const list = path.join(root, 'tools', 'planted-faults.txt');
const copy = path.join(root, 'target', 'planted');

function fail(sentence) {
  process.stderr.write(`planted-faults: ${sentence}\n`);
  process.exit(1);
}

/** The faults of the list, numbered from 1. */
function readFaults() {
  const lines = fs.readFileSync(list, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line, place) => {
    const [file, from, to, ...rest] = line.split(' | ');
    if (to === undefined || rest.length > 0) fail(`"${line}" is no fault; expected "file | what stands there | the fault".`);
    return { number: place + 1, file, from, to };
  });
}

function copyRules(faults) {
  fs.rmSync(copy, { recursive: true, force: true });
  for (const crate of ['policy', 'differential']) {
    fs.cpSync(path.join(root, 'agents', crate), path.join(copy, FOLDER, crate), { recursive: true });
  }
  const manifest = fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8');
  const members = 'members = ["agents/policy", "agents/differential"]';
  const copied = manifest.replace(/^members = \[[^\]]*\]/m, members).replaceAll('"agents/', `"${FOLDER}/`);
  fs.writeFileSync(path.join(copy, 'Cargo.toml'), copied);
  for (const name of ['Cargo.lock', 'rust-toolchain.toml']) fs.copyFileSync(path.join(root, name), path.join(copy, name));

  const sources = path.join(copy, FOLDER, 'policy', 'src');
  for (const { number, file, from, to } of faults) {
    const place = path.join(sources, file);
    const text = fs.readFileSync(place, 'utf8');
    const found = text.split(from).length - 1;
    if (found !== 1) fail(`"${from}" stands ${found} times in ${file}; expected once.`);
    // A function, because "$" means something in a replacement text.
    const planted = `(if crate::planted::is(${number}) { ${to} } else { ${from} })`;
    fs.writeFileSync(place, text.replace(from, () => planted));
  }
  fs.appendFileSync(
    path.join(sources, 'lib.rs'),
    `
#[allow(missing_docs)]
pub mod planted {
    static AWAKE: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
        std::env::var("VAGUS_PLANTED_FAULT").ok().and_then(|number| number.parse().ok()).unwrap_or(0)
    });

    pub fn is(number: u32) -> bool {
        *AWAKE == number
    }
}
`,
  );
}

function build() {
  const parameters = ['test', '--offline', '--no-run', '--message-format', 'json', '-p', 'vagus-differential'];
  const environment = { ...process.env, CARGO_TARGET_DIR: path.join(root, 'target') };
  const built = spawnSync('cargo', [...parameters, '--test', 'differential'], {
    cwd: copy,
    env: environment,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (built.status !== 0) {
    const told = built.stdout.split('\n').filter((line) => line.includes('"level":"error"'));
    fail(`the copy does not build:\n${told.map((line) => JSON.parse(line).message.rendered).join('\n')}${built.stderr}`);
  }
  const executables = built.stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const binary = executables.map((message) => message.executable).filter(Boolean).pop();
  if (binary === undefined) fail('the build names no test binary.');
  return binary;
}

/** The case on which the two sides differed, or null. */
function difference(binary, fault) {
  const out = path.resolve(root, process.env.FOUNDRY_OUT ?? 'out');
  const environment = {
    ...process.env,
    FOUNDRY_OUT: out,
    RUST_BACKTRACE: '0',
    VAGUS_DIFFERENTIAL_CASES: String(fault === 0 ? CASES / 10 : CASES),
    VAGUS_PLANTED_FAULT: String(fault),
  };
  const ran = spawnSync(binary, ['rust_and_solidity_say_the_same'], { env: environment, encoding: 'utf8', maxBuffer: 1 << 28 });
  const told = `${ran.stdout}${ran.stderr}`;
  const match = told.match(/^case (\d+) of seed [^\n]*/m);
  // A run with too few cases for its table has still compared all it had.
  const isCompared = ran.status === 0 || told.includes('too few cases of');
  if (match === null && !isCompared) fail(`the run with fault ${fault} ended otherwise:\n${told}`);
  return match === null ? null : match[0];
}

const started = Date.now();
const faults = readFaults();
if (faults.length < LEAST_FAULTS) fail(`${list} has ${faults.length} faults; expected at least ${LEAST_FAULTS}.`);
copyRules(faults);
const binary = build();
const without = difference(binary, 0);
if (without !== null) fail(`the two sides differ without a fault: ${without}`);
const only = process.argv[2] === undefined ? faults : faults.filter(({ number }) => number === Number(process.argv[2]));
if (only.length === 0) fail(`there is no fault ${process.argv[2]}; expected 1 to ${faults.length}.`);
const missed = [];
for (const { number, file, from, to } of only) {
  const found = difference(binary, number);
  if (found === null) missed.push(number);
  const told = found === null ? `NOT FOUND in ${CASES} cases` : found.slice(0, 110);
  process.stdout.write(`${String(number).padStart(3)}  ${file}: ${from}  ->  ${to}\n     ${told}\n`);
}
const seconds = Math.round((Date.now() - started) / 1000);
if (missed.length > 0) fail(`not found: ${missed.join(', ')} (${seconds} s)`);
process.stdout.write(`all of ${only.length} planted faults were found (${seconds} s)\n`);
