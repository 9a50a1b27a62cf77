#!/usr/bin/env node
// Starts `loopctl mcp`, the MCP server of the Python package, and is otherwise not there: the two ends of the
// protocol talk to each other directly. There is one server, so that there is one place that knows the tools.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const VERSION = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8")).version;
const USAGE = `loopctl-mcp-server ${VERSION}: starts \`loopctl mcp\` for an MCP client, over standard input and output.
It takes no arguments; what it goes by is in the environment, as the client's configuration sets it:
  LOOPCTL_SERVER       address of the loopctl server
  LOOPCTL_ORCH_KEY, LOOPCTL_AGENT_KEY, LOOPCTL_USER_KEY, or LOOPCTL_API_KEY for everything
  LOOPCTL_PROJECT      the project that is meant when a tool is not told
  LOOPCTL_TOOLS        all unless it is set; empty for the few tools of the one key's role
  LOOPCTL_PYTHON       a Python that has loopctl; else the one of this checkout, \`loopctl\` on the PATH, or python3
`;
const MISSING = `loopctl-mcp-server: loopctl is not installed here, and this package only starts it.
  Install it (Python 3.11 or newer), in a checkout of loopctl:  pip install '.[mcp]'
  or say which Python has it:                                   LOOPCTL_PYTHON=/path/to/python
`;
const MODULE = ["-m", "loopctl", "mcp"];

/** Whether this Python has what `loopctl mcp` needs: looked for and not loaded, which takes a second less. */
function has(python, env) {
  const look = "import sys; from importlib.util import find_spec as f; sys.exit(not (f('loopctl') and f('mcp')))";
  return spawnSync(python, ["-c", look], { env, stdio: "ignore" }).status === 0;
}

/** Of the PATH, as the shell would find it. */
function found(name) {
  const endings = process.platform === "win32" ? [".exe", ".cmd", ".bat"] : [""];
  const places = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return places.flatMap((place) => endings.map((ending) => join(place, name + ending))).find(existsSync);
}

/** Program, arguments and environment of the server, or nothing. */
function server(env) {
  if (env.LOOPCTL_PYTHON) return [env.LOOPCTL_PYTHON, MODULE, env];
  const checkout = dirname(HERE);
  if (existsSync(join(checkout, "loopctl", "__main__.py"))) {
    const own = { ...env, PYTHONPATH: [checkout, env.PYTHONPATH].filter(Boolean).join(delimiter) };
    const python = [join(checkout, ".venv", "bin", "python"), join(checkout, ".venv", "Scripts", "python.exe")];
    const there = python.find(existsSync);
    if (there) return [there, MODULE, own];
  }
  const command = found("loopctl");
  if (command) return [command, ["mcp"], env];
  const python = ["python3", "python"].map(found).find((each) => each && has(each, env));
  return python && [python, MODULE, env];
}

/** As the Python side reads it. What Node's own variables say of certificates counts for it, too. */
function environment() {
  const env = { ...process.env };
  env.LOOPCTL_TOOLS ??= "all";
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === "0") env.LOOPCTL_INSECURE_TLS ??= "1";
  if (env.NODE_EXTRA_CA_CERTS) env.LOOPCTL_CA_BUNDLE ??= env.NODE_EXTRA_CA_CERTS;
  return env;
}

function failed(said) {
  process.stderr.write(said);
  process.exitCode = 1;
}

function start([program, args, env]) {
  const child = spawn(program, args, { env, stdio: "inherit", shell: /\.(cmd|bat)$/.test(program) });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => failed(`loopctl-mcp-server: ${program} cannot be started: ${error.message}\n${MISSING}`));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 1;
    if (signal) process.stderr.write(`loopctl-mcp-server: ${program} was ended by ${signal}\n`);
  });
}

const [argument] = process.argv.slice(2);
if (argument === "--version") process.stdout.write(`${VERSION}\n`);
else if (argument === "--help") process.stdout.write(USAGE);
else if (argument !== undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const wanted = server(environment());
  if (wanted) start(wanted);
  else failed(MISSING);
}
