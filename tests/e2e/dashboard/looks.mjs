// Every state, on a desk and in the hand, by day and by night: nobody is kept
// out, nothing is cut off, and there is a picture of it to look at.

import assert from "node:assert/strict";
import { DESKTOP, PHONE, scenario } from "./stand.mjs";
import { board, differences, empty, wrong } from "./sample.mjs";

/** Each field is one that the schema names, and each that it asks for is there. */
function holds(value, schema, schemas, path) {
  if (schema.$ref) return holds(value, schemas[schema.$ref.split("/").pop()], schemas, path);
  if (schema.anyOf || schema.allOf || schema.oneOf) {
    if (value === null) return assert.ok(schema.nullable || schema.anyOf?.some((one) => one.nullable), `${path} is null`);
    const all = schema.anyOf ?? schema.allOf ?? schema.oneOf;
    if (typeof value === "string") return assert.ok(all.some((one) => { const own = one.$ref ? schemas[one.$ref.split("/").pop()] : one; return own.oneOf || own.enum?.includes(value); }), `${path}: ${value}`);
    return holds(value, all[0], schemas, path);
  }
  if (value === null) return assert.ok(schema.nullable, `${path} is null`);
  if (schema.enum) return assert.ok(schema.enum.includes(value), `${path}: ${value}`);
  if (schema.type === "array") return value.forEach((one, i) => holds(one, schema.items, schemas, `${path}[${i}]`));
  if (schema.type !== "object") return assert.equal(typeof value, schema.type === "integer" ? "number" : schema.type, path);
  for (const key of schema.required ?? []) assert.ok(key in value, `${path} has no ${key}`);
  for (const [key, one] of Object.entries(value)) {
    const own = schema.properties?.[key] ?? schema.additionalProperties;
    assert.ok(own, `${path}.${key} is not in the schema`);
    holds(one, own, schemas, `${path}.${key}`);
  }
  return undefined;
}

await scenario(async ({ proxy, open }) => {
  const { components: { schemas } } = await (await fetch(`${proxy.admin}/openapi.json`)).json();
  for (const one of [board, empty, wrong]) holds(one, schemas.Board, schemas, "board");
  holds(differences, schemas.Differences, schemas, "differences");

  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const dark of [false, true]) {
      const shade = dark ? "dark" : "light";
      const look = async (state, options, prepare) => {
        const page = await open({ viewport, dark, board, differences, ...options });
        await page.getByRole("heading", { name: "cutline" }).waitFor();
        await prepare?.(page);
        await page.isSound(`${state}, ${size}, ${shade}`);
        await page.picture(`${state}-${size}-${shade}`);
        await page.finish();
      };
      const unfold = async (page) => {
        await page.getByText("candidate rounds to 3 decimals").waitFor();
        await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
      };
      const ask = (stage, button) => (page) => page.row(stage).getByRole("button", { name: button }).click();
      await look("full", {});
      await look("inference", { at: "/#inference" }, unfold);
      await look("rolled-back", { at: "/#deployment" }, unfold);
      await look("empty", { board: empty }, (page) => page.getByText("No stage yet.").waitFor());
      await look("wrong", { board: wrong, at: "/#evaluation" });
      await look("change", {}, ask("inference", "Change…"));
      await look("pause", {}, ask("inference", "Pause"));
      await look("confirm", {}, ask("monitoring", "Confirm"));
      await look("roll-back", {}, ask("inference", "Roll back"));
    }
  }

  // The mark stands where the share is, and what fills fills by as much.
  const page = await open({ board, differences });
  const at = (stage, part, property) => page.row(stage).locator(part).evaluate((of, name) => of.style[name], property);
  assert.equal(await at("inference", ".mark", "left"), "25%");
  assert.equal(await at("preprocessing", ".mark", "left"), "0%");
  assert.equal(await at("ingestion", ".mark", "left"), "100%");
  assert.equal(Math.round(parseFloat(await at("inference", ".fill", "width"))), 71);
  const text = (await page.row("inference").innerText()).replaceAll("\u00a0", " ");
  for (const said of ["8,113 of ~11,400 answers towards 50 %, ~40 min at this rate", "0.02 % (0.00–0.06)", "140 / 3 ms", "54,976"]) {
    assert.ok(text.includes(said), `${said} in ${text}`);
  }
  assert.equal(await page.title(), "(3) cutline", "rolled back, waiting, and down");
  await page.finish();

  const still = await open({ board, differences, reduced: true });
  assert.equal(await still.row("inference").locator(".mark").evaluate((of) => getComputedStyle(of).transitionProperty), "none");
  await still.finish();
});
