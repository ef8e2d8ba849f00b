// The stream of one open page: what has changed is put into it part by part (services/alerts/web/live/picture.py).
import { keepTimes } from "./times.js";
import { titled } from "./news.js";
import { undisturbed } from "./morph.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;
const SILENT_MILLISECONDS = 20000;

function elementOf(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  keepTimes(holder.content);
  return holder.content.firstElementChild;
}

function put(said) {
  const list = document.getElementById("alerts");
  for (const id of said.gone) document.getElementById(id)?.remove();
  for (const { id, after, html } of said.put) {
    let part = document.getElementById(id);
    if (html !== undefined) {
      const fresh = elementOf(html);
      part?.replaceWith(fresh);
      part = fresh;
    }
    if (!part) continue;
    if (after === null) list.prepend(part);
    else if (after !== undefined && document.getElementById(after)) document.getElementById(after).after(part);
    else if (!part.isConnected) list.append(part);
  }
  for (const [id, html] of Object.entries(said.regions)) document.getElementById(id)?.replaceWith(elementOf(html));
}

export function openStream(main, told) {
  let source = null;
  let heardAt = 0;
  let wait = FIRST_WAIT;
  let timer = null;
  let gaveUp = false;

  const isOpen = () => source?.readyState === EventSource.OPEN && Date.now() - heardAt < SILENT_MILLISECONDS;

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
    timer = null;
  }

  function later() {
    close();
    if (gaveUp) return;
    timer = setTimeout(open, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }

  function on(kind, act) {
    source.addEventListener(kind, (event) => {
      heardAt = Date.now();
      wait = FIRST_WAIT;
      act(JSON.parse(event.data), event.lastEventId);
    });
  }

  function open() {
    close();
    const { live, version } = main().dataset;
    const isBoard = document.getElementById("alerts") !== null;
    source = new EventSource(version ? `${live}${live.includes("?") ? "&" : "?"}have=${version}` : live);
    heardAt = Date.now();
    source.onerror = later;
    on("same", (said, id) => {
      if (isBoard) main().dataset.version = id;
      told.same(said);
    });
    on("change", (said, id) => {
      undisturbed(() => put(said));
      main().dataset.version = id;
      told.change(said);
      document.title = titled(said.title);
    });
    on("again", async (said) => {
      const isRead = await told.again();
      // What was read then has a version of its own: what changes from there on is asked for.
      if (isBoard && isRead) open();
      else if (isBoard) later();
      else if (isRead) told.same(said);
    });
    on("away", (said) => told.away(said));
    on("end", (said) => {
      gaveUp = said.why === "enough";
      close();
      if (said.why === "rights") location.reload();
      else if (!gaveUp) told.signedOut();
    });
  }

  open();
  return {
    close,
    isOpen,
    // A connection may end without either end being told.
    look() {
      if (source && Date.now() - heardAt >= SILENT_MILLISECONDS) later();
    },
    // Somebody looks at this page again: it may be kept true in place of one that nobody looks at.
    wake() {
      if (isOpen()) return;
      gaveUp = false;
      wait = FIRST_WAIT;
      open();
    },
  };
}
