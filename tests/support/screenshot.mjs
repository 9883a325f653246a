// Opens a page in headless Chromium and saves a picture of it:
//
//   node screenshot.mjs ENV PAGE PICTURE WIDTH HEIGHT SCRIPT
//   node screenshot.mjs ENV         only unpacks the browser
//
// ENV is the folder whose node_modules hold @sparticuz/chromium and
// playwright-core. Prints JSON: console_errors, requests (to anything but files
// and data URLs; they are refused), result (of SCRIPT evaluated on the page).

import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, unpack } from "./browser.mjs";

const [env, page, picture, width, height, script] = process.argv.slice(2);
if (!page) {
  await unpack(env);
  process.exit(0);
}

const browser = await launch(env);
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
