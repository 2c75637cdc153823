// Where is the keyboard's focus, and who gets it when the element that has it goes away?
//
// A row goes when its timer has run, the buttons go with the run, and at last the recording takes
// the place of the whole view. A browser would then give the focus to the page, and a reader without
// a mouse would begin at its top again.

const STOPS = "button, select, input, summary, [tabindex]";

function isThere(element) {
  return element.isConnected && element.checkVisibility() && !element.disabled;
}

function nameOfStop(element) {
  return element.getAttribute("aria-label") ?? element.textContent;
}

// Calls `changed(name)` when the reader goes to an element, and with null when the reader leaves.
export function makeFocus(root, changed) {
  let has = null; // the element that has the focus
  let wanted = null; // the one to which the reader went: the same, or it is not there any more
  const stops = () => [...root.querySelectorAll(STOPS)];

  function go(element) {
    has = element;
    wanted = element;
    changed(element && nameOfStop(element));
  }

  root.addEventListener("focusin", ({ target }) => {
    // JupyterLab asks the element itself first: "x" would cut the cell, and ArrowDown leave the view
    target.dataset.lmSuppressShortcuts = "true";
    if (target !== has) go(target);
  });
  root.addEventListener("focusout", ({ target }) => queueMicrotask(() => {
    const isLeft = isThere(target) && document.activeElement !== target && document.hasFocus();
    if (target === has && isLeft) go(null);
  }));

  // Where the reader was in another view of this run. Who is somewhere else by now stays there.
  function take(name) {
    if (document.activeElement === document.body) has = wanted = stops().find((stop) => nameOfStop(stop) === name) ?? null;
    else changed(null);
  }

  // After each drawing: what has the focus is there, or the stop before it, or the one after it.
  // `name` is of what had it, in this view or in one before it.
  function hold(name) {
    if (has === null && name !== null) take(name);
    if (has === null || (document.activeElement === has && isThere(has))) return;
    if (document.activeElement !== has && document.activeElement !== document.body) { go(null); return; }
    const all = stops();
    const at = all.indexOf(wanted);
    has = isThere(wanted) ? wanted : all.slice(0, at).findLast(isThere) ?? all.slice(at).find(isThere) ?? has;
    has.focus({ preventScroll: true });
  }
  return { hold };
}
