// The console: views that stay live, and controls that are calls of the API, each shown as a curl to copy.

const live = document.getElementById("live");
const outcome = document.getElementById("outcome");

// Which call a form makes: method, address, body.
function callOf(form) {
  const text = form.querySelector("[data-body]");
  let body;
  if (text) {
    body = text.value;
  } else {
    const fields = {};
    for (const field of form.querySelectorAll("[name]")) {
      if (field.name && field.value !== "") fields[field.name] = "number" in field.dataset ? Number(field.value) : field.value;
    }
    body = form.dataset.api === "DELETE" ? "" : JSON.stringify(fields);
  }
  const base = form.dataset.base || location.origin;
  return { method: form.dataset.api, url: base + form.dataset.path, path: form.dataset.path, body };
}

function curlOf({ method, url, body }) {
  const quoted = (words) => "'" + words.replaceAll("'", "'\\''") + "'";
  const data = body ? ` --header 'Content-Type: application/json' --data ${quoted(body)}` : "";
  return `curl --request ${method} ${quoted(url)}${data}`;
}

function showCurls() {
  for (const form of document.querySelectorAll("form[data-api]")) {
    form.querySelector("[data-curl]").textContent = curlOf(callOf(form));
  }
}

function say(words, failed) {
  outcome.hidden = false;
  outcome.classList.toggle("late", failed);
  outcome.textContent = words;
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-api]");
  if (form) form.querySelector("[data-curl]").textContent = curlOf(callOf(form));
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-api]");
  if (!form) return;
  event.preventDefault();
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  const { method, path, body } = callOf(form);
  const address = form.dataset.base ? `/console/gateway${path}` : path;
  const options = { method, headers: body ? { "Content-Type": "application/json" } : {} };
  if (body) options.body = body;
  try {
    const response = await fetch(address, options);
    const text = await response.text();
    if (!response.ok) {
      const problem = JSON.parse(text);
      const errors = (problem.errors || []).map((each) => `${each.pointer}: ${each.detail}`);
      say([`${response.status} ${problem.title}`, problem.detail, ...errors].join(" "), true);
      return;
    }
    const id = text ? JSON.parse(text).id || "" : "";
    say(`${method} ${path}: ${response.status}`, false);
    if (form.dataset.then) location.href = form.dataset.then.replace("{id}", id);
    document.activeElement.blur();
  } catch (fault) {
    say(String(fault), true);
  }
});

showCurls();
if (live) {
  const source = new EventSource(live.dataset.stream);
  let waiting = null;
  const put = () => {
    // What somebody is writing, or has opened, is not taken away.
    const used = live.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
    if (waiting === null || used) return;
    const open = [...live.querySelectorAll("details[open] > summary")].map((each) => each.textContent);
    live.innerHTML = waiting;
    waiting = null;
    for (const summary of live.querySelectorAll("details > summary")) {
      if (open.includes(summary.textContent) && !summary.closest(".curl")) summary.parentElement.open = true;
    }
    showCurls();
  };
  source.addEventListener("part", (event) => {
    waiting = event.data;
    put();
  });
  document.addEventListener("focusout", () => setTimeout(put, 100));
}
