// The console: views that stay live, and controls that are calls of the API, each shown as a curl to copy.

const live = document.getElementById("live");
const outcome = document.getElementById("outcome");

// Which call a form makes: method, address, headers, body.
function callOf(form) {
  const text = form.querySelector("[data-body]");
  const fields = {};
  for (const field of form.querySelectorAll("[name]")) {
    if (field.name && field.value !== "") fields[field.name] = "number" in field.dataset ? Number(field.value) : field.value;
  }
  const { api: method, path, base } = form.dataset;
  let body = "";
  if (text) body = text.value;
  else if (method !== "DELETE") body = JSON.stringify(fields);
  const headers = {};
  if (!path.startsWith("/_lab/sandboxes")) headers["X-Sandbox"] = live.dataset.sandbox;
  if (path.startsWith("/api/") && live.dataset.key) headers["X-API-Key"] = live.dataset.key;
  if (body) headers["Content-Type"] = "application/json";
  return { method, url: (base || location.origin) + path, path, headers, body };
}

function curlOf({ method, url, headers, body }) {
  const quoted = (words) => "'" + words.replaceAll("'", "'\\''") + "'";
  const named = Object.entries(headers).map(([name, value]) => `--header ${quoted(`${name}: ${value}`)}`);
  return ["curl", "--request", method, quoted(url), ...named, ...(body ? ["--data", quoted(body)] : [])].join(" ");
}

function showCurls() {
  for (const form of document.querySelectorAll("form[data-api]")) {
    form.querySelector("[data-curl]").textContent = curlOf(callOf(form));
  }
}

// What differs between two texts, line by line: [" ", "-" or "+", line].
const MOST_PAIRS = 4_000_000; // lines of one times lines of the other; beyond it, the middle differs as a whole

function differences(before, after) {
  const old = before.split("\n");
  const next = after.split("\n");
  let start = 0;
  while (start < old.length && start < next.length && old[start] === next[start]) start++;
  let oldEnd = old.length;
  let nextEnd = next.length;
  while (oldEnd > start && nextEnd > start && old[oldEnd - 1] === next[nextEnd - 1]) [oldEnd, nextEnd] = [oldEnd - 1, nextEnd - 1];
  const same = (line) => [" ", line];
  const middle = middleOf(old.slice(start, oldEnd), next.slice(start, nextEnd));
  return [...old.slice(0, start).map(same), ...middle, ...old.slice(oldEnd).map(same)];
}

// The longest common subsequence of lines: `common[i][j]` of those from i and j on.
function middleOf(old, next) {
  const out = [];
  let [i, j] = [0, 0];
  if (old.length * next.length <= MOST_PAIRS) {
    const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(next.length + 1));
    for (let m = old.length - 1; m >= 0; m--) {
      for (let n = next.length - 1; n >= 0; n--) {
        common[m][n] = old[m] === next[n] ? common[m + 1][n + 1] + 1 : Math.max(common[m + 1][n], common[m][n + 1]);
      }
    }
    while (i < old.length && j < next.length) {
      if (old[i] === next[j]) out.push([" ", old[i++]]) && j++;
      else if (common[i + 1][j] >= common[i][j + 1]) out.push(["-", old[i++]]);
      else out.push(["+", next[j++]]);
    }
  }
  return [...out, ...old.slice(i).map((line) => ["-", line]), ...next.slice(j).map((line) => ["+", line])];
}

const KINDS = { " ": "span", "-": "del", "+": "ins" };

function showDifferences() {
  for (const place of document.querySelectorAll("[data-diff]")) {
    const old = place.querySelector("[data-old]");
    const next = place.querySelector("[data-new]");
    const after = next ? next.textContent : place.closest("form").querySelector("[data-body]").value;
    const lines = differences(old.textContent, after);
    const shown = lines.every(([sign]) => sign === " ") ? [] : lines;
    const elements = shown.map(([sign, line]) => Object.assign(document.createElement(KINDS[sign]), { textContent: `${sign} ${line}` }));
    place.replaceChildren(...[old, next].filter(Boolean), ...elements);
  }
}

function draw() {
  showCurls();
  showDifferences();
}

function say(words, failed) {
  outcome.hidden = false;
  outcome.classList.toggle("late", failed);
  outcome.textContent = words;
}

