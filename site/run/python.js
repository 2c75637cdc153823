// How does a page speak with Python?

export class Ended extends Error {}

export class Python {
  // address: of the worker; total: bytes that it will fetch.
  constructor(address, total) {
    this.address = address;
    this.total = total;
    this.worker = null;
    this.listen = {}; // progress(text, part), output(output)
  }

  get isThere() {
    return this.worker !== null;
  }

  // Fulfilled when Python is ready.
  async start(progress) {
    if (this.worker) return;
    this.worker = new Worker(this.address, { type: "module" });
    this.worker.onmessage = ({ data }) => this.#heard(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`Python could not be started. ${event.message ?? ""}`.trim()));
    };
    this.listen = { progress };
    progress("Loading Python", 0);
    await this.#answered({ start: true });
  }

  // Run a cell. Did it end well?
  run(source, output) {
    this.listen.output = output;
    return this.#answered({ source });
  }

  // What those after it need of a cell that cannot run here.
  passOver(source, instead = "") {
    this.listen.output = null;
    return this.#answered({ passedOver: source, instead });
  }

  stop() {
    this.#end(new Ended("stopped"));
  }

  #answered(question) {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.worker.postMessage(question);
    });
  }

  #heard({ bytes, step, ready, output, ended, failed }) {
    const millions = (count) => (count / 1e6).toFixed(1);
    if (bytes !== undefined) {
      const part = Math.min(1, bytes / this.total);
      if (part < 1) {
        this.listen.progress(`Loading Python: ${millions(bytes)} of ${millions(this.total)} MB`, part);
      } else this.listen.progress("Starting Python", 1);
    } else if (step) this.listen.progress(step, 1);
    else if (output) this.listen.output?.(output);
    else if (failed !== undefined) this.#end(new Error(failed));
    else if (ready || ended) this.waiting.resolve(ended?.ok);
  }

  #end(reason) {
    this.worker?.terminate();
    this.worker = null;
    this.waiting?.reject(reason);
    this.waiting = null;
  }
}
