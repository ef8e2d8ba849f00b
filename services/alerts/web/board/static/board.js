// Keeps the page current without eating what somebody types, and says so loudly when it cannot.
"use strict";

const REFRESH_MILLISECONDS = 5000;
const STALE_MILLISECONDS = 20000;

const stale = document.getElementById("stale");
let readAt = Date.now();

const clock = (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

// The server writes UTC; show the reader's own zone.
function localise(root) {
  const today = new Date().toDateString();
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    element.title = element.dateTime;
    if ("seconds" in element.dataset) {
      element.textContent = at.toLocaleTimeString();
    } else if (at.toDateString() === today) {
      element.textContent = clock(at);
    } else {
      element.textContent = `${at.toLocaleDateString([], { day: "numeric", month: "short" })} ${clock(at)}`;
    }
  }
}

// What stands in the fields, and where the cursor is: carried over to the new page by the fields' ids.
function typed() {
  const fields = new Map();
  for (const field of document.querySelectorAll("main input[id]")) {
    if (field.value !== field.defaultValue) fields.set(field.id, field.value);
  }
  const active = document.activeElement;
  const focus = active && active.matches("main input[id]") ? active : null;
  return { fields, focus: focus && { id: focus.id, start: focus.selectionStart, end: focus.selectionEnd } };
}

function restore({ fields, focus }) {
  for (const [id, value] of fields) {
    const field = document.getElementById(id);
    if (field) field.value = value;
  }
  const field = focus && document.getElementById(focus.id);
  if (field) {
    field.focus({ preventScroll: true });
    field.setSelectionRange(focus.start, focus.end);
  }
}

function showAge() {
  const old = Date.now() - readAt > STALE_MILLISECONDS;
  document.body.classList.toggle("is-stale", old);
  stale.hidden = !old;
  if (old) stale.textContent = `Not current: last read at ${new Date(readAt).toLocaleTimeString()}. Trying again.`;
}

async function refresh() {
  try {
    const answer = await fetch(location.href, {
      cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(REFRESH_MILLISECONDS),
    });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in" && !typed().fields.size) location.reload();
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("content");
    if (!fresh) return;
    const kept = typed();
    localise(page);
    document.getElementById("content").replaceWith(fresh);
    document.querySelector(".read").replaceWith(page.querySelector(".read"));
    document.title = page.title;
    restore(kept);
    readAt = Date.now();
  } catch {
    // The next round tries again; `showAge` tells the reader meanwhile.
  } finally {
    showAge();
  }
}

// A page that answers a form is left alone: it holds the reason for a refusal.
const isStill = document.querySelector("main form[data-still]");
const isAnswer = document.querySelector("main form") && location.pathname.match(/\/(acknowledge|remark|resolve|accept)$/);

localise(document);
if (!isAnswer && !isStill) {
  setInterval(refresh, REFRESH_MILLISECONDS);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}
setInterval(showAge, 1000);
