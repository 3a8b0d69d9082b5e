// Asks swagger-parser about one OpenAPI document; prints what it says as JSON, in the same form as asyncapi.js.
import SwaggerParser from "@apidevtools/swagger-parser";

const [file] = process.argv.slice(2);
try {
  const { openapi, paths } = await SwaggerParser.validate(file);
  console.log(JSON.stringify({ version: openapi, paths: Object.keys(paths), findings: [] }));
} catch ({ name, message, details = [] }) {
  const found = details.length ? details : [{ instancePath: "", message }];
  const findings = found.map((each) => ({
    severity: "error",
    code: name,
    pointer: each.instancePath ?? "",
    message: each.message,
  }));
  console.log(JSON.stringify({ version: null, paths: [], findings }));
}
