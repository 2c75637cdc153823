// What does the reader see? One frame, drawn into elements that were made once.
//
// A frame comes from the kernel while the program runs, and out of the recording afterwards; see
// minirt/views/frame.py for its fields. Nothing is computed here that Python could have decided.
//
// minirt/views/script.py joins the files of this folder: an import stands on a line of its own, and
// no two files have a top-level name in common.

import { Page } from "./page.js";

const PAGE = crypto.getRandomValues(new Uint32Array(2)).join(""); // another one after a reload

// The kernel may close the widget when the page that it began in has put the recording in its place.
function tell(model, command) {
  try {
    model.send({ command, value: PAGE });
  } catch {
    // the kernel is gone
  }
}

function render({ model, el }) {
  const page = new Page(model, el);
  const onFrame = () => page.takeFrame();
  const onRecording = () => page.takeRecording();
  const resized = new ResizeObserver(() => page.redraw());
  model.on("change:frame", onFrame);
  model.on("change:recordings", onRecording); // their number: two of them may pass for equal
  resized.observe(page.root);
  page.takeFrame();
  page.takeRecording();
  tell(model, "shown");
  return () => {
    model.off("change:frame", onFrame);
    model.off("change:recordings", onRecording);
    resized.disconnect();
    page.close();
    tell(model, "left");
  };
}

export default { render };
