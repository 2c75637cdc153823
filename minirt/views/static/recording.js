// After the run: what is in the recording? A frame for each event, and each event's texts.

import { COUNTERS, HISTORY } from "./counters.js";
import { unpack } from "./unpacking.js";

export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return unpack(JSON.parse(await new Response(stream).text()));
}

// The frame after each event. A field that did not change is the same object in both frames.
export function unfold({ events, values }) {
  let frame = {};
  return events.map(([time, turn, phase, , , , , changes]) => {
    frame = { ...frame, time, turn, phase };
    for (const [field, at] of Object.entries(changes)) frame[field] = values[at];
    return frame;
  });
}

export function pastCounters(frames, upTo) {
  const step = Math.max(1, Math.ceil(upTo / HISTORY));
  const found = COUNTERS.map(() => []);
  for (let at = upTo % step; at <= upTo; at += step) frames[at].counters.forEach((value, number) => found[number].push(Number(value)));
  return found;
}

export function eventTexts(recording, at) {
  const [time, turn, phase, kind, thread, identity, text] = recording.events[at];
  return { time, turn, phase, kind, thread, identity, text: recording.texts[text] };
}

export function matching(recording, words) {
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
