// Runs a list of cells in Pyodide, as a page does, under Node: node in_page.mjs < JOB
//
// JOB is JSON: {pyodide: folder, wheels: [files], package: folder, data: folder, cells: [texts]}.
// A cell that cannot run in a page is {passed_over: text, instead: text}.
// Prints lines of JSON: {cell: number, output: {...}}, and {cell: number, ended: "well" | "badly"}.
import { readFileSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const job = JSON.parse(readFileSync(0, "utf8"));
const say = (message) => {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
};

try {
  const { loadPyodide } = await import(pathToFileURL(join(job.pyodide, "pyodide.mjs")));
  const python = await loadPyodide({
    stdout: () => {},
    env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1" },
  });
  const packages = python.runPython("import site; site.getsitepackages()[0]");
  for (const wheel of job.wheels) {
    const bytes = new Uint8Array(readFileSync(wheel));
    python.unpackArchive(bytes, "wheel", { extractDir: packages });
  }
  python.FS.mkdir(`${packages}/minirt`);
  python.mountNodeFS(`${packages}/minirt`, job.package);
  python.FS.mkdir("data");
  for (const name of readdirSync(job.data)) {
    python.FS.writeFile(`data/${name}`, new Uint8Array(readFileSync(join(job.data, name))));
  }
  let cell = -1;
  const page = python.pyimport("minirt.in_page");
  await page.start((text) => say({ cell, output: JSON.parse(text) }));
  say({ cell, ended: "well" });
  for (const text of job.cells) {
    cell += 1;
    const began = Date.now();
    let well = true;
    if (typeof text === "string") well = await page.run_cell(text);
    else well = page.pass_over(text.passed_over, text.instead);
    say({ cell, ended: well ? "well" : "badly", seconds: (Date.now() - began) / 1000 });
  }
} catch (error) {
  console.error(String(error)); // its source is one line of a megabyte
  process.exit(1);
}
process.exit(0);
