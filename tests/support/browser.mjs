// A headless Chromium, driven by playwright-core. ENV is the folder whose
// node_modules hold both.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliDecompressSync } from "node:zlib";

/** Unpacks the browser into ENV where that was not done before. */
export async function unpack(env) {
  // The package unpacks the browser into the temporary folder: keep it in ENV.
  const tmp = resolve(env, "tmp");
  mkdirSync(tmp, { recursive: true });
  process.env.TMPDIR = tmp;
  const require = createRequire(resolve(env, "package.json"));
  const entry = require.resolve("@sparticuz/chromium");
  const { default: chromium } = await import(pathToFileURL(entry));
  chromium.setGraphicsMode = false;
  const executablePath = await chromium.executablePath();
  addMissingLibraries(executablePath, entry, tmp);
  useOwnFonts(tmp);
  // One process shared by page and browser takes both down with it.
  const args = chromium.args.filter((arg) => arg !== "--single-process");
  return { playwright: require("playwright-core"), executablePath, args };
}

/** The browser, running. */
export async function launch(env) {
  const { playwright, ...options } = await unpack(env);
  return playwright.chromium.launch(options);
}

// The package's own fonts, so that a picture does not depend on the system's;
// its configuration looks for them in /tmp.
function useOwnFonts(tmp) {
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
function addMissingLibraries(program, entry, tmp) {
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
