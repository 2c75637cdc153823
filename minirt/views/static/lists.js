// What waits, what is at work, and what is watched?

import { make, panel, setText } from "./elements.js";
import { makeTable } from "./table.js";
import { duration, thousands, waitsFor } from "./words.js";

const ROWS = 6;

function listPanel(title, columns, follow, empty) {
  const { element, count } = panel(title);
  const table = makeTable(columns, title, follow);
  const rest = make("div", "mr-rest");
  element.append(table.element, rest);

  function draw(total, rows, followed, note = "") {
    setText(count, thousands(total));
    table.draw(rows, followed);
    table.element.hidden = rows.length === 0;
    const more = total > rows.length ? `and ${thousands(total - rows.length)} more` : "";
    setText(rest, rows.length === 0 ? empty : [more, note].filter(Boolean).join(" · "));
  }
  return { element, draw };
}

export function makeTimers(follow) {
  const columns = [["identity", "mr-number"], ["callback", "mr-grow"], ["delay", "mr-number"], ["time left", "mr-number"]];
  const list = listPanel("Timers", columns, follow, "no timer waits");
  function draw(frame, followed) {
    const [total, rows] = frame.timers;
    const left = (deadline) => (deadline > frame.time ? duration(deadline - frame.time) : "due");
    list.draw(total, rows.map(([identity, deadline, name, delay]) => [identity, identity, name, delay, left(deadline)]), followed);
  }
  return { element: list.element, draw };
}

export function makeQueue(follow) {
  const columns = [["identity", "mr-number"], ["callback", "mr-grow"], ["waits for", ""]];
  const list = listPanel("Callback queue", columns, follow, "no callback waits");
  function draw(frame, followed) {
    const [total, rows, groups] = frame.queue;
    const note = total > rows.length ? groups.map(([where, count]) => `${thousands(count)} ${where}`).join(", ") : "";
    list.draw(total, rows.map(([identity, name, where, what]) => [identity, identity, name, waitsFor(where, what)]), followed, note);
  }
  return { element: list.element, draw };
}

export function makePool(follow) {
  const columns = [["identity", "mr-number"], ["task", "mr-grow"], ["thread", ""], ["time", "mr-number"]];
  const list = listPanel("Thread pool", columns, follow, "no task runs or waits");
  function draw(frame, followed) {
    const age = (since) => (since === null ? "" : duration(Math.max(0, frame.time - since)));
    const busy = frame.pool.filter(([, identity]) => identity !== null);
    const [total, waiting] = frame.waiting;
    const rows = [
      ...busy.map(([thread, identity, kind, since]) => [identity, identity, kind, `pool${thread}`, age(since)]),
      ...waiting.map(([identity, kind, since]) => [identity, identity, kind, "waits", age(since)]),
    ];
    list.draw(busy.length + total, rows.slice(0, ROWS), followed);
  }
  return { element: list.element, draw };
}

export function makeWatched(follow) {
  const columns = [["token", "mr-number"], ["descriptor", ""], ["interest", "mr-grow"], ["readiness", ""]];
  const list = listPanel("Watched descriptors", columns, follow, "no descriptor is watched");
  function draw(frame, followed) {
    const [total, rows] = frame.watched;
    list.draw(total, rows.map(([descriptor, token, interest, ready]) => [token, token, descriptor ?? "", interest, ready || "not yet"]), followed);
  }
  return { element: list.element, draw };
}

export function makeSoon() {
  const element = make("div", "mr-soon");
  const values = ["immediates", "ticks", "microtasks"].map((name) => {
    const value = make("b", "", "0");
    const item = make("span");
    item.append(value, ` ${name}`);
    element.append(item);
    return value;
  });
  const run = make("span", "mr-run");
  element.append(run);

  function draw(frame) {
    values.forEach((value, at) => setText(value, thousands(frame.soon[at])));
    const missed = frame.missed ? ` · ${thousands(frame.missed)} turns since the last frame, sampled` : "";
    setText(run, `${thousands(frame.run)} callbacks seen${missed}`);
  }
  return { element, draw };
}
