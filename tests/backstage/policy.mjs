// A permission policy that allows everything but what `permission.denied` lists: [{ user, permission }].
import { coreServices, createBackendModule } from '@backstage/backend-plugin-api';
import { AuthorizeResult } from '@backstage/plugin-permission-common';
import { policyExtensionPoint } from '@backstage/plugin-permission-node/alpha';

export default createBackendModule({
  pluginId: 'permission',
  moduleId: 'denials',
  register(module) {
    module.registerInit({
      deps: { config: coreServices.rootConfig, policy: policyExtensionPoint },
      async init({ config, policy }) {
        const denied = config.getOptional('permission.denied') ?? [];
        const isDenied = (user, permission) =>
          denied.some(each => each.user === user && each.permission === permission);
        policy.setPolicy({
          async handle({ permission }, user) {
            const refused = isDenied(user?.info.userEntityRef, permission.name);
            return { result: refused ? AuthorizeResult.DENY : AuthorizeResult.ALLOW };
          },
        });
      },
    });
  },
});
