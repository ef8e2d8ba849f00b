// The server writes each moment on the clinic's clock, and how long ago something was as it was then: that is kept true here.
import { say } from "./words.js";

// As services/alerts/wording.py says it.
function ago(at) {
  const minutes = Math.floor((Date.now() - at) / 60000);
  if (minutes < 1) return say("just_now");
  if (minutes < 60) return say("minutes_ago", { count: minutes });
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? say("hours_ago", { count: hours }) : say("days_ago", { count: Math.floor(hours / 24) });
}

export function keepTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if ("ago" in element.dataset) {
      const words = ago(at);
      if (element.textContent !== words) element.textContent = words;
    }
    element.title = say("here", { time: at.toLocaleString() });
  }
}
