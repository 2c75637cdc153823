// How much is there of each thing, now and lately?

import { make, setText, shape } from "./elements.js";
import { thousands } from "./words.js";

export const COUNTERS = ["pending events", "epoll pending", "callbacks", "free threads", "waiting tasks", "identity token"];
const OF_ASYNCIO = ["tasks", "ready callbacks", "timers", "descriptors", "executor jobs", "free threads"];
export const HISTORY = 150; // points of a sparkline
const LONG = 11; // letters: a longer number takes the room of its sparkline

function sparkline(history) {
  const most = Math.max(1, ...history);
  const step = 120 / Math.max(1, history.length - 1);
  return history.map((value, at) => `${(at * step).toFixed(1)},${(23 - (value / most) * 20).toFixed(1)}`).join(" ");
}

function makeCounter(name) {
  const element = make("div", "mr-counter");
  const value = make("div", "mr-value", "0");
  const svg = shape("svg", { viewBox: "0 0 120 26", preserveAspectRatio: "none", class: "mr-spark", "aria-hidden": "true" });
  const line = shape("polyline", { "vector-effect": "non-scaling-stroke" });
  svg.append(line);
  const label = make("div", "mr-label", name);
  element.append(label, value, svg);
  return { element, label, value, line };
}

export function makeCounters() {
  const element = make("div", "mr-counters");
  const counters = COUNTERS.map(makeCounter);
  element.append(...counters.map((counter) => counter.element));

  function draw(frame, histories) {
    const names = typeof frame.counters.at(-1) === "string" ? COUNTERS : OF_ASYNCIO; // a token is a text
    counters.forEach((counter, at) => {
      setText(counter.label, names[at]);
      const text = thousands(frame.counters[at]);
      setText(counter.value, text);
      counter.element.classList.toggle("mr-long", text.length > LONG);
      counter.line.setAttribute("points", sparkline(histories[at]));
    });
  }
  return { element, draw };
}
