// How does the reader move through the recording, and what is found in it?

import { chooseSpeed, speedSelect } from "./controls.js";
import { button, iconButton, make, panel, setText } from "./elements.js";
import { eventTexts } from "./recording.js";
import { makeTable } from "./table.js";
import { countOf, duration, seconds, thousands } from "./words.js";

const NEARBY = 11; // events listed around the current one, at most: the style says how many

export function makePlayer(actions) {
  const element = make("div", "mr-player");
  element.setAttribute("role", "toolbar");
  element.setAttribute("aria-label", "Playback");
  const play = button("Play", "Play the recording", () => actions.togglePlay());
  const slider = make("input", "mr-slider");
  Object.assign(slider, { type: "range", min: "0", step: "1" });
  slider.setAttribute("aria-label", "Event of the recording");
  slider.addEventListener("input", () => actions.seek(Number(slider.value)));
  const choose = speedSelect("Playback speed", (value) => actions.setSpeed(value));
  const position = make("span", "mr-position");
  element.append(
    iconButton("M3 2v10h2V2z M13 2v10L6 7z", "First event", () => actions.seek(0)),
    iconButton("M10 2v10L3 7z", "Previous event", () => actions.move(-1)),
    play,
    iconButton("M4 2v10l7-5z", "Next event", () => actions.move(1)),
    iconButton("M1 2v10l7-5z M9 2v10h2V2z", "Last event", () => actions.seek(Infinity)),
    slider, position, choose,
  );

  function draw(at, count, frame, playing, speed) {
    chooseSpeed(choose, speed);
    slider.max = String(count - 1);
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", `event ${at + 1} of ${count}, ${seconds(frame.time)}`);
    setText(position, `${at + 1} / ${count}`);
    setText(play, playing ? "Halt" : "Play");
  }
  return { element, draw };
}

export function makeEvents(actions) {
  const { element, count, head } = panel("Events", "mr-events");
  const filter = make("input", "mr-filter");
  Object.assign(filter, { type: "search", placeholder: "filter …", title: "Words of a kind, a phase, a thread or a name, or an identity" });
  filter.setAttribute("aria-label", "Filter the events");
  filter.addEventListener("input", () => actions.setFilter(filter.value));
  head.append(filter);
  const list = make("ol", "mr-list");
  const rows = Array.from({ length: NEARBY }, () => {
    const row = make("li");
    const jump = button("", "", () => actions.seek(row.at));
    jump.className = "mr-event";
    const parts = ["mr-number mr-at", "mr-kind", "mr-text", "mr-where"].map((name) => make("span", name));
    jump.append(...parts);
    row.append(jump);
    list.append(row);
    return { row, jump, parts };
  });
  const rest = make("div", "mr-rest");
  element.append(list, rest);

  function drawRow({ row, jump, parts }, recording, at, current) {
    row.hidden = at === undefined;
    jump.removeAttribute("aria-current");
    if (row.hidden) return;
    row.at = at;
    const event = eventTexts(recording, at);
    const texts = [seconds(event.time), event.kind, event.text, `${event.phase} · turn ${event.turn}`];
    texts.forEach((text, number) => setText(parts[number], text));
    jump.title = texts.join("  "); // where there is room for a part only
    jump.classList.toggle("mr-current", at === current);
    if (at === current) jump.setAttribute("aria-current", "true");
  }

  function draw(recording, { matches, words, at: current }) {
    if (document.activeElement !== filter) filter.value = words;
    setText(count, `${thousands(matches.length)} of ${thousands(recording.events.length)}`);
    setText(rest, recording.dropped ? `${countOf(recording.dropped, "event")} before these: not kept` : "");
    const room = Math.min(NEARBY, Number(getComputedStyle(list).getPropertyValue("--mr-nearby")) || NEARBY);
    list.style.setProperty("--mr-lines", Math.min(room, recording.events.length));
    const place = matches.findIndex((at) => at >= current);
    const middle = place < 0 ? matches.length : place;
    const first = Math.max(0, Math.min(middle - Math.floor(room / 2), matches.length - room));
    rows.forEach((row, number) => drawRow(row, recording, number < room ? matches[first + number] : undefined, current));
  }
  return { element, draw };
}

export function makeBiography(actions) {
  const { element, head } = panel("Biography", "mr-biography");
  const who = make("div", "mr-who");
  const source = make("code", "mr-source");
  const list = make("ol", "mr-list");
  head.append(
    button("Previous", "Previous event of this identity", () => actions.moveFollowed(-1)),
    button("Next", "Next event of this identity", () => actions.moveFollowed(1)),
    button("Close", "Follow no identity", () => actions.follow(null)),
  );
  element.append(who, source, list);
  element.hidden = true;
  let shown = null;

  function fill(recording, identity, events) {
    const [name, file, line, text] = recording.places[identity] || ["", "", 0, ""];
    setText(who, `Identity ${identity}${name ? ` · ${name}` : ""}${file ? ` · ${file}, line ${line}` : ""}`);
    setText(source, text);
    source.hidden = !text;
    list.replaceChildren(...events.slice(0, 200).map((at) => {
      const event = eventTexts(recording, at);
      const row = make("li");
      const jump = button("", "", () => actions.seek(at));
      jump.className = "mr-event";
      jump.append(make("span", "mr-number mr-at", seconds(event.time)), make("span", "mr-kind", event.kind),
        make("span", "mr-text", event.text), make("span", "mr-where", `${event.phase} · turn ${event.turn}`));
      jump.title = event.text;
      row.append(jump);
      row.at = at;
      return row;
    }));
  }

  function draw(recording, identity, events, current) {
    element.hidden = identity === null;
    if (identity === null) { shown = null; return; }
    if (shown !== identity) fill(recording, identity, events);
    shown = identity;
    for (const row of list.children) row.firstChild.classList.toggle("mr-current", row.at === current);
  }
  return { element, draw };
}

export function makeFindings(actions) {
  const warnings = make("ul", "mr-warnings");
  warnings.setAttribute("aria-label", "Warnings");
  const { element: box } = panel("Tasks of the pool", "mr-summary");
  const columns = [["kind", "mr-grow"], ["tasks", "mr-number"], ["waited, mean", "mr-number mr-minor"], ["waited, longest", "mr-number"], ["ran, mean", "mr-number mr-minor"], ["ran, longest", "mr-number"]];
  const table = makeTable(columns, "Tasks of the pool", () => {});
  box.append(table.element);

  function draw(recording) {
    warnings.replaceChildren(...recording.warnings.map(([text, at]) => {
      const item = make("li");
      item.append(make("span", "mr-warning-text", text), button("Show", "Go to this event", () => actions.seek(at)));
      return item;
    }));
    warnings.hidden = recording.warnings.length === 0;
    box.hidden = recording.summary.length === 0;
    table.draw(recording.summary.map(([kind, tasks, ...times]) => [null, kind, tasks, ...times.map(duration)]), null);
  }
  return { warnings, summary: box, draw };
}
