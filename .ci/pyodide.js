// node pyodide.js [OPTION]... -c CODE | SCRIPT: CPython on WebAssembly, with the current directory as its own
const { loadPyodide } = require("pyodide");
const { readFileSync } = require("fs");

(async () => {
  const last = process.argv.at(-1);
  const python = await loadPyodide();
  python.FS.mkdirTree("/checkout");
  python.FS.mount(python.FS.filesystems.NODEFS, { root: process.cwd() }, "/checkout");
  python.FS.chdir("/checkout");
  python.runPython("import sys; sys.path.insert(0, ''); sys.dont_write_bytecode = True");
  python.runPython(process.argv.includes("-c") ? last : readFileSync(last, "utf8"));
})();
