// How does a packed recording become the lists that it was? Each list says first how it is stored;
// see minirt/views/packing.py, which packs.

const COLUMNS = ["events", "spans", "places", "tasks"];
const ITS_IDENTITY = "\u0000"; // how a text begins that begins with the identity of its event
const GOES_ON = -1;
const ITS_TURN = "\u0001";
const ITS_LINE = "\u0002"; // the last of its console
const NEW = -1; // the next one that was not there before

function raw(items) {
  return items;
}

function once([distinct, places]) {
  const items = unpackedList(distinct);
  return unpackedList(places).map((at) => items[at]);
}

function names([distinct, places]) {
  const items = unpackedList(distinct);
  let fresh = 0;
  return places.map((at) => items[at === NEW ? fresh++ : at]);
}

function table(stored) {
  const columns = stored.map(unpackedList);
  return columns[0].map((_, row) => columns.map((column) => column[row]));
}

function ragged([lengths, stored]) {
  const items = unpackedList(stored);
  let end = 0;
  return unpackedList(lengths).map((length) => items.slice(end, (end += length)));
}

function numbers([scale, ...differences]) {
  let sum = 0;
  return differences.map((difference) => (sum += difference) / scale);
}

function objects([shapes, places, stored]) {
  const columns = new Map(Object.entries(stored).map(([name, column]) => [name, unpackedList(column).values()]));
  const known = unpackedList(shapes);
  return unpackedList(places).map((at) => Object.fromEntries(known[at].map((name) => [name, columns.get(name).next().value])));
}

function holes([places, stored]) {
  const items = unpackedList(stored).values();
  return unpackedList(places).map((isHole) => (isHole ? null : items.next().value));
}

function pieces([starts, lengths, more, stored]) {
  const [kept, fresh, items] = [lengths, more, stored].map(unpackedList);
  let before = [];
  let end = 0;
  return unpackedList(starts).map((start, at) => {
    before = [...before.slice(start, start + kept[at]), ...items.slice(end, (end += fresh[at]))];
    return before;
  });
}

const WAYS = [raw, once, names, table, ragged, numbers, objects, holes, pieces];

function unpackedList([how, ...stored]) {
  return WAYS[how](stored);
}

// A line of the console has the number of its event, unless one was there before them all. It is one
// array in all consoles that have it.
function linesWithTimes(events) {
  const made = new Map();
  const withTime = (line) => made.get(line) ?? made.set(line, [events[line[0]][0], ...line.slice(1)]).get(line);
  return ({ lines, ...fields }) => (lines ? { ...fields, console: [lines[0], lines[1].map(withTime)] } : fields);
}

function textOf(text, event, fields) {
  if (text === ITS_TURN) return `turn ${event[1]}`;
  if (text === ITS_LINE) return fields.console[1].at(-1)[1];
  return text.startsWith(ITS_IDENTITY) ? event[5] + text.slice(1) : text;
}

// A span has the numbers of its first event, and of those up to its last; or its times as they are.
function spanWithTimes(span, events) {
  const [lane, first, length, kind, identity, label, exact] = span;
  const [start, end] = exact ?? [events[first][0], length === GOES_ON ? null : events[first + length][0]];
  return [lane, start, end, kind, identity, label];
}

// The recording as the page reads it: each event with the numbers of its text and of its values.
export function unpack(recording) {
  if (recording.values) return recording; // by a version that did not pack
  const whole = { ...recording, values: [], texts: [] };
  for (const name of COLUMNS) whole[name] = unpackedList(recording[name] ?? [0]); // an older one has no tasks
  whole.places = Object.fromEntries(whole.places);
  const withTimes = linesWithTimes(whole.events);
  for (const event of whole.events) {
    const fields = withTimes(event[7]);
    event[6] = whole.texts.push(textOf(event[6], event, fields)) - 1;
    event[7] = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, whole.values.push(value) - 1]));
  }
  whole.spans = whole.spans.map((span) => spanWithTimes(span, whole.events));
  return whole;
}
