// How does a view whose run is over become what is left of it, where no front end sees to it?
//
// The kernel has the front end replace the outputs of a cell. It does not do so in a page that was
// loaded again during the run, or when the cell was moved or copied. There the view asks the kernel
// for what is left, and puts it into the notebook itself.

const VIEW = "application/vnd.jupyter.widget-view+json";
const A_WHILE = 1000; // ms in which the front end would have replaced it

// The places of the notebook in which the widget `identity` is an output, as [outputs, place].
function placesOf(model, identity) {
  const found = [];
  for (const { outputs } of model.widget_manager?.context?.model?.cells ?? []) {
    for (let at = 0; at < (outputs?.length ?? 0); at += 1) {
      if (outputs.get(at).data[VIEW]?.model_id === identity) found.push([outputs, at]);
    }
  }
  return found;
}

// Calls `ask` when `element` is still there a while after `keep`. Returns [keep, stop].
export function makeKeeper(model, element, ask) {
  let timer = null;

  function take({ identity, left }) {
    if (!left) return;
    for (const [outputs, at] of placesOf(model, identity)) outputs.set(at, { output_type: "display_data", data: left, metadata: {} });
  }

  function keep() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (element.isConnected) ask(); }, A_WHILE);
  }

  function stop() {
    clearTimeout(timer);
    model.off("msg:custom", take);
  }

  model.on("msg:custom", take);
  return [keep, stop];
}
