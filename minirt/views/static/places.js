// Where was the reader in this recording? A front end may draw a view anew at any time, as
// JupyterLab does when its cell is moved.

const KEPT = 20; // recordings
const PLACES = Symbol.for("minirt.places"); // each view of a page has a module of its own

function places() {
  window[PLACES] ??= new Map();
  return window[PLACES];
}

// The same for the same recording, wherever its bytes are.
export function keyOf(bytes) {
  const { buffer, byteOffset, byteLength } = bytes;
  let hash = 0;
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) hash = (Math.imul(hash, 31) + byte) | 0;
  return `${byteLength} ${hash}`;
}

export function placeIn(key) {
  return places().get(key) ?? {};
}

export function keepPlace(key, place) {
  const all = places();
  all.delete(key); // the one that was used last is the last to be forgotten
  all.set(key, place);
  if (all.size > KEPT) all.delete(all.keys().next().value);
}
