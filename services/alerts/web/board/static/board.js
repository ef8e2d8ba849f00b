// Keeps the page current without taking the focus or what somebody types, and says loudly, and why, when it cannot.
import { keepTimes } from "./times.js";
import { morph, undisturbed } from "./morph.js";
import { announce, offerSound } from "./news.js";
import { openStream } from "./live.js";
import { say } from "./words.js";

const REFRESH_MILLISECONDS = 5000;
const STALE_MILLISECONDS = 20000;

const stale = document.getElementById("stale");
const main = () => document.getElementById("content");
let readAt = Date.now();
let trouble = "";
let stream = null;

// What was read at `at` is shown as the server writes it, on the clinic's clock.
function isCurrent(at, words) {
  readAt = Date.now();
  trouble = "";
  document.getElementById("past")?.remove();
  const shown = document.querySelector(".read time");
  if (shown && at && words) {
    shown.dateTime = at;
    shown.textContent = words;
    keepTimes(shown.parentElement);
  }
  showAge();
}

function isNotCurrent(why) {
  trouble = why;
  showAge();
}

function showAge() {
  const old = Boolean(trouble) || Date.now() - readAt > STALE_MILLISECONDS;
  document.body.classList.toggle("is-stale", old);
  stale.hidden = !old;
  const time = document.querySelector(".read time")?.textContent ?? "";
  const text = say("stale", { time, why: trouble || say("nothing_came") });
  if (old && stale.textContent !== text) stale.textContent = text;
}

// What is known while the database is away stands above the page, which is dimmed.
function showPast(fresh) {
  if (!fresh) return;
  keepTimes(fresh);
  const shown = document.getElementById("past");
  if (!shown) main().before(fresh);
  else if (shown.innerHTML !== fresh.innerHTML) shown.replaceWith(fresh);
}

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

function hasTyped() {
  return [...document.querySelectorAll("main input[id], main textarea")].some((each) => each.value !== each.defaultValue);
}

async function refresh() {
  let answer;
  try {
    answer = await fetch(location.href, {
      cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(REFRESH_MILLISECONDS),
      headers: { Accept: "text/html" },
    });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
      if (hasTyped()) isNotCurrent(say("signed_out"));
      else location.reload();
      return false;
    }
    const page = parsed(await answer.text());
    const fresh = page.getElementById("content");
    if (answer.ok && fresh && !answer.redirected) {
      if (main().querySelector("#past")) {
        location.reload();
        return false;
      }
      keepTimes(page);
      undisturbed(() => morph(main(), fresh));
      document.title = page.title;
      const read = page.querySelector(".read time");
      isCurrent(read?.dateTime, read?.textContent);
      return true;
    }
    const past = page.getElementById("past");
    if (past) keepTimes(past);
    const own = main().querySelector("#past");
    if (past && own) morph(own, past);
    else showPast(past);
    isNotCurrent(past?.querySelector(".warning")?.textContent ?? say("answered", { status: answer.status }));
  } catch {
    isNotCurrent(say("unreachable"));
  }
  return false;
}

const told = {
  change(said) {
    announce(said.news);
    isCurrent(said.read_at, said.read);
  },
  same(said) {
    isCurrent(said.read_at, said.read);
  },
  again: refresh,
  away(said) {
    showPast(parsed(said.html).getElementById("past"));
    announce(said.news);
    isNotCurrent(said.message);
  },
  signedOut: refresh,
};

// While a stream is open the page hears of what changes; else it asks, as it does where there is none.
async function keepCurrent() {
  const path = main().dataset.live;
  if (path && !stream) stream = openStream(main, told);
  if (!path && stream) {
    stream.close();
    stream = null;
  }
  stream?.look();
  if (!stream?.isOpen()) await refresh();
}

// A page that answers a form is left alone: it holds the reason for a refusal. So is one that says that it is still: a long
// form, or what is read at leisure; its head says when it was read.
const isStill = document.querySelector("main [data-still]");
const isAnswer = document.querySelector("main form") && location.pathname.match(/\/(acknowledge|remark|resolve|accept)$/);

// One that says what is wrong with its address says so again.
const isRefusal = document.querySelector("main #past:not([data-waits])");

keepTimes(document);
offerSound();
if (!isAnswer && !isStill && !isRefusal) {
  if (main().dataset.live) stream = openStream(main, told);
  setInterval(keepCurrent, REFRESH_MILLISECONDS);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    stream?.wake();
    if (!stream?.isOpen()) refresh();
  });
  setInterval(showAge, 1000);
}
document.documentElement.classList.add("is-kept");
setInterval(() => keepTimes(document), 30000);
