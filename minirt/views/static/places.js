// Where was the reader in this run? A front end may draw a view anew at any time, as JupyterLab does
// when its cell is moved, and when the run is over, its recording takes the place of the view.

const KEPT = 20; // runs
const PLACES = Symbol.for("minirt.places"); // each view of a page may have a module of its own

function places() {
  window[PLACES] ??= new Map();
  return window[PLACES];
}

// Of a run that has no name of its own: the same for the same recording, wherever its bytes are.
export function nameOf(bytes) {
  const { buffer, byteOffset, byteLength } = bytes;
  let hash = 0;
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) hash = (Math.imul(hash, 31) + byte) | 0;
  return `${byteLength} ${hash}`;
}

export function placeIn(run) {
  return places().get(run) ?? {};
}

export function keepPlace(run, place) {
  if (!run) return;
  const all = places();
  all.delete(run); // the one that was used last is the last to be forgotten
  all.set(run, place);
  if (all.size > KEPT) all.delete(all.keys().next().value);
}
