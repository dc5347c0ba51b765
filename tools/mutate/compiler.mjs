// The compiler, in this process and with the project's own settings: a mutant is compiled in a few seconds, because
// only the one contract that carries it is.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const solc = createRequire(import.meta.url)('../../node_modules/solc');

export class Compiler {
  /** @param {string} root The project's folder. */
  constructor(root) {
    this.root = root;
    const forge = path.join(root, 'node_modules/.bin/forge');
    const config = JSON.parse(execFileSync(forge, ['config', '--json'], { cwd: root, encoding: 'utf8' }));
    this.remappings = config.remappings.map((line) => line.split('='));
    this.settings = {
      remappings: config.remappings,
      optimizer: { enabled: config.optimizer, runs: config.optimizer_runs },
      evmVersion: config.evm_version,
      viaIR: config.via_ir,
      // Without a hash of the sources at its end, code that does the same is the same.
      metadata: { appendCBOR: false, bytecodeHash: 'none' },
    };
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
   * Creation code of a contract.
   * @param {string} entry Source file, `contracts/vault/TreasuryVault.sol`; the contract has the file's name.
   * @param {Map<string, string>} changed Texts that stand in for those of the project.
   * @returns {{code?: string, error?: string}}
   */
  code(entry, changed = new Map()) {
    const name = path.basename(entry, '.sol');
    const output = this.#compile(entry, changed, { [entry]: { [name]: ['evm.bytecode.object'] } });
    const error = output.errors?.find((found) => found.severity === 'error');
    if (error) return { error: error.formattedMessage };
    const { object } = output.contracts[entry][name].evm.bytecode;
    if (object.includes('__$')) throw new Error(`${entry} needs linked libraries, which this tool does not deploy`);
    return { code: `0x${object}` };
  }

  /** Syntax trees of everything that `entry` is made of, by source name. */
  trees(entry) {
    const output = this.#compile(entry, new Map(), { '*': { '': ['ast'] } });
    const error = output.errors?.find((found) => found.severity === 'error');
    if (error) throw new Error(error.formattedMessage);
    return Object.fromEntries(Object.entries(output.sources).map(([name, source]) => [name, source.ast]));
  }

  #compile(entry, changed, outputSelection) {
    const text = (name) => changed.get(name) ?? this.read(name);
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
