// Reads a JSON list of YAML texts on stdin as YAML 1.2 and writes a JSON list of what each says. A key that is no text
// becomes {"$key": its type}.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const shown = value => {
  if (Array.isArray(value)) return value.map(shown);
  if (!(value instanceof Map)) return value;
  const odd = [...value.keys()].find(key => typeof key !== 'string');
  if (odd !== undefined) return { $key: typeof odd };
  return Object.fromEntries([...value].map(([key, entry]) => [key, shown(entry)]));
};

const read = text => {
  try {
    return shown(parse(text, { mapAsMap: true }));
  } catch (error) {
    return { $error: String(error) };
  }
};

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(read)));
