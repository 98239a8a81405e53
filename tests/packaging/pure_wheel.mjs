// Loads a wheel into Pyodide, without micropip, and says as JSON what came along with `import gdpeer`. (Pyodide's own
// asyncio has loaded sockets and TLS by then, which do nothing there.)
//
//   node pure_wheel.mjs WHEEL

import { pathToFileURL } from "node:url";

const { loadPyodide } = await import(pathToFileURL(process.env.GDPEER_NODE_MODULES + "/pyodide/pyodide.mjs"));
const python = await loadPyodide();
await python.loadPackage(process.argv[2], { messageCallback: () => {} });
console.log(python.runPython(`
import json, sys
before = set(sys.modules)
import gdpeer
json.dumps({
    "version": gdpeer.__version__,
    "compiled": gdpeer.COMPILED,
    "modules": sorted(name.partition(".")[0] for name in set(sys.modules) - before),
})
`));
