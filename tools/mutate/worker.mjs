// One worker: compiles a mutant and runs the tests until one fails.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

import { Compiler } from './compiler.mjs';
import { mutated } from './mutants.mjs';
import { copyProject } from './project.mjs';

const { root, project, direct, number, originals, steps, skip } = workerData;
const compiler = new Compiler(root);
const variables = { 'contracts/vault/TreasuryVault.sol': 'VAGUS_VAULT_CODE', 'contracts/guard/PolicyGuard.sol': 'VAGUS_GUARD_CODE' };
const TIMEOUT_MS = 600_000;

function forge(folder, paths, env) {
  const args = ['test', '--fail-fast', '--match-path', paths, ...(skip ? ['--no-match-test', skip] : [])];
  const run = spawnSync('node_modules/.bin/forge', args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 28,
    env: { ...process.env, FOUNDRY_GAS_LIMIT: '20000000000', FOUNDRY_DENY: 'never', ...env },
  });
  const output = `${run.stdout}\n${run.stderr}`;
  if (run.error?.code === 'ETIMEDOUT') return { failed: true, by: `${paths} did not end`, suite: '' };
  if (run.status === 0) return { failed: false, ran: /tests? passed/.test(output) };
  const suite = output.match(/failing tests? in ([^:\s]+):/)?.[1];
  if (!suite) return { failed: true, broken: output.slice(-2000) };
  return { failed: true, suite, by: `${suite} ${output.match(/^\[FAIL.*\] (\S+)/m)?.[1] ?? ''}`.trim() };
}

function judge(mutant, hint) {
  const text = mutated(compiler, mutant);
  const { code, error } = compiler.code(mutant.entry, new Map([[mutant.file, text]]));
  if (error) return { status: 'invalid' };
  if (code === originals[mutant.entry]) return { status: 'same code' };

  const env = {};
  for (const [entry, variable] of Object.entries(variables)) {
    env[variable] = `target/${variable}-${entry === mutant.entry ? number : 'original'}`;
  }
  fs.writeFileSync(path.join(project, env[variables[mutant.entry]]), code);
  const order = steps[path.dirname(mutant.file)];
  for (const paths of hint ? [hint, ...order] : order) {
    const result = forge(project, paths, env);
    if (result.broken) throw new Error(`forge did not run ${paths}:\n${result.broken}`);
    if (result.failed) return { status: 'killed', by: result.by, suite: result.suite };
  }
  return directly(mutant, text);
}

/** Tests of a library carry its code themselves: for them the mutant is built into a project of the worker's own. */
function directly(mutant, text) {
  const suites = direct[mutant.file] ?? [];
  if (!suites.length) return { status: 'survived' };
  const folder = `${project}-${number}`;
  copyProject(root, folder, { patch: false });
  fs.writeFileSync(path.join(folder, mutant.file), text);
  const result = forge(folder, `{${suites.join(',')},test/none}`, {});
  if (result.broken) throw new Error(`forge did not run ${suites}:\n${result.broken}`);
  return result.failed ? { status: 'killed', by: result.by } : { status: 'survived' };
}

parentPort.on('message', ({ mutant, hint }) => {
  const started = Date.now();
  let answer;
  try {
    answer = judge(mutant, hint);
  } catch (error) {
    answer = { status: 'error', by: error.message };
  }
  parentPort.postMessage({ id: mutant.id, seconds: (Date.now() - started) / 1000, ...answer });
});
