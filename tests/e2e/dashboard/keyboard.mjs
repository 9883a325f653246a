// Everything can be done without a pointer.

import assert from "node:assert/strict";
import { scenario } from "./stand.mjs";
import { board, differences } from "./sample.mjs";

await scenario(async ({ proxy, open }) => {
  const page = await open();
  await page.getByLabel("Token").waitFor();
  await page.keyboard.type(proxy.token());
  await page.keyboard.press("Tab");
  await page.keyboard.type("bo");
  await page.keyboard.press("Enter");
  const row = page.row("inference");
  await row.waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());

  await page.keyboard.press("j");
  assert.equal(await focused(), "inference");
  await page.keyboard.press("j");
  assert.equal(await focused(), "training");
  await page.keyboard.press("k");
  await page.keyboard.press("o");
  await row.getByText("Both sides").waitFor();
  await page.keyboard.press("o");
  await row.getByText("Both sides").waitFor({ state: "detached" });

  await page.keyboard.press("s");
  const dialog = page.getByRole("dialog", { name: "Change inference" });
  await dialog.waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("5");
  await page.keyboard.press("Enter");
  await row.locator(".mark").getByText("5 %", { exact: true }).waitFor();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(), "inference", "one goes on from where one was");
  assert.equal((await proxy.stage("inference")).since.who, "bo");

  await page.keyboard.press("b");
  const back = page.getByRole("dialog", { name: "Roll inference back" });
  await back.waitFor();
  await page.keyboard.press("Escape");
  await back.waitFor({ state: "detached" });
  assert.equal((await proxy.stage("inference")).now.percent, 5);
  await page.keyboard.press("b");
  await back.waitFor();
  await page.keyboard.press("Enter");
  await back.waitFor({ state: "detached" });
  assert.equal((await proxy.stage("inference")).now.mode, "monolith");

  const shade = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await shade();
  await page.keyboard.press("t");
  const dark = await shade();
  assert.notEqual(dark, light);
  await page.reload();
  await row.waitFor();
  assert.equal(await shade(), dark, "it is remembered");

  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await help.waitFor();
  await page.isSound("the keys");
  await help.getByLabel("Single keys act").uncheck();
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await row.getByRole("button", { name: "inference" }).focus();
  await page.keyboard.press("s");
  await page.keyboard.press("?");
  assert.equal(await page.getByRole("dialog").count(), 0, "single keys are off");
  await page.finish();

  // By Tab alone: every button is reached, and one sees where one is.
  const full = await open({ board, differences, at: "/#inference" });
  await full.row("inference").getByText("/score").first().waitFor();
  const buttons = await full.evaluate(() => document.querySelectorAll("button, summary").length);
  const reached = new Set();
  for (let i = 0; i < 200; i += 1) {
    await full.keyboard.press("Tab");
    const at = await full.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const all = [...document.querySelectorAll("button, summary")];
      return { index: all.indexOf(element), outline: getComputedStyle(element).outlineStyle, name: element.textContent };
    });
    if (at === null) break;
    assert.equal(at.outline, "solid", `one sees the focus on ${at.name}`);
    if (at.index >= 0) reached.add(at.index);
  }
  assert.equal(reached.size, await full.evaluate(() => [...document.querySelectorAll("button, summary")].filter((one) => one.checkVisibility()).length), `of ${buttons}`);
  await full.row("inference").getByRole("button", { name: "inference" }).focus();
  await full.keyboard.press("p");
  await full.getByRole("dialog", { name: "Pause the rollout of inference" }).getByText("It stays at split 25 %").waitFor();
  await full.finish();
});
