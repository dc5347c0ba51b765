// The compiler, in this process, for syntax trees and to find what does not compile.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { SWITCH } from '../switches.mjs';

const solc = createRequire(import.meta.url)('../../node_modules/solc');

export class Compiler {
  /** @param {string} root The project's folder. */
  constructor(root) {
    this.root = root;
    const forge = path.join(root, 'node_modules/.bin/forge');
    const config = JSON.parse(execFileSync(forge, ['config', '--json'], { cwd: root, encoding: 'utf8' }));
    this.remappings = config.remappings.map((line) => line.split('='));
    this.settings = { remappings: config.remappings, optimizer: { enabled: false }, evmVersion: config.evm_version };
    this.files = new Map();
  }

  /** Text of a source by its name, read once. */
  read(name) {
    if (!this.files.has(name)) {
      const hit = this.remappings.find(([prefix]) => name.startsWith(prefix));
      const file = hit ? hit[1] + name.slice(hit[0].length) : name;
      this.files.set(name, fs.readFileSync(path.join(this.root, file), 'utf8'));
    }
    return this.files.get(name);
  }

  /**
   * What is wrong with a contract when some texts stand in for those of the project.
   * @param {string} entry Source file, `contracts/vault/TreasuryVault.sol`; the contract has the file's name.
   * @param {Map<string, string>} changed
   */
  errors(entry, changed) {
    const isError = (found) => found.severity === 'error';
    // All wrong types are found at once; what is too deep for the stack one by one, and only if the types are right.
    const wrong = this.#compile(entry, changed, { '*': { '': ['ast'] } }).errors?.filter(isError) ?? [];
    if (wrong.length) return wrong;
    const output = this.#compile(entry, changed, { [entry]: { [path.basename(entry, '.sol')]: ['evm.bytecode.object'] } });
    return output.errors?.filter(isError) ?? [];
  }

  /** Syntax trees of everything that `entry` is made of, by source name. */
  trees(entry) {
    const output = this.#compile(entry, new Map(), { '*': { '': ['ast'] } });
    const error = output.errors?.find((found) => found.severity === 'error');
    if (error) throw new Error(error.formattedMessage);
    return Object.fromEntries(Object.entries(output.sources).map(([name, source]) => [name, source.ast]));
  }

  #compile(entry, changed, outputSelection) {
    const text = (name) => changed.get(name) ?? (name === SWITCH.file ? SWITCH.text : this.read(name));
    const input = {
      language: 'Solidity',
      sources: { [entry]: { content: text(entry) } },
      settings: { ...this.settings, outputSelection },
    };
    const find = (name) => {
      try {
        return { contents: text(name) };
      } catch {
        return { error: `no such file: ${name}` };
      }
    };
    return JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
  }
}
