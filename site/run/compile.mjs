// node compile.mjs FOLDER: compiles the modules of Python and of the wheels that lie in FOLDER.
//
// Pyodide brings its library as source, and a page would compile 300 modules at each start, which
// takes longer than all the rest. Here Pyodide does it once, into FOLDER/compiled.zip.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(process.argv[2]);
const pyodide = join(folder, "node_modules", "pyodide");
const { loadPyodide } = await import(pathToFileURL(join(pyodide, "pyodide.mjs")));
const python = await loadPyodide();

python.FS.mkdir("/wheels");
for (const name of readdirSync(join(folder, "wheels"))) {
  python.FS.writeFile(`/wheels/${name}`, readFileSync(join(folder, "wheels", name)));
}
python.runPython(`
import glob, zipfile
from importlib.util import source_hash
from importlib._bootstrap_external import _code_to_hash_pyc

def compile_all(archive, kind, place):
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.endswith(".py") and not name.startswith("pygments/lexers/"):
                source = opened.read(name)
                code = compile(source, f"{place}/{name}", "exec", dont_inherit=True)
                # its source is not looked at again
                made.writestr(f"{kind}/{name}c", _code_to_hash_pyc(code, source_hash(source), False))

with zipfile.ZipFile("/compiled.zip", "w") as made:
    compile_all("/lib/python314.zip", "library", "/lib/python314.zip")
    for wheel in sorted(glob.glob("/wheels/*")):
        compile_all(wheel, "packages", "/home/pyodide/packages")
`);
writeFileSync(join(folder, "compiled.zip"), python.FS.readFile("/compiled.zip"));
