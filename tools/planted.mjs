// A copy of some crates in which faults are planted, all at once and each asleep until a run wakes it by its number
// (VAGUS_PLANTED_FAULT), so that the copy is built only once. The crates themselves know nothing of it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
// Copy and original share a folder of builds, in which cargo tells crates apart by their place inside their workspace:
// the copy's must not be the place of the crates without faults.
const FOLDER = 'faulty';

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

/** Says what is wrong and ends. */
export function fail(sentence) {
  process.stderr.write(`${path.basename(process.argv[1], '.mjs')}: ${sentence}\n`);
  process.exit(1);
}

/**
 * Copies `crates` (names of folders in agents/) to target/`name` and plants the faults. A fault is
 * `{ file, from, to }`: `file` as "crate/src/…", `from` stands in it once, `to` is put there. The module `planted`
 * (`is(number)`, `counted(…)`) is added to the crates `homes`.
 */
function copyCrates({ name, crates, homes, faults }) {
  const copy = path.join(root, 'target', name);
  fs.rmSync(copy, { recursive: true, force: true });
  for (const crate of crates) {
    fs.cpSync(path.join(root, 'agents', crate), path.join(copy, FOLDER, crate), { recursive: true });
  }
  // What the keeper compares deployed code with.
  fs.cpSync(path.join(root, 'deployments'), path.join(copy, 'deployments'), { recursive: true });
  const manifest = fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8');
  const members = `members = [${crates.map((crate) => `"agents/${crate}"`).join(', ')}]`;
  const copied = manifest.replace(/^members = \[[^\]]*\]/m, members).replaceAll('"agents/', `"${FOLDER}/`);
  fs.writeFileSync(path.join(copy, 'Cargo.toml'), copied);
  for (const file of ['Cargo.lock', 'rust-toolchain.toml']) fs.copyFileSync(path.join(root, file), path.join(copy, file));
  for (const { file, from, to } of faults) {
    const source = path.join(copy, FOLDER, file);
    const text = fs.readFileSync(source, 'utf8');
    const found = text.split(from).length - 1;
    if (found !== 1) fail(`"${from}" stands ${found} times in ${file}; expected once.`);
    // A function, because "$" means something in a replacement text.
    fs.writeFileSync(source, text.replace(from, () => to));
  }
  for (const home of homes) fs.appendFileSync(path.join(copy, FOLDER, home, 'src', 'lib.rs'), MODULE);
  return copy;
}

/**
 * Copies, plants and builds the `tests` (`{ package, test }`, a test target of a copied package), or the program `program`
 * of the whole copy. Their binaries, in that order.
 */
export function buildWithFaults(plan) {
  const copy = copyCrates(plan);
  const targets = plan.tests?.flatMap(({ package: name, test }) => ['-p', name, '--test', test]);
  const wanted = targets === undefined ? ['build', '--workspace', '--bins'] : ['test', '--no-run', ...targets];
  const built = spawnSync(
    'cargo',
    [...wanted, '--offline', '--message-format', 'json'],
    { cwd: copy, env: { ...process.env, CARGO_TARGET_DIR: path.join(root, 'target') }, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const told = built.stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  if (built.status !== 0) {
    const errors = told.filter((message) => message.message?.level === 'error');
    fail(`the copy does not build:\n${errors.map((message) => message.message.rendered).join('\n')}${built.stderr}`);
  }
  const binary = (name, crate) => {
    const isIt = ({ executable, target, package_id: id }) =>
      executable && target.name === name && (crate === undefined || id.includes(`/${crate}#`));
    const found = told.filter(isIt).map((message) => message.executable).pop();
    if (found === undefined) fail(`the build names no binary ${name}.`);
    return found;
  };
  return targets === undefined
    ? [binary(plan.program)]
    : plan.tests.map(({ package: name, test }) => binary(test, name.replace('vagus-', '')));
}

/** Runs a binary with one fault awake (0: none); its exit status and all it told. `before` is a command that runs it. */
export function runAwake(binary, fault, parameters, environment, before = []) {
  const [program, ...rest] = [...before, binary, ...parameters];
  const ran = spawnSync(program, rest, {
    env: { ...process.env, RUST_BACKTRACE: '0', VAGUS_PLANTED_FAULT: String(fault), ...environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status: ran.status, told: `${ran.stdout}${ran.stderr}` };
}

/** The faults of the command line: all, or the one that it names. */
export function chosen(count) {
  const numbers = Array.from({ length: count }, (_, place) => place + 1);
  if (process.argv[2] === undefined) return numbers;
  const only = numbers.filter((number) => number === Number(process.argv[2]));
  if (only.length === 0) fail(`there is no fault ${process.argv[2]}; expected 1 to ${count}.`);
  return only;
}

/**
 * Demands that nothing is found without a fault, and that `find(number)` finds each of `numbers`. What is found is a line
 * of text, null is nothing; `titles` are the faults in words, `searched` is where. Gives back what was found, by number.
 */
export function demandFound(titles, find, searched, numbers = chosen(titles.length)) {
  const started = Date.now();
  const without = find(0);
  if (without !== null) fail(`without a fault there is: ${without}`);
  const all = new Map();
  for (const number of numbers) {
    const found = find(number);
    if (found !== null) all.set(number, found);
    const told = found === null ? `NOT FOUND in ${searched}` : found.slice(0, 150);
    process.stdout.write(`${String(number).padStart(3)}  ${titles[number - 1]}\n     ${told}\n`);
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  const missed = numbers.filter((number) => !all.has(number));
  if (missed.length > 0) fail(`not found: ${missed.join(', ')} (${seconds} s)`);
  process.stdout.write(`all of ${numbers.length} planted faults were found in ${searched} (${seconds} s)\n`);
  return all;
}
