// Reads each message of [{"class", "body"}] into its generated TypeScript class, and writes it again.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const require = createRequire(import.meta.url);
const [folder, examples] = process.argv.slice(2);
for (const { class: name, body } of JSON.parse(readFileSync(examples, "utf8"))) {
  const type = require(`${folder}/${name}.js`)[name];
  const again = JSON.parse(type.unmarshal(JSON.stringify(body)).marshal());
  if (!isDeepStrictEqual(again, body)) {
    throw new Error(`${name}: ${JSON.stringify(body)} became ${JSON.stringify(again)}`);
  }
}
