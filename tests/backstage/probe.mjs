// Lets the backend's own issuer sign, and its own verifier judge, what no stock route shows.
//
//   POST /api/probe/token   { "for": "ske", "own": false }  → { "token" }: a plugin token, for the caller or for itself
//   GET  /api/probe/caller                                   → the principal of whoever calls
//   GET  /api/probe/cookie/caller                            → the same where a limited token or a cookie will do
import { coreServices, createBackendPlugin } from '@backstage/backend-plugin-api';
import express from 'express';

export default createBackendPlugin({
  pluginId: 'probe',
  register(plugin) {
    plugin.registerInit({
      deps: { auth: coreServices.auth, httpAuth: coreServices.httpAuth, httpRouter: coreServices.httpRouter },
      async init({ auth, httpAuth, httpRouter }) {
        const answer = work => (request, response, next) =>
          work(request).then(body => response.json(body), next);
        const principal = options => answer(async request => (await httpAuth.credentials(request, options)).principal);
        const router = express.Router();
        router.use(express.json());
        router.post('/token', answer(async request => {
          const caller = await httpAuth.credentials(request);
          const onBehalfOf = request.body.own ? await auth.getOwnServiceCredentials() : caller;
          return auth.getPluginRequestToken({ onBehalfOf, targetPluginId: request.body.for });
        }));
        router.get('/caller', principal({}));
        router.get('/cookie/caller', principal({ allowLimitedAccess: true }));
        httpRouter.use(router);
        httpRouter.addAuthPolicy({ path: '/cookie', allow: 'user-cookie' });
      },
    });
  },
});
