// Opens a page of a Backstage app in a real browser and calls Stagedoor from it as the stock frontend plugin does.
//
// Reads the visit as JSON from standard input and prints what the browser saw as JSON:
//   { "origin": "http://localhost:3000", "calls": [{ "method": "GET", "url": "…", "token": "…" }] }
//   { "calls": [{ "status": 200, "body": "…" } or { "failed": "Failed to fetch" }],
//     "preflights": [{ "url": "…", "status": 204, "headers": { … } }] }
//
// A call may have "headers", "credentials" and a "body" besides, which is sent as JSON.
//
// Nothing has to listen on the origin's own port: the browser is told to find that host and port at our little
// server. Requests are not intercepted, since an intercepting driver would answer preflights by itself.
import { createServer } from 'node:http';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';

// A browser that has not done its few calls by then never will.
const LIMIT_MS = 60_000;
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
// What a fresh app's backend sends with its page.
const CSP = "default-src 'self'; connect-src 'self' http: https:; script-src 'self' 'unsafe-eval'; base-uri 'self'";

const visit = JSON.parse(await text(process.stdin));
const executablePath = [process.env.CHROMIUM, ...BROWSERS].find(path => path && existsSync(path));
if (!executablePath) {
  console.error('No Chromium found. Install it: apt-get install -y chromium (or set CHROMIUM to its path)');
  process.exit(69);
}

const app = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CSP });
  response.end('<!doctype html><title>Portal</title><p>A page of the app');
});
await new Promise(resolve => app.listen(0, '127.0.0.1', resolve));
const profile = mkdtempSync(join(tmpdir(), 'stagedoor-browser-'));
const host = new URL(visit.origin).host;
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  timeout: LIMIT_MS,
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-proxy-server',
    `--host-resolver-rules=MAP ${host} 127.0.0.1:${app.address().port}`,
  ],
});

try {
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const preflights = await watchPreflights(page);
  await page.goto(`${visit.origin}/spacelift`);
  const calls = [];
  for (const call of visit.calls) {
    calls.push(await page.evaluate(asTheFrontendDoes, call));
  }
  console.log(JSON.stringify({ calls, preflights }));
} finally {
  await context.close();
  app.close();
  rmSync(profile, { recursive: true, force: true });
}

// Runs in the page. Unless told otherwise: no content type and no body, on POST neither; default mode and credentials.
async function asTheFrontendDoes({ method, url, token, headers = {}, credentials, body }) {
  try {
    const authorization = token ? { Authorization: `Bearer ${token}` } : {};
    const type = body ? { 'Content-Type': 'application/json' } : {};
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...authorization, ...type },
      credentials,
      body: body && JSON.stringify(body),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { failed: error.message };
  }
}

async function watchPreflights(page) {
  const seen = new Map();
  const session = await page.context().newCDPSession(page);
  session.on('Network.requestWillBeSent', event => {
    if (event.initiator.type === 'preflight') {
      seen.set(event.requestId, { url: event.request.url });
    }
  });
  session.on('Network.responseReceived', event => {
    const preflight = seen.get(event.requestId);
    if (preflight) {
      preflight.status = event.response.status;
      preflight.headers = event.response.headers;
    }
  });
  await session.send('Network.enable');
  return { toJSON: () => [...seen.values()] };
}
