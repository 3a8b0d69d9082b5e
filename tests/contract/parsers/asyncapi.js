// Asks the official AsyncAPI parser about one document; prints what it says as JSON, one object per finding.
import { Parser, fromFile } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const SEVERITIES = ["error", "warning", "information", "hint"];
const { document, diagnostics } = await fromFile(new Parser(), file).parse();
const findings = diagnostics.map(({ severity, code, message, path }) => ({
  severity: SEVERITIES[severity],
  code,
  pointer: path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
  message,
}));
const version = document?.version() ?? null;
const messages = document?.allMessages().all().map((message) => message.id()) ?? [];
console.log(JSON.stringify({ version, messages, findings }));
