// What does a row say whose words do not fit? With the mouse its title says it. With the keyboard
// there is no title, so whoever comes to the row sees its words below it, until Escape or the next.

import { make, setText } from "./elements.js";

const ROWS_OF_LISTS = "tr, .mr-task, .mr-thing, .mr-event";

function isCut(row) {
  return [...row.querySelectorAll("*")].some((part) => part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX === "hidden");
}

export function makeWhole(root) {
  const element = make("div", "mr-all-of-it");
  element.hidden = true;
  element.setAttribute("aria-hidden", "true"); // a screen reader hears the whole row anyway
  let row = null;

  function hide() {
    row = null;
    element.hidden = true;
  }

  // The row may say something else by now.
  function draw() {
    if (row === null) return;
    if (!row.isConnected || !row.title || !isCut(row)) { element.hidden = true; return; }
    setText(element, row.title);
    element.hidden = false;
    const [here, all] = [row.getBoundingClientRect(), root.getBoundingClientRect()];
    element.style.top = `${here.bottom - all.top + 2}px`;
    element.style.left = `${Math.max(8, Math.min(here.left - all.left, all.width - element.offsetWidth - 8))}px`;
  }

  root.addEventListener("focusin", ({ target }) => {
    row = target.matches(":focus-visible") ? target.closest(ROWS_OF_LISTS) : null;
    element.hidden = true;
    draw();
  });
  root.addEventListener("focusout", hide);
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || element.hidden) return;
    event.stopImmediatePropagation(); // it closes this, and nothing else
    hide();
  }, { capture: true });
  return { element, draw };
}
