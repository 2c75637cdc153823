// What does the reader see? One frame, drawn into elements that were made once.
//
// A frame comes from the kernel while the program runs, and out of the recording afterwards; see
// minirt/views/frame.py for its fields. Nothing is computed here that Python could have decided.
//
// minirt/views/script.py joins the files of this folder: an import stands on a line of its own, and
// no two files have a top-level name in common.

import { makeKeeper } from "./keep.js";
import { Page } from "./page.js";

// The kernel may close the widget when what is left of it is in its place in every page.
function tell(model, command) {
  try {
    model.send({ command });
  } catch {
    // the kernel is gone
  }
}

function render({ model, el }) {
  const page = new Page(model, el);
  const [keep, stopKeeping] = makeKeeper(model, page.root, () => tell(model, "keep"));
  const onFrame = () => {
    page.presence.hear();
    page.takeFrame();
  };
  const onRecording = () => {
    page.takeRecording();
    if (model.get("recording")?.byteLength) keep();
  };
  const onHidden = () => tell(model, "away");
  const resized = new ResizeObserver(() => page.redraw());
  model.on("change:frame", onFrame);
  model.on("change:recordings", onRecording); // their number: two of them may pass for equal
  resized.observe(page.root);
  page.takeFrame();
  onRecording();
  addEventListener("pagehide", onHidden);
  tell(model, "shown");
  return () => {
    model.off("change:frame", onFrame);
    model.off("change:recordings", onRecording);
    removeEventListener("pagehide", onHidden);
    resized.disconnect();
    stopKeeping();
    page.close();
    tell(model, "left");
  };
}

export default { render };
