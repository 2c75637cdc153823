// Is somebody there who answers? If not, why, and what can the reader do?
//
// A kernel that is there may still be silent: a call into C that does not give up Python's lock
// holds all of its threads, and nothing in that process can end it.

import { watchKernel } from "./kernel.js";

const SILENT = "The kernel does not answer: something that it runs does not let go of Python, and no click and no interrupt is heard. Wait for its end, or choose Kernel, Restart Kernel.";
const STANDS_STILL = "The kernel's loop stands still: a cell or a callback holds it. Wait for its end, or interrupt the kernel.";
const SAVED = "The notebook was saved while this program ran, and no kernel knows of it any more. Run the cell again.";
const SILENT_FOR = 3; // s

export function makePresence(model, changed) {
  let gone = null; // { state, words } while the session knows that nobody is there
  let hasAsked = true; // something, and nothing was heard since: when it is drawn, whether it is known
  let hasHeard = false; // anything since it was drawn
  let silent = 0; // s in which no frame came that should have
  let timer = null;
  let leave = () => {};

  // One that is paused says something only when it is asked.
  function isExpected() {
    const { state } = model.get("frame");
    return gone === null && (state === "running" || (state === "paused" && hasAsked));
  }

  // Seconds are counted one by one: a machine that sleeps hears nothing, and misses nothing.
  function count() {
    silent = isExpected() ? silent + 1 : 0;
    if (silent === SILENT_FOR) changed();
  }

  function watch() {
    timer = setInterval(count, 1000);
    model.on("msg:custom", hear);
    leave = watchKernel(model, (words, isOver) => {
      gone = words ? { state: isOver ? "gone" : "away", words } : null;
      changed();
    });
  }

  function stop() {
    model.off("msg:custom", hear);
    clearInterval(timer);
    leave();
  }

  function ask(message) {
    hasAsked = true;
    model.send(message);
  }

  // Something has come from the kernel.
  function hear() {
    if (silent >= SILENT_FOR) changed();
    hasHeard = true;
    hasAsked = false;
    silent = 0;
  }

  function absence() {
    if (gone !== null || silent < SILENT_FOR) return gone;
    if (!hasHeard) return { state: "gone", words: SAVED };
    return { state: "silent", words: model.get("frame").kernel ? STANDS_STILL : SILENT }; // it draws its own loop
  }
  return { watch, stop, ask, hear, absence };
}
