// A device for Pumpwatch that keeps each event on disk until its receipt: Node.js 20.10, mqtt 5 (npm install mqtt).
//
// node device.js DEVICE HOST PORT FILE RESEND_SECONDS HEARTBEAT_SECONDS
// Each line of standard input is an event, such as {"kind": "bolus", "outcome": "delivered", "dose_mcg": 25.0}
const { randomUUID } = require("node:crypto");
const fs = require("node:fs");
const readline = require("node:readline");
const mqtt = require("mqtt");

const [device, host, port, file, firstWait, heartbeat] = process.argv.slice(2);
const topic = `pumpwatch/v1/${device}`;
const log = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : { seq: 0, events: {} };
let [due, failures] = [{}, 0]; // due: by seq, when to publish, and the wait after

function keep() {
  fs.writeFileSync(`${file}.new`, JSON.stringify(log), { flush: true }); // on disk when it returns
  fs.renameSync(`${file}.new`, file); // all of it or nothing
}

// What happened now, once for all: id, time and number stay with it.
function observe({ kind, ...fields }) {
  const event = { event_id: randomUUID(), observed_at: new Date().toISOString(), ...fields, seq: ++log.seq };
  log.events[log.seq] = { kind, event: JSON.stringify(event) };
  keep();
  publishWhatIsDue();
}

// Alarms first; each with a name for its receipt, and again later and later until that comes.
function publishWhatIsDue() {
  const alarmsFirst = ([, one], [, other]) => (other.kind === "alarm") - (one.kind === "alarm");
  for (const [seq, { kind, event }] of Object.entries(log.events).sort(alarmsFirst)) {
    const { at = 0, wait = firstWait * 1000 } = due[seq] ?? {};
    if (!client.connected || performance.now() < at) continue; // else the library would keep it
    const properties = { responseTopic: `${topic}/receipts`, correlationData: Buffer.from(seq) };
    client.publish(`${topic}/events/${kind}`, event, { qos: 1, properties });
    due[seq] = { at: performance.now() + wait * (1 + Math.random() / 5), wait: Math.min(2 * wait, 300_000) };
  }
}

// Forget an event whose receipt came, whether it is stored, was stored before, or is rejected.
function take(_topic, payload, { properties }) {
  try {
    if (Number.isInteger(JSON.parse(payload).stored)) delete log.events[String(properties?.correlationData)];
  } catch {} // no receipt
  keep();
}

const client = mqtt.connect({ host, port, protocolVersion: 5, clientId: device, username: device, reconnectPeriod: 0 });
client.on("message", take);
client.on("error", () => {}); // "close" comes after it
client.on("close", () => setTimeout(() => client.reconnect(), Math.min(firstWait * 100 * 2 ** failures++, 120_000)));
client.on("connect", () => {
  [due, failures] = [{}, 0]; // everything again that has no receipt
  client.subscribe(`${topic}/receipts`);
  observe({ kind: "status", firmware: "reference 1" });
});
setInterval(publishWhatIsDue, firstWait * 50);
setInterval(() => observe({ kind: "status", firmware: "reference 1" }), heartbeat * 1000);
readline.createInterface({ input: process.stdin }).on("line", (line) => observe(JSON.parse(line)));
