// Which tasks are there, and what does each await? A tree, by who made whom; or groups of those
// that are alike, where there are many.

import { button, linkTo, make, panel, setText } from "./elements.js";
import { countOf, duration, thousands } from "./words.js";

const MANY = 30; // tasks: from then on they come in groups at first
const FEW = 15; // with so few they come one by one again; between the two nothing changes
const MOST_ROWS = 200;
const ROOM = 5; // rows that are seen at once
const ROOM_AFTER = 12; // in a recording
const MOST_FOUND = 2; // findings at once, while the program runs
const ENDED_STATES = new Set(["done", "failed", "cancelled", "gone"]);

// The field "tasks" of a frame, made of the changes that a recording has up to the event `at`.
// Returns [how many, rows, groups, how many ended, the last of them].
export function tasksAt(recording, at) {
  const rows = new Map();
  let ended = [];
  for (const change of recording.tasks ?? []) {
    if (change.at > at) break;
    if (!ENDED_STATES.has(change.state)) { rows.set(change.identity, change); continue; }
    rows.delete(change.identity);
    if (change.state !== "gone") ended.push(change);
  }
  const counts = new Map();
  for (const row of rows.values()) counts.set(groupOf(row), (counts.get(groupOf(row)) ?? 0) + 1);
  const groups = [...counts].map(([key, count]) => [...key.split("\n"), count]).sort((one, other) => other[2] - one[2]);
  return [rows.size, [...rows.values()], groups, ended.length, ended.slice(-6)];
}

function groupOf(row) {
  return `${row.coroutine || row.name}\n${row.group || row.state}`;
}

// [the most lines that a recording has, did any task end?]
function mostLines({ tasks = [] }) {
  const groups = new Map(); // of each task that is there
  const sizes = new Map(); // of each group
  let [most, areMany] = [0, false];
  for (const row of tasks) {
    const before = groups.get(row.identity);
    if (before !== undefined && sizes.get(before) > 1) sizes.set(before, sizes.get(before) - 1);
    else sizes.delete(before);
    groups.delete(row.identity);
    if (!ENDED_STATES.has(row.state)) {
      groups.set(row.identity, groupOf(row));
      sizes.set(groupOf(row), (sizes.get(groupOf(row)) ?? 0) + 1);
    }
    areMany = groups.size > (areMany ? FEW : MANY);
    most = Math.max(most, areMany ? sizes.size : groups.size);
  }
  return [most, tasks.some(({ state }) => ENDED_STATES.has(state) && state !== "gone")];
}

