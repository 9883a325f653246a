// Makes the files of this folder anew from what npm publishes:
//
//   node make.mjs           takes the versions that vendor.json names
//   node make.mjs --record  and writes the hashes it found into vendor.json
//
// Only this script needs npm; neither the build nor the proxy does. What is
// changed on the way: `hooks.js` imports preact by its path here, since a
// browser knows no package names, and comments that name source maps go.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const record = process.argv.includes("--record");
const list = JSON.parse(readFileSync(join(here, "vendor.json"), "utf8"));
const hash = (kind, encoding, bytes) => createHash(kind).update(bytes).digest(encoding);

const folder = mkdtempSync(join(tmpdir(), "vendor-"));
try {
  for (const entry of list) {
    const named = `${entry.package}@${entry.version}`;
    const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", named], { cwd: folder }));
    const archive = join(folder, packed.filename);
    const integrity = `sha512-${hash("sha512", "base64", readFileSync(archive))}`;
    if (record) entry.integrity = integrity;
    else if (entry.integrity !== integrity) throw new Error(`${named}: ${integrity} is not what vendor.json says`);
    execFileSync("tar", ["-xzf", archive, "-C", folder]);
    for (const file of entry.files) {
      let text = readFileSync(join(folder, "package", file.from), "utf8");
      text = text.replace(/^\/\/# sourceMappingURL=.*\n?/m, "").replaceAll('from"preact"', 'from"./preact.js"');
      const sha256 = hash("sha256", "hex", text);
      if (record) file.sha256 = sha256;
      else if (file.sha256 !== sha256) throw new Error(`${file.as}: ${sha256} is not what vendor.json says`);
      writeFileSync(join(here, file.as), text);
    }
    rmSync(join(folder, "package"), { recursive: true });
  }
  if (record) writeFileSync(join(here, "vendor.json"), `${JSON.stringify(list, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
