// What does the reader see? One frame, drawn into elements that were made once.
//
// A frame comes from the kernel while the program runs, see widget.js; and out of the recording
// afterwards, which is all that a box needs that was saved. minirt/views/frame.py has the fields of a
// frame. Nothing is computed here that Python could have decided.
//
// minirt/views/script.py joins the files of this folder: an import stands on a line of its own, and
// no two files have a top-level name in common.

import { Page } from "./page.js";

// Nothing changes what was saved, and nothing of it outlives its place in the page.
function render({ model, el }) {
  const page = new Page(model, el);
  page.takeFrame();
  page.takeRecording();
}

export default { render };
