// Reads {"cases": [{dir, args, env, files, reads}]} on stdin, loads each with the real Backstage loader and writes the
// outcomes as one JSON list: {config, reads} or {error, kind, alone}. `dir` is root folder and working directory; `env` is
// the whole environment, in order; `files` are the ones that may be read.
import { ConfigSources } from '@backstage/config-loader';
import { readDurationFromConfig } from '@backstage/config';
import { durationToMilliseconds } from '@backstage/types';

// JSON has no infinities and no NaN.
const encode = value => {
  if (typeof value === 'number' && !Number.isFinite(value)) return { $nonFinite: String(value) };
  if (Array.isArray(value)) return value.map(encode);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, encode(entry)]));
  }
  return value;
};

const whole = found => (Array.isArray(found) ? found.map(one => one.get()) : found?.get());

const call = (config, method, key) => {
  if (method === 'readDuration') return durationToMilliseconds(readDurationFromConfig(config, { key }));
  if (/Config(Array)?$/.test(method)) return whole(config[method](key));
  if (method !== 'has') return config[method](key);
  try {
    return config.has(key);
  } catch {
    return false; // our `has` answers, whatever is wrong with the key
  }
};

const read = (config, [method, key], dir) => {
  try {
    const value = call(config, method, key);
    return value === undefined ? { method, key, absent: true } : { method, key, value: encode(value) };
  } catch (error) {
    return { method, key, error: error.message.replaceAll(dir, '<dir>') };
  }
};

const isSyntax = error =>
  error instanceof ReferenceError ||
  /YAML(Parse|Semantic|Syntax|Reference)?Error|failed to parse included file|Merge sources must be/.test(`${error.name}: ${error.message}`);

const load = async (args, dir) => {
  const argv = ['node', 'backend', ...args];
  const config = await ConfigSources.toConfig(ConfigSources.default({ argv, rootDir: dir, watch: false }));
  config.close();
  return config;
};

const failure = (error, dir) => ({
  error: error.message.replaceAll(dir, '<dir>'),
  kind: isSyntax(error) ? 'syntax' : 'config',
});

// All files are read at the same time, so of several broken ones any may be named: says what is wrong with each.
const failuresAlone = async (files, dir) => {
  for (const name of Object.keys(process.env)) if (name.startsWith('APP_CONFIG_')) delete process.env[name];
  const failures = [];
  for (const file of files) {
    await load(['--config', file], dir).catch(error => failures.push(failure(error, dir)));
  }
  return failures;
};

const outcome = async ({ dir, args, env, files, reads }) => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  for (const [name, value] of env) process.env[name] = value;
  process.chdir(dir);
  try {
    const config = await load(args, dir);
    return { config: encode(config.getOptional() ?? {}), reads: reads.map(one => read(config, one, dir)) };
  } catch (error) {
    return { ...failure(error, dir), alone: await failuresAlone(files, dir) };
  }
};

let input = '';
for await (const chunk of process.stdin) input += chunk;
const outcomes = [];
for (const one of JSON.parse(input).cases) outcomes.push(await outcome(one));
process.stdout.write(JSON.stringify(outcomes));
