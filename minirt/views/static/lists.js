// What waits, what is at work, and what is watched?

import { make, panel, setText } from "./elements.js";
import { makeTable } from "./table.js";
import { countOf, duration, thousands, waitsFor } from "./words.js";

const ROWS = 6;
const FEW_ROWS = 2; // beside a running program's tasks, which say more

// A list takes the room of the most lines that it had in this run, so that nothing jumps when a row
// comes or goes. One that had none is a single line.
//
// `contentOf` gives { total, rows, note } of a frame; these depend on its `fields` and on its time.
function listPanel({ title, columns, empty, fields, contentOf }, follow) {
  const { element, count } = panel(title, "mr-list-panel");
  const table = makeTable(columns, title, follow);
  const rest = make("div", "mr-rest");
  const body = make("div", "mr-body");
  body.append(table.element, rest);
  element.append(body);
  let most = 0; // lines

  function keepRoom({ total, rows }) {
    most = Math.max(most, rows.length + (total > rows.length ? 1 : 0));
    body.hidden = most === 0;
    body.style.setProperty("--mr-lines", most);
  }

  function keepRoomFor(frames) {
    frames.forEach((frame, at) => {
      if (at === 0 || fields.some((field) => frame[field] !== frames[at - 1][field])) keepRoom(contentOf(frame));
    });
  }

  function forget() {
    most = 0;
  }

  function draw(frame, followed, isShort) {
    const { total, note, rows: all } = contentOf(frame);
    const rows = all.slice(0, isShort ? FEW_ROWS : ROWS);
    keepRoom({ total, rows });
    setText(count, thousands(total));
    table.draw(rows, followed);
    table.element.hidden = rows.length === 0;
    const more = total > rows.length ? `and ${thousands(total - rows.length)} more` : "";
    setText(rest, rows.length === 0 ? empty : [more, note].filter(Boolean).join(" · "));
    rest.title = rest.textContent;
  }
  return { element, draw, keepRoomFor, forget };
}

const TIMERS = {
  title: "Timers",
  columns: [["identity", "mr-number"], ["callback", "mr-grow"], ["delay", "mr-number mr-minor"], ["time left", "mr-number"]],
  empty: "no timer waits",
  fields: ["timers"],
  contentOf(frame) {
    const [total, timers] = frame.timers;
    const left = (deadline) => (deadline > frame.time ? duration(deadline - frame.time) : "due");
    const rows = timers.map(([identity, deadline, name, delay]) => [identity, identity, name, delay, left(deadline)]);
    return { total, rows };
  },
};

const QUEUE = {
  title: "Callback queue",
  columns: [["identity", "mr-number"], ["callback", "mr-grow"], ["waits for", "mr-reason"]],
  empty: "no callback waits",
  fields: ["queue"],
  contentOf(frame) {
    const [total, callbacks, groups] = frame.queue;
    const rows = callbacks.map(([identity, name, where, what]) => [identity, identity, name, waitsFor(where, what)]);
    const note = total > rows.length ? groups.map(([where, count]) => `${thousands(count)} ${where}`).join(", ") : "";
    return { total, rows, note };
  },
};

const POOL = {
  title: "Thread pool",
  columns: [["identity", "mr-number"], ["task", "mr-grow"], ["thread", ""], ["time", "mr-number mr-spare"]],
  empty: "no task runs or waits",
  fields: ["pool", "waiting"],
  contentOf(frame) {
    const age = (since) => (since === null ? "" : duration(Math.max(0, frame.time - since)));
    const busy = frame.pool.filter(([, identity]) => identity !== null);
    const [total, waiting] = frame.waiting;
    const rows = [
      ...busy.map(([thread, identity, kind, since]) => [identity, identity, kind, `pool${thread}`, age(since)]),
      ...waiting.map(([identity, kind, since]) => [identity, identity, kind, "waits", age(since)]),
    ];
    return { total: busy.length + total, rows: rows.slice(0, ROWS) };
  },
};

const WATCHED = {
  title: "Watched descriptors",
  columns: [["token", "mr-number"], ["descriptor", "mr-minor"], ["interest", "mr-grow"], ["readiness", ""]],
  empty: "no descriptor is watched",
  fields: ["watched"],
  contentOf(frame) {
    const [total, watched] = frame.watched;
    const rows = watched.map(([descriptor, token, interest, ready]) => [token, token, descriptor ?? "", interest, ready || "not yet"]);
    return { total, rows };
  },
};

export function makeLists(follow) {
  return [TIMERS, QUEUE, POOL, WATCHED].map((list) => listPanel(list, follow));
}

export function makeSoon() {
  const element = make("div", "mr-soon");
  const items = ["immediates", "ticks", "microtasks"].map((name) => {
    const value = make("b", "", "0");
    const item = make("span");
    item.append(value, ` ${name}`);
    element.append(item);
    return { item, value };
  });
  const run = make("span", "mr-run");
  element.append(run);

  function draw(frame) {
    const isAsyncio = frame.phases.includes("round"); // which has one queue, and a counter for it
    items.forEach(({ item, value }, at) => {
      item.hidden = isAsyncio;
      setText(value, thousands(frame.soon[at]));
    });
    const missed = frame.missed ? ` · ${countOf(frame.missed, "turn")} since the last frame, sampled` : "";
    setText(run, `${countOf(frame.run, "callback")} seen${missed}`);
    run.title = run.textContent;
  }
  return { element, draw };
}
