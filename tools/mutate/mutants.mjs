// Which mutants there are, and which of them are run.
import { createHash } from 'node:crypto';
import path from 'node:path';

import { changesIn } from './operators.mjs';
import { switched } from './sites.mjs';

/** The contract that carries the code of a folder. */
export const ENTRIES = {
  'contracts/vault': 'contracts/vault/TreasuryVault.sol',
  'contracts/guard': 'contracts/guard/PolicyGuard.sol',
};
const SEED = 'vagus';

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
 * Every change that the operators offer. An identity is bound to the text of the lines changed and to the function
 * around them, not to line numbers.
 * @param {import('./compiler.mjs').Compiler} compiler
 */
export function candidates(compiler) {
  const all = [];
  for (const [folder, entry] of Object.entries(ENTRIES)) {
    const trees = compiler.trees(entry);
    const constants = declared(trees, (node) => node.nodeType === 'VariableDeclaration' && node.constant && isNumber(node));
    const modifiers = declared(trees, (node) => node.nodeType === 'ModifierDefinition');
    for (const file of Object.keys(trees).filter((name) => path.dirname(name) === folder).sort()) {
      const source = Buffer.from(compiler.read(file), 'utf8');
      const seen = new Map();
      for (const change of changesIn(trees[file], source, constants)) {
        const from = source.lastIndexOf('\n', change.start - 1) + 1;
        const to = source.indexOf('\n', change.end);
        const line = source.subarray(from, to).toString('utf8').trim().replace(/\s+/g, ' ');
        const start = source.subarray(from, change.start).toString('utf8').trimStart();
        const key = [file, change.where, line, start.length, change.before, change.after].join('\0');
        const nth = seen.get(key) ?? 0;
        seen.set(key, nth + 1);
        const modifier = modifiers.get(change.site.modifier);
        if (modifier) change.site.text = textOf(compiler, modifier);
        const mutated = `${start}${change.after}${source.subarray(change.end, to).toString('utf8')}`.trim().replace(/\s+/g, ' ');
        all.push({ ...change, file, entry, line, mutated, id: digest(key, nth).slice(0, 10), order: digest(SEED, key, nth) });
      }
    }
  }
  return all;
}

const isNumber = (node) => /^uint\d+$/.test(node.typeDescriptions.typeString);

function textOf(compiler, { file, node }) {
  const [start, length] = node.body.src.split(':').map(Number);
  return Buffer.from(compiler.read(file), 'utf8').subarray(start, start + length).toString('utf8');
}

/** Declarations in some trees by their identity. */
function declared(trees, isWanted) {
  const found = new Map();
  const visit = (node, file) => {
    if (!node || typeof node !== 'object') return;
    if (node.nodeType && isWanted(node)) found.set(node.id, { node, file });
    for (const child of Object.values(node)) visit(child, file);
  };
  for (const [file, tree] of Object.entries(trees)) visit(tree, file);
  return found;
}

/**
 * Takes mutants until each file has its share of what compiles, and numbers them.
 * @param {object[]} all Candidates. @param {number} total How many. @param {object[]} always Those that are in any case.
 * @returns {{chosen: object[], texts: Map<string, string>}} The mutants in the order in which they are run, spread over
 * files and operators, and the files with all of them in it.
 */
export function choose(compiler, all, total, always) {
  const chosen = [];
  const texts = new Map();
  for (const entry of Object.values(ENTRIES)) {
    const byFile = queues(all.filter((mutant) => mutant.entry === entry));
    const share = (total * Math.sqrt(byFile.size)) / sumOf(Object.values(ENTRIES), (e) => Math.sqrt(filesOf(all, e)));
    const left = quotas(byFile, share);
    let taken = always.filter((mutant) => mutant.entry === entry);
    const tried = new Set(taken);
    for (let isSettled = false; !isSettled; ) {
      for (const [file, queue] of byFile) {
        const has = taken.filter((mutant) => mutant.file === file).length;
        const fresh = queue.filter((mutant) => !tried.has(mutant)).slice(0, Math.max(0, left.get(file) - has));
        for (const mutant of fresh) {
          tried.add(mutant);
          taken.push(mutant);
        }
      }
      const unfit = unfitOnes(compiler, entry, taken);
      taken = taken.filter((mutant) => !unfit.has(mutant));
      isSettled = unfit.size === 0;
    }
    chosen.push(...taken);
  }
  // Numbers have to be the same for the same choice; 0 is none.
  chosen.sort((a, b) => (a.order < b.order ? -1 : 1));
  chosen.forEach((mutant, i) => (mutant.number = i + 1));
  for (const [file, mutants] of grouped(chosen, ({ file }) => file)) texts.set(file, write(compiler, file, mutants).text);
  return { chosen, texts };
}

const sumOf = (items, valueOf) => items.reduce((sum, item) => sum + valueOf(item), 0);
const filesOf = (all, entry) => new Set(all.filter((mutant) => mutant.entry === entry).map(({ file }) => file)).size;

function write(compiler, file, mutants) {
  return switched(file, Buffer.from(compiler.read(file), 'utf8'), mutants);
}

/** Mutants that do not compile beside the others. */
function unfitOnes(compiler, entry, mutants) {
  const texts = new Map();
  const ranges = new Map();
  mutants.forEach((mutant, i) => (mutant.number = i + 1));
  for (const [file, own] of grouped(mutants, ({ file }) => file)) {
    const written = write(compiler, file, own);
    texts.set(file, written.text);
    ranges.set(file, written.ranges);
  }
  const unfit = new Set();
  for (const { sourceLocation: at, formattedMessage } of compiler.errors(entry, texts)) {
    const distance = (range) => Math.max(range.start - at.start, at.end - range.end, 0);
    // What is too deep for the stack is not always found in the mutant's own text.
    const [nearest] = [...(ranges.get(at?.file) ?? [])].sort((a, b) => distance(a) - distance(b));
    const isOwn = nearest && (distance(nearest) === 0 || /too deep/.test(formattedMessage));
    if (!isOwn) throw new Error(`the copy with all mutants does not compile:\n${formattedMessage}`);
    unfit.add(mutants[nearest.number - 1]);
  }
  return unfit;
}

/**
 * Each file's candidates in the order in which they are taken: operators in turn, so that none crowds out the others.
 * @returns {Map<string, object[]>}
 */
function queues(all) {
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
function quotas(byFile, total) {
  const weights = [...byFile].map(([file, queue]) => [file, Math.sqrt(queue.length)]);
  const sum = sumOf(weights, ([, weight]) => weight);
  return new Map(weights.map(([file, weight]) => [file, Math.max(3, Math.round((total * weight) / sum))]));
}
