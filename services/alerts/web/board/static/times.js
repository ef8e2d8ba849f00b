// The server writes UTC, and how long ago as it was then; here it is the reader's own zone, and now.
const clock = (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

// As services/alerts/wording.py says it.
function ago(at) {
  const minutes = Math.floor((Date.now() - at) / 60000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}

function wordsFor(element, at) {
  if ("ago" in element.dataset) return ago(at);
  if ("seconds" in element.dataset) return at.toLocaleTimeString();
  if (at.toDateString() === new Date().toDateString()) return clock(at);
  return `${at.toLocaleDateString([], { day: "numeric", month: "short" })} ${clock(at)}`;
}

export function localise(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    const words = wordsFor(element, at);
    if (element.textContent !== words) element.textContent = words;
    element.title = "ago" in element.dataset ? at.toLocaleString() : element.dateTime;
  }
}
