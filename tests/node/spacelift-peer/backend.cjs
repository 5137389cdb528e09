// The smallest Backstage backend that holds the Node plugin; its configuration comes by --config.
const { createBackend } = require('@backstage/backend-defaults');

const backend = createBackend();
backend.add(require('@spacelift-io/backstage-integration-backend'));
backend.start();
