// Boots Pyodide with gdpeer and the cases, in a page and in Node: the two differ in where the files come from.
//
//   const run = await boot(loadPyodide, options, archives)
//   await run("tests.backends.peer_cases", "text", "ws://127.0.0.1:1234")     "" or the traceback

const RUN = `
import importlib, traceback
from tests.backends.lab import Lab

async def run_case(module, name, base):
    try:
        await getattr(importlib.import_module(module), name)(Lab(base))
    except BaseException as problem:
        return "".join(traceback.format_exception(problem))
    return ""
`;

export async function boot(loadPyodide, options, archives) {
  const python = await loadPyodide(options);
  for (const archive of archives) python.unpackArchive(archive, "zip");
  python.runPython(RUN);
  const runCase = python.globals.get("run_case");
  return (module, name, base) => runCase(module, name, base);
}
