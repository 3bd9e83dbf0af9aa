/*
 * Loaded first by the bundled program of the tests: keeps what V8 has compiled. A process with CODE_CACHE=write writes it beside the program
 * as it ends, with all that it has called; those that start later read it, and have nothing to compile. Node.js has this built in only from
 * version 22 on (NODE_COMPILE_CACHE). V8 itself refuses what another version or other flags have compiled, and compiles anew. What is kept
 * so cannot call `import()`; the bundle has none.
 */
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { dirname, join } = require('node:path');
const { deserialize, serialize } = require('node:v8');
const { Script } = require('node:vm');

const file = join(dirname(require.main.filename), 'code-cache');
/** @type {Map<string, Buffer>} What was compiled, by file. */
const compiled = existsSync(file) ? deserialize(readFileSync(file)) : new Map();
/** @type {Map<string, Script>} */
const scripts = new Map();

Module.prototype._compile = function compile(text, filename) {
  const script = new Script(Module.wrap(text), { filename, cachedData: compiled.get(filename) });
  scripts.set(filename, script);
  const load = Module.createRequire(filename);
  return script.runInThisContext().call(this.exports, this.exports, load, this, filename, dirname(filename));
};

if (process.env.CODE_CACHE === 'write') {
  process.on('exit', () => {
    writeFileSync(`${file}-unfinished`, serialize(new Map([...scripts].map(([name, script]) => [name, script.createCachedData()]))));
    renameSync(`${file}-unfinished`, file);
  });
}
