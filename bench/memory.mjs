// What callers without credentials, or with little right, can make Stagedoor hold; called by bench/memory.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { binaries, get, memory, sleep, start, stop, stopAll } from './parts.mjs';

const TOKEN = 'token-of-the-memory-bench';
/** The memory limit of `deploy/`, in MB. */
const LIMIT = 128;
const wanted = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-memory-'));
const note = text => process.stderr.write(`${text}\n`);

/** Addresses of loopback: the first is a caller, all of them are many. */
const one = () => '127.0.0.1';
const many = index => `127.0.${1 + (index % 64)}.1`;

const freePort = () =>
  new Promise(done => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** A portal that accepts websockets, says nothing on them, and has an answer of a gigabyte. */
async function startPortal() {
  const piece = Buffer.alloc(1 << 16);
  const server = http.createServer((_, response) => {
    response.on('error', () => {});
    const send = () => {
      while (response.write(piece));
      response.once('drain', send);
    };
    send();
  });
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  });
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise(done => server.listen(0, '127.0.0.1', 65_535, done));
  server.unref();
  return server.address().port;
}

function certificate() {
  const [key, cert] = ['key.pem', 'cert.pem'].map(name => path.join(folder, name));
  const subject = ['-subj', '/CN=localhost', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  return `https: { certificate: { cert: { $file: '${cert}' }, key: { $file: '${key}' } } }`;
}

async function startStagedoor(portal, { backend = '' } = {}) {
  const port = await freePort();
  const config = path.join(folder, 'app-config.yaml');
  fs.writeFileSync(
    config,
    `app: { baseUrl: 'http://localhost:3000' }
backend:
  baseUrl: 'http://localhost:${port}'
  listen: '127.0.0.1:${port}'
  auth: { externalAccess: [{ type: static, options: { token: ${TOKEN}, subject: bench } }] }
  ${backend}
spacelift: { hostUrl: example.app.spacelift.io, apiKey: key, apiSecret: secret }
ske:
  kubernetes:
    platformName: platform
    clusterLocatorMethods:
      - type: config
        clusters:
          - { name: platform, url: 'http://127.0.0.1:1', authProvider: serviceAccount, serviceAccountToken: none }
stagedoor: { upstream: 'http://127.0.0.1:${portal}', dataDir: ${folder} }
`,
  );
  const child = start(binaries.stagedoor, ['--config', config], {
    env: { NODE_ENV: 'production', NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    log: path.join(folder, 'stagedoor.log'),
  });
  await reachable(port);
  await sleep(1_000);
  return { child, port, pid: child.pid };
}

/** Waits until the port is open. */
async function reachable(port) {
  for (let tries = 0; tries < 3_000; tries += 1) {
    const is = await new Promise(done => {
      const socket = net.connect(port, '127.0.0.1', () => (socket.destroy(), done(true)));
      socket.on('error', () => done(false));
    });
    if (is) return;
    await sleep(10);
  }
  throw new Error(`it does not start; see ${folder}/stagedoor.log`);
}

/** Opens so many connections from these addresses and sends on each; returns them with what became of them. */
async function open(port, count, addressOf, text = '', { takes = true } = {}) {
  const sockets = [];
  for (let index = 0; index < count; index += 1) {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: addressOf(index) });
    socket.on('error', () => {});
    socket.answer = '';
    socket.on('connect', () => text && socket.write(text));
    if (takes) socket.on('data', data => (socket.answer = (socket.answer + data.toString('latin1')).slice(0, 200)));
    sockets.push(socket);
    // No faster than the system's queue takes them.
    if (index % 100 === 99) await sleep(20);
  }
  return sockets;
}

/** How many of the connections are still open. */
const held = sockets => sockets.filter(socket => !socket.destroyed && !socket.readableEnded).length;

async function health(port, localAddress = '127.0.99.1') {
  const since = performance.now();
  const agent = new http.Agent({ localAddress });
  const url = `http://127.0.0.1:${port}/.backstage/health/v1/readiness`;
  const asked = get(url, {}, agent).then(answer => answer.status);
  const status = await Promise.race([asked.catch(error => error.code), sleep(10_000).then(() => 'none in 10 s')]);
  agent.destroy();
  return status === 200 ? `${Math.round(performance.now() - since)} ms` : String(status);
}

const head = (length, line = 'GET /.backstage/health/v1/readiness HTTP/1.1') =>
  `${line}\r\nhost: x\r\nx-long: `.padEnd(length, 'x');
