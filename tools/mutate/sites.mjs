// Writes many mutants into one file, each behind its switch.
import { isOn, withSwitch } from '../switches.mjs';

const MARK = /\u27e6(\d+)\u27e7|\u27e6\/(\d+)\u27e7/g;

/**
 * @param {string} file Name of the source.
 * @param {Buffer} source Its text.
 * @param {object[]} mutants Those of this file, each with its `number`.
 * @returns {{text: string, ranges: {number: number, start: number, end: number}[]}} The text, and where in it, in
 * bytes, each mutant lies.
 */
export function switched(file, source, mutants) {
  const sites = new Map();
  for (const mutant of mutants) {
    const key = `${mutant.site.start}:${mutant.site.end}:${mutant.site.kind}`;
    if (!sites.has(key)) sites.set(key, { ...mutant.site, mutants: [] });
    sites.get(key).mutants.push(mutant);
  }
  const edits = [];
  for (const site of sites.values()) {
    if (site.kind === 'modifier') edits.push(...modifierEdits(site));
    else edits.push({ start: site.start, end: site.end, text: WRITERS[site.kind](source, site) });
  }
  edits.sort((a, b) => b.start - a.start);
  let text = source;
  for (const { start, end, text: put } of edits) {
    text = Buffer.concat([text.subarray(0, start), Buffer.from(put), text.subarray(end)]);
  }
  return unmarked(withSwitch(file, text.toString('utf8')));
}

const WRITERS = {
  statement: (source, site) => `{ ${either(source, site, (text) => text)} }`,
  declaration(source, site) {
    const names = site.declarations.map((declared) => declared?.name ?? '');
    const target = names.length === 1 ? names[0] : `(${names.join(', ')})`;
    const declared = site.declarations.filter(Boolean).map(({ text }) => `${text};`);
    const assign = (text, head) => `${target} = ${text.slice(head)}`;
    return `${declared.join(' ')} ${either(source, site, assign)}`;
  },
  condition(source, site) {
    const choices = site.mutants.map((mutant) => `${isOn(mutant.number)} ? ${marked(mutant, `(${changed(source, site, mutant)})`)} : `);
    return `${choices.join('')}(${original(source, site)})`;
  },
  'start of a loop'(source, site) {
    const choices = site.mutants.map((mutant) => `${isOn(mutant.number)} ? ${marked(mutant, `uint256(${changed(source, site, mutant)})`)} : `);
    return `${choices.join('')}uint256(${original(source, site)})`;
  },
};

/** One statement in several texts. */
function either(source, site, write) {
  const head = site.kind === 'declaration' ? source.subarray(site.start, site.value).toString('utf8').length : 0;
  const choices = site.mutants.map((mutant) => `if (${isOn(mutant.number)}) { ${marked(mutant, write(changed(source, site, mutant), head))} } else `);
  return `${choices.join('')}{ ${write(original(source, site), head)} }`;
}

/** A modifier that does nothing while the mutant is on, instead of the one that is named. */
function modifierEdits(site) {
  const [mutant] = site.mutants;
  const name = `switched${mutant.number}`;
  const body = site.text.replace(/[^{};]+;/g, (statement) => {
    const text = statement.trim();
    return text === '_;' ? ' _; ' : ` if (!${isOn(mutant.number)}) { ${text} } `;
  });
  return [
    { start: site.body, end: site.body, text: ` modifier ${name}() ${marked(mutant, body)} ` },
    { start: site.start, end: site.end, text: marked(mutant, name) },
  ];
}

const original = (source, site) => source.subarray(site.start, site.end).toString('utf8');

function changed(source, site, mutant) {
  const [head, tail] = [source.subarray(site.start, mutant.start), source.subarray(mutant.end, site.end)];
  return head.toString('utf8') + mutant.after + tail.toString('utf8');
}

const marked = (mutant, text) => `\u27e6${mutant.number}\u27e7${text}\u27e6/${mutant.number}\u27e7`;

/** Takes the marks out, and tells where in bytes they were. */
function unmarked(text) {
  const ranges = [];
  let plain = '';
  let last = 0;
  for (const match of text.matchAll(MARK)) {
    plain += text.slice(last, match.index);
    last = match.index + match[0].length;
    const at = Buffer.byteLength(plain);
    if (match[1]) ranges.push({ number: Number(match[1]), start: at, end: at });
    else ranges.findLast((range) => range.number === Number(match[2])).end = at;
  }
  return { text: plain + text.slice(last), ranges };
}
