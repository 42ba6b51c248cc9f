// node pyodide.js [OPTION]... -c CODE | SCRIPT
// CPython on WebAssembly, with the current folder as its own.
const { loadPyodide } = require("pyodide");
const { readFileSync } = require("fs");

const SETUP = `
import sys
sys.path.insert(0, "")
sys.dont_write_bytecode = True
`;

(async () => {
  const last = process.argv.at(-1);
  const code = process.argv.includes("-c") ? last : readFileSync(last, "utf8");
  const python = await loadPyodide();
  const { FS } = python;
  FS.mkdirTree("/checkout");
  FS.mount(FS.filesystems.NODEFS, { root: process.cwd() }, "/checkout");
  FS.chdir("/checkout");
  python.runPython(SETUP);
  python.runPython(code);
})();
