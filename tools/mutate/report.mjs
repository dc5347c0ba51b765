// The committed list of survivors, and what a run says at its end.
import fs from 'node:fs';

/** Rows of the table in test/MUTANTS.md: | id | place | change | reason |. */
export function readSurvivors(file) {
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.match(/^\| `([0-9a-f]{10})` \| (.*?) \| (.*) \| (.*?) \|$/))
    .filter(Boolean)
    .map(([, id, place, change, reason]) => ({ id, place, change, reason: reason.trim() }));
}

/** What is wrong, one line each. */
export function compare({ chosen, listed, isWhole }) {
  const problems = [];
  const byId = new Map(chosen.map((mutant) => [mutant.id, mutant]));
  for (const mutant of chosen) {
    const entry = listed.find(({ id }) => id === mutant.id);
    if (mutant.status === 'error') problems.push(`${mutant.id}: ${mutant.by}`);
    if (mutant.status === 'survived' && !entry?.reason) problems.push(`survived without a reason in test/MUTANTS.md: ${row(mutant)}`);
    if (mutant.status === 'killed' && entry) problems.push(`test/MUTANTS.md lists ${mutant.id}, but ${mutant.by} kills it`);
  }
  if (isWhole) {
    for (const entry of listed) if (!byId.has(entry.id)) problems.push(`test/MUTANTS.md lists ${entry.id}, which is not among the mutants run`);
    if (chosen.length < 100) problems.push(`${chosen.length} mutants, expected at least 100`);
  }
  return problems;
}

/** Prints how many mutants of each file were killed. */
export function report(chosen, all) {
  const files = [...new Set(chosen.map((mutant) => mutant.file))].sort();
  const count = (file, status) => chosen.filter((mutant) => (!file || mutant.file === file) && mutant.status === status).length;
  console.log(`\n${'file'.padEnd(40)} mutants  killed  survived`);
  for (const file of [...files, undefined]) {
    const total = chosen.filter((mutant) => !file || mutant.file === file).length;
    console.log(`${(file ?? 'all').padEnd(40)} ${String(total).padStart(7)} ${String(count(file, 'killed')).padStart(7)} ${String(count(file, 'survived')).padStart(9)}`);
  }
  console.log(`${all.length} changes were on offer; ${chosen.reduce((sum, mutant) => sum + mutant.seconds, 0).toFixed(0)} s of work`);
}

function row(mutant) {
  const flat = (text) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const change = `\`${flat(mutant.before)}\` → \`${flat(mutant.after) || '(nothing)'}\``;
  return `| \`${mutant.id}\` | ${mutant.file.replace('contracts/', '')} ${mutant.where}: \`${flat(mutant.line)}\` | ${change} |  |`;
}
