// Whatever comes from outside is shown as text.

import assert from "node:assert/strict";
import { scenario } from "./stand.mjs";
import { board, differences } from "./sample.mjs";

const EVIL = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>"'\`\${1}</pre>javascript:alert(1)`;

/** With every text replaced that comes from outside. */
function infected(value, key) {
  if (Array.isArray(value)) return value.map((one) => infected(one, key));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, infected(one, name)]));
  const free = ["name", "stage", "who", "why", "sentence", "explanation", "path", "how", "message", "mend", "request", "failure", "content_type", "method", "url", "routes", "listen", "version", "body"];
  return typeof value === "string" && free.includes(key) ? `${value} ${EVIL}` : value;
}

await scenario(async ({ proxy, open }) => {
  const tainted = infected(board);
  // These are words of the schema.
  tainted.stages.forEach((stage, i) => stage.rollout?.criteria.forEach((one, n) => { one.name = board.stages[i].rollout.criteria[n].name; }));
  const page = await open({ board: tainted, differences: infected(differences) });
  await page.getByText("inference <img").first().waitFor();
  await page.locator(".name").nth(5).click();
  await page.getByText("no label flips <img").waitFor();
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  await page.locator(".stage").nth(5).getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("heading", { name: "Roll inference <img" }).waitFor();
  await page.isSound("a hostile board");
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.equal(await page.locator("#page img, #page script").count(), 0);
  await page.finish();

  // Through the real thing: what somebody wrote, and what the file is called.
  const real = await open();
  await real.logIn(EVIL.slice(0, 90));
  await proxy.run("shift", "inference", "5", "--why", EVIL);
  await real.row("inference").getByText(EVIL.slice(0, 40)).first().waitFor();
  await real.row("inference").getByRole("button", { name: "Roll back" }).click();
  await real.getByLabel("Why").fill(EVIL);
  await real.keyboard.press("Enter");
  await real.getByRole("status").getByText("inference: rolled back to monolith").waitFor();
  await real.isSound("after a hostile reason");
  assert.equal(await real.evaluate(() => window.hit), undefined);
  await real.finish();
});
