// Reads {"schema", "config"} on stdin and checks the configuration as `config:check --strict` does. Writes
// {error} or {secrets}: what remains when only values marked as secret are kept.
import { loadConfigSchema } from '@backstage/config-loader';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const { schema: value, config } = JSON.parse(input);
const schemas = [{ value, path: 'schema/app-config.schema.json', packageName: 'stagedoor' }];
let answer;
try {
  const serialized = { schemas, backstageConfigSchemaVersion: 1 };
  const schema = await loadConfigSchema({ serialized, noUndeclaredProperties: true });
  const configs = [{ data: config, context: 'app-config.example.yaml' }];
  schema.process(configs);
  const [kept] = schema.process(configs, { visibility: ['secret'] });
  answer = { secrets: kept?.data ?? {} };
} catch (error) {
  answer = { error: error.message };
}
process.stdout.write(JSON.stringify(answer));
