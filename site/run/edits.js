// Where is kept what a reader writes into the cells?
//
// In the browser, each cell for itself, so that two tabs with the same page do not take each
// other's edits away. A key names the cell's source: a chapter that changed gets no edit that was
// made for another cell.

const page = location.pathname.split("/").slice(-2).join("/").replace(/\.html$/, "");
const prefix = `minirt/edits/${page}/`;

// Storage may be full or forbidden; then an edit lasts as long as the page.
const tried = (action) => {
  try {
    return action();
  } catch {
    return null;
  }
};

export const saved = (key) => tried(() => localStorage.getItem(prefix + key));

export const save = (key, text) => tried(() => localStorage.setItem(prefix + key, text));

export const forget = (key) => tried(() => localStorage.removeItem(prefix + key));

// The texts that belong to no cell of this page: it has changed since.
export function left(keys) {
  const all = tried(() => Object.keys(localStorage)) ?? [];
  return all
    .filter((key) => key.startsWith(prefix) && !keys.includes(key.slice(prefix.length)))
    .map((key) => ({ key: key.slice(prefix.length), text: localStorage.getItem(key) }));
}

// Another tab has saved or forgotten an edit of this page: hear(key, text or null).
export function watch(hear) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(prefix)) hear(key.slice(prefix.length), newValue);
  });
}
