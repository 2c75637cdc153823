// How does a page draw the widgets that its notebook saved, without a kernel?
//
// Each lies in its page as a box: its state as JSON, and a still for readers without scripts. Its
// module is the one that the notebook uses. It comes as text, since a page opened from a disk may
// not load a module from there.

class SavedModel {
  constructor({ values, buffers }) {
    this.values = { ...values };
    for (const [name, text] of Object.entries(buffers)) this.values[name] = bytesOf(text);
    this.listeners = new Map();
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    for (const listener of this.listeners.get(`change:${name}`) ?? []) listener();
  }

  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(listener);
  }

  off(event, listener) {
    this.listeners.get(event)?.delete(listener);
  }

  // Nobody is there to hear it.
  save_changes() {}
  send() {}
}

function bytesOf(text) {
  return new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

const modules = new Map(); // kind -> a promise of its module

function moduleOf(kind) {
  if (!modules.has(kind)) {
    const address = URL.createObjectURL(new Blob([window.minirtWidgets[kind]], { type: "text/javascript" }));
    modules.set(kind, import(address));
  }
  return modules.get(kind);
}

async function draw(box) {
  const state = JSON.parse(box.querySelector("script").textContent);
  const { default: widget } = await moduleOf(box.dataset.kind);
  const place = document.createElement("div");
  box.append(place);
  widget.render({ model: new SavedModel(state), el: place });
  box.querySelector(".minirt-still").hidden = true;
  const { moment } = box.closest("[data-moment]")?.dataset ?? {};
  if (moment) showMoment(place, Number(moment));
}

// A live view opens at the end of its run. On the first page it opens in the midst of it.
function showMoment(place, part) {
  const view = place.querySelector(".minirt-live");
  const slider = place.querySelector(".mr-slider");
  const seek = () => {
    if (view.dataset.mode !== "recorded") return;
    hasRecording.disconnect();
    requestAnimationFrame(() => {
      slider.value = String(Math.round(Number(slider.max) * part));
      slider.dispatchEvent(new Event("input"));
    });
  };
  const hasRecording = new MutationObserver(seek);
  hasRecording.observe(view, { attributeFilter: ["data-mode"] });
}

// The widgets ask JupyterLab's page whether it is light; here it is the theme's page that knows.
function followTheme() {
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => {
    const { theme } = document.body.dataset;
    const isDark = theme === "dark" || (theme !== "light" && prefersDark.matches);
    document.body.dataset.jpThemeLight = String(!isDark);
  };
  new MutationObserver(tell).observe(document.body, { attributeFilter: ["data-theme"] });
  prefersDark.addEventListener("change", tell);
  tell();
}

// What scrolls sideways must be within reach of the keyboard.
function reachScrollers() {
  const check = () => {
    for (const element of document.querySelectorAll("article pre, article .table-wrapper")) {
      if (element.closest(".minirt-live, .minirt-runnable")) continue;
      if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
      else element.removeAttribute("tabindex");
    }
  };
  new ResizeObserver(check).observe(document.body);
  check();
}

// The appendix of a chapter is folded, as in JupyterLab; a link into it unfolds it.
function foldAppendix() {
  const heading = document.querySelector("section[id^='for-the-curious'] > h2");
  if (!heading) return;
  const folded = document.createElement("details");
  folded.className = "minirt-appendix";
  const summary = document.createElement("summary");
  summary.textContent = "Unfold the appendix";
  folded.append(summary);
  while (heading.nextSibling) folded.append(heading.nextSibling);
  heading.after(folded);
  const unfold = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && (folded.contains(target) || target === heading.parentElement)) {
      folded.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", unfold);
  unfold();
}

followTheme();
foldAppendix();
reachScrollers();
for (const box of document.querySelectorAll(".minirt-widget")) draw(box);
window.minirtDraw = draw; // for what a cell shows that runs in the page
