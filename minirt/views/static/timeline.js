// What took time? A lane for the loop and one for each thread of the pool.

import { make, panel, shape } from "./elements.js";
import { duration, seconds } from "./words.js";

const LANE = 17;
const LEFT = 52;

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
  const { element, head } = panel("Timeline", "mr-timeline");
  const legend = make("span", "mr-legend");
  for (const [kind, text] of [["callback", "callback"], ["sleep", "asleep in poll"], ["task", "task"], ["wait", "task waits"]]) {
    const item = make("span", `mr-key mr-key-${kind}`, text);
    legend.append(item);
  }
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

  function drawLanes(lanes, width) {
    const key = `${lanes.join()} ${width}`;
    if (drawn === key) return;
    drawn = key;
    const height = lanes.length * LANE + 17;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    names.replaceChildren(...lanes.flatMap((lane, at) => {
      const text = shape("text", { x: 0, y: at * LANE + 13 });
      text.textContent = lane;
      return [text, shape("line", { x1: LEFT, x2: width, y1: at * LANE + LANE, y2: at * LANE + LANE })];
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
    const [lane, start, end, kind, identity, label] = span;
    const x = Math.max(start, from);
    const width = Math.max(1.5, ((end ?? now) - x) * scale);
    const thin = kind === "wait";
    const y = lanes.indexOf(lane) * LANE + (thin ? 13 : 3);
    const rect = shape("rect", { x: LEFT + (x - from) * scale, y, width, height: thin ? 3 : 11, rx: 2, class: `mr-bar mr-bar-${kind}` });
    if (identity !== null) {
      rect.dataset.identity = identity;
      rect.classList.toggle("mr-followed", identity === followed);
    }
    const title = shape("title");
    title.textContent = `${identity ?? ""} ${label}, ${duration((end ?? now) - start)}`.trim();
    rect.append(title);
    return rect;
  }

  function draw({ spans, threads, from, to, now, at, followed }) {
    if (element.clientWidth === 0) return; // hidden, as all of Lab is while its theme changes
    const width = Math.max(160, Math.floor(element.clientWidth - 20));
    const lanes = ["loop", ...Array.from({ length: threads }, (_, number) => `pool${number}`)];
    const scale = (width - LEFT) / Math.max(1e-6, to - from);
    drawLanes(lanes, width);
    drawAxis(from, to, scale, lanes.length * LANE);
    const rank = ([, , , kind, identity]) => (identity !== null && identity === followed ? 2 : kind === "sleep" ? 0 : 1);
    const visible = visibleSpans(spans, from, to, now, scale)
      .filter(([lane]) => lanes.includes(lane))
      .sort((one, other) => rank(one) - rank(other)); // a short callback lies on top of the sleep around it
    bars.replaceChildren(...visible.map((span) => bar(span, from, now, scale, lanes, followed)));
    const x = LEFT + (at - from) * scale;
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 0, y2: lanes.length * LANE })) cursor.setAttribute(name, value);
    const busy = spans.filter(([, , end]) => end === null).map(([lane, , , kind]) => `${lane}: ${kind}`);
    svg.setAttribute("aria-label", `Timeline from ${seconds(from)} to ${seconds(to)}. ${busy.join(", ")}`);
  }
  return { element, draw };
}
