// Which mutants there are, and which of them are run.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import { changesIn } from './operators.mjs';

/** The contract that carries the code of a folder. */
export const ENTRIES = {
  'contracts/vault': 'contracts/vault/TreasuryVault.sol',
  'contracts/guard': 'contracts/guard/PolicyGuard.sol',
};
const SEED = 'vagus';

export function entryOf(file) {
  return ENTRIES[path.dirname(file)];
}

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

const digest = (...parts) => createHash('sha256').update(parts.join('\0')).digest('hex');

/**
 * Every change that the operators offer, in the order in which they are tried. An identity is bound to the text of the
 * lines changed and to the function around them, not to line numbers.
 * @param {import('./compiler.mjs').Compiler} compiler
 */
export function candidates(compiler) {
  const all = [];
  for (const [folder, entry] of Object.entries(ENTRIES)) {
    const trees = compiler.trees(entry);
    for (const file of Object.keys(trees).filter((name) => path.dirname(name) === folder).sort()) {
      const source = Buffer.from(compiler.read(file), 'utf8');
      const seen = new Map();
      for (const change of changesIn(trees[file], source)) {
        const from = source.lastIndexOf('\n', change.start - 1) + 1;
        const to = source.indexOf('\n', change.end);
        const line = source.subarray(from, to).toString('utf8').trim().replace(/\s+/g, ' ');
        const start = source.subarray(from, change.start).toString('utf8').trimStart();
        const key = [file, change.where, line, start.length, change.before, change.after].join('\0');
        const nth = seen.get(key) ?? 0;
        seen.set(key, nth + 1);
        all.push({ ...change, file, entry, line, id: digest(key, nth).slice(0, 10), order: digest(SEED, key, nth) });
      }
    }
  }
  return all;
}

/** The text of the mutated file. */
export function mutated(compiler, mutant) {
  const source = Buffer.from(compiler.read(mutant.file), 'utf8');
  const [head, tail] = [source.subarray(0, mutant.start), source.subarray(mutant.end)];
  return Buffer.concat([head, Buffer.from(mutant.after), tail]).toString('utf8');
}

/**
 * Each file's candidates in the order in which they are taken: operators in turn, so that none crowds out the others.
 * @returns {Map<string, object[]>}
 */
export function queues(all) {
  const byFile = grouped(all, (mutant) => mutant.file);
  for (const [file, mutants] of byFile) {
    const byOperator = [...grouped(mutants, (mutant) => mutant.operator).values()];
    for (const group of byOperator) group.sort((a, b) => (a.order < b.order ? -1 : 1));
    byOperator.sort((a, b) => (a[0].order < b[0].order ? -1 : 1));
    const queue = [];
    for (let i = 0; queue.length < mutants.length; ++i) for (const group of byOperator) if (group[i]) queue.push(group[i]);
    byFile.set(file, queue);
  }
  return byFile;
}

/** How many mutants each file gets: by the square root of what it offers, so that no file goes without. */
export function quotas(byFile, total) {
  const weights = [...byFile].map(([file, queue]) => [file, Math.sqrt(queue.length)]);
  const sum = weights.reduce((acc, [, weight]) => acc + weight, 0);
  return new Map(weights.map(([file, weight]) => [file, Math.max(2, Math.round((total * weight) / sum))]));
}

/** Hash of all files below some folders. */
export function treeHash(root, folders) {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const files = fs.readdirSync(path.join(root, folder), { recursive: true }).filter((name) => name.endsWith('.sol'));
    for (const name of files.sort()) hash.update(`${folder}/${name}\0`).update(fs.readFileSync(path.join(root, folder, name)));
  }
  return hash.digest('hex');
}
