// Of which parts is a view made, and how are they put together?
//
// At the top the state and the controls. After the run, beside it or above, what plays the
// recording: it stays in sight. Then what the program is like at this moment.

import { makeConsole } from "./console.js";
import { makeControls, makeHeader } from "./controls.js";
import { makeCounters } from "./counters.js";
import { make } from "./elements.js";
import { makeLists, makeSoon } from "./lists.js";
import { makeBiography, makeEvents, makeFindings, makePlayer } from "./player.js";
import { makeRing } from "./ring.js";
import { makeFound, makeTasks } from "./tasks.js";
import { makeThings } from "./things.js";
import { makeTimeline } from "./timeline.js";
import { makeWhole } from "./whole.js";

function makeRoot(onKey) {
  const root = make("div", "minirt-live");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Live view of the runtime");
  root.addEventListener("keydown", onKey);
  return root;
}

function box(className, ...parts) {
  const element = make("div", className);
  element.append(...parts.map((part) => part.element ?? part));
  return element;
}

// `actions` is what the reader can do; `send` hands a command to the program.
export function makeParts(actions, send) {
  const follow = (identity) => actions.follow(identity);
  const parts = {
    root: makeRoot((event) => actions.key(event)),
    header: makeHeader(),
    controls: makeControls(send),
    player: makePlayer(actions),
    events: makeEvents(actions),
    ring: makeRing(),
    counters: makeCounters(),
    soon: makeSoon(),
    timeline: makeTimeline(follow),
    lists: makeLists(follow),
    tasks: makeTasks(actions, send),
    things: makeThings(),
    found: makeFound(),
    console: makeConsole(),
    biography: makeBiography(actions),
    findings: makeFindings(actions),
  };
  const { root, header, findings } = parts;
  const numbers = box("mr-numbers", parts.counters, parts.soon);
  const top = box("mr-top", parts.ring, numbers, parts.timeline);
  const lists = box("mr-lists", ...parts.lists, parts.console);
  const work = box("mr-work", parts.tasks, parts.things);
  const tape = box("mr-tape", parts.player, parts.events);
  const moment = box("mr-moment", top, parts.biography, work, lists, findings.summary);
  header.element.append(parts.controls.element);
  root.append(header.element, parts.found.element, findings.warnings, box("mr-whole", tape, moment));
  const whole = makeWhole(root);
  root.append(whole.element);
  return { ...parts, whole, onlyRecorded: [tape, findings.warnings, parts.biography.element, findings.summary] };
}
