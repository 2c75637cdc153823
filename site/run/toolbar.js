// What stands above the cells of a page?

import { button, icon, made } from "./elements.js";

const INVITES = (megabytes) =>
  `The cells of this page run in your browser. The first Run loads Python from this site (${megabytes} MB).`;
export class Toolbar {
  // asked: {runAll, stop, reset, download}; megabytes: of the first Run
  constructor(asked, megabytes) {
    this.runAll = button({ class: "minirt-main" }, asked.runAll);
    this.runAll.append(icon("run"), "Run all");
    this.stop = button({ hidden: "" }, asked.stop);
    this.stop.append(icon("stop"), "Stop");
    this.reset = button({ text: "Reset page" }, asked.reset);
    this.download = button({ text: "Download as notebook" }, asked.download);
    this.bar = made("progress", { max: "1", "aria-label": "How far it is", hidden: "" });
    this.status = made("p", { class: "minirt-status", role: "status", text: INVITES(megabytes) });
    this.note = made("p", { class: "minirt-note", text: SIMULATED });
    const buttons = made("div", { class: "minirt-buttons" }, this.runAll, this.stop, this.reset, this.download);
    this.element = made(
      "div",
      { class: "minirt-toolbar", role: "group", "aria-label": "Run this page" },
      ...[buttons, this.bar, this.status, this.note],
    );
  }

  // Nothing runs here, and this is why.
  cannot(why) {
    this.element.querySelector(".minirt-buttons").remove();
    this.note.remove();
    this.status.textContent = why;
  }

  // part: how much is done, 0 ... 1, where that is known
  say(text, kind = "", part = null) {
    this.status.textContent = text;
    this.element.dataset.kind = kind;
    const isBusy = kind === "busy";
    this.runAll.disabled = isBusy;
    this.stop.hidden = !isBusy;
    this.bar.hidden = !isBusy || part === null;
    if (part === null) this.bar.removeAttribute("value");
    else this.bar.value = part;
  }
}
