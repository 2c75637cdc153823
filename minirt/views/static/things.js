// Queues, locks, semaphores and so on: what is there, how is it, and who waits for it?

import { make, panel, setText } from "./elements.js";
import { thousands } from "./words.js";

const THINGS_ROOM = 5; // rows that are seen at once
const THINGS_ROOM_AFTER = 12; // in a recording

export function makeThings() {
  const { element, count } = panel("Queues and locks", "mr-things");
  const list = make("ol", "mr-list");
  element.append(list);
  const rows = [];
  let most = 0;

  function addRow() {
    const row = make("li", "mr-thing");
    row.tabIndex = 0; // there is nothing to press, but something to read
    const parts = ["mr-task-name", "mr-thing-how", "mr-task-awaits"].map((name) => make("span", name));
    row.append(...parts);
    list.append(row);
    rows.push({ row, parts });
  }

  function drawRow({ row, parts }, [, kind, name, how, who]) {
    row.hidden = false;
    row.title = [kind, name, how, who].filter(Boolean).join(" · ");
    const texts = [[kind, name].filter(Boolean).join(" "), how, who || "nobody waits"];
    texts.forEach((text, number) => setText(parts[number], text));
  }

  function draw(frame) {
    const things = frame.things ?? [];
    most = Math.max(most, Math.min(THINGS_ROOM, things.length));
    element.hidden = most === 0;
    list.style.setProperty("--mr-lines", most);
    setText(count, thousands(things.length));
    while (rows.length < things.length) addRow();
    things.forEach((thing, at) => drawRow(rows[at], thing));
    rows.slice(things.length).forEach(({ row }) => { row.hidden = true; });
  }

  // So that nothing jumps while the reader moves through the recording.
  function keepRoomFor(frames) {
    const sizes = frames.map((frame) => frame.things?.length ?? 0);
    most = Math.min(THINGS_ROOM_AFTER, sizes.reduce((one, other) => Math.max(one, other), 0));
  }

  function forget() {
    most = 0;
  }
  return { element, draw, keepRoomFor, forget };
}
