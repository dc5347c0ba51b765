// A copy of the project whose tests take the code of vault and guard from files, so that a mutant needs no rebuild.
import fs from 'node:fs';
import path from 'node:path';

const LIBRARY = `// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

/// @notice Creation code of the contracts under test, from the files that the environment names.
library MutantCode {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function read(string memory variable) internal view returns (bytes memory) {
        return VM.parseBytes(VM.readFile(VM.envString(variable)));
    }

    function make(string memory variable) internal returns (address made) {
        bytes memory code = read(variable);
        assembly {
            made := create(0, add(code, 32), mload(code))
            if iszero(made) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
`;
const CONTRACTS = { TreasuryVault: 'VAGUS_VAULT_CODE', PolicyGuard: 'VAGUS_GUARD_CODE' };
const COPIED = ['contracts', 'test', 'script', 'tools', 'foundry.toml'];
/** Not run against mutants: proofs are not tests, and stubs of other suites are not tests either. */
const LEFT_OUT = ['test/symbolic', 'test/differential', 'test/deploy'];

/** Copies what changed, so that what did not is not built again. */
export function copyProject(root, target, { patch }) {
  fs.mkdirSync(path.join(target, 'target'), { recursive: true });
  if (!fs.existsSync(path.join(target, 'node_modules'))) {
    fs.symlinkSync(fs.realpathSync(path.join(root, 'node_modules')), path.join(target, 'node_modules'));
  }
  const kept = new Set();
  for (const item of COPIED) {
    for (const name of filesBelow(root, item)) {
      if (LEFT_OUT.some((folder) => name.startsWith(`${folder}/`))) continue;
      kept.add(name);
      let content = fs.readFileSync(path.join(root, name));
      if (patch && name.endsWith('.sol') && !name.startsWith('contracts/')) content = Buffer.from(patched(content.toString('utf8')));
      if (name === 'foundry.toml' && patch) content = Buffer.from(withLibrary(content.toString('utf8')));
      write(path.join(target, name), content, fs.statSync(path.join(root, name)).mode);
    }
  }
  if (patch) write(path.join(target, 'mutant/MutantCode.sol'), Buffer.from(LIBRARY));
  for (const item of COPIED) {
    for (const name of filesBelow(target, item)) if (!kept.has(name)) fs.rmSync(path.join(target, name));
  }
}

function patched(text) {
  let changed = text;
  for (const [contract, variable] of Object.entries(CONTRACTS)) {
    changed = changed
      .replaceAll(`type(${contract}).creationCode`, `MutantCode.read("${variable}")`)
      .replaceAll(`new ${contract}()`, `${contract}(MutantCode.make("${variable}"))`);
  }
  if (changed === text) return text;
  return changed.replace(/^pragma solidity [^;]*;\n/m, (line) => `${line}import {MutantCode} from "vagus-mutant/MutantCode.sol";\n`);
}

function withLibrary(text) {
  const changed = text.replace('remappings = [', 'remappings = [\n  "vagus-mutant/=mutant/",');
  if (changed === text) throw new Error('foundry.toml has no list "remappings = [" to add to');
  return changed;
}

function filesBelow(root, item) {
  const start = path.join(root, item);
  if (!fs.existsSync(start)) return [];
  if (fs.statSync(start).isFile()) return [item];
  return fs
    .readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)));
}

function write(file, content, mode = 0o644) {
  if (fs.existsSync(file) && fs.readFileSync(file).equals(content)) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content, { mode });
}
