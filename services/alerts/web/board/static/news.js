// A new high alert is shown at once, wherever the reader is in the page, and heard where they allow it.
import { say } from "./words.js";

const KEPT = "pumpwatch.sound";
const LOUD = `${say("new_high_title")} `;
const place = document.getElementById("news");
const button = document.getElementById("sound");
let audio = null;

const isWanted = () => {
  try {
    return localStorage.getItem(KEPT) === "on";
  } catch {
    return false;
  }
};

function keep(wanted) {
  try {
    localStorage.setItem(KEPT, wanted ? "on" : "off");
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

function showButton() {
  if (!button) return;
  const waits = isWanted() && audio?.state !== "running";
  button.setAttribute("aria-pressed", String(isWanted()));
  button.textContent = waits
    ? say("sound_waits")
    : say(isWanted() ? "sound_on" : "sound_off");
}

async function allow() {
  audio ??= new AudioContext();
  await audio.resume();
  showButton();
}

// Three rising tones, twice: made here, so that nothing has to be fetched when it matters.
function sound() {
  if (!isWanted() || audio?.state !== "running") return;
  [660, 880, 1100, 660, 880, 1100].forEach((pitch, number) => {
    const start = audio.currentTime + number * 0.22 + (number > 2 ? 0.3 : 0);
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const level = new GainNode(audio, { gain: 0 });
    level.gain.setValueAtTime(0, start);
    level.gain.linearRampToValueAtTime(0.25, start + 0.02);
    level.gain.linearRampToValueAtTime(0, start + 0.2);
    tone.connect(level).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.22);
  });
}

export function offerSound() {
  if (!button) return;
  button.closest("[hidden]")?.removeAttribute("hidden");
  button.addEventListener("click", async () => {
    const on = !isWanted() || audio?.state !== "running";
    keep(on);
    if (on) {
      await allow();
      sound();
    }
    showButton();
  });
  if (isWanted()) {
    audio = new AudioContext();
    // Browsers let a page sound only after somebody has done something on it.
    for (const gesture of ["pointerdown", "keydown"]) {
      document.addEventListener(gesture, ({ target }) => target !== button && isWanted() && allow(), { once: true });
    }
    audio.addEventListener("statechange", showButton);
  }
  showButton();
}

export function announce(news) {
  if (!news?.length) return;
  const list = place.querySelector("ul") ?? document.createElement("ul");
  for (const { id, words } of news) {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = document.getElementById(id) ? `#${id}` : `/alerts/${id.replace("alert-", "")}`;
    link.textContent = say("new_high", { what: words });
    line.append(link);
    list.prepend(line);
  }
  while (list.children.length > 5) list.lastChild.remove();
  if (!list.isConnected) {
    const seen = document.createElement("button");
    seen.type = "button";
    seen.textContent = say("hide");
    seen.setAttribute("aria-label", say("hide_news"));
    seen.addEventListener("click", () => {
      place.replaceChildren();
      document.title = document.title.replace(LOUD, "");
    });
    place.replaceChildren(list, seen);
  }
  sound();
}

export const titled = (title) => `${place.childElementCount > 0 ? LOUD : ""}${title} · Pumpwatch`;
