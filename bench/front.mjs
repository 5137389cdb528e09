// Measures what Stagedoor passes on beside nginx doing the same; called by bench/front.
//   --quick            a few seconds and 64 MB instead of a minute and 1 GB
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { promisify } from 'node:util';
import { binaries, load, median, memory, sleep, start, stop, stopAll, untilHealthy, versions } from './parts.mjs';

const quick = process.argv.includes('--quick');
const [size, hold, seconds, warmUp, rounds] = quick ? [64 << 20, 5, 2, 1, 1] : [1 << 30, 60, 10, 3, 3];
const MB = 1 << 20;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'stagedoor-front-'));
const note = text => process.stderr.write(`${text}\n`);
const run = promisify(execFile);

const freePort = () =>
  new Promise(done => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

async function startUpstream() {
  const child = start(binaries.upstream, [], { log: path.join(folder, 'upstream.log'), stdout: 'pipe' });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return (await lines.next()).value;
}

async function startStagedoor(upstream) {
  const port = await freePort();
  const config = path.join(folder, 'app-config.yaml');
  fs.writeFileSync(
    config,
    `app: { baseUrl: 'http://localhost:3000' }
backend: { baseUrl: 'http://localhost:${port}', listen: '127.0.0.1:${port}' }
stagedoor: { upstream: 'http://${upstream}', dataDir: ${folder} }
`,
  );
  const env = { NODE_ENV: 'production' };
  const child = start(binaries.stagedoor, ['--config', config], { env, log: path.join(folder, 'stagedoor.log') });
  return { name: 'Stagedoor', url: `http://127.0.0.1:${port}`, port, child, pids: () => [child.pid] };
}

/** nginx with as many workers as Stagedoor has threads, streaming both ways, with a log. */
async function startNginx(upstream) {
  const port = await freePort();
  const config = path.join(folder, 'nginx.conf');
  fs.writeFileSync(
    config,
    `worker_processes ${os.cpus().length};
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx-error.log;
events { worker_connections 4096; }
http {
  access_log ${folder}/nginx-access.log combined;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  tcp_nodelay on; keepalive_requests 1000000; client_max_body_size 0;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream backend { server ${upstream}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_buffering off; proxy_request_buffering off;
      proxy_read_timeout 300s;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`,
  );
  const child = start('nginx', ['-c', config, '-p', folder], { log: path.join(folder, 'nginx.log') });
  const workers = () => fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  return { name: 'nginx', url: `http://127.0.0.1:${port}`, port, child, pids: () => [child.pid, ...workers()] };
}

/** Samples the resident memory of all of a side's processes. */
function sampling(side) {
  const samples = [];
  const sample = () => samples.push(side.pids().reduce((sum, pid) => sum + memory(pid), 0));
  sample();
  const timer = setInterval(sample, 200);
  return () => (clearInterval(timer), sample(), samples);
}

/** MB a second of one transfer by curl. */
async function transfer(args, field) {
  const { stdout } = await run('curl', ['-sS', '-f', '-w', `\n%{${field}} %{size_download} %{size_upload}`, ...args]);
  const [speed, down, up] = stdout.trim().split('\n').pop().split(' ').map(Number);
  if (Math.max(down, up) < size) throw new Error(`only ${down} bytes down and ${up} up`);
  return speed / MB;
}

/** A file without content: it reads as zeros and costs no disk. */
function sparse() {
  const file = path.join(folder, 'upload');
  fs.closeSync(fs.openSync(file, 'w'));
  fs.truncateSync(file, size);
  return file;
}

const small = async side => (await load(`${side.url}/small`, {}, seconds)).rate;
const large = async side => ((await load(`${side.url}/bytes/65536`, {}, seconds)).rate * 65536) / MB;
const file = sparse();
const TRANSFERS = {
  '1 kB answers, 64 connections: requests/s': small,
  '64 kB answers, 64 connections: MB/s': large,
  [`${size / MB} MB down: MB/s`]: side => transfer(['-o', '/dev/null', `${side.url}/bytes/${size}`], 'speed_download'),
  [`${size / MB} MB up: MB/s`]: side => transfer(['-H', 'Expect:', '-T', file, `${side.url}/sink`], 'speed_upload'),
};

/** Holds an event stream; resolves to how many events came, and the longest time between two. */
function holdEvents(side) {
  return new Promise((done, failed) => {
    const request = http.get(`${side.url}/events`, { headers: { 'accept-encoding': 'gzip, br' } }, answer => {
      let [count, longest, last] = [0, 0, performance.now()];
      answer.on('data', data => {
        const now = performance.now();
        count += data.toString().split('data:').length - 1;
        [longest, last] = [Math.max(longest, now - last), now];
      });
      answer.on('error', failed);
      setTimeout(() => {
        answer.removeAllListeners('error').on('error', () => {});
        request.destroy();
        done({ count, longest });
      }, hold * 1000 + 500);
    });
    request.on('error', error => performance.now() && failed(error));
  });
}

/** Holds a websocket, says something each second, and measures how long the echo takes. */
function holdSocket(side) {
  return new Promise((done, failed) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'c3RhZ2Vkb29yLWJlbmNoMQ==',
    };
    const request = http.get(`${side.url}/socket`, { headers });
    request.on('error', failed);
    request.on('response', answer => failed(new Error(`no websocket but ${answer.statusCode}`)));
    request.on('upgrade', (_, socket) => {
      let [count, longest, said] = [0, 0, 0];
      const say = () => ((said = performance.now()), socket.write('ping'));
      const timer = setInterval(say, 1000);
      socket.on('data', () => ((count += 1), (longest = Math.max(longest, performance.now() - said))));
      socket.on('error', failed);
      setTimeout(() => {
        clearInterval(timer);
        socket.destroy();
        done({ count, longest });
      }, hold * 1000 + 500);
    });
  });
}

