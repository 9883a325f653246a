// What each scenario stands on: a real proxy with two real upstreams, and a
// browser that notices what must not happen.
//
//   node SCENARIO.mjs CUTLINE CHROMIUM AXE PICTURES
//
// CUTLINE is the program, CHROMIUM and AXE are folders whose node_modules hold
// them, PICTURES is where screenshots go.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as listenOn } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { launch } from "../../support/browser.mjs";

const [cutline, chromium, axeFolder, pictures] = process.argv.slice(2);
const axe = readFileSync(join(axeFolder, "node_modules/axe-core/axe.min.js"), "utf8");

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 800 };

/** Runs a scenario, and ends what it began. */
export async function scenario(run) {
  const folder = mkdtempSync(join(tmpdir(), "dashboard-"));
  const ends = [() => rmSync(folder, { recursive: true })];
  try {
    const browser = await launch(chromium);
    ends.push(() => browser.close());
    const proxy = new Proxy(folder, ends);
    await proxy.prepare();
    await run({ proxy, open: (options) => open(browser, proxy, options) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** A folder with a routes.toml, and the proxy that runs there. */
class Proxy {
  constructor(folder, ends) {
    this.folder = folder;
    this.child = null;
    ends.push(() => this.kill());
    this.ends = ends;
  }

  async prepare() {
    const monolith = await this.upstream("monolith");
    const candidate = await this.upstream("candidate");
    const admin = await freePort();
    this.admin = `http://127.0.0.1:${admin}`;
    this.write(`listen = "127.0.0.1:0"
admin = "127.0.0.1:${admin}"

[monolith]
upstream = "http://127.0.0.1:${monolith}"

[stage.inference]
routes = ["POST /predict"]
candidate = "http://127.0.0.1:${candidate}"
mode = "split"
percent = 0

[stage.training]
routes = ["POST /train"]
`);
    await this.start();
  }

  /** Its port; every answer says its name, and those of a path /slow wait. */
  async upstream(name) {
    const server = createServer((request, response) => {
      if (request.url === "/slow") this.release = () => response.end(name);
      else response.end(name);
    });
    await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
    this.ends.push(() => (server.closeAllConnections(), server.close()));
    return server.address().port;
  }

  write(text) {
    writeFileSync(join(this.folder, "routes.toml"), text);
  }

  file() {
    return readFileSync(join(this.folder, "routes.toml"), "utf8");
  }

  token() {
    return readFileSync(join(this.folder, ".cutline/admin.token"), "utf8").trim();
  }

  /** Begins a process; only the last one is killed at the end. */
  async start(...args) {
    this.child = spawn(cutline, ["proxy", "--workers", "1", ...args], { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    this.ended = new Promise((ended) => this.child.once("exit", ended));
    const lines = createInterface({ input: this.child.stderr });
    const said = [];
    await new Promise((ready, failed) => {
      lines.on("line", (line) => {
        said.push(line);
        if (line.startsWith("clients")) this.clients = line.slice("clients".length).trim();
        if (line.startsWith("admin")) ready();
      });
      this.ended.then((code) => failed(new Error(`the proxy ended with ${code}\n${said.join("\n")}`)));
    });
  }

  async kill() {
    this.child?.kill("SIGKILL");
    await this.ended;
  }

  /** What a command prints. */
  async run(...args) {
    const env = { ...process.env, USER: "terminal", NO_COLOR: "1" };
    return (await promisify(execFile)(cutline, args, { cwd: this.folder, env })).stdout;
  }

  async stage(name) {
    const status = JSON.parse(await this.run("status", "--json"));
    return status.stages.find((stage) => stage.name === name);
  }
}

const freePort = () => new Promise((found) => {
  const server = listenOn();
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => found(port));
  });
});

/**
 * A page. With `board`, that is what it hears, in place of what the proxy says;
 * `differences` likewise. Everything else is the proxy's.
 */
async function open(browser, proxy, { viewport = DESKTOP, dark = false, reduced = false, board, differences, at = "/" } = {}) {
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? "dark" : "light",
    reducedMotion: reduced ? "reduce" : "no-preference",
    timezoneId: "UTC",
    locale: "en-GB",
  });
  const wrongs = [];
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${proxy.admin}/`) && !url.startsWith("data:")) wrongs.push(`asked for ${url}`);
  });
  await context.exposeFunction("violated", (what) => wrongs.push(`the policy refused ${what}`));
  await context.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => window.violated(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`)));
  if (board) {
    await context.addInitScript((told) => {
      window.EventSource = class extends EventTarget {
        constructor() {
          super();
          queueMicrotask(() => this.dispatchEvent(new MessageEvent("board", { data: told })));
        }
        close() {}
      };
    }, JSON.stringify(board));
    await context.route("**/api/differences?*", (route) => route.fulfill({ json: differences }));
  }
  const page = await context.newPage();
  page.on("pageerror", (error) => wrongs.push(String(error.stack)));
  page.on("dialog", (dialog) => wrongs.push(`a script opened a dialog: ${dialog.message()}`));
  await page.goto(proxy.admin + at);
  return Object.assign(page, {
    /** Nothing happened that must not; the page is closed. */
    async finish() {
      await context.close();
      assert.deepEqual(wrongs, []);
    },
    async logIn(name = "anna") {
      await page.getByLabel("Token").fill(proxy.token());
      await page.getByLabel("Your name").fill(name);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByRole("status").getByText("live", { exact: true }).waitFor();
    },
    row: (stage) => page.locator(`[data-name="${stage}"]`),
    /** Nobody is kept out, and nothing lies beyond the edge of the screen. */
    async isSound(state) {
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(over, 0, `${state} is wider than the screen`);
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await window.axe.run();
        return violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target}: ${node.failureSummary}`).join("\n")}`);
      });
      assert.deepEqual(found, [], state);
    },
    async picture(name) {
      mkdirSync(pictures, { recursive: true });
      const fullPage = (await page.getByRole("dialog").count()) === 0;
      await page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
    },
  });
}
