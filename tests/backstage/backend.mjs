// A Backstage backend as a portal has it: plugins from npm, none of Stagedoor's or of the vendors. What it knows of
// Stagedoor stands in its app-config: node --no-node-snapshot backend.mjs --config FILE…
import { createBackend } from '@backstage/backend-defaults';

const backend = createBackend();
backend.add(import('@backstage/plugin-auth-backend'));
backend.add(import('@backstage/plugin-auth-backend-module-guest-provider'));
// People with names of their own, by a header: the guest is one and the same for everybody.
backend.add(import('@backstage/plugin-auth-backend-module-oauth2-proxy-provider'));
backend.add(import('@backstage/plugin-catalog-backend'));
backend.add(import('@backstage/plugin-catalog-backend-module-scaffolder-entity-model'));
backend.add(import('@backstage/plugin-scaffolder-backend'));
backend.add(import('@backstage/plugin-permission-backend'));
backend.add(import('@backstage/plugin-notifications-backend'));
// The tests' own: a policy to be refused by, and a look at tokens that no stock route gives.
backend.add(import('./policy.mjs'));
backend.add(import('./probe.mjs'));
backend.start();
