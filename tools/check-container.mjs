#!/usr/bin/env node
// Checks deploy/container/Containerfile where no container can be built: its instructions one by one, and the build stage's own
// steps in an empty folder that holds nothing but what the file copies there. What needs an image (apt-get, useradd) is not run.
//
//   node tools/check-container.mjs            builds as the file says
//   node tools/check-container.mjs --debug    builds the same without optimisations, which takes less time
//   node tools/check-container.mjs --no-build the instructions alone
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fail, root } from './planted.mjs';

const FILE = path.join(root, 'deploy', 'container', 'Containerfile');

/** Instructions in their order, with lines that are continued in one. */
function instructions(text) {
  const lines = text.replaceAll(/\\\n/g, ' ').split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
  return lines.map((line) => ({ word: line.split(/\s+/, 1)[0], rest: line.replace(/^\S+\s+/, '') }));
}

/** Every stage: its image, its name, its instructions. */
function stages(text) {
  const found = [];
  for (const instruction of instructions(text)) {
    if (instruction.word === 'FROM') {
      const [image, , name] = instruction.rest.split(/\s+/);
      found.push({ image, name, steps: [] });
    } else if (found.length === 0) {
      throw new Error(`${instruction.word} before the first FROM`);
    } else {
      found.at(-1).steps.push(instruction);
    }
  }
  return found;
}

/** What is wrong with a file, in sentences. */
function complaints(text) {
  const KNOWN = ['ARG', 'CMD', 'COPY', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'RUN', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'];
  const wrong = [];
  const all = stages(text);
  for (const { image, steps } of all) {
    if (!/^[a-z0-9./-]+:[a-z0-9.-]+$/.test(image) || image.endsWith(':latest')) wrong.push(`FROM ${image}: expected an image with a version.`);
    for (const { word, rest } of steps) {
      if (!KNOWN.includes(word)) wrong.push(`${word} is not expected here.`);
      if (word === 'RUN' && rest.includes('apt-get install')) {
        for (const part of ['apt-get update', '--yes', '--no-install-recommends', 'rm -rf /var/lib/apt/lists/*']) {
          if (!rest.includes(part)) wrong.push(`RUN ${rest.slice(0, 40)}…: expected ${part} in the same layer.`);
        }
      }
      if (['ENTRYPOINT', 'CMD'].includes(word)) {
        try {
          if (!Array.isArray(JSON.parse(rest))) throw new Error();
        } catch {
          wrong.push(`${word} ${rest}: expected a list in JSON, so that signals reach the program.`);
        }
      }
      const from = /^--from=(\S+) (\S+)/.exec(rest);
      if (word === 'COPY' && from && !all.some(({ name }) => name === from[1])) wrong.push(`COPY --from=${from[1]}: no stage has that name.`);
      if (word === 'COPY' && !from) {
        for (const source of rest.split(/\s+/).slice(0, -1)) {
          if (!fs.existsSync(path.join(root, source))) wrong.push(`COPY ${source}: it is not in the repository.`);
        }
      }
    }
  }
  const last = all.at(-1).steps;
  const user = last.find(({ word }) => word === 'USER')?.rest;
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user ?? '')) wrong.push(`USER ${user}: expected numbers above zero, so that nobody has to look them up.`);
  const ends = last.findLastIndex(({ word }) => word === 'USER');
  if (last.slice(ends).some(({ word }) => ['RUN', 'COPY'].includes(word))) wrong.push('After USER nothing is expected to be made.');
  return wrong;
}

function planted(text) {
  const faults = [
    [/^USER .*/m, 'USER root'],
    [/^COPY agents agents/m, 'COPY agants agents'],
    [/^ENTRYPOINT .*/m, 'ENTRYPOINT /usr/local/bin/keeper'],
    [/ --no-install-recommends/, ''],
    [/--from=build/, '--from=builder'],
    [/:trixie-slim$/m, ':latest'],
  ];
  for (const [from, to] of faults) {
    const changed = text.replace(from, to);
    if (changed === text) fail(`${from} does not stand in the Containerfile.`);
    if (complaints(changed).length === 0) fail(`"${to}" in place of ${from} is not noticed.`);
  }
}

const text = fs.readFileSync(FILE, 'utf8');
for (const sentence of complaints(text)) fail(sentence);
planted(text);

if (!process.argv.includes('--no-build')) {
  const [build, final] = stages(text);
  const folder = path.join(root, 'target', 'container');
  const target = path.join(root, 'target', 'container-build');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const isDebug = process.argv.includes('--debug');
  for (const { word, rest } of build.steps) {
    if (word === 'COPY') {
      const words = rest.split(/\s+/);
      const to = words.pop();
      for (const source of words) {
        const place = to === './' ? path.join(folder, path.basename(source)) : path.join(folder, to);
        fs.cpSync(path.join(root, source), place, { recursive: true });
      }
    }
    if (word === 'RUN' && !rest.includes('apt-get')) {
      const command = isDebug ? rest.replace(' --release', '') : rest;
      // Beside the repository's own builds, which know these crates by the same names.
      const environment = { ...process.env, CARGO_TARGET_DIR: target };
      process.stdout.write(`${command}\n`);
      const ran = spawnSync('sh', ['-euc', command], { cwd: folder, env: environment, stdio: 'inherit' });
      if (ran.status !== 0) fail(`the build stage ends with ${ran.status}.`);
    }
  }
  // What the last stage takes out of the first is what was built, and it starts.
  const taken = final.steps.map(({ rest }) => /^--from=build \/src\/target\/release\/(\S+)/.exec(rest)?.[1]).find(Boolean);
  const program = path.join(target, isDebug ? 'debug' : 'release', taken ?? '');
  const said = spawnSync(program, ['version'], { encoding: 'utf8' });
  if (said.status !== 0) fail(`${program} does not start: ${said.stderr}`);
  process.stdout.write(said.stdout);
  fs.rmSync(folder, { recursive: true, force: true });
}
process.stdout.write('the Containerfile is in order\n');
