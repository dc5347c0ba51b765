// Many changes of the contracts in one build. A copy of the project holds every change behind a switch: both texts are
// there, and which one runs depends on a number that lies on the chain as the balance of a fixed address. So a change
// costs a run of tests, and no compile.
import fs from 'node:fs';
import path from 'node:path';

export const ENVIRONMENT = { ...process.env, FOUNDRY_DENY: 'never', RUST_BACKTRACE: '0' };
/** The change that is on from a test's first breath; 0 is none. */
export const VARIABLE = 'SWITCH';

/** The library that contracts ask. */
export const SWITCH = {
  file: 'contracts/Switch.sol',
  text: `// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Which change is switched on: the balance of a fixed address is its number.
library Switch {
    function isOn(uint256 number) internal pure returns (bool) {
        function (uint256) internal view returns (bool) read = _isOn;
        function (uint256) internal pure returns (bool) pretended;
        // Pure functions are changed too; the number does not change while a test runs.
        assembly {
            pretended := read
        }
        return pretended(number);
    }

    function _isOn(uint256 number) private view returns (bool) {
        return address(0x4a31).balance == number;
    }
}
`,
};
/** Asked for its version before every run, the compiler would take longer to start than many tests take to run. */
const COMPILER_TEXT = `#!/bin/sh
cd "$(dirname "$0")"
if [ "$1" = --version ]; then
  [ -e version ] || { node ./compiler --version > version.$$ && mv version.$$ version; }
  exec cat version
fi
cd "$OLDPWD"
exec node "$(dirname "$0")/compiler" "$@"
`;
const TEST = 'test/SwitchedTest.sol';
const TEST_TEXT = `// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test as Plain} from "forge-std/Test.sol";

/// @notice Stands in for forge's: switches on what the environment says before anything is set up.
abstract contract Test is Plain {
    constructor() {
        vm.deal(address(0x4a31), vm.envOr("${VARIABLE}", uint256(0)));
    }
}
`;

/** Text that is true while the change is on. */
export function isOn(number) {
  return `Switch.isOn(${number})`;
}

/** A test's statement that switches on what the environment says, instead of what was on. */
export function choose(variable) {
  return `vm.deal(address(0x4a31), vm.envOr("${variable}", uint256(0)));`;
}

/**
 * Copies what a build needs, without touching what is the same, so that it is not built again.
 * @param {string} root The project.
 * @param {string} copy Where the copy goes.
 * @param {string[]} items Files and folders.
 * @param {Map<string, string>} options.changed Texts that stand in for those of the project.
 * @param {string[]} options.leftOut Files that are not needed.
 */
export function makeCopy(root, copy, items, { changed = new Map(), leftOut = [] } = {}) {
  const deploy = 'script/Deploy.s.sol';
  const files = new Map(items.flatMap((item) => filesBelow(root, item)).map((name) => [name, undefined]));
  for (const [name, text] of [...changed, [SWITCH.file, SWITCH.text], [TEST, TEST_TEXT], ['tools/solc', COMPILER_TEXT]]) files.set(name, text);
  for (const name of leftOut) files.delete(name);
  files.set('tools/compiler', fs.readFileSync(path.join(root, 'tools/solc'), 'utf8'));
  if (files.has(deploy)) files.set(deploy, withoutSizeLimit(fs.readFileSync(path.join(root, deploy), 'utf8')));
  files.set('foundry.toml', unoptimised(fs.readFileSync(path.join(root, 'foundry.toml'), 'utf8')));
  for (const folder of new Set([...files.keys()].map((name) => name.split('/')[0]))) {
    for (const name of filesBelow(copy, folder)) if (!files.has(name)) fs.rmSync(path.join(copy, name));
  }
  for (const [name, text] of files) {
    let content = text === undefined ? fs.readFileSync(path.join(root, name)) : Buffer.from(text);
    if (/^test\/.*\.sol$/.test(name) && name !== TEST) content = Buffer.from(withSwitchedTest(name, content.toString('utf8')));
    const mode = fs.existsSync(path.join(root, name)) ? fs.statSync(path.join(root, name)).mode : 0o644;
    write(path.join(copy, name), content, mode);
  }
  const packages = path.join(copy, 'node_modules');
  if (!fs.existsSync(packages)) fs.symlinkSync(fs.realpathSync(path.join(root, 'node_modules')), packages);
  fs.mkdirSync(path.join(copy, 'target'), { recursive: true });
  fs.mkdirSync(path.join(copy, 'deployments'), { recursive: true });
}

/** The text of a contract's file, able to ask which change is on. */
export function withSwitch(file, text) {
  const line = `import {Switch} from "${fromTo(file, SWITCH.file)}";`;
  return text.replace(/^pragma .*$/m, (pragma) => `${pragma}\n${line}`);
}

/** The optimiser would take most of the time; the code is larger than chains allow, and nothing here is deployed. */
function unoptimised(text) {
  if (!/^optimizer = true$/m.test(text)) throw new Error('foundry.toml: expected a line «optimizer = true»');
  return text.replace(/^optimizer = true$/m, 'optimizer = false');
}

function withoutSizeLimit(text) {
  const limit = 'MAX_CODE_BYTES = 24_576';
  if (!text.includes(limit)) throw new Error(`script/Deploy.s.sol: expected «${limit}»`);
  return text.replace(limit, 'MAX_CODE_BYTES = 10_000_000');
}

function withSwitchedTest(name, text) {
  return text.replace('import {Test} from "forge-std/Test.sol";', `import {Test} from "${fromTo(name, TEST)}";`);
}

/** How one file names another. */
function fromTo(file, other) {
  const place = path.relative(path.dirname(file), other);
  return place.startsWith('.') ? place : `./${place}`;
}

function filesBelow(root, item) {
  const start = path.join(root, item);
  if (!fs.existsSync(start)) return [];
  if (fs.statSync(start).isFile()) return [item];
  return fs
    .readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

function write(file, content, mode) {
  if (fs.existsSync(file) && fs.readFileSync(file).equals(content)) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content, { mode });
}