document.addEventListener("input", (event) => {
  if (event.target.closest("form[data-api]")) draw();
});

document.addEventListener("click", async ({ target }) => {
  if (!target.matches("[data-copy]")) return;
  const text = target.parentElement.querySelector("pre");
  getSelection().selectAllChildren(text); // where the browser lends no clipboard (a page not of this machine), for the keyboard
  await navigator.clipboard.writeText(text.textContent);
  say(live.dataset.copied, false);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-api]");
  if (!form) return;
  event.preventDefault();
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  const call = callOf(form);
  try {
    const replies = await replyOf(call, form.dataset.base);
    const outcomes = replies.flatMap((reply) => reply.letters || (reply.outcome ? [reply] : []));
    say([`${call.method} ${call.path}: OK`, ...counted(outcomes)].join(" "), outcomes.some(({ outcome }) => outcome === "failed"));
    if (form.dataset.then) location.href = form.dataset.then.replace("{id}", replies[0].id || "");
    document.activeElement.blur();
  } catch (fault) {
    say(fault.message, true);
  }
});

// The replies to a call; if one says that there is more, the call is made again after it.
async function replyOf({ method, path, body }, base) {
  const replies = [];
  let next = body;
  do {
    const options = { method, headers: next ? { "Content-Type": "application/json" } : {}, body: next || undefined };
    const response = await fetch(base ? `/console/gateway${path}` : path, options);
    const text = await response.text();
    if (!response.ok) throw new Error(refusalOf(response.status, text));
    const reply = text ? JSON.parse(text) : {};
    replies.push(reply);
    next = reply.letters && reply.next ? JSON.stringify({ ...JSON.parse(body), after: reply.next }) : null;
  } while (next);
  return replies;
}

function refusalOf(status, text) {
  let problem;
  try {
    problem = JSON.parse(text);
  } catch {
    return String(status);
  }
  const errors = (problem.errors || []).map((each) => `${each.pointer}: ${each.detail}`);
  const title = document.documentElement.lang === "vi" ? problem.title_vi : problem.title;
  return [`${status} ${title || problem.title}`, problem.detail, ...errors].join(" ");
}

// What became of dead letters: how many of each outcome, and why the first that failed did.
function counted(outcomes) {
  const counts = {};
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] || 0) + 1;
  const failed = outcomes.find(({ outcome }) => outcome === "failed");
  return [...Object.entries(counts).map(([outcome, n]) => `${outcome} ${n}`), ...(failed ? [`(${failed.id}: ${failed.reason})`] : [])];
}

// Every field somebody has changed, by its id, so that it keeps its value in a newer view.
const fieldsOf = () => [...live.querySelectorAll("input[id], textarea[id], select[id]")];
const isChanged = (field) =>
  field.matches("select")
    ? [...field.options].some((option) => option.selected !== option.defaultSelected)
    : field.value !== field.defaultValue || field.checked !== field.defaultChecked;

// What tells a summary from others with the same words: the call of its form.
const nameOf = (summary) => [summary.textContent, ...Object.values({ ...summary.closest("form")?.dataset })].join(" ");

draw();
if (live) {
  const source = new EventSource(live.dataset.stream);
  let waiting = null;
  const put = () => {
    // What somebody is writing, or has opened, is not taken away.
    const used = live.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
    if (waiting === null || used) return;
    const open = [...live.querySelectorAll("details[open] > summary")].map(nameOf);
    const written = new Map(fieldsOf().filter(isChanged).map((field) => [field.id, field]));
    live.innerHTML = waiting;
    waiting = null;
    for (const summary of live.querySelectorAll("details > summary")) {
      if (open.includes(nameOf(summary))) summary.parentElement.open = true;
    }
    for (const field of fieldsOf().filter(({ id }) => written.has(id))) {
      field.value = written.get(field.id).value;
      field.checked = written.get(field.id).checked;
    }
    draw();
  };
  source.addEventListener("part", (event) => {
    waiting = event.data;
    put();
  });
  source.addEventListener("clock", ({ data }) => {
    document.querySelector('[data-testid="clock"]').outerHTML = data;
  });
  document.addEventListener("focusout", () => setTimeout(put, 100));
}