const websocket =
  'GET /api/signals HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const body = length =>
  `POST /api/ske/configure-resource HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
const tls = Buffer.concat([Buffer.from([0x16, 3, 1, 0x3f, 0xff]), Buffer.alloc(8_000, 1)]);

/** 35 kB that would stand for half a million values. */
function aliases() {
  const a = Array.from({ length: 4_950 }, () => '{a: 1}').join(', ');
  const b = Array.from({ length: 98 }, () => '*a').join(', ');
  const manifest = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\na: &a [${a}]\nb: [${b}]\n`;
  return JSON.stringify({ manifest });
}

async function configure(port, text) {
  const request = http.request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/api/ske/configure-resource',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', 'content-length': text.length },
  });
  const answered = new Promise(done => {
    request.on('response', response => (response.resume(), done(response.statusCode)));
    request.on('error', error => done(error.code));
  });
  request.end(text);
  return answered;
}

/** Each opens what it opens, and returns it. */
const attacks = [
  { name: 'silent', what: '5,000 silent connections', run: ({ port }) => open(port, 5_000, one) },
  { name: 'silent', what: '… from 64 addresses', run: ({ port }) => open(port, 5_000, many) },
  { name: 'heads', what: '1,250 half-sent heads of 15 kB', run: ({ port }) => open(port, 1_250, one, head(15_000)) },
  { name: 'heads', what: '5,000 half-sent heads of 15 kB', run: ({ port }) => open(port, 5_000, one, head(15_000)) },
  { name: 'heads', what: '… from 64 addresses', run: ({ port }) => open(port, 5_000, many, head(15_000)) },
  { name: 'heads', what: '1,250 half-sent heads of 63 kB', run: ({ port }) => open(port, 1_250, many, head(63_000)) },
  { name: 'idle', what: '5,000 connections that asked once, 64 addresses', run: ({ port }) => open(port, 5_000, many, `${head(8_000)}\r\n\r\n`) },
  { name: 'ahead', what: '1,000 with 100 requests sent ahead, 64 addresses', run: ({ port }) => open(port, 1_000, many, 'GET /x HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(100), { takes: false }) },
  { name: 'bodies', what: '1,250 half-sent bodies, without credentials, 64 addresses', run: ({ port }) => open(port, 1_250, many, body(100_000) + 'x'.repeat(90_000)) },
  { name: 'websockets', what: '8,192 websockets', run: ({ port }) => open(port, 8_192, one, websocket) },
  { name: 'websockets', what: '… from 64 addresses', run: ({ port }) => open(port, 8_192, many, websocket) },
  { name: 'readers', what: '1,250 that do not read a gigabyte, 64 addresses', run: ({ port }) => open(port, 1_250, many, 'GET /big HTTP/1.1\r\nhost: x\r\n\r\n', { takes: false }) },
  { name: 'tls', what: '1,250 half-sent TLS handshakes, 64 addresses', run: ({ port }) => open(port, 1_250, many, tls), backend: certificate },
  {
    name: 'aliases',
    what: '40 manifests of 35 kB of YAML aliases at once, with a token',
    run: async ({ port }) => {
      const text = aliases();
      const answers = await Promise.all(Array.from({ length: 40 }, () => configure(port, text)));
      note(`  answered ${[...new Set(answers)].join(', ')}`);
      return [];
    },
  },
];

/** One attack on a process of its own. */
async function measure(portal, { what, run, backend }) {
  const stagedoor = await startStagedoor(portal, { backend: backend?.() });
  const idle = memory(stagedoor.pid);
  let peak = idle;
  const timer = setInterval(() => (peak = Math.max(peak, memory(stagedoor.pid))), 50);
  const sockets = await run(stagedoor);
  await sleep(2_000);
  const answered = backend ? '' : await health(stagedoor.port);
  const left = held(sockets);
  sockets.forEach(socket => socket.destroy());
  clearInterval(timer);
  await sleep(15_000);
  const after = memory(stagedoor.pid);
  await stop(stagedoor.child);
  const row = [what, sockets.length ? left : '', ...[idle, peak, after].map(Math.round), answered];
  note(`  ${row.join(' | ')}`);
  return { row, peak };
}

try {
  const portal = await startPortal();
  const rows = [];
  for (const attack of attacks.filter(({ name }) => !wanted.length || wanted.includes(name))) {
    note(attack.what);
    rows.push(await measure(portal, attack));
  }
  console.log(`| | left open | at rest, MB | at most, MB | 15 s after, MB | another address's health check meanwhile |`);
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const { row } of rows) console.log(`| ${row.join(' | ')} |`);
  const over = rows.filter(({ peak }) => peak > LIMIT);
  if (over.length) process.exitCode = 1;
} finally {
  stopAll();
  if (process.exitCode) note(`logs are in ${folder}`);
  else fs.rmSync(folder, { recursive: true, force: true });
}
