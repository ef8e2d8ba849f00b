// Shows a page that was pushed to this browser, and opens its link when it is tapped.
"use strict";
self.addEventListener("push", (event) => {
  let page = {};
  try { page = event.data.json(); } catch (error) { /* shown all the same */ }
  event.waitUntil(self.registration.showNotification(page.title || "Pumpwatch: a page that could not be read", {
    body: page.body || "Open the alert board.",
    tag: page.tag,
    requireInteraction: Boolean(page.urgent),
    icon: "/static/icon.svg",
    data: { url: page.url || "/" },
  }));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.url));
});
