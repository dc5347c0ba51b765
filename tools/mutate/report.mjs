// The committed list of survivors, and what a run says at its end.
import fs from 'node:fs';

/** Rows of the tables in test/MUTANTS.md: | id | place | change | reason |. */
export function readSurvivors(file) {
  if (!fs.existsSync(file)) return [];
  const rows = fs.readFileSync(file, 'utf8').split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((line) => {
    const [, id, place, change, reason] = line.match(/^\| `([0-9a-f]{10})` \| (.*?) \| (.*) \| (.*?) \|$/) ?? [];
    if (!reason?.trim()) throw new Error(`${file}: expected | \`id\` | place | change | reason | in\n${line}`);
    return { id, place, change, reason };
  });
}

/** What is wrong, one line each. */
export function compare({ done, listed }) {
  const isListed = ({ id }) => listed.some((entry) => entry.id === id);
  const unexplained = done.filter((mutant) => !mutant.killed && !isListed(mutant));
  const wrong = done.filter((mutant) => mutant.killed && isListed(mutant));
  return [
    ...unexplained.map((mutant) => `survived without a reason in test/MUTANTS.md: ${rowOf(mutant)}`),
    ...wrong.map((mutant) => `test/MUTANTS.md lists ${mutant.id}, but ${mutant.by} kills it`),
  ];
}

/** Prints how many mutants of each file were killed. */
export function report(done) {
  const files = [...new Set(done.map((mutant) => mutant.file))].sort();
  console.log(`\n${'file'.padEnd(40)} mutants  killed  survived`);
  for (const file of [...files, undefined]) {
    const own = done.filter((mutant) => !file || mutant.file === file);
    const killed = own.filter((mutant) => mutant.killed).length;
    const counts = [own.length, killed, own.length - killed].map((count) => String(count).padStart(8)).join('');
    console.log(`${(file ?? 'all').padEnd(40)}${counts}`);
  }
}

/** The row of test/MUTANTS.md that a survivor needs, without its reason. */
export function rowOf({ id, file, where, line, mutated }) {
  const code = (text) => `\`${text.replaceAll('|', '\\|') || '(nothing)'}\``;
  return `| \`${id}\` | ${file.replace('contracts/', '')} ${where} | ${code(line)} → ${code(mutated)} | `;
}