// The rows in the order of a tree, each with its depth. Who was made by nobody known is a root.
function inTree(rows) {
  const known = new Set(rows.map(({ identity }) => identity));
  const children = new Map();
  for (const row of rows) {
    const parent = known.has(row.parent) && row.parent !== row.identity ? row.parent : "";
    children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const found = [];
  const walk = (identity, depth) => {
    for (const row of children.get(identity) ?? []) {
      found.push([row, depth]);
      if (depth < 30) walk(row.identity, depth + 1);
    }
  };
  walk("", 0);
  return found;
}

function matches(row, words) {
  const text = `${row.name} ${row.coroutine} ${row.state} ${row.what} ${row.source}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function awaited(row) {
  if (row.state !== "waits") return row.error ? `${row.state}: ${row.error}` : row.state;
  return row.what;
}

function left(row, now) {
  if (ENDED_STATES.has(row.state)) return "";
  if (row.until !== null) return row.until > now ? `${duration(row.until - now)} left` : "due";
  return duration(Math.max(0, now - row.since));
}

function placeOf(row) {
  if (row.state !== "waits" || !row.line) return "";
  return row.source ? `${row.line}: ${row.source}` : `line ${row.line}`;
}

// How often it was sent on, and how long it was at work. Where the program was left alone for a
// while, there were more steps than were seen.
function work({ steps, busy, sampled }) {
  return steps ? `${sampled ? "≥ " : ""}${thousands(steps)} × ${duration(busy / steps)}` : "";
}

function workInWords({ steps, busy, longest, sampled }) {
  if (!steps) return "";
  const seen = `${countOf(steps, "step")}${sampled ? " seen, there were more" : ""}`;
  return `${seen}; at work for ${duration(busy)}, at most ${duration(longest)} in one`;
}

function makeRow(follow) {
  const element = make("li", "mr-task");
  const link = linkTo(() => element.identity, follow); // named by its text, the task's name
  link.classList.add("mr-task-name");
  const parts = ["mr-task-coroutine", "mr-task-awaits", "mr-task-line", "mr-task-work mr-number", "mr-task-time mr-number"].map((name) => make("span", name));
  element.append(link, ...parts);
  return { element, link, parts };
}

export function makeTasks(actions, send) {
  const { element, count, head } = panel("Tasks", "mr-tasks");
  const search = make("input", "mr-filter");
  Object.assign(search, { type: "search", placeholder: "find: name, coroutine, awaits …" });
  search.setAttribute("aria-label", "Find tasks");
  const grouping = button("Group", "Group the tasks by coroutine and by what they await", () => {
    grouped = !isGrouped;
    actions.redraw();
  });
  head.append(search, grouping);
  const list = make("ol", "mr-list mr-task-list");
  const ended = make("details", "mr-ended");
  const summary = make("summary");
  const endedList = make("ol", "mr-list");
  ended.append(summary, endedList);
  const rest = make("div", "mr-rest");
  element.append(list, rest, ended);
  let grouped = null; // nobody has chosen
  let areMany = false;
  let isGrouped = false;
  let most = 0; // lines
  let hasEnded = false; // any, in this run
  search.addEventListener("input", () => {
    send({ command: "find", value: search.value });
    actions.redraw();
  });
  const rows = [];
  const endedRows = [];

  function drawRows(wanted, made, into, now, followed) {
    while (made.length < wanted.length) {
      made.push(makeRow((identity) => actions.follow(identity)));
      into.append(made.at(-1).element);
    }
    made.forEach(({ element: row, link, parts }, at) => {
      row.hidden = at >= wanted.length;
      if (row.hidden) return;
      const [task, depth] = wanted[at];
      row.identity = task.identity;
      row.style.setProperty("--mr-depth", Math.min(depth, 8));
      row.dataset.state = task.state;
      row.classList.toggle("mr-followed", task.identity !== null && task.identity === followed);
      link.setAttribute("aria-disabled", task.identity === null);
      setText(link, task.name);
      const texts = [task.coroutine, awaited(task), placeOf(task), work(task), left(task, now)];
      texts.forEach((text, number) => setText(parts[number], text));
      row.title = [task.name, task.coroutine, awaited(task), placeOf(task), task.by ? `woken by ${task.by}` : "", workInWords(task)].filter(Boolean).join(" · ");
    });
  }

  function groupRow([coroutine, what, size]) {
    return [{ identity: null, name: `${thousands(size)} ×`, coroutine, state: "waits", what, line: 0, since: 0, until: null, source: "" }, 0];
  }

  function draw(frame, followed) {
    const [total, tasks, groups, over, last] = frame.tasks ?? [0, [], [], 0, []];
    hasEnded ||= over > 0;
    element.hidden = total === 0 && !hasEnded && most === 0;
    if (element.hidden) return;
    const words = search.value.trim();
    areMany = total > (areMany ? FEW : MANY);
    isGrouped = (grouped ?? areMany) && !words;
    grouping.setAttribute("aria-pressed", isGrouped);
    grouping.hidden = total < 2;
    setText(grouping, isGrouped ? "Each" : "Group");
    const found = words ? tasks.filter((row) => matches(row, words)) : tasks;
    const wanted = isGrouped ? groups.map(groupRow) : inTree(found).slice(0, MOST_ROWS);
    drawRows(wanted, rows, list, frame.time, followed);
    list.classList.toggle("mr-grouped", isGrouped);
    if (isGrouped) rows.forEach(({ parts }) => setText(parts[4], ""));
    most = Math.max(most, Math.min(ROOM, wanted.length));
    list.style.setProperty("--mr-lines", most);
    setText(count, thousands(total));
    const hidden = isGrouped || words ? 0 : total - Math.min(tasks.length, MOST_ROWS);
    const none = words && wanted.length === 0 ? "no task has these words" : "";
    setText(rest, hidden > 0 ? `and ${thousands(hidden)} more: find them by a word` : none);
    ended.hidden = !hasEnded;
    const isSample = [...tasks, ...last].some(({ sampled }) => sampled); // others ended unseen
    setText(summary, `${thousands(over)}${isSample ? " seen" : ""} over`);
    if (ended.open) drawRows(last.map((row) => [row, 0]), endedRows, endedList, frame.time, followed);
  }

  // So that nothing jumps while the reader moves through the recording.
  function keepRoomFor(_, recording) {
    const [lines, end] = mostLines(recording);
    most = Math.min(ROOM_AFTER, lines);
    hasEnded = end;
  }

  function forget() {
    most = 0;
    hasEnded = false;
    grouped = null;
    areMany = false;
  }

  // What the reader has chosen, for a view that is drawn anew
  function chosen() {
    return { words: search.value, grouped };
  }

  function choose({ words = search.value, grouped: wanted = null }) {
    search.value = words;
    grouped = wanted;
  }
  return { element, draw, keepRoomFor, forget, chosen, choose };
}

// What is wrong, in words, while the program runs. The recording has a list of its own.
export function makeFound() {
  const element = make("ul", "mr-warnings mr-found");
  element.setAttribute("aria-label", "Findings");
  element.setAttribute("aria-live", "polite"); // a list that is said when it changes
  let drawn = "";

  function draw(frame, isRecorded) {
    const found = isRecorded ? [] : (frame.found ?? []).slice(-MOST_FOUND);
    element.hidden = found.length === 0;
    const texts = found.map(([, text]) => text);
    if (texts.join("\n") === drawn) return;
    drawn = texts.join("\n");
    element.replaceChildren(...texts.map((text) => {
      const item = make("li");
      item.title = text;
      item.append(make("span", "mr-warning-text", text));
      return item;
    }));
  }
  return { element, draw };
}
