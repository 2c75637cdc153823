// How does Python run beside the page, so that the page goes on?
//
// In a worker. The page says {start} once and then {source}, one cell at a time, or {passedOver,
// instead} of a cell that cannot run here; the worker says
// what happens: {bytes}, {step}, {ready}, {output}, {ended}, {failed}. A cell that does not end by
// itself is ended with the worker.

import { loadPyodide } from "./pyodide.js";
import { filesOf } from "./tar.js";

const HERE = new URL("./", import.meta.url);
const HOME = "/home/pyodide"; // as a checkout lies: minirt beside notebooks
const MANY = 200; // outputs in one tenth of a second: a page cannot draw more
const MUCH = 300_000; // letters that one cell prints: a page cannot hold more

const said = (message) => postMessage(message);

// --- What is fetched ---

let received = 0;

function counted(chunk, controller) {
  received += chunk.byteLength;
  said({ bytes: received });
  controller.enqueue(chunk);
}

// A file of the site, unpacked while it comes.
async function unpacked(name, type) {
  let response;
  try {
    response = await fetch(new URL(`${name}.gzip`, HERE));
  } catch {
    throw new Error("The network is gone, or the site does not answer. Try again.");
  }
  if (!response.ok) throw new Error("The site has changed since you opened this page. Reload it.");
  const stream = response.body
    .pipeThrough(new TransformStream({ transform: counted }))
    .pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream, { headers: { "Content-Type": type } });
}

const addressOf = async (response) => URL.createObjectURL(await (await response).blob());

function writeFiles(python, tar) {
  const made = new Set();
  for (const [path, content] of filesOf(tar)) {
    const folder = `${HOME}/${path.slice(0, path.lastIndexOf("/"))}`;
    if (!made.has(folder)) python.FS.mkdirTree(folder);
    made.add(folder);
    python.FS.writeFile(`${HOME}/${path}`, content);
  }
}

// --- Python ---

const SETTLE = `
import os, sys
sys.path[:0] = ["${HOME}", "${HOME}/packages"]
os.chdir("${HOME}/notebooks")
`;

async function start() {
  const script = addressOf(unpacked("pyodide.asm.js", "text/javascript"));
  const library = addressOf(unpacked("library.zip", "application/zip"));
  const packages = unpacked("packages.tar", "application/x-tar").then((one) => one.arrayBuffer());
  const wasm = unpacked("pyodide.asm.wasm", "application/wasm");
  for (const one of [script, library, packages, wasm]) one.catch(failed);

  // Pyodide asks for this one by its address; all others it is given.
  const fetched = self.fetch;
  self.fetch = (address, options) =>
    String(address).endsWith("pyodide.asm.wasm") ? wasm : fetched(address, options);
  const { default: createPyodideModule } = await import(await script);
  const python = await loadPyodide({
    indexURL: HERE.href,
    packageBaseUrl: HERE.href,
    lockFileContents: JSON.stringify(LOCK), // names no package: all that there is, is in the tar
    stdLibURL: await library,
    createPyodideModule,
  });
  said({ step: "Unpacking IPython and minirt" });
  writeFiles(python, new Uint8Array(await packages));
  said({ step: "Starting IPython" });
  python.runPython(SETTLE);
  const made = python.pyimport("minirt.in_page");
  await made.start(emitted);
  return made;
}

// --- A cell's outputs ---

let letters = 0;
let since = 0;
let sent = 0;
let held = []; // streams that wait, so that an endless loop that prints does not drown the page

function emitted(text) {
  const output = JSON.parse(text);
  if (output.output_type !== "stream") {
    letWaitingGo();
    said({ output });
    return;
  }
  if (letters > MUCH) return;
  letters += output.text.length;
  if (letters > MUCH) output.text += "\n(This cell prints more than a page can show.)\n";
  const now = performance.now();
  if (now - since > 100) [since, sent] = [now, 0];
  held.push(output);
  if (sent < MANY || letters > MUCH) letWaitingGo();
}

function letWaitingGo() {
  for (const output of merged(held)) {
    said({ output });
    sent += 1;
  }
  held = [];
}

function merged(streams) {
  const made = [];
  for (const one of streams) {
    if (made.at(-1)?.name === one.name) made.at(-1).text += one.text;
    else made.push({ ...one });
  }
  return made;
}

async function run({ source, passedOver, instead }) {
  [letters, sent] = [0, 0];
  const page = await shell;
  const ok = passedOver === undefined ? await page.run_cell(source) : page.pass_over(passedOver, instead);
  letWaitingGo();
  said({ ended: { ok } });
}

let shell;

const failed = (error) => said({ failed: String(error?.message ?? error) });

onmessage = ({ data }) => {
  if (data.start) {
    shell = start();
    shell.then(() => said({ ready: true }), failed);
  } else {
    run(data).catch(failed);
  }
};
