// Measures the Node plugin, Stagedoor and the ceiling side by side; called by bench/run.
//   --quick            a few seconds each; prints, writes nothing
//   --without-peer     Stagedoor and the ceiling only
//   --seconds N        the length of one round, instead of 30 s
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {
  binaries, get, getMany, load, median, memory, sleep, start, startCeiling, startIssuer, startSimulator, stop, stopAll,
  untilHealthy, versions, watchMemory, writeKeys,
} from './parts.mjs';

const quick = process.argv.includes('--quick');
const withPeer = !process.argv.includes('--without-peer');
const wanted = process.argv.indexOf('--seconds');
const [warmUp, usual, rounds, starts] = quick ? [2, 3, 1, 3] : [10, 30, 3, 7];
const seconds = wanted < 0 ? usual : Number(process.argv[wanted + 1]);
const AWAY = 20; // ms to Spacelift
const TTL = 5; // s, the default of stagedoor.spacelift.cacheTtl

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-bench-'));
const note = text => process.stderr.write(`${text}\n`);

const freePort = () =>
  new Promise(done => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** The same app-config for both; `more` is what one side has besides. */
function writeConfig(name, port, parts, more = '') {
  const [publicKey, privateKey] = parts.keys;
  const file = path.join(folder, `${name}.yaml`);
  fs.writeFileSync(
    file,
    `app:
  baseUrl: http://localhost:3000
backend:
  baseUrl: http://localhost:${port}
  listen: 127.0.0.1:${port}
  cors: { origin: http://localhost:3000, credentials: true }
  database: { client: better-sqlite3, connection: ':memory:' }
  auth:
    pluginKeyStore:
      type: static
      static: { keys: [{ publicKeyFile: ${publicKey}, privateKeyFile: ${privateKey}, keyId: bench }] }
discovery:
  endpoints: [{ target: 'http://localhost:${parts.issuer.port}/api/{{pluginId}}', plugins: [auth, permission] }]
spacelift:
  hostUrl: ${parts.simulator.host}
  apiKey: 01JSIMULATEDKEY00000000000
  apiSecret: simulated-secret
${more}`,
  );
  return file;
}

/** How to start each side. */
function sides(parts) {
  const env = { NODE_ENV: 'production', NODE_EXTRA_CA_CERTS: parts.simulator.ca };
  const peer = path.resolve('tests/node/spacelift-peer');
  const launch = (name, command, args, { cwd, more } = {}) => async () => {
    const port = await freePort();
    const config = writeConfig(name, port, parts, more);
    const since = performance.now();
    const child = start(command, [...args, '--config', config], { cwd, env, log: path.join(folder, `${name}.log`) });
    const url = `http://127.0.0.1:${port}/api/spacelift-io`;
    const startTime = await untilHealthy(`${url}/health`, since);
    return { child, url, startTime };
  };
  return {
    compared: {
      ...(withPeer && { node: launch('node', 'node', ['--no-node-snapshot', 'backend.cjs'], { cwd: peer }) }),
      stagedoor: launch('stagedoor', binaries.stagedoor, []),
    },
    asking: launch('asking', binaries.stagedoor, [], { more: 'permission: { enabled: true }\n' }),
  };
}

const CASES = {
  'gzip, br': { 'accept-encoding': 'gzip, br' },
  identity: { 'accept-encoding': 'identity' },
  'If-None-Match': { 'accept-encoding': 'gzip, br' },
};

/** The load of one case on one address, after its warm-up. */
async function measure(url, headers, pid) {
  await load(url, headers, warmUp);
  const watch = pid && watchMemory(pid);
  const results = [];
  for (let round = 0; round < rounds; round++) results.push(await load(url, headers, seconds));
  const pick = key => median(results.map(result => result[key]));
  return { rate: pick('rate'), p50: pick('p50'), p99: pick('p99'), memory: watch?.stop() };
}

/** What the ceiling must answer: what Stagedoor does, byte for byte. */
function recorded(answer) {
  const headers = [];
  for (let i = 0; i < answer.raw.length; i += 2) headers.push([answer.raw[i], answer.raw[i + 1]]);
  const made = ['date', 'connection', 'keep-alive', 'transfer-encoding'];
  return {
    status: answer.status,
    headers: headers.filter(([name]) => !made.includes(name.toLowerCase())),
    body: answer.body.toString('base64'),
  };
}

async function loads(name, launch, parts, table) {
  const side = await launch();
  const auth = { authorization: `Bearer ${parts.issuer.token}` };
  const url = `${side.url}/stacks`;
  await sleep(2000);
  table.idle[name] = memory(side.child.pid);
  for (const [title, wanted] of Object.entries(CASES)) {
    const headers = { ...auth, ...wanted };
    if (title === 'If-None-Match') headers['if-none-match'] = (await get(url, headers)).headers.etag;
    const answer = await get(url, headers);
    const expected = title === 'If-None-Match' ? 304 : 200;
    if (answer.status !== expected) throw new Error(`${name} answered ${answer.status}: ${answer.body}`);
    note(`${name}, ${title} (${answer.body.length} bytes)`);
    const result = await measure(url, headers, side.child.pid);
    table.loads[title][name] = result;
    table.busy[name] = Math.max(table.busy[name] ?? 0, result.memory);
    if (name === 'stagedoor') {
      note(`ceiling, ${title}`);
      const ceiling = await startCeiling(folder, recorded(answer));
      table.loads[title].ceiling = await measure(ceiling.url, headers);
      await stop(ceiling.child);
    }
  }
  await stop(side.child);
}

/** The lists once more, with a permission backend that is asked: for what Node's plugin does not do. */
async function asking(launch, parts, table) {
  note('stagedoor, permissions on');
  const side = await launch();
  const [title, wanted] = Object.entries(CASES)[0];
  const headers = { authorization: `Bearer ${parts.issuer.token}`, ...wanted };
  const { ceiling } = table.loads[title];
  const stagedoor = await measure(`${side.url}/stacks`, headers, side.child.pid);
  table.loads[`${title}, permissions on`] = { stagedoor, ceiling };
  await stop(side.child);
}

/** Start time, logins of a herd, upstream queries per 1,000 lists. */
async function single(name, launch, parts, table) {
  note(`${name}, start, logins, upstream queries`);
  const auth = { authorization: `Bearer ${parts.issuer.token}` };
  const times = [];
  for (let round = 0; round < starts; round++) {
    const side = await launch();
    times.push(side.startTime);
    await stop(side.child);
  }
  table.start[name] = median(times);
  const side = await launch();
  await parts.simulator.say('latency 500');
  await parts.simulator.say('reset');
  await getMany(`${side.url}/stacks`, auth, 64, 64);
  table.logins[name] = (await parts.simulator.counters()).logins;
  await parts.simulator.say(`latency ${AWAY}`);
  // What the herd left behind must be gone.
  await sleep(TTL * 1000 + 500);
  await parts.simulator.say('reset');
  const since = performance.now();
  await getMany(`${side.url}/stacks`, auth, 1000, 64);
  const took = (performance.now() - since) / 1000;
  table.queries[name] = { lists: (await parts.simulator.counters()).lists, took };
  await stop(side.child);
}

function report(table) {
  const round = (value, digits = 0) => (value === undefined ? '–' : value.toFixed(digits));
  const ratio = (ours, top) => (ours / top).toFixed(2);
  const rows = [];
  for (const [title, by] of Object.entries(table.loads)) {
    const [node, ours, top] = [by.node, by.stagedoor, by.ceiling];
    const [times, atLeast] = node ? [`${ratio(ours.rate, node.rate)}x, `, '≥ 60x, '] : ['', ''];
    rows.push(
      `| \`GET /stacks\`, ${title}: requests/s | ${round(node?.rate)} | ${round(ours.rate)} | ${round(top.rate)} | ` +
        `${times}${ratio(ours.rate, top.rate)} of the ceiling | ${atLeast}≥ 0.7 |`,
      `| … p50 / p99 ms | ${round(node?.p50, 1)} / ${round(node?.p99, 1)} | ${round(ours.p50, 2)} / ${round(ours.p99, 2)} | ` +
        `${round(top.p50, 2)} / ${round(top.p99, 2)} | | |`,
    );
  }
  const queries = side => (side ? `${side.lists} in ${side.took.toFixed(1)} s` : '–');
  const q = table.queries;
  rows.push(
    `| upstream queries per 1,000 lists | ${queries(q.node)} | ${queries(q.stagedoor)} | | | ≤ 1 per ${TTL} s |`,
    `| memory idle / under load, MB | ${round(table.idle.node)} / ${round(table.busy.node)} | ${round(table.idle.stagedoor)} / ${round(table.busy.stagedoor)} | | | ≤ 25 / ≤ 60 |`,
    `| first healthy answer, ms | ${round(table.start.node)} | ${round(table.start.stagedoor)} | | | ≤ 50 |`,
    `| logins for 64 simultaneous first requests | ${table.logins.node ?? '–'} | ${table.logins.stagedoor} | | | 1 |`,
  );
  return ['| | Node plugin | Stagedoor | ceiling | ratio | must reach |', '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function document(table) {
  const about = versions();
  return `# Benchmarks

Written by \`bench/run\`; do not edit. Spacelift only; permissions off but for the row that says otherwise.

- Load: wrk, HTTP/1.1 keep-alive, 64 connections, a valid user token; ${warmUp} s warm-up, then ${rounds} × ${seconds} s, median.
- Upstream: the simulator over TLS with 200 stacks, ${AWAY} ms away. Logs on, written to a file.
- Node plugin: \`@spacelift-io/backstage-integration-backend\` 0.3.3 in \`@backstage/backend-defaults\` 0.12.3, \`NODE_ENV=production\`, same app-config.
- Ceiling: a hyper server that answers the same bytes and headers and does nothing else.
- Logins are counted with Spacelift taking 500 ms. Load generator, servers and simulator share one machine: ${os.cpus().length} × ${about.cpu}, ${about.rustc}, Node ${about.node}.

${report(table)}

${fs.readFileSync('bench/notes.md', 'utf8')}`;
}

async function main() {
  const parts = { issuer: await startIssuer(), simulator: await startSimulator(folder), keys: writeKeys(folder) };
  await parts.simulator.say(`latency ${AWAY}`);
  const table = { loads: {}, idle: {}, busy: {}, start: {}, logins: {}, queries: {} };
  for (const title of Object.keys(CASES)) table.loads[title] = {};
  const { compared, asking: launch } = sides(parts);
  for (const [name, launch] of Object.entries(compared)) {
    await single(name, launch, parts, table);
    await loads(name, launch, parts, table);
  }
  await asking(launch, parts, table);
  if ((await parts.simulator.counters()).refused > 0) throw new Error('the simulator refused a document');
  process.stdout.write(`${report(table)}\n`);
  if (!quick && withPeer) fs.writeFileSync('docs/BENCHMARKS.md', document(table));
  fs.rmSync(folder, { recursive: true });
}

main()
  .catch(error => {
    note(`${error.stack}\nlogs are in ${folder}`);
    process.exitCode = 1;
  })
  .finally(stopAll);
