// What does a view do that has a kernel? It hears of each frame, and tells where it is shown.

import { makeKeeper, putWhatIsLeft } from "./keep.js";
import { Page } from "./page.js";
import { makePresence } from "./presence.js";

// The kernel may close the widget when what is left of it is in its place in every page.
function tell(model, command) {
  try {
    model.send({ command });
  } catch {
    // the kernel is gone
  }
}

// Of what happens while no page shows it, too.
function initialize({ model }) {
  putWhatIsLeft(model);
}

function render({ model, el }) {
  const page = new Page(model, el, makePresence);
  const [keep, stopKeeping] = makeKeeper(model, page, () => tell(model, "keep"));
  const onFrame = () => {
    page.presence.hear();
    page.takeFrame();
  };
  const onRecording = () => {
    page.takeRecording();
    if (model.get("recording")?.byteLength) keep();
  };
  const onHidden = () => tell(model, "away");
  page.presence.watch();
  model.on("change:frame", onFrame);
  model.on("change:recordings", onRecording); // their number: two of them may pass for equal
  page.takeFrame();
  onRecording();
  addEventListener("pagehide", onHidden);
  tell(model, "shown");
  return () => {
    model.off("change:frame", onFrame);
    model.off("change:recordings", onRecording);
    removeEventListener("pagehide", onHidden);
    stopKeeping();
    page.close();
    tell(model, "left");
  };
}

export default { initialize, render };
