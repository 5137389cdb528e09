// Which origins each pattern lets in, as Backstage's readCorsOptions asks minimatch.
const { readFileSync } = require('node:fs');
const { Minimatch } = require('minimatch');

const { patterns, origins } = JSON.parse(readFileSync(0, 'utf8'));
const judge = pattern => {
  const compiled = new Minimatch(pattern, { nocase: true, noglobstar: true });
  return origins.map(origin => compiled.match(origin));
};
process.stdout.write(JSON.stringify(patterns.map(judge)));
