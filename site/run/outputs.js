// How does the page show what a cell puts out?
//
// As it shows the recorded outputs, with the same classes. An output is as a notebook keeps it, so
// the list of them goes into the notebook that a reader takes away.

import { coloured } from "./ansi.js";

const PICTURES = ["image/png", "image/jpeg", "image/gif"];
const QUESTION = 'data-kind="minirt.exercises.quiz';

const joined = (text) => (Array.isArray(text) ? text.join("") : String(text));

const displays = new Map(); // display_id -> [{outputs, output}], of all cells of the page

export class Outputs {
  // place: the element whose children are the recorded outputs.
  constructor(place) {
    this.place = place;
    this.recorded = [...place.childNodes];
    this.list = [];
    this.elements = new Map(); // output -> its element
    this.isStale = false;
  }

  // What is there goes when something new comes, or at the end: a page that jumps is hard to read.
  begin() {
    this.isStale = true;
    this.place.classList.add("minirt-stale");
  }

  end() {
    if (this.isStale && !this.#isAsked()) this.clear();
    this.isStale = false;
    this.place.classList.remove("minirt-stale");
  }

  // A question that has been asked again keeps what the reader has chosen.
  #isAsked() {
    return this.place.querySelector(".minirt-quiz-box") !== null;
  }

  clear() {
    this.isStale = false;
    this.place.classList.remove("minirt-stale");
    this.list = [];
    this.elements.clear();
    this.place.replaceChildren();
  }

  restore() {
    this.clear();
    this.place.append(...this.recorded);
  }

  add(output) {
    const kind = output.output_type;
    if (kind === "clear_output") {
      if (output.wait) this.begin();
      else this.clear();
    } else if (kind === "update_display_data") {
      for (const { outputs, shown } of displays.get(output.transient.display_id) ?? []) {
        outputs.#update(shown, output);
      }
    } else if (this.isStale && this.#isAsked() && joined(output.data?.["text/html"] ?? "").includes(QUESTION)) {
      this.end();
      this.list = [kept(output)];
    } else {
      if (this.isStale) this.clear();
      this.#show(output);
    }
  }

  #show(output) {
    const last = this.list.at(-1);
    if (output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name) {
      last.text += output.text;
      this.elements.get(last).querySelector("pre").append(coloured(output.text));
      return;
    }
    const shown = kept(output);
    this.list.push(shown);
    const element = elementOf(shown);
    this.elements.set(shown, element);
    this.place.append(element);
    drawBoxes(element);
    const id = output.transient?.display_id;
    if (id) displays.set(id, [...(displays.get(id) ?? []), { outputs: this, shown }]);
  }

  #update(shown, { data, metadata }) {
    const old = this.elements.get(shown);
    if (!old) return; // it was cleared
    Object.assign(shown, { data, metadata });
    const element = elementOf(shown);
    old.replaceWith(element);
    this.elements.set(shown, element);
    drawBoxes(element);
  }
}

// As a notebook keeps it.
function kept({ transient, ...output }) {
  return output;
}

function elementOf(output) {
  if (output.output_type === "stream") {
    return textBox(output.text, output.name === "stderr" ? "stderr" : "stream");
  }
  if (output.output_type === "error") return textBox(joined(output.traceback.join("\n")), "traceback");
  const { data } = output;
  if (data["text/html"]) return box("text_html", joined(data["text/html"]));
  if (data["image/svg+xml"]) return box("image_svg", joined(data["image/svg+xml"]));
  const type = PICTURES.find((one) => data[one]);
  if (type) {
    const element = box("image_png", "");
    const picture = document.createElement("img");
    picture.src = `data:${type};base64,${joined(data[type])}`;
    picture.alt = joined(data["text/plain"] ?? "A picture");
    element.append(picture);
    return element;
  }
  return textBox(joined(data["text/plain"] ?? ""), "text_plain");
}

function box(name, html) {
  const element = document.createElement("div");
  element.className = `output ${name}`;
  element.innerHTML = html;
  return element;
}

function textBox(text, name) {
  const element = box(name, '<div class="highlight"><pre></pre></div>');
  element.querySelector("pre").append(coloured(text));
  return element;
}

// Saved live views and questions: site.js draws them, as it does the recorded ones.
function drawBoxes(element) {
  for (const one of element.querySelectorAll(".minirt-widget")) window.minirtDraw(one);
}
