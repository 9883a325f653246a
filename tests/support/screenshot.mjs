// Opens a page in headless Chromium and saves a picture of it:
//
//   node screenshot.mjs ENV PAGE PICTURE WIDTH HEIGHT SCRIPT
//   node screenshot.mjs ENV         only unpacks the browser
//
// ENV is the folder whose node_modules hold @sparticuz/chromium and
// playwright-core. Prints JSON: console_errors, requests (to anything but files
// and data URLs; they are refused), result (of SCRIPT evaluated on the page).

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliDecompressSync } from "node:zlib";

const [env, page, picture, width, height, script] = process.argv.slice(2);

// The package unpacks the browser into the temporary folder: keep it in ENV.
const tmp = resolve(env, "tmp");
mkdirSync(tmp, { recursive: true });
process.env.TMPDIR = tmp;

const require = createRequire(resolve(env, "package.json"));
const entry = require.resolve("@sparticuz/chromium");
const { default: chromium } = await import(pathToFileURL(entry));
const playwright = require("playwright-core");

chromium.setGraphicsMode = false;
const executablePath = await chromium.executablePath();
addMissingLibraries(executablePath);
useOwnFonts();
if (!page) process.exit(0);

const browser = await playwright.chromium.launch({
  executablePath,
  // One process shared by page and browser takes both down with it.
  args: chromium.args.filter((arg) => arg !== "--single-process"),
});
try {
  const tab = await browser.newPage({
    viewport: { width: Number(width), height: Number(height) },
  });
  const consoleErrors = [];
  const requests = [];
  tab.on("console", (message) => {
    if (message.type() === "error") consoleErrors.push(message.text());
  });
  tab.on("pageerror", (error) => consoleErrors.push(String(error)));
  await tab.route("**/*", (route) => {
    const url = route.request().url();
    if (/^(file|data|blob|about):/.test(url)) return route.continue();
    requests.push(url);
    return route.abort();
  });
  await tab.goto(pathToFileURL(resolve(page)).href, { waitUntil: "load" });
  const result = script ? await tab.evaluate(script) : null;
  mkdirSync(dirname(resolve(picture)), { recursive: true });
  await tab.screenshot({ path: picture, fullPage: true });
  process.stdout.write(
    JSON.stringify({ console_errors: consoleErrors, requests, result: result ?? null }),
  );
} finally {
  await browser.close();
}

// The package's own fonts, so that a picture does not depend on the system's;
// its configuration looks for them in /tmp.
function useOwnFonts() {
  const config = join(tmp, "fonts.conf");
  writeFileSync(
    config,
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(tmp, "fonts")}</dir>
  <cachedir>${join(tmp, "fonts-cache")}</cachedir>
</fontconfig>
`,
  );
  process.env.FONTCONFIG_FILE = config;
}

// On a system without NSS, which needs root to install, the browser runs on the
// libraries that the package brings for another distribution.
function addMissingLibraries(program) {
  let needed;
  try {
    needed = execFileSync("ldd", [program], { encoding: "utf8" });
  } catch {
    return;
  }
  if (!needed.includes("not found")) return;
  const libraries = join(tmp, "al2023", "lib");
  if (!existsSync(libraries)) {
    const packed = join(dirname(entry), "..", "..", "bin", "al2023.tar.br");
    const archive = join(tmp, `al2023-${process.pid}.tar`);
    const unpacked = join(tmp, `al2023-${process.pid}`);
    mkdirSync(unpacked);
    writeFileSync(archive, brotliDecompressSync(readFileSync(packed)));
    execFileSync("tar", ["-xf", archive, "-C", unpacked]);
    if (!existsSync(join(tmp, "al2023"))) renameSync(unpacked, join(tmp, "al2023"));
  }
  process.env.LD_LIBRARY_PATH = [libraries, process.env.LD_LIBRARY_PATH]
    .filter(Boolean)
    .join(":");
}
