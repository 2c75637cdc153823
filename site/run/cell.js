// What is a code cell on the page?
//
// Its code, which becomes an editor when a reader wants to change it, a button that runs it, a line
// that says how it is doing, and its outputs. A cell that the page does not show (a question's code
// is hidden) has outputs at most.

import * as edits from "./edits.js";
import { button, icon, made } from "./elements.js";
import { Outputs } from "./outputs.js";

export class Cell {
  // element: its part of the page; asked: what its buttons call, {run, runAndGo, stop, editor}.
  constructor(element, name, asked) {
    this.number = Number(element.dataset.cell);
    this.key = element.dataset.key;
    this.why = element.dataset.why;
    this.name = name; // "Cell 3"
    this.element = element;
    this.asked = asked;
    this.input = element.querySelector(".cell_input");
    this.outputs = new Outputs(placeOf(element, this.input));
    this.hasRun = false;
    this.isFolded = element.querySelector("details.hide") !== null;
    if (!this.input) return;
    if (this.why !== undefined) this.#sayWhy();
    else this.#makeRunnable();
  }

  get canRun() {
    return this.why === undefined;
  }

  // --- Its code ---

  // What the reader wrote in place of the source, if anything.
  get edit() {
    return this.text === this.original ? null : this.text;
  }

  #makeRunnable() {
    this.block = this.input.firstElementChild; // around the <pre>
    this.pre = this.block.querySelector("pre");
    this.colours = [...this.pre.childNodes];
    this.original = this.pre.textContent.replace(/\n$/, "");
    this.text = this.original;
    this.said = made("span", { class: "minirt-said" });
    this.reset = button({ class: "minirt-small", text: "Reset cell", hidden: "" }, () => this.restore());
    this.other = button({ class: "minirt-small", text: "Take it", hidden: "" }, () => this.#takeOther());
    this.play = button({ class: "minirt-play" }, () => (this.isBusy ? this.asked.stop() : this.asked.run(this)));
    this.foot = made("div", { class: "minirt-foot", hidden: "" }, this.said, this.other, this.reset);
    this.input.classList.add("minirt-runnable");
    this.input.prepend(this.play);
    this.input.append(this.foot);
    this.#showPlay();
    this.#makeReadable();
    const saved = edits.saved(this.key);
    if (saved !== null) this.#show(saved);
  }

  // Until it is an editor: within reach of the keyboard, and open to a click.
  #makeReadable() {
    const attributes = { role: "textbox", "aria-readonly": "true", "aria-multiline": "true", tabindex: "0" };
    for (const [name, value] of Object.entries(attributes)) this.pre.setAttribute(name, value);
    this.pre.setAttribute("aria-label", `Code of ${this.name}. Enter edits it, Shift+Enter runs it.`);
    this.pre.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (event.shiftKey) this.asked.runAndGo(this);
      else if (event.ctrlKey || event.metaKey) this.asked.run(this);
      else this.openEditor();
    });
    this.pre.addEventListener("click", (event) => {
      if (getSelection().isCollapsed) this.openEditor(event);
    });
  }

  async openEditor(click) {
    if (this.editor) return;
    const createEditor = await this.asked.editor();
    if (!createEditor || this.editor) return;
    this.editor = createEditor({
      place: this.block,
      text: this.text,
      label: `Code of ${this.name}. Shift+Enter runs it. Escape, then Tab, leaves it.`,
      keys: { run: () => this.asked.run(this), runAndGo: () => this.asked.runAndGo(this) },
      changed: (text) => this.#changed(text),
    });
    if (click) this.editor.pointAt(click);
    this.editor.focus();
  }

  focus() {
    if (this.editor) this.editor.focus();
    else this.pre.focus();
  }

  // By the reader, or by `#show`.
  #changed(text) {
    if (text === this.text) return;
    this.text = text;
    if (this.edit === null) edits.forget(this.key);
    else edits.save(this.key, text);
    this.#showFoot();
  }

  #show(text) {
    this.text = text;
    this.editor?.set(text);
    if (!this.editor && text === this.original) this.pre.replaceChildren(...this.colours);
    else if (!this.editor) this.pre.textContent = `${text}\n`;
    this.#showFoot();
  }

  // As the chapter has it.
  restore() {
    if (!this.input || !this.canRun) return;
    edits.forget(this.key);
    this.#show(this.original);
    this.outputs.restore();
    this.say("");
  }

  // Another tab has changed it. Who writes here keeps what is here, and may take the other.
  changedElsewhere(text) {
    const other = text ?? this.original;
    if (other === this.text) return;
    if (!this.editor?.hasFocus()) this.#show(other);
    else {
      this.another = other;
      this.say("Another tab has changed this cell, too.");
    }
    this.#showFoot();
  }

  #takeOther() {
    const text = this.another;
    this.another = undefined;
    this.say("");
    this.#show(text);
  }

  // --- How it is doing ---

  say(text, kind = "") {
    if (!this.said) return;
    this.said.textContent = text;
    this.input.dataset.kind = kind;
    this.#showFoot();
  }

  // It waits, or it runs: its button stops Python.
  set busy(isBusy) {
    this.isBusy = isBusy;
    if (this.play) this.#showPlay();
  }

  #showPlay() {
    const word = this.isBusy ? "Stop" : "Run";
    this.play.replaceChildren(icon(this.isBusy ? "stop" : "run"));
    this.play.setAttribute("aria-label", `${word} ${this.name}`);
    this.play.title = this.isBusy ? "Stop Python" : "Run (Shift+Enter in the cell)";
  }

  #showFoot() {
    this.reset.hidden = this.edit === null;
    this.other.hidden = this.another === undefined;
    this.foot.hidden = this.said.textContent === "" && this.reset.hidden;
  }

  #sayWhy() {
    const note = made("p", { class: "minirt-why", text: this.why });
    note.append(" Run it in JupyterLab on your machine; here is what it printed there.");
    this.input.append(note);
  }
}

// Where its outputs are; they may be folded.
function placeOf(element, input) {
  const there = element.querySelector(".cell_output");
  if (there) return there;
  const place = made("div", { class: "cell_output docutils container" });
  (input ?? element.firstElementChild)?.after(place);
  if (!place.parentElement) element.append(place);
  return place;
}
