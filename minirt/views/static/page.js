// One view: which frame does it show, and what does the reader do with it?

import { COUNTERS, HISTORY } from "./counters.js";
import { makeFocus } from "./focus.js";
import { makeParts } from "./parts.js";
import { keepPlace, nameOf, placeIn } from "./places.js";
import { inflate, matching, pastCounters, unfold } from "./recording.js";
import { tasksAt } from "./tasks.js";
import { LANES_ROOM, LITTLE_ROOM, threadsUsed } from "./timeline.js";
import { isRunning } from "./words.js";

const WINDOW = 4; // seconds of the timeline while the program runs

export class Page {
  constructor(model, element, presenceOf = () => null) {
    this.model = model;
    this.frames = []; // of the recording
    this.playing = null; // when the playback began, and where
    this.pending = false; // a drawing is on its way
    this.presence = presenceOf(model, () => this.redraw());
    this.parts = makeParts(this, (message) => this.presence?.ask(message));
    this.root = this.parts.root;
    this.tabStop = null; // the name of what has the keyboard's focus
    this.focus = makeFocus(this.root, (name) => { this.tabStop = name; this.keep(); });
    this.enter("");
    element.append(this.root);
    this.showMode();
    this.width = 0; // px, as the observer has told
    this.resized = new ResizeObserver(([{ contentRect }]) => {
      this.width = contentRect.width;
      this.redraw();
    });
    this.resized.observe(this.root);
  }

  close() {
    this.playing = null;
    this.resized.disconnect();
    this.width = 0;
    this.presence?.stop();
  }

  showMode() {
    this.parts.controls.element.hidden = !isRunning(this.model.get("frame"));
    for (const element of this.parts.onlyRecorded) element.classList.toggle("mr-not-yet", this.recording === null);
    this.root.dataset.mode = this.recording === null ? "live" : "recorded";
  }

  // What changes the picture

  // Of a run nothing is known yet but where the reader was in it: at the end, if nowhere.
  enter(run) {
    if (run === this.run) return;
    for (const list of [...this.parts.lists, this.parts.tasks, this.parts.things]) list.forget();
    const { at = Infinity, followed = null, words = "", speed = 1, live = COUNTERS.map(() => []), tasks = {}, tabStop = this.tabStop } = placeIn(run);
    // the event that is shown, an identity, the filter, the counters' history while the program runs
    Object.assign(this, { run, at, followed, words, speed, tabStop, live: live.map((history) => [...history]) });
    Object.assign(this, { recording: null, hasTasks: false, threads: 0 }); // it had tasks, and used threads
    this.parts.tasks.choose(tasks);
  }

  takeFrame() {
    const frame = this.model.get("frame");
    if (!frame.counters) return;
    if (this.model.get("run")) this.enter(this.model.get("run"));
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
    this.redraw();
    if (!bytes?.byteLength) return;
    const recording = await inflate(bytes);
    if (this.model.get("recording") !== bytes) return; // another run has begun
    this.enter(this.model.get("run") || nameOf(bytes));
    this.frames = unfold(recording);
    this.recording = recording;
    this.playing = null;
    this.at = Math.min(this.at, this.frames.length - 1);
    this.matches = matching(recording, this.words);
    for (const list of [...this.parts.lists, this.parts.tasks, this.parts.things]) list.keepRoomFor(this.frames, recording);
    this.parts.findings.draw(recording);
    this.redraw();
  }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame((now) => {
      this.pending = false;
      this.advance(now);
      this.draw();
      // Lab hides everything while its theme changes, and may show it before the observer looks
      if (this.width > 0 && this.root.clientWidth === 0) this.redraw();
    });
  }

  draw() {
    const last = this.model.get("frame");
    this.showMode();
    if (!last.counters) {
      this.parts.header.draw({ state: "new", time: 0 }, "");
      return;
    }
    const recorded = this.recording !== null && this.frames.length > 0;
    const state = recorded && this.at < this.frames.length - 1 ? "recorded" : last.state;
    const { phases } = recorded ? this.recording : last;
    const frame = recorded ? { speed: 1, held: false, error: last.error, phases, tasks: tasksAt(this.recording, this.at), ...this.frames[this.at], state } : last;
    this.drawFrame(frame, recorded ? pastCounters(this.frames, this.at) : this.live);
    this.drawTimeline(frame, recorded);
    if (recorded) this.drawRecording(frame);
    if (recorded || isRunning(last)) this.focus.hold(this.tabStop); // in between much is hidden
    this.keep();
  }

  keep() {
    const { at, followed, words, speed, tabStop, live } = this;
    keepPlace(this.run, { at, followed, words, speed, tabStop, live, tasks: this.parts.tasks.chosen() });
  }

  drawFrame(frame, history) {
    const { header, controls, ring, counters, soon, lists } = this.parts;
    const absence = (isRunning(frame) && this.presence?.absence()) || null;
    header.draw({ ...frame, state: absence?.state ?? frame.state }, absence?.words ?? "");
    controls.draw(frame, absence !== null);
    ring.draw(frame);
    counters.draw(frame, history);
    soon.draw(frame);
    const isAsyncio = frame.phases.includes("round");
    this.hasTasks ||= isAsyncio || (frame.tasks?.[0] ?? 0) > 0;
    this.root.classList.toggle("mr-asyncio", isAsyncio);
    this.root.classList.toggle("mr-with-tasks", this.hasTasks);
    const isShort = this.hasTasks && this.recording === null;
    lists.forEach((list) => list.draw(frame, this.followed, isShort));
    this.parts.tasks.draw(frame, this.followed);
    this.parts.things.draw(frame);
    this.parts.found.draw(frame, this.recording !== null);
    this.parts.console.draw(frame);
    this.parts.whole.draw();
  }

  drawTimeline(frame, recorded) {
    const end = recorded ? this.frames[this.frames.length - 1].time : frame.time;
    const from = recorded ? 0 : Math.max(0, end - WINDOW);
    const to = recorded ? Math.max(end, 1e-6) : from + WINDOW;
    const spans = recorded ? this.recording.spans : frame.spans;
    const pool = recorded ? this.recording.threads : frame.pool.length;
    this.threads = Math.max(this.threads, threadsUsed(spans));
    const threads = frame.phases.includes("round") ? this.threads : pool; // asyncio has many, and few are used
    const room = this.hasTasks && !recorded ? LITTLE_ROOM : LANES_ROOM;
    this.parts.timeline.draw({ spans, threads, from, to, now: end, at: frame.time, followed: this.followed, room });
  }

  drawRecording(frame) {
    const { player, events, biography } = this.parts;
    const { at, followed, words, speed } = this;
    player.draw(at, this.frames.length, frame, this.playing !== null, speed);
    events.draw(this.recording, this);
    biography.draw(this.recording, followed, this.followedEvents(), at);
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
    this.words = words;
    this.matches = matching(this.recording, words);
    this.redraw();
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.playing !== null) this.playing = null, this.togglePlay();
  }

  togglePlay() {
    if (this.playing !== null) this.playing = null;
    else {
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
