#!/usr/bin/env node
// Measures gas and writes bench/gas.json and bench/README.md. With --check it writes nothing and fails if a figure differs
// from the committed file, or if a target stands otherwise than bench/targets.json says.
//
//   node tools/bench-gas.mjs [--check | --profile <key such as n5_k2 or deposit_n5>] [--out <forge out folder>]
import fs from 'node:fs';
import path from 'node:path';

import { measure } from '../bench/harness/measure.mjs';
import { profile } from '../bench/harness/profile.mjs';
import { differences, judgeAll, readme, surprises } from '../bench/harness/report.mjs';
import { ROOT } from '../bench/harness/world.mjs';

const GAS = path.join(ROOT, 'bench', 'gas.json');
const README = path.join(ROOT, 'bench', 'README.md');
const TARGETS = path.join(ROOT, 'bench', 'targets.json');

function fail(sentences) {
  for (const sentence of sentences) process.stderr.write(`bench-gas: ${sentence}\n`);
  process.exit(1);
}

function parseArguments(list) {
  const options = { check: false, profile: undefined, out: process.env.FOUNDRY_OUT ?? 'out' };
  for (let i = 0; i < list.length; i += 1) {
    if (list[i] === '--check') options.check = true;
    else if (['--profile', '--out'].includes(list[i]) && list[i + 1] !== undefined) options[list[i].slice(2)] = list[(i += 1)];
    else fail([`unknown argument "${list[i]}"; expected --check, --profile <key> or --out <folder>.`]);
  }
  return options;
}

const options = parseArguments(process.argv.slice(2));
const out = path.resolve(ROOT, options.out);

if (options.profile !== undefined) {
  process.stdout.write(await profile(out, options.profile).catch((error) => fail([`${error.message}.`])));
} else {
  const figures = await measure(out).catch((error) => fail([`${error.message}.`]));
  const judged = judgeAll(JSON.parse(fs.readFileSync(TARGETS, 'utf8')), figures);
  const known = fs.existsSync(README) ? fs.readFileSync(README, 'utf8') : '';
  // The section about income is not measured here.
  const place = known.indexOf('\n# Income\n');
  const text = readme(figures, judged) + (place < 0 ? '' : known.slice(place));
  if (options.check) {
    const committed = fs.existsSync(GAS) ? JSON.parse(fs.readFileSync(GAS, 'utf8')) : {};
    const sentences = differences(committed, figures);
    if (sentences.length === 0 && known !== text) {
      sentences.push('bench/README.md is not what these figures give.');
    }
    if (sentences.length > 0) {
      sentences.push('if that is meant, run `make bench-gas` and commit bench/gas.json and bench/README.md with the change.');
    }
    const all = [...sentences, ...surprises(judged)];
    if (all.length > 0) fail(all);
  } else {
    fs.writeFileSync(GAS, `${JSON.stringify(figures, null, 2)}\n`);
    fs.writeFileSync(README, text);
    for (const sentence of surprises(judged)) process.stdout.write(`${sentence}\n`);
  }
  for (const { name, limit, figure, isMet } of judged) {
    process.stdout.write(`${isMet ? 'met   ' : 'missed'}  ${name}: ${figure}, at most ${limit}\n`);
  }
}
