// What does the reader see? One frame, drawn into elements that were made once.
//
// A frame comes from the kernel while the program runs, and out of the recording afterwards; see
// minirt/views/frame.py for its fields. Nothing is computed here that Python could have decided.
// Every text that comes from a program is set as text, never as HTML. Identities are texts: they have
// 64 bits, and a number here has 53.

const COUNTERS = ["pending events", "epoll pending", "callbacks", "free threads", "waiting tasks", "identity token"];
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const ROWS = 6;
const HISTORY = 150; // points of a sparkline
const WINDOW = 4; // seconds of the timeline while the program runs
const NEARBY = 9; // events listed around the current one
const SVG = "http://www.w3.org/2000/svg";

// --- Elements ---

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function shape(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function setText(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

// A button is named by its text; `hint` says more, and names a button that has no text.
function button(text, hint, onClick) {
  const element = make("button", "mr-button", text);
  element.type = "button";
  if (hint) element.title = hint;
  if (hint && !text) element.setAttribute("aria-label", hint);
  element.addEventListener("click", onClick);
  return element;
}

function iconButton(path, label, onClick) {
  const element = button("", label, onClick);
  const svg = shape("svg", { viewBox: "0 0 14 14", class: "mr-icon", "aria-hidden": "true" });
  svg.append(shape("path", { d: path }));
  element.append(svg);
  return element;
}

function panel(title, className = "") {
  const element = make("section", `mr-panel ${className}`);
  const heading = make("div", "mr-title", title);
  const count = make("span", "mr-count");
  const head = make("div", "mr-head");
  head.append(heading, count);
  element.append(head);
  element.setAttribute("aria-label", title);
  return { element, count, head };
}

// --- Words ---

function seconds(value) {
  return `${value.toFixed(3)} s`;
}

function duration(value) {
  const size = Math.abs(value);
  if (size >= 1) return `${value.toFixed(1)} s`;
  if (size >= 0.01) return `${(value * 1000).toFixed(0)} ms`;
  return `${(value * 1000).toFixed(1)} ms`;
}

// Of a number, or of the digits of one that is too large to be a number.
function thousands(value) {
  return BigInt(value).toLocaleString("en-US");
}

function waitsFor(where, what) {
  return what ? `${where}: ${what}` : where || "–";
}

function describeCurrent(frame) {
  if (frame.state === "ended") return "nothing is left";
  if (!frame.current) return frame.phase === "poll" ? "asleep in poll" : "between callbacks";
  const [identity, name] = frame.current;
  const who = identity === null ? name || "callback" : `${identity} ${name}`;
  return frame.held ? `next: ${who}` : who;
}

// --- The ring of phases ---

function arc(number, count, radius) {
  const gap = 0.06;
  const from = ((number - 0.5) / count) * 2 * Math.PI - Math.PI / 2 + gap;
  const to = ((number + 0.5) / count) * 2 * Math.PI - Math.PI / 2 - gap;
  const point = (angle) => `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  return `M ${point(from)} A ${radius} ${radius} 0 0 1 ${point(to)}`;
}

function ringLabel(number, count, phase) {
  const angle = (number / count) * 2 * Math.PI - Math.PI / 2;
  const [x, y] = [Math.cos(angle) * 80, Math.sin(angle) * 78];
  const anchor = Math.abs(x) < 10 ? "middle" : x > 0 ? "start" : "end";
  const text = shape("text", { x, y: y + 4, "text-anchor": anchor, class: "mr-phase-name" });
  text.textContent = phase;
  return text;
}

function makeRing() {
  const svg = shape("svg", { viewBox: "-132 -100 264 196", class: "mr-ring", role: "img" });
  const parts = shape("g");
  const turn = shape("text", { y: 4, "text-anchor": "middle", class: "mr-turn" });
  const word = shape("text", { y: 24, "text-anchor": "middle", class: "mr-turn-word" });
  word.textContent = "turn";
  svg.append(parts, turn, word);
  const now = make("div", "mr-now");
  const element = make("div", "mr-loop");
  element.append(svg, now);

  let drawn = "";

  function drawPhases(phases) {
    if (drawn === phases.join()) return;
    drawn = phases.join();
    parts.replaceChildren(...phases.map((phase, number) => {
      const part = shape("g", { class: "mr-phase" });
      part.append(shape("path", { d: arc(number, phases.length, 62) }), ringLabel(number, phases.length, phase));
      return part;
    }));
  }

  function draw(frame) {
    drawPhases(frame.phases);
    frame.phases.forEach((phase, at) => parts.children[at].classList.toggle("mr-lit", phase === frame.phase));
    setText(turn, thousands(frame.turn));
    setText(now, describeCurrent(frame));
    svg.setAttribute("aria-label", `Turn ${frame.turn}, phase ${frame.phase}`);
  }
  return { element, draw };
}

// --- Counters ---

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
  element.append(make("div", "mr-label", name), value, svg);
  return { element, value, line };
}

function makeCounters() {
  const element = make("div", "mr-counters");
  const counters = COUNTERS.map(makeCounter);
  element.append(...counters.map((counter) => counter.element));

  function draw(frame, histories) {
    counters.forEach((counter, at) => {
      setText(counter.value, thousands(frame.counters[at]));
      counter.line.setAttribute("points", sparkline(histories[at]));
    });
  }
  return { element, draw };
}

// --- Tables: rows are made once, and cells change only when their text does ---

function makeTable(columns, label, follow) {
  const table = make("table", "mr-table");
  table.setAttribute("aria-label", label);
  const head = table.createTHead().insertRow();
  for (const [name, className] of columns) {
    const cell = make("th", className, name);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  const rows = [];

  function addRow() {
    const row = body.insertRow();
    const cells = columns.map(([, className]) => {
      const cell = row.insertCell();
      cell.className = className || "";
      return cell;
    });
    const link = button("", "", () => follow(row.identity));
    link.className = "mr-link";
    cells[0].append(link);
    rows.push({ row, cells, link });
  }

  function drawRow({ row, cells, link }, values, followed) {
    const [identity, first, ...others] = values;
    row.identity = identity;
    row.hidden = false;
    link.disabled = identity === null;
    row.classList.toggle("mr-followed", identity !== null && identity === followed);
    setText(link, first);
    others.forEach((text, at) => setText(cells[at + 1], text));
  }

  // Each of `wanted` is [identity or null, text of the first column, texts of the others].
  function draw(wanted, followed) {
    while (rows.length < wanted.length) addRow();
    wanted.forEach((values, at) => drawRow(rows[at], values, followed));
    rows.slice(wanted.length).forEach(({ row }) => { row.hidden = true; });
  }
  return { element: table, draw };
}

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

function makeTimers(follow) {
  const columns = [["identity", "mr-number"], ["callback", "mr-grow"], ["delay", "mr-number"], ["time left", "mr-number"]];
  const list = listPanel("Timers", columns, follow, "no timer waits");
  function draw(frame, followed) {
    const [total, rows] = frame.timers;
    const left = (deadline) => (deadline > frame.time ? duration(deadline - frame.time) : "due");
    list.draw(total, rows.map(([identity, deadline, name, delay]) => [identity, identity, name, delay, left(deadline)]), followed);
  }
  return { element: list.element, draw };
}

function makeQueue(follow) {
  const columns = [["identity", "mr-number"], ["callback", "mr-grow"], ["waits for", ""]];
  const list = listPanel("Callback queue", columns, follow, "no callback waits");
  function draw(frame, followed) {
    const [total, rows, groups] = frame.queue;
    const note = total > rows.length ? groups.map(([where, count]) => `${thousands(count)} ${where}`).join(", ") : "";
    list.draw(total, rows.map(([identity, name, where, what]) => [identity, identity, name, waitsFor(where, what)]), followed, note);
  }
  return { element: list.element, draw };
}

function makePool(follow) {
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

function makeWatched(follow) {
  const columns = [["token", "mr-number"], ["descriptor", ""], ["interest", "mr-grow"], ["readiness", ""]];
  const list = listPanel("Watched descriptors", columns, follow, "no descriptor is watched");
  function draw(frame, followed) {
    const [total, rows] = frame.watched;
    list.draw(total, rows.map(([descriptor, token, interest, ready]) => [token, token, descriptor ?? "", interest, ready || "not yet"]), followed);
  }
  return { element: list.element, draw };
}

function makeSoon() {
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

function makeConsole() {
  const { element, count } = panel("Console", "mr-console");
  const lines = make("pre", "mr-lines");
  lines.tabIndex = 0;
  lines.setAttribute("aria-label", "Console");
  lines.setAttribute("role", "group"); // without a role an element has no name to say
  element.append(lines);

  function draw(frame) {
    const [total, rows] = frame.console;
    setText(count, thousands(total));
    const text = rows.map(([time, line]) => `${time.toFixed(3).padStart(8)}  ${line}`).join("\n");
    if (lines.textContent === text) return;
    lines.textContent = text;
    lines.scrollTop = lines.scrollHeight;
  }
  return { element, draw };
}

// --- The timeline: a lane for the loop and one for each thread of the pool ---

const LANE = 22;
const LEFT = 52;

function ticks(from, to) {
  const rough = (to - from) / 5;
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

function makeTimeline(follow) {
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
    const height = lanes.length * LANE + 20;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    names.replaceChildren(...lanes.flatMap((lane, at) => {
      const text = shape("text", { x: 0, y: at * LANE + 15 });
      text.textContent = lane;
      return [text, shape("line", { x1: LEFT, x2: width, y1: at * LANE + LANE, y2: at * LANE + LANE })];
    }));
  }

  function drawAxis(from, to, scale, bottom) {
    axis.replaceChildren(...ticks(from, to).flatMap((at) => {
      const x = LEFT + (at - from) * scale;
      const isLast = x > LEFT + (to - from) * scale - 36; // no room to its right
      const text = shape("text", { x: isLast ? x - 3 : x + 3, y: bottom + 14, "text-anchor": isLast ? "end" : "start" });
      text.textContent = tickText(at, from, to);
      return [shape("line", { x1: x, x2: x, y1: 0, y2: bottom + 4 }), text];
    }));
  }

  function bar(span, from, now, scale, lanes, followed) {
    const [lane, start, end, kind, identity, label] = span;
    const x = Math.max(start, from);
    const width = Math.max(1.5, ((end ?? now) - x) * scale);
    const thin = kind === "wait";
    const y = lanes.indexOf(lane) * LANE + (thin ? 16 : 4);
    const rect = shape("rect", { x: LEFT + (x - from) * scale, y, width, height: thin ? 3 : 14, rx: 2, class: `mr-bar mr-bar-${kind}` });
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
    const width = Math.max(300, Math.floor(element.clientWidth - 24));
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

// --- Controls while the program runs ---

const STATES = {
  running: "Running", paused: "Paused", stopping: "Stopping", ended: "Ended", failed: "Failed", interrupted: "Interrupted", recorded: "Recorded", new: "Not started",
};

function isRunning(frame) {
  return frame.state === "running" || frame.state === "paused";
}

function speedSelect(label, onChange) {
  const select = make("select", "mr-select");
  select.setAttribute("aria-label", label);
  for (const speed of SPEEDS) {
    const option = make("option", "", `${speed}×`);
    option.value = String(speed);
    select.append(option);
  }
  select.value = "1";
  select.addEventListener("change", () => onChange(Number(select.value)));
  return select;
}

function makeControls(send) {
  const element = make("div", "mr-controls");
  element.setAttribute("role", "toolbar");
  element.setAttribute("aria-label", "Controls");
  let paused = false;
  const pause = button("Pause", "", () => send({ command: paused ? "resume" : "pause" }));
  const step = button("Step", "Run one callback", () => send({ command: "step" }));
  const stop = button("Stop", "Stop the program", () => send({ command: "stop" }));
  const speed = speedSelect("Speed of the program", (value) => send({ command: "speed", value }));
  pause.dataset.command = "pause";
  step.dataset.command = "step";
  stop.dataset.command = "stop";
  element.append(pause, step, speed, stop);

  function draw(frame) {
    paused = frame.state === "paused";
    setText(pause, paused ? "Resume" : "Pause");
    if (document.activeElement !== speed) speed.value = String(frame.speed);
  }
  return { element, draw };
}

function makeHeader() {
  const element = make("div", "mr-header");
  const state = make("span", "mr-state");
  const time = make("span", "mr-time");
  const error = make("span", "mr-error");
  const status = make("div", "mr-hidden");
  status.setAttribute("role", "status");
  element.append(state, time, error, status);

  function draw(frame) {
    element.dataset.state = frame.state;
    setText(state, STATES[frame.state] || frame.state);
    setText(time, seconds(frame.time));
    setText(error, frame.error || "");
    const held = frame.state === "paused" && frame.held ? `, ${describeCurrent(frame)}` : "";
    setText(status, `${STATES[frame.state] || frame.state}${held}`);
  }
  return { element, draw };
}

// --- After the run: the recording ---

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// The frame after each event. A field that did not change is the same object in both frames.
function unfold({ events, values }) {
  let frame = {};
  return events.map(([time, turn, phase, , , , , changes]) => {
    frame = { ...frame, time, turn, phase };
    for (const [field, at] of Object.entries(changes)) frame[field] = values[at];
    return frame;
  });
}

function histories(frames, upTo) {
  const step = Math.max(1, Math.ceil(upTo / HISTORY));
  const found = COUNTERS.map(() => []);
  for (let at = upTo % step; at <= upTo; at += step) frames[at].counters.forEach((value, number) => found[number].push(Number(value)));
  return found;
}

function eventTexts(recording, at) {
  const [time, turn, phase, kind, thread, identity, text] = recording.events[at];
  return { time, turn, phase, kind, thread, identity, text: recording.texts[text] };
}

function makePlayer(actions) {
  const element = make("div", "mr-player");
  element.setAttribute("role", "toolbar");
  element.setAttribute("aria-label", "Playback");
  const play = button("Play", "Play the recording", () => actions.togglePlay());
  const slider = make("input", "mr-slider");
  Object.assign(slider, { type: "range", min: "0", step: "1" });
  slider.setAttribute("aria-label", "Event of the recording");
  slider.addEventListener("input", () => actions.seek(Number(slider.value)));
  const speed = speedSelect("Playback speed", (value) => actions.setSpeed(value));
  const position = make("span", "mr-position");
  element.append(
    iconButton("M3 2v10h2V2z M13 2v10L6 7z", "First event", () => actions.seek(0)),
    iconButton("M10 2v10L3 7z", "Previous event", () => actions.move(-1)),
    play,
    iconButton("M4 2v10l7-5z", "Next event", () => actions.move(1)),
    iconButton("M1 2v10l7-5z M9 2v10h2V2z", "Last event", () => actions.seek(Infinity)),
    slider, position, speed,
  );

  function draw(at, count, frame, playing) {
    slider.max = String(count - 1);
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", `event ${at + 1} of ${count}, ${seconds(frame.time)}`);
    setText(position, `${at + 1} / ${count}`);
    setText(play, playing ? "Halt" : "Play");
  }
  return { element, draw };
}

function makeEvents(actions) {
  const { element, count, head } = panel("Events", "mr-events");
  const filter = make("input", "mr-filter");
  Object.assign(filter, { type: "search", placeholder: "filter: kind, phase, identity, name" });
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
  element.append(list);

  function drawRow({ row, jump, parts }, recording, at, current) {
    row.hidden = at === undefined;
    jump.removeAttribute("aria-current");
    if (row.hidden) return;
    row.at = at;
    const event = eventTexts(recording, at);
    const texts = [seconds(event.time), event.kind, event.text, `${event.phase} · turn ${event.turn}`];
    texts.forEach((text, number) => setText(parts[number], text));
    jump.classList.toggle("mr-current", at === current);
    if (at === current) jump.setAttribute("aria-current", "true");
  }

  function draw(recording, matches, current) {
    setText(count, `${thousands(matches.length)} of ${thousands(recording.events.length)}`);
    const place = matches.findIndex((at) => at >= current);
    const middle = place < 0 ? matches.length : place;
    const first = Math.max(0, Math.min(middle - 4, matches.length - NEARBY));
    rows.forEach((row, number) => drawRow(row, recording, matches[first + number], current));
  }
  return { element, draw };
}

function makeBiography(actions) {
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

function makeFindings(actions) {
  const warnings = make("ul", "mr-warnings");
  warnings.setAttribute("aria-label", "Warnings");
  const { element: box } = panel("Tasks", "mr-summary");
  const columns = [["kind", "mr-grow"], ["tasks", "mr-number"], ["waited, mean", "mr-number"], ["waited, longest", "mr-number"], ["ran, mean", "mr-number"], ["ran, longest", "mr-number"]];
  const table = makeTable(columns, "Tasks", () => {});
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

function matching(recording, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [];
  recording.events.forEach((_, at) => {
    if (!wanted.length) { found.push(at); return; }
    const { phase, kind, thread, identity, text } = eventTexts(recording, at);
    const whole = `${phase} ${kind} ${thread} ${text}`.toLowerCase();
    if (wanted.every((word) => whole.includes(word) || word === identity)) found.push(at);
  });
  return found;
}

// --- The whole page ---

class Page {
  constructor(model, element) {
    this.model = model;
    this.recording = null; // after the run
    this.frames = [];
    this.at = 0; // the event that is shown
    this.followed = null; // an identity
    this.playing = null; // when the playback began, and where
    this.speed = 1;
    this.live = COUNTERS.map(() => []); // the counters' history while the program runs
    this.pending = false; // a drawing is on its way
    this.build(element);
  }

  build(element) {
    const follow = (identity) => this.follow(identity);
    this.header = makeHeader();
    this.controls = makeControls((message) => this.model.send(message));
    this.player = makePlayer(this);
    this.ring = makeRing();
    this.counters = makeCounters();
    this.timeline = makeTimeline(follow);
    this.soon = makeSoon();
    this.lists = [makeTimers(follow), makeQueue(follow), makePool(follow), makeWatched(follow)];
    this.console = makeConsole();
    this.events = makeEvents(this);
    this.biography = makeBiography(this);
    this.findings = makeFindings(this);
    this.root = make("div", "minirt-live");
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Live view of the runtime");
    this.root.dataset.lmSuppressShortcuts = "true"; // keys belong to the view, not to the notebook
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.arrange();
    element.append(this.root);
  }

  arrange() {
    const top = make("div", "mr-top");
    top.append(this.ring.element, this.counters.element);
    const lists = make("div", "mr-lists");
    lists.append(...this.lists.map((list) => list.element));
    this.header.element.append(this.controls.element);
    this.onlyRecorded = [this.player.element, this.findings.warnings, this.biography.element, this.events.element, this.findings.summary];
    this.root.append(
      this.header.element, this.player.element, this.findings.warnings, top, this.timeline.element, this.biography.element,
      this.events.element, this.soon.element, lists, this.findings.summary, this.console.element,
    );
    this.showMode();
  }

  showMode() {
    this.controls.element.hidden = !isRunning(this.model.get("frame"));
    for (const element of this.onlyRecorded) element.classList.toggle("mr-not-yet", this.recording === null);
    this.root.dataset.mode = this.recording === null ? "live" : "recorded";
  }

  // What changes the picture

  takeFrame() {
    const frame = this.model.get("frame");
    if (!frame.counters) return;
    if (isRunning(frame) && this.recording !== null) this.forget(); // of another run
    this.count(frame);
    this.live.forEach((history, at) => {
      history.push(Number(frame.counters[at]));
      if (history.length > HISTORY) history.shift();
    });
    this.redraw();
  }

  // How many frames came, and how many of those that were sent: nobody reads it but a test.
  count(frame) {
    const { dataset } = this.root;
    if (frame.number === undefined || frame.number === Number(dataset.last)) return;
    if (!dataset.first || frame.number < Number(dataset.last)) Object.assign(dataset, { first: frame.number, frames: 0 });
    dataset.last = frame.number;
    dataset.frames = Number(dataset.frames) + 1;
  }

  async takeRecording() {
    const bytes = this.model.get("recording");
    if (!bytes || bytes.byteLength === 0) {
      this.forget();
      return;
    }
    const recording = await inflate(bytes);
    if (this.model.get("recording") !== bytes) return; // another run has begun
    this.frames = unfold(recording);
    this.recording = recording;
    this.filter = "";
    this.matches = matching(recording, "");
    this.at = this.frames.length - 1;
    this.playing = null;
    this.findings.draw(recording);
    this.redraw();
  }

  forget() {
    this.recording = null;
    this.live = COUNTERS.map(() => []);
    this.redraw();
  }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame((now) => {
      this.pending = false;
      this.advance(now);
      this.draw();
    });
  }

  draw() {
    const last = this.model.get("frame");
    this.showMode();
    if (!last.counters) {
      this.header.draw({ state: "new", time: 0 });
      return;
    }
    const recorded = this.recording !== null && this.frames.length > 0;
    const state = recorded && this.at < this.frames.length - 1 ? "recorded" : last.state;
    const { phases } = recorded ? this.recording : last;
    const frame = recorded ? { speed: 1, held: false, error: last.error, phases, ...this.frames[this.at], state } : last;
    this.drawFrame(frame, recorded ? histories(this.frames, this.at) : this.live);
    this.drawTimeline(frame, recorded);
    if (recorded) this.drawRecording(frame);
  }

  drawFrame(frame, history) {
    this.header.draw(frame);
    this.controls.draw(frame);
    this.ring.draw(frame);
    this.counters.draw(frame, history);
    this.soon.draw(frame);
    this.lists.forEach((list) => list.draw(frame, this.followed));
    this.console.draw(frame);
  }

  drawTimeline(frame, recorded) {
    const end = recorded ? this.frames[this.frames.length - 1].time : frame.time;
    const from = recorded ? 0 : Math.max(0, end - WINDOW);
    const to = recorded ? Math.max(end, 1e-6) : from + WINDOW;
    const spans = recorded ? this.recording.spans : frame.spans;
    const threads = recorded ? this.recording.threads : frame.pool.length;
    this.timeline.draw({ spans, threads, from, to, now: end, at: frame.time, followed: this.followed });
  }

  drawRecording(frame) {
    this.player.draw(this.at, this.frames.length, frame, this.playing !== null);
    this.events.draw(this.recording, this.matches, this.at);
    this.biography.draw(this.recording, this.followed, this.followedEvents(), this.at);
  }

  // What the reader does with a recording

  seek(at) {
    this.playing = null;
    this.at = Math.max(0, Math.min(at, this.frames.length - 1));
    this.redraw();
  }

  move(by) {
    const matches = this.matches;
    if (by > 0) this.seek(matches.find((at) => at > this.at) ?? this.at);
    else this.seek(matches.findLast((at) => at < this.at) ?? this.at);
  }

  follow(identity) {
    this.followed = identity === this.followed ? null : identity;
    this.redraw();
  }

  followedEvents() {
    if (this.followed === null) return [];
    const found = [];
    this.recording.events.forEach((event, at) => { if (event[5] === this.followed) found.push(at); });
    return found;
  }

  moveFollowed(by) {
    const events = this.followedEvents();
    const next = by > 0 ? events.find((at) => at > this.at) : events.findLast((at) => at < this.at);
    if (next !== undefined) this.seek(next);
  }

  setFilter(words) {
    this.matches = matching(this.recording, words);
    this.redraw();
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.playing !== null) this.playing = null, this.togglePlay();
  }

  togglePlay() {
    if (this.playing !== null) {
      this.playing = null;
    } else {
      if (this.at >= this.frames.length - 1) this.at = 0;
      this.playing = { since: null, from: this.frames[this.at].time };
    }
    this.redraw();
  }

  advance(now) {
    if (this.playing === null || this.recording === null) return;
    this.playing.since ??= now;
    const time = this.playing.from + ((now - this.playing.since) / 1000) * this.speed;
    while (this.at < this.frames.length - 1 && this.frames[this.at + 1].time <= time) this.at += 1;
    if (this.at >= this.frames.length - 1) this.playing = null;
    else this.redraw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=range]), select")) return;
    const keys = this.recording === null
      ? {}
      : { ArrowLeft: () => this.move(-1), ArrowRight: () => this.move(1), Home: () => this.seek(0), End: () => this.seek(Infinity),
        n: () => this.moveFollowed(1), p: () => this.moveFollowed(-1), Escape: () => this.follow(null) };
    const action = keys[event.key];
    if (action === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
}

function render({ model, el }) {
  const page = new Page(model, el);
  const onFrame = () => page.takeFrame();
  const onRecording = () => page.takeRecording();
  const resized = new ResizeObserver(() => page.redraw());
  model.on("change:frame", onFrame);
  model.on("change:recordings", onRecording); // their number: two of them may pass for equal
  resized.observe(page.root);
  page.takeFrame();
  page.takeRecording();
  return () => {
    model.off("change:frame", onFrame);
    model.off("change:recordings", onRecording);
    resized.disconnect();
    page.playing = null;
  };
}

export default { render };
