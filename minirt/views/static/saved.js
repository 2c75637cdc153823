// How does the view of a run that is over draw itself, in any page and without a kernel?
//
// It lies in its page as a box: a still, its state as JSON, and this script, with the code and the
// style of the view. Where no script runs, the still is what a reader sees.

(async (box, packedCode) => {
  function bytesOf(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  async function inflated(text) {
    const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  // What draws one box draws all of its kind: a page loads no module twice.
  async function drawer() {
    const { code, style } = await inflated(packedCode);
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    const { default: widget } = await import(address);
    URL.revokeObjectURL(address);
    return { widget, style };
  }

  // What is saved does not change, and nobody is there to hear what is sent.
  function modelOf({ values, buffers }) {
    const state = { ...values };
    for (const [name, text] of Object.entries(buffers)) state[name] = new DataView(bytesOf(text).buffer);
    const nothing = () => {};
    return { get: (name) => state[name], set: nothing, on: nothing, off: nothing, send: nothing, save_changes: nothing };
  }

  const drawers = (window[Symbol.for("minirt.drawers")] ??= new Map());
  if (!drawers.has(packedCode)) drawers.set(packedCode, drawer());
  const { widget, style } = await drawers.get(packedCode);
  const place = document.createElement("div");
  const sheet = document.createElement("style");
  sheet.textContent = style;
  widget.render({ model: modelOf(JSON.parse(box.querySelector("script").textContent)), el: place });
  box.append(sheet, place);
  box.querySelector(".minirt-still").hidden = true;
})(document.currentScript.parentElement, "{{code}}");
