// What took time? A lane for the loop and one for each thread of the pool.

import { make, panel, setText, shape } from "./elements.js";
import { duration, seconds, thousands } from "./words.js";

const LANE = 17; // px; a pool of many threads has lower ones
export const LANES_ROOM = 108; // px, of all lanes together
export const LITTLE_ROOM = 68; // the same beside a running program's tasks
const MOST_LANES = 27; // with the loop's; more would be too low to be seen
const NAME_ROOM = 12; // px that the name of a lane needs
const LEFT = 52;
const BELOW = new Set(["sleep", "unrecorded"]); // what lies below other bars

const KINDS = [["callback", "callback"], ["sleep", "asleep in poll"], ["task", "task"], ["wait", "task waits"], ["unrecorded", "not recorded"]];
const LETTERS = 10; // px that words need in height
const LETTER = 6.2; // px
const TICK_ROOM = 60; // px that a tick and its text need

function ticks(from, to, width) {
  const rough = (to - from) / Math.max(1, Math.min(5, width / TICK_ROOM));
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) || power;
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}

function tickText(at, from, to) {
  return to - from < 0.5 ? `${(at * 1000).toFixed(to - from < 0.02 ? 1 : 0)} ms` : `${at.toFixed(to - from < 3 ? 1 : 0)} s`;
}

function visibleSpans(spans, from, to, now, scale) {
  const ends = new Map(); // lane and kind -> pixel where the last one ended
  return spans.filter(([lane, start, end, kind]) => {
    const last = end ?? now;
    if (last < from || start > to) return false;
    const key = `${lane} ${kind}`;
    const pixel = Math.round((last - from) * scale);
    if (ends.get(key) === pixel && (last - start) * scale < 1) return false;
    ends.set(key, pixel);
    return true;
  });
}

// How many lanes of the pool have something to show?
export function threadsUsed(spans) {
  return spans.reduce((most, [lane]) => Math.max(most, lane.startsWith("pool") ? Number(lane.slice(4)) + 1 : 0), 0);
}

export function makeTimeline(follow) {
  const { element, head, count } = panel("Timeline", "mr-timeline");
  const legend = make("span", "mr-legend");
  const keys = KINDS.map(([kind, text]) => make("span", `mr-key mr-key-${kind}`, text));
  legend.append(...keys);
  head.append(legend);
  const svg = shape("svg", { class: "mr-lanes", role: "img" });
  const [axis, bars, names] = [shape("g", { class: "mr-axis" }), shape("g"), shape("g", { class: "mr-lane-names" })];
  const cursor = shape("line", { class: "mr-cursor" });
  svg.append(axis, names, bars, cursor);
  element.append(svg);
  svg.addEventListener("click", (event) => {
    const identity = event.target.dataset?.identity;
    if (identity !== undefined) follow(identity);
  });
  let drawn = "";
  let lane = LANE;

  function drawLanes(lanes, width, room) {
    const key = `${lanes.join()} ${width} ${room}`;
    if (drawn === key) return;
    drawn = key;
    lane = Math.min(LANE, Math.floor(room / lanes.length));
    const named = Math.ceil(NAME_ROOM / lane); // each so many lanes there is room for a name
    const height = lanes.length * lane + 17;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    names.replaceChildren(...lanes.flatMap((name, at) => {
      const text = shape("text", { x: 0, y: at * lane + (named * lane) / 2 + 4.5 });
      text.textContent = at % named === 0 ? name : "";
      return [text, shape("line", { x1: LEFT, x2: width, y1: at * lane + lane, y2: at * lane + lane })];
    }));
  }

  function drawAxis(from, to, scale, bottom) {
    axis.replaceChildren(...ticks(from, to, (to - from) * scale).flatMap((at) => {
      const x = LEFT + (at - from) * scale;
      const isLast = x > LEFT + (to - from) * scale - 36; // no room to its right
      const text = shape("text", { x: isLast ? x - 3 : x + 3, y: bottom + 13, "text-anchor": isLast ? "end" : "start" });
      text.textContent = tickText(at, from, to);
      return [shape("line", { x1: x, x2: x, y1: 0, y2: bottom + 4 }), text];
    }));
  }

  function bar(span, from, now, scale, lanes, followed) {
    const [where, start, end, kind, identity, label] = span;
    const x = Math.max(start, from);
    const width = Math.max(1.5, ((end ?? now) - x) * scale);
    const thin = kind === "wait";
    const [top, low] = thin ? [13, 3] : [3, 11]; // of 17
    const y = lanes.indexOf(where) * lane + Math.round((top * lane) / LANE);
    const height = Math.max(1, Math.round((low * lane) / LANE));
    const rect = shape("rect", { x: LEFT + (x - from) * scale, y, width, height, rx: Math.min(2, height / 4), class: `mr-bar mr-bar-${kind}` });
    if (identity !== null) {
      rect.dataset.identity = identity;
      rect.classList.toggle("mr-followed", identity === followed);
    }
    const title = shape("title");
    title.textContent = `${identity ?? ""} ${label}, ${duration((end ?? now) - start)}`.trim();
    rect.append(title);
    if (kind !== "unrecorded" || height < LETTERS) return [rect];
    return [rect, ...words(`${label}: ${duration((end ?? now) - start)}`, LEFT + (x - from) * scale, y, width)];
  }

  // What stands in a bar that has room for it
  function words(whole, x, y, width) {
    if (whole.length * LETTER + 8 > width) return [];
    const text = shape("text", { x: x + 4, y: y + 9.5, class: "mr-bar-words" });
    text.textContent = whole;
    return [text];
  }

  function draw({ spans, threads, from, to, now, at, followed, room }) {
    if (element.clientWidth === 0) return; // hidden, as all of Lab is while its theme changes
    const width = Math.max(160, Math.floor(element.clientWidth - 20));
    const shown = Math.min(threads, MOST_LANES - 1);
    const lanes = ["loop", ...Array.from({ length: shown }, (_, number) => `pool${number}`)];
    setText(count, shown < threads ? `${shown} of ${thousands(threads)} threads` : "");
    const scale = (width - LEFT) / Math.max(1e-6, to - from);
    drawLanes(lanes, width, room);
    drawAxis(from, to, scale, lanes.length * lane);
    const rank = ([, , , kind, identity]) => (identity !== null && identity === followed ? 2 : BELOW.has(kind) ? 0 : 1);
    const visible = visibleSpans(spans, from, to, now, scale)
      .filter(([where]) => lanes.includes(where))
      .sort((one, other) => rank(one) - rank(other)); // a short callback lies on top of the sleep around it
    bars.replaceChildren(...visible.flatMap((span) => bar(span, from, now, scale, lanes, followed)));
    keys.at(-1).hidden = visible.every(([, , , kind]) => kind !== "unrecorded"); // which is rare
    const x = LEFT + (at - from) * scale;
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 0, y2: lanes.length * lane })) cursor.setAttribute(name, value);
    const busy = spans.filter(([, , end]) => end === null).map(([where, , , kind, , label]) => `${where}: ${kind === "unrecorded" ? label : kind}`);
    svg.setAttribute("aria-label", `Timeline from ${seconds(from)} to ${seconds(to)}. ${busy.join(", ")}`);
  }
  return { element, draw };
}
