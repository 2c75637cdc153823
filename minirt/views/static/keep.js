// How does a view whose run is over become what is left of it, where no front end sees to it?
//
// The kernel has the front end replace the outputs of a cell. It does not do so in a page that was
// loaded again during the run, or when the cell was moved or copied. There the view asks the kernel
// for what is left, and puts it into the notebook itself. A cell that was deleted when its program
// ended may come back, from the clipboard or because that is undone. When the kernel is gone, nobody
// can be asked, and no page will find the widget again: then its file keeps a sentence.

import { isRunning } from "./words.js";

const VIEW = "application/vnd.jupyter.widget-view+json";
const A_WHILE = 1000; // ms in which the front end would have replaced it

// The widgets that are outputs of the notebook, as [identity, outputs, place].
function widgetsIn(model) {
  const found = [];
  for (const { outputs } of model.widget_manager?.context?.model?.cells ?? []) {
    for (let at = 0; at < (outputs?.length ?? 0); at += 1) {
      const identity = outputs.get(at).data[VIEW]?.model_id;
      if (identity) found.push([identity, outputs, at]);
    }
  }
  return found;
}

// Which of them is this one? A kernel that is there tells it; of one that is gone, the run is known.
async function identityOf(model) {
  const { widget_manager: manager } = model;
  for (const [identity] of widgetsIn(model)) {
    const other = manager.has_model?.(identity) ? await manager.get_model(identity) : null;
    if (other?.get("run") && other.get("run") === model.get("run")) return identity;
  }
  return null;
}

function replace(model, own, data) {
  for (const [identity, outputs, at] of widgetsIn(model)) {
    if (identity === own) outputs.set(at, { output_type: "display_data", data, metadata: {} });
  }
}

// Puts what is left into the place of the widget, whenever the kernel has told it.
export function putWhatIsLeft(model) {
  const cells = model.widget_manager?.context?.model?.cells;
  let told = null; // [identity, data]
  const put = () => replace(model, ...told);
  model.on("msg:custom", ({ identity, left }) => {
    if (!left) return;
    told = [identity, left];
    put();
    cells?.changed?.connect(put);
  });
}

// Calls `ask` when the view is still there a while after `keep`. Returns [keep, stop].
export function makeKeeper(model, { root, presence }, ask) {
  const saving = model.widget_manager?.context?.saveState;
  let timer = null;
  let own = null; // its identity

  function take({ identity }) {
    own = identity ?? own;
  }

  function keep() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (root.isConnected) ask(); }, A_WHILE);
  }

  function save(_, state) {
    const absence = presence.absence();
    if (state !== "started" || own === null || absence?.state !== "gone" || !isRunning(model.get("frame"))) return;
    replace(model, own, { "text/html": `<p class="minirt-gone">${absence.words}</p>`, "text/plain": absence.words });
  }

  function stop() {
    clearTimeout(timer);
    model.off("msg:custom", take);
    saving?.disconnect(save);
  }

  model.on("msg:custom", take);
  identityOf(model).then((identity) => { own ??= identity; }, () => {}); // a page may forget one meanwhile
  saving?.connect(save);
  return [keep, stop];
}
