'use strict';
// forge speaks to the files beside this one as it would to native compilers of its version manager: each is the npm
// package `solc` of that version, so a build needs no download. `alias` is the package's name in node_modules.
const fs = require('node:fs');
const path = require('node:path');

module.exports = (alias) => {
  const solc = require(path.join(__dirname, '..', '..', 'node_modules', alias));
  if (process.argv.includes('--version')) {
    process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
  } else {
    process.stdout.write(solc.compile(fs.readFileSync(0, 'utf8')));
  }
};
