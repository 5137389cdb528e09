// Makes a fresh Backstage app in the folder given, without installing it: node make.mjs FOLDER
//
// create-app refuses to run without yarn and on a Node it does not support; both come from this folder's packages
// when the machine has none. Its one look outside, for a seed of yarn.lock, may fail: it gives up after 3 s.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SUPPORTED_NODE = ['22', '24'];

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, 'node_modules');
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });

const made = spawnSync(
  node(),
  [join(modules, '@backstage/create-app/bin/backstage-create-app'), '--path', folder, '--skip-install'],
  {
    // --path is relative to where it runs, even when it looks absolute.
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      BACKSTAGE_APP_NAME: 'portal',
      PATH: [join(modules, '.bin'), process.env.PATH].join(delimiter),
    },
  },
);
process.exit(made.status ?? 1);

function node() {
  if (SUPPORTED_NODE.includes(process.versions.node.split('.')[0])) {
    return process.execPath;
  }
  const packaged = join(modules, `node-${process.platform}-${process.arch}/bin/node`);
  return existsSync(packaged) ? packaged : process.execPath;
}
