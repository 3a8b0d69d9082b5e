// What pages do beyond links and forms. Without it they work, too. It is read before the page, so that no click comes too early.
"use strict";

const PATIENCE = 10_000; // ms: a form without a reply for so long may be sent again; its key lets it count once

// A form is sent once: a second click while it is on its way does nothing.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post") return; // `form.method` can be a field of this name
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
  setTimeout(() => release(form), PATIENCE);
});
// Back from the next page: the browser may show this one as it was left.
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
}

// A choice that loads the page again, such as the province: no button is needed. With keys every step through the list is a
// choice, so there it is: the button sends the one that was meant.
addEventListener("change", ({ target }) => {
  if (target.matches("select[data-sends]") && !target.dataset.keys) target.form.requestSubmit();
});
addEventListener("pointerdown", ({ target }) => delete target.dataset?.keys);
addEventListener("keydown", ({ target, key }) => {
  if (!target.matches("select[data-sends]") || ["Tab", "Shift"].includes(key)) return;
  target.dataset.keys = "yes";
  for (const button of target.form.querySelectorAll("[data-without-script]")) button.hidden = false;
});
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-without-script]")) button.hidden = true;
  for (const part of document.querySelectorAll("[data-live]")) follow(part);
});

// A part of the page that follows what happens: the server says that it has changed, and the part is read again.
function follow(part) {
  let shown = part.dataset.known; // which state of it the page shows
  let latest = shown;
  let source;

  function listen() {
    source?.close();
    if (document.hidden) return;
    source = new EventSource(`${part.dataset.live}?known=${shown}`);
    source.addEventListener("gone", () => source.close());
    source.addEventListener("changed", (event) => {
      latest = event.lastEventId;
      renew();
    });
  }

  async function renew() {
    const note = document.getElementById(`${part.id}-behind`);
    // What the visitor is writing is not taken away; a note says that there is more to see.
    if (note) note.hidden = latest === shown || !isInUse(part);
    if (latest === shown || isInUse(part)) return;
    const next = latest;
    const fresh = await read(part.id);
    if (!fresh) return void setTimeout(listen, PATIENCE); // asked again, the server says again that it has changed
    if (isInUse(part)) return void renew();
    shown = next;
    const focus = part.contains(document.activeElement) ? document.activeElement.dataset.testid : "";
    part.replaceChildren(...fresh.childNodes);
    if (focus) part.querySelector(`[data-testid="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    part.classList.remove("fresh");
    requestAnimationFrame(() => part.classList.add("fresh"));
  }

  part.addEventListener("focusout", () => setTimeout(renew));
  // A browser has six connections for one host, and every page that listens holds one of them.
  document.addEventListener("visibilitychange", listen);
  listen();
}

async function read(id) {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (!response.ok) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html").getElementById(id);
  } catch {
    return null; // the server does not reply
  }
}

function isInUse(part) {
  const { activeElement } = document;
  if (part.contains(activeElement) && activeElement.closest("form, details[open]")) return true;
  return [...part.querySelectorAll("input, textarea")].some(
    (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked,
  );
}
