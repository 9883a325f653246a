// How figures are written, and how two answers are set side by side: the same
// as the terminal writes them, and without a digit lost.

import assert from "node:assert/strict";
import { scenario } from "./stand.mjs";

await scenario(async ({ open }) => {
  const page = await open();
  const say = (name, ...args) => page.evaluate(async ([own, given]) => (await import("/assets/words.js"))[own](...given), [name, args]);
  for (const [name, args, expected] of [
    ["grouped", [0], "0"],
    ["grouped", [999], "999"],
    ["grouped", [1_234_567], "1,234,567"],
    ["counted", [1, "answer"], "1 answer"],
    ["counted", [41_220, "copy", "copies"], "41,220 copies"],
    ["percent", [25], "25 %"],
    ["percent", [0.05], "0.05 %"],
    ["rate", [0], "0 %"],
    ["rate", [0.0051], "0.51 %"],
    ["rate", [0.1], "10.00 %"],
    ["millis", [0.14], "140"],
    ["millis", [0.003], "3"],
    ["millis", [0.00042], "0.4"],
    ["millis", [12.5], "12,500"],
    ["both", [{ p99: 0.14 }, { p99: 0.003 }, "p99"], "140 / 3 ms"],
    ["both", [{ p99: 0.14 }, null, "p99"], "140 / – ms"],
    ["both", [null, null, "p99"], "–"],
    ["figure", [0.0009, "share"], "0.09 %"],
    ["figure", [1.5, "ratio"], "1.50×"],
    ["figure", [0.00049, "number"], "0.00049"],
    ["interval", [{ low: 0, high: 0.0006 }, "share"], "0.00–0.06"],
    ["interval", [{ low: 0.4, high: null }, "ratio"], "0.40–?"],
    ["roughly", [5], "~5 s"],
    ["roughly", [2_400], "~40 min"],
    ["roughly", [21_600], "~6 h"],
    ["roughly", [200_000], "~2 d"],
    ["share", [null], "nothing"],
    ["share", [{ mode: "candidate", percent: 0 }], "candidate"],
    ["share", [{ mode: "shadow", percent: 100 }], "shadow 100 %"],
    ["answered", [{ mode: "split", percent: 0.5 }], 0.5],
    ["answered", [{ mode: "shadow", percent: 100 }], 0],
    ["answered", [{ mode: "reverse-shadow", percent: 5 }], 100],
  ]) {
    const said = await say(name, ...args);
    assert.equal(typeof said === "string" ? said.replace("\u00a0", " ") : said, expected, `${name}(${JSON.stringify(args)})`);
  }

  /** `=` stands before a row that is the same, `|` before one that differs. */
  const beside = async (left, right) => {
    const rows = await page.evaluate(async ([a, b]) => (await import("/assets/aligned.js")).aligned(a, b), [left, right]);
    return rows.map((row) => `${row.differs ? "|" : "="} ${row.left === row.right ? row.left : `${row.left ?? "-"} ~ ${row.right ?? "-"}`}`);
  };
  assert.deepEqual(await beside('{"a":1,"b":[1, 2],"c":{}}', '{"a":1,"b":[1, 3],"c":{ }}'), [
    "= … 2 equal lines …", '=   "b": [', "=     1,", "|     2 ~     3", "=   ],", '=   "c": {}', "= … 1 equal line …",
  ]);
  // Read as numbers, these would be alike.
  assert.deepEqual(await beside("[9007199254740993, 1.0]", "[9007199254740992, 1.00]"), [
    "= [", "|   9007199254740993, ~   9007199254740992,", "|   1.0 ~   1.00", "= ]",
  ]);
  assert.deepEqual(await beside('{"a": "x, {\\" y"}', '{"a": "x, {\\" y", "b": null}'), [
    "= {", '=   "a": "x, {\\" y" ~   "a": "x, {\\" y",', '| - ~   "b": null', "= }",
  ]);
  assert.deepEqual(await beside("no JSON", "{"), ["| no JSON ~ {"]);
  assert.deepEqual(await beside("alone", null), ["= alone"]);
  assert.deepEqual(await beside("same", "same"), ["= … 1 equal line …"]);
  const long = JSON.stringify(Array.from({ length: 2_000 }, (_, i) => i));
  assert.equal((await beside(long, long.replace("1000", "1001"))).filter((row) => row.startsWith("|")).length, 1);
  await page.finish();
});
