// A province's connector behind a webhook: receives dossiers, demands the fee, processes, returns a result.
//
// What it says is computed from what it is told, so it keeps no files: told the same again, it says the same again, under
// the same ids, and gets the verdict `duplicate`. A delivery is taken (2xx) only after everything was said; whatever goes
// wrong before, the same delivery comes again.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const connector = JSON.parse(readFileSync("connector.json")); // what `lienthong connect --json` prints
const catalogue = `${process.env.LIENTHONG_URL}/api/v1/procedures`;
const door = connector.events.replace(/\/events$/, "");
const webhook = new Webhook(connector.secret);
const officer = "Bộ phận Một cửa";

createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  response.statusCode = await take(Buffer.concat(pieces), request.headers);
  response.end();
}).listen(process.env.PORT ?? 9000, "127.0.0.1", () => console.log("connected to", door));

/** The status of the answer to a delivery. */
async function take(body, headers) {
  try {
    webhook.verify(body, headers);
  } catch (fault) {
    console.error("not from the gateway:", fault.message);
    return 401;
  }
  try {
    const told = JSON.parse(body);
    if (told.type === "dossier.submitted.v1") await receive(told);
    if (told.type === "payment.confirmed.v1") await finish(told);
    return 204;
  } catch (fault) {
    console.error(fault);
    return 500;
  }
}

async function receive(told) {
  const { procedure, province, channel, payer_group } = told.data;
  const on = told.time.slice(0, 10);
  const { cases } = await call("GET", `${catalogue}/${procedure}?on=${on}`);
  const chosen = cases.find((each) => each.code === told.data.case) ?? cases[0];
  const limit = chosen.limits[channel];
  await say(told, "dossier.received.v1", {
    received_at: told.time.slice(0, 19) + "+07:00", // before the result, if only by a moment
    due_at: due(told.time, limit),
    working_days: limit.value,
    officer,
  });
  const query = new URLSearchParams({ on, province, channel, case: chosen.code });
  if (payer_group) query.set("payer_group", payer_group);
  const fee = await call("GET", `${catalogue}/${procedure}/fee?${query}`);
  if (fee.total_dong === 0) return finish(told);
  // Then payment.confirmed.v1 is awaited.
  return say(told, "dossier.fee_demanded.v1", { fee_dong: fee.total_dong, demanded_at: told.time });
}

async function finish(told) {
  const address = `${door}/dossiers/${told.subject}`;
  await say(told, "dossier.processing_started.v1", { started_at: told.time, officer });
  await call("PUT", `${address}/result`, readFileSync("../result.pdf"), "application/pdf");
  const result_number = `${told.subject.split("-").at(-1)}/KQ`;
  await say(told, "dossier.result_ready.v1", { ready_at: told.time, on_time: true, result_number, officer });
  const { return_by } = await call("GET", address); // a real system has this in its own database
  await say(told, "dossier.result_returned.v1", { returned_at: told.time, channel: return_by ?? "online" });
}

/** Sends a message, whose id names dossier and step, and prints the verdict. */
async function say(told, type, facts) {
  const { province, procedure } = told.data;
  const message = {
    specversion: "1.0",
    id: `${told.subject}/${type}`,
    source: "/connectors/node-webhook",
    type,
    subject: told.subject,
    time: told.time,
    data: { dossier_code: told.subject, province, procedure, ...facts },
  };
  const verdict = await call("POST", connector.events, JSON.stringify(message), "application/cloudevents+json");
  console.log(`${verdict.outcome}: ${type} of ${told.subject}`);
  for (const { rule, pointer, title, expected } of verdict.errors)
    console.log(`  ${rule} at ${pointer}: ${title}. Expected: ${expected}`);
}

/** The closing time of the last day of a limit in working days: Monday to Friday, without DAYS_OFF. */
function due(time, limit) {
  const day = new Date(time.slice(0, 10)); // midnight in UTC stands for the day
  const text = () => day.toISOString().slice(0, 10);
  const works = () => day.getUTCDay() % 6 !== 0 && !(process.env.DAYS_OFF ?? "").includes(text());
  const isToday = limit.unit === "same_day" && works() && time.slice(11, 13) < "15";
  for (let days = isToday ? 0 : limit.value; days > 0; ) {
    day.setUTCDate(day.getUTCDate() + 1);
    if (works()) days -= 1;
  }
  return `${text()}T17:00:00+07:00`;
}

/** Asks over HTTP. 422 to a message has a verdict too; 409 to a result: it was announced by an earlier run. */
async function call(method, url, body, type) {
  const headers = { "X-Sandbox": connector.sandbox };
  if (url.startsWith(door)) headers.Authorization = `Bearer ${connector.key}`; // the portal's catalogue is open to all
  if (type) headers["Content-Type"] = type;
  const response = await fetch(url, { method, headers, body });
  const expected = { POST: 422, PUT: 409 }[method];
  if (!response.ok && response.status !== expected)
    throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response.json();
}
