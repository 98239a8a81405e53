"""One list of tests for all backends: native, Pyodide in Node, Pyodide in Chromium."""