/** Both sides in turn, so that whatever else the machine does meets both. */
async function compare(sides, title, measure) {
  const results = { nginx: [], Stagedoor: [] };
  const memories = { nginx: [], Stagedoor: [] };
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 ? [...sides].reverse() : sides) {
      note(`${title}, ${side.name}, round ${round + 1}`);
      const stopSampling = sampling(side);
      results[side.name].push(await measure(side));
      memories[side.name].push(...stopSampling());
    }
  }
  return { results, memories };
}

const whole = number => number.toFixed(0);
const span = samples => `${Math.min(...samples).toFixed(1)}–${Math.max(...samples).toFixed(1)}`;

async function main() {
  const upstream = await startUpstream();
  const sides = [await startNginx(upstream), await startStagedoor(upstream)];
  const rows = [];
  for (const side of sides) {
    await untilHealthy(`${side.url}/small`, performance.now());
    await load(`${side.url}/small`, {}, warmUp);
  }
  for (const [title, measure] of Object.entries(TRANSFERS)) {
    const { results, memories } = await compare(sides, title, measure);
    const [theirs, ours] = [median(results.nginx), median(results.Stagedoor)];
    rows.push(
      `| ${title} | ${whole(theirs)} | ${whole(ours)} | ${(ours / theirs).toFixed(2)} | ` +
        `${span(memories.nginx)} | ${span(memories.Stagedoor)} |`,
    );
  }
  const held = [];
  for (const side of sides) {
    note(`an event stream and a websocket for ${hold} s, ${side.name}`);
    const stopSampling = sampling(side);
    const [events, echoes] = await Promise.all([holdEvents(side), holdSocket(side)]);
    held.push(
      `| ${side.name} | ${events.count} | ${whole(events.longest)} | ${echoes.count} | ${echoes.longest.toFixed(1)} | ` +
        `${span(stopSampling())} |`,
    );
  }
  const about = versions();
  console.log(`${os.cpus().length} × ${about.cpu}, ${about.rustc}; ${rounds} × ${seconds} s or transfers each, in turn, median.

| | nginx | Stagedoor | ratio | nginx, MB resident | Stagedoor, MB resident |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

| held for ${hold} s | events | longest gap, ms | echoes | slowest echo, ms | MB resident |
| --- | --- | --- | --- | --- | --- |
${held.join('\n')}`);
  for (const side of sides) await stop(side.child);
}

try {
  await main();
} finally {
  stopAll();
  fs.rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
