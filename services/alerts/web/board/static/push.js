// Lets this browser take pushes: shown only where it can, and asked for only when somebody presses the button.
"use strict";
(() => {
  const form = document.querySelector("form[data-push-key]");
  if (!form || !("serviceWorker" in navigator) || !("PushManager" in window)) return;
  form.hidden = false;
  const says = form.querySelector("[role=alert]");
  const words = JSON.parse(document.body.dataset.words);
  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
  };
  form.addEventListener("submit", async (event) => {
    if (form.elements.subscription.value) return;
    event.preventDefault();
    try {
      const registration = await navigator.serviceWorker.register("/push-worker.js");
      await navigator.serviceWorker.ready;
      const subscription = await registration.pushManager.subscribe(
        { userVisibleOnly: true, applicationServerKey: bytes(form.dataset.pushKey) });
      form.elements.subscription.value = JSON.stringify(subscription);
      form.requestSubmit();
    } catch (error) {
      says.textContent = words.push_refused.replace("%(why)s", () => error.message);
      says.hidden = false;
    }
  });
})();
