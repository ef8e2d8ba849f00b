// Brings one part of a page to what another says, and touches nothing that is the same.
const isField = (node) => node.matches?.("input, textarea, select");

function isTouched(field) {
  if (field.matches("select")) return [...field.options].some((each) => each.selected !== each.defaultSelected);
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

function bringAttributes(from, to) {
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    // Whether a <details> is open is the reader's own.
    if (!to.hasAttribute(name) && !(name === "open" && from.matches("details"))) from.removeAttribute(name);
  }
}

const isLike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id ?? "") === (b.id ?? "");

export function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  if (from.matches("[data-own]") || (isField(from) && isTouched(from))) return;
  if (from.isEqualNode(to)) return;
  bringAttributes(from, to);
  const byId = new Map([...from.children].filter((each) => each.id).map((each) => [each.id, each]));
  const wanted = new Set([...to.children].map((each) => each.id).filter(Boolean));
  let here = from.firstChild;
  for (const each of [...to.childNodes]) {
    while (here?.id && !wanted.has(here.id)) {
      const gone = here;
      here = here.nextSibling;
      gone.remove();
    }
    const known = each.id && byId.get(each.id);
    if (known && known.nodeName === each.nodeName) {
      if (known === here) here = here.nextSibling;
      else from.insertBefore(known, here);
      morph(known, each);
    } else if (here && !each.id && isLike(here, each)) {
      const same = here;
      here = here.nextSibling;
      morph(same, each);
    } else {
      from.insertBefore(document.importNode(each, true), here);
    }
  }
  while (here) {
    const gone = here;
    here = here.nextSibling;
    gone.remove();
  }
}

// Whatever is done to the page, the focus, the cursor and the place that is read stay.
export function undisturbed(change) {
  const active = document.activeElement;
  const holder = active?.closest?.("[id]");
  const cursor = active?.matches?.("input:not([type]), textarea") ? [active.selectionStart, active.selectionEnd] : null;
  const head = document.querySelector(".top")?.getBoundingClientRect().bottom ?? 0;
  const anchor = window.scrollY > 0
    ? [...document.querySelectorAll("main [id]")].find((each) => {
        const box = each.getBoundingClientRect();
        return box.bottom > head && box.height > 0 && box.height < window.innerHeight;
      })
    : null;
  const before = anchor?.getBoundingClientRect().top;
  change();
  if (active && active !== document.body && document.activeElement !== active) {
    const again = active.isConnected ? active : sameAs(active, holder);
    again?.focus({ preventScroll: true });
    if (cursor && again?.setSelectionRange) again.setSelectionRange(...cursor);
  }
  if (anchor?.isConnected) window.scrollBy(0, anchor.getBoundingClientRect().top - before);
}

// The control of the same kind in the part of the same name, where the one that had the focus was drawn anew.
function sameAs(active, holder) {
  const part = holder && document.getElementById(holder.id);
  if (!part || active === holder) return part;
  return [...part.querySelectorAll(active.tagName)].find(
    (each) => each.getAttribute("href") === active.getAttribute("href") && each.textContent === active.textContent,
  ) ?? null;
}
