// How does a page become one that runs?
//
// This file is all that a page loads of it when it is opened. Python comes at the first Run, the
// editor at the first Run or the first click into a cell.

import { Cell } from "./cell.js";
import * as edits from "./edits.js";
import { Notebook } from "./notebook.js";
import { keep, keepPages } from "./offline.js";
import { Runner } from "./runner.js";
import { Toolbar } from "./toolbar.js";

const root = new URL(document.documentElement.dataset.content_root, location.href).href;
const folder = root + RUN_FOLDER;
const total = Object.values(RUN_FILES).reduce((sum, bytes) => sum + bytes, 0);

const WHY_NOT = [
  [
    location.protocol === "file:",
    "The cells of this page can run, but not while it is opened from a disk: a browser loads Python from a server " +
      "only. In the site's folder say: python -m http.server",
  ],
  [typeof WebAssembly === "undefined", "The cells of this page do not run here: this browser has no WebAssembly."],
  [
    typeof Worker === "undefined" || typeof DecompressionStream === "undefined",
    "The cells of this page do not run here: this browser is too old for it.",
  ],
];

// Keeps what it gives, but not a failure: the next call tries again.
function once(action) {
  let promise = null;
  return () => {
    promise ??= action().catch((error) => {
      promise = null;
      throw error;
    });
    return promise;
  };
}

function open() {
  const heading = document.querySelector("article h1");
  const elements = [...document.querySelectorAll("div.cell[data-cell]")];
  if (!heading || !elements.length) return;

  const whyNot = WHY_NOT.find(([isSo]) => isSo)?.[1];
  const toolbar = new Toolbar(
    { runAll: () => runner.runAll(), stop: () => runner.stop(), reset: () => reset(), download: () => download() },
    (total / 1e6).toFixed(0),
  );
  heading.after(toolbar.element);
  if (whyNot) {
    toolbar.cannot(whyNot);
    return;
  }

  const name = location.pathname.split("/").at(-1).replace(/\.html$/, "");
  const load = once(async () => {
    await keep(root);
    return Notebook.load(folder, name);
  });
  const editor = once(async () => (await import(`${folder}editor.js`)).createEditor);
  const asked = {
    run: (cell) => runner.run(cell),
    runAndGo(cell) {
      runner.run(cell);
      shown[shown.indexOf(cell) + 1]?.focus();
    },
    stop: () => runner.stop(),
    editor: () => editor().catch(() => toolbar.say("The editor could not be loaded. Is there a network?", "wrong")),
  };
  let count = 0;
  const cells = elements.map((element) => {
    if (element.querySelector(".cell_input")) count += 1;
    return new Cell(element, `cell ${count}`, asked);
  });
  const shown = cells.filter((cell) => cell.input && cell.canRun);
  const runner = new Runner({
    address: `${folder}worker.js`,
    total,
    load,
    cells: Object.fromEntries(cells.map((cell) => [cell.number, cell])),
    say: (...words) => toolbar.say(...words),
    rested: keepPages,
  });

  async function reset() {
    if (!confirm("Reset the page? What you wrote into its cells is lost.")) return;
    runner.stop();
    await new Promise((goOn) => setTimeout(goOn)); // what ran says that it was stopped
    for (const cell of cells) cell.restore();
    for (const { key } of edits.left(cells.map((cell) => cell.key))) edits.forget(key);
    toolbar.say("The page is as it was.");
  }

  async function download() {
    try {
      (await load()).download(runner.written, edits.left(cells.map((cell) => cell.key)));
    } catch (error) {
      toolbar.say(error.message, "wrong");
    }
  }

  edits.watch((key, text) => cells.find((cell) => cell.key === key)?.changedElsewhere(text));
}

open();
