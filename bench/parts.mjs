// What the benchmark is made of: processes, tokens, load.
import { spawn, execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';

const built = process.env.BENCH_PROFILE === 'dev' ? 'debug' : 'dist';
const target = path.join(process.env.CARGO_TARGET_DIR ?? 'target', built);
export const binaries = {
  stagedoor: path.resolve(target, 'stagedoor'),
  simulator: path.resolve(target, 'examples/bench-simulator'),
  ceiling: path.resolve(target, 'examples/bench-ceiling'),
  upstream: path.resolve(target, 'examples/bench-upstream'),
};

export const sleep = ms => new Promise(done => setTimeout(done, ms));
export const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const running = new Set();
export function stopAll() {
  for (const child of running) child.kill('SIGKILL');
}

/** Starts a process; its log goes to a file, as it would in production. */
export function start(command, args, { log, cwd, env = {}, stdin = 'ignore', stdout } = {}) {
  const file = log ? fs.openSync(log, 'a') : 'ignore';
  const child = spawn(command, args, {
    cwd,
    stdio: [stdin, stdout ?? file, file],
    env: { ...process.env, ...env },
  });
  running.add(child);
  child.ended = new Promise(done => child.on('exit', code => (running.delete(child), done(code))));
  return child;
}

export async function stop(child) {
  child.kill('SIGTERM');
  await Promise.race([child.ended, sleep(10_000).then(() => child.kill('SIGKILL'))]);
}

/** The simulated Spacelift, steered line by line. */
export async function startSimulator(folder) {
  const ca = path.join(folder, 'ca.pem');
  const child = start(binaries.simulator, [ca], {
    log: path.join(folder, 'simulator.log'),
    stdin: 'pipe',
    stdout: 'pipe',
  });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const host = (await lines.next()).value;
  const say = async line => {
    child.stdin.write(`${line}\n`);
    return (await lines.next()).value;
  };
  return { ca, host, say, counters: async () => JSON.parse(await say('counters')) };
}

/** A server with the same bytes and headers and nothing else. */
export async function startCeiling(folder, answer) {
  const file = path.join(folder, 'ceiling.json');
  fs.writeFileSync(file, JSON.stringify(answer));
  const child = start(binaries.ceiling, [file], { log: path.join(folder, 'ceiling.log'), stdout: 'pipe' });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, url: `http://${(await lines.next()).value}/` };
}

const b64 = value => Buffer.from(value).toString('base64url');

/** What a permission backend that allows everything says to a question. */
async function allow(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return { items: JSON.parse(text).items.map(({ id }) => ({ id, result: 'ALLOW' })) };
}

/** Serves the public keys of the portal's auth backend, signs a user's token with them, and allows what is asked. */
export async function startIssuer() {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };
  const server = http.createServer(async (request, response) => {
    const answer = request.url === '/api/permission/authorize' ? await allow(request) : { keys: [key] };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  server.unref();
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'vnd.backstage.user', alg: 'ES256', kid: 'bench' };
  const claims = {
    iss: 'http://localhost:7007/api/auth',
    sub: 'user:default/bench',
    ent: ['user:default/bench'],
    aud: 'backstage',
    iat: now,
    exp: now + 6 * 3600,
  };
  const sign = (typ, more) => {
    const input = `${b64(JSON.stringify({ ...header, typ }))}.${b64(JSON.stringify(more))}`;
    const signature = crypto.sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return [input, signature.toString('base64url')];
  };
  // The signature of the shorter token is in the longer one, as the auth backend puts it there.
  const { sub, iat, exp } = claims;
  const [, uip] = sign('vnd.backstage.limited-user', { sub, iat, exp });
  const token = sign(header.typ, { ...claims, uip }).join('.');
  return { port: server.address().port, token };
}

/** Key files for the Node backend, which else would want a database for its own keys. */
export function writeKeys(folder) {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = [path.join(folder, 'public.pem'), path.join(folder, 'private.pem')];
  fs.writeFileSync(files[0], publicKey.export({ type: 'spki', format: 'pem' }));
  fs.writeFileSync(files[1], privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return files;
}

/** One GET; resolves to status, headers and bytes. */
export function get(url, headers = {}, agent) {
  return new Promise((done, failed) => {
    const request = http.get(url, { headers, agent }, response => {
      const chunks = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('end', () =>
        done({ status: response.statusCode, raw: response.rawHeaders, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on('error', failed);
    });
    request.on('error', failed);
  });
}

/** `count` GETs, `width` at a time, each on a connection of its own. */
export async function getMany(url, headers, count, width) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: width });
  const answers = await Promise.all(Array.from({ length: count }, () => get(url, headers, agent)));
  agent.destroy();
  const bad = answers.find(answer => answer.status !== 200);
  if (bad) throw new Error(`answered ${bad.status}: ${bad.body.toString().slice(0, 200)}`);
}

/** Milliseconds until the address answers 200. */
export async function untilHealthy(url, since) {
  for (;;) {
    const answer = await get(url).catch(() => undefined);
    if (answer?.status === 200) return performance.now() - since;
    if (performance.now() - since > 60_000) throw new Error(`${url} did not become healthy`);
    await sleep(1);
  }
}

/** Runs wrk once: HTTP/1.1, keep-alive, 64 connections, and patience with a server that is slow. */
export async function load(url, headers, seconds) {
  const args = ['-t2', '-c64', `-d${seconds}s`, '--latency', '--timeout', '30s'];
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  const child = spawn('wrk', [...args, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  let text = '';
  child.stdout.on('data', chunk => (text += chunk));
  await new Promise(done => child.on('exit', done));
  running.delete(child);
  if (/Non-2xx|Socket errors/.test(text) || !/Requests\/sec/.test(text)) throw new Error(`wrk reports failures:\n${text}`);
  const number = pattern => Number(pattern.exec(text)?.[1] ?? NaN);
  const time = label => {
    const [, value, unit] = new RegExp(`${label}\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
    return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit];
  };
  return { rate: number(/Requests\/sec:\s+([\d.]+)/), p50: time('50%'), p99: time('99%') };
}

/** Resident memory in MB. */
export function memory(pid) {
  const file = `/proc/${pid}/status`;
  // A process that has ended has none.
  const status = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Watches a process's memory; `stop()` gives the highest seen. */
export function watchMemory(pid) {
  let highest = 0;
  const timer = setInterval(() => (highest = Math.max(highest, memory(pid))), 200);
  timer.unref();
  return { stop: () => (clearInterval(timer), highest) };
}

export const versions = () => ({
  node: process.version,
  rustc: execFileSync('rustc', ['--version']).toString().trim(),
  cpu: /model name\s+: (.*)/.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown',
});
