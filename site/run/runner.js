// In which order do cells run, and what does a reader hear of it?
//
// One after another, in one Python. A cell needs the names of those above it, so what has not run
// above runs first. After an error nothing that waits is run: the next Run decides anew.

import { Ended, Python } from "./python.js";

// What the page shows of a code cell that it does not show.
const NOWHERE = { canRun: false, name: "a hidden cell", say() {} };

export class Runner {
  // load: a promise of the notebook; cells: {number: Cell}; say(text, kind, part of all); rested:
  // called when nothing runs any longer.
  constructor({ address, total, load, cells, say, rested }) {
    this.python = new Python(address, total);
    this.load = load;
    this.cells = cells;
    this.say = say;
    this.rested = rested;
    this.parts = null; // each code cell of the notebook, once it is loaded
    this.queue = [];
    this.count = 0;
    this.stops = 0;
    this.isWorking = false;
  }

  async run(cell) {
    cell.busy = true;
    cell.say("Waits");
    if (!(await this.#isReady())) return;
    const at = this.parts.findIndex((part) => part.cell === cell);
    const above = this.parts.slice(0, at).filter((part) => !part.hasRun && !this.queue.includes(part));
    this.#add([...above, this.parts[at]]);
  }

  async runAll() {
    this.say("Waits", "busy");
    if (await this.#isReady()) this.#add(this.parts.filter((part) => !this.queue.includes(part)));
  }

  stop() {
    this.stops += 1;
    for (const cell of Object.values(this.cells)) if (cell.isBusy) leave({ cell });
    this.queue = [];
    if (this.python.isThere) this.python.stop();
    else this.say("Stopped.");
  }

  // {number: {source, outputs, count}} of the cells that ran or were written into
  get written() {
    const found = {};
    for (const cell of Object.values(this.cells)) {
      const part = this.parts?.find((one) => one.cell === cell);
      if (!part?.count && !cell.edit) continue;
      const { list } = cell.outputs;
      found[cell.number] = { source: cell.edit ?? part.source, outputs: list, count: part?.count ?? null };
    }
    return found;
  }

  // Is the notebook there, and does the reader still want it to run?
  async #isReady() {
    const { stops } = this;
    try {
      const notebook = await this.load();
      this.parts ??= notebook.codeCells.map((part) => ({ ...part, cell: this.cells[part.number] ?? NOWHERE }));
    } catch (error) {
      for (const cell of Object.values(this.cells)) if (cell.isBusy) leave({ cell });
      this.say(error.message, "wrong");
      return false;
    }
    if (!this.python.isThere) this.#forget();
    return stops === this.stops;
  }

  // The names that cells have made are gone with their Python.
  #forget() {
    for (const part of this.parts) part.hasRun = false;
  }

  #add(parts) {
    this.queue.push(...parts);
    for (const { cell } of parts) {
      if (!cell.canRun) continue;
      cell.busy = true;
      cell.say("Waits");
    }
    if (!this.isWorking) this.#work();
  }

  async #work() {
    this.isWorking = true;
    let done = 0;
    let failed = null;
    try {
      if (!this.python.isThere) await this.#start();
      while (this.queue.length && !failed) {
        this.current = this.queue.shift();
        done += 1;
        const all = done + this.queue.length;
        this.say(all === 1 ? "Running" : `Running: cell ${done} of ${all}`, "busy", (done - 1) / all);
        if (!(await this.#runOne(this.current)) && !this.current.mayFail) failed = this.current;
      }
      this.#sayHowItEnded(done, failed);
    } catch (error) {
      this.#sayThatPythonEnded(error);
    }
    this.current = null;
    this.isWorking = false;
    this.rested();
  }

  async #start() {
    const target = this.queue.at(-1);
    this.current = target;
    await this.python.start((text, part) => {
      this.say(text, "busy", part);
      if (target.cell.isBusy) target.cell.say(text, "busy");
    });
    target.cell.say("Waits");
  }

  async #runOne(part) {
    part.hasRun = true;
    if (part.cannotRun) {
      await this.python.passOver(part.source, part.instead);
      return true; // who needs what is not there says so
    }
    const { cell } = part;
    const began = performance.now();
    const seconds = () => (performance.now() - began) / 1000;
    const tell = () => cell.say(seconds() < 1 ? "Runs" : `Runs for ${Math.floor(seconds())} s`, "busy");
    tell();
    const clock = setInterval(tell, 1000);
    this.count += 1;
    part.count = this.count;
    cell.outputs?.begin();
    try {
      const source = cell.edit ?? part.source;
      const isWell = await this.python.run(source, (output) => cell.outputs?.add(output));
      const time = seconds() < 0.1 ? "" : `${isWell ? " in" : " after"} ${seconds().toFixed(1)} s`;
      if (isWell) leave(part, `Ran${time}${cell.isFolded ? "; what it prints is folded" : ""}`);
      else leave(part, `An error${time}`, part.mayFail ? "" : "wrong");
      return isWell;
    } finally {
      clearInterval(clock);
      cell.outputs?.end();
    }
  }

  #sayHowItEnded(done, failed) {
    const after = this.queue.length ? " Nothing was run after it." : "";
    for (const part of this.queue) leave(part, "Not run: there was an error above");
    this.queue = [];
    if (failed) this.say(`An error ended ${failed.cell.name}.${after}`, "wrong");
    else this.say(done === 1 ? "Ran 1 cell." : `Ran ${done} cells.`);
  }

  // By Stop, or because it could not go on.
  #sayThatPythonEnded(error) {
    const isStopped = error instanceof Ended;
    for (const part of this.queue) leave(part);
    leave(this.current, isStopped ? "Stopped" : error.message, "wrong");
    this.queue = [];
    this.#forget();
    if (isStopped) this.say("Stopped. The names are gone: the next Run starts Python again, with the cells above.");
    else this.say(error.message, "wrong");
  }
}

// It neither waits nor runs.
function leave({ cell }, word = "", kind = "") {
  if (!cell.canRun) return;
  cell.busy = false;
  cell.say(word, kind);
}
