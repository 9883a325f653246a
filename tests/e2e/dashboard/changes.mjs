// The page follows what is changed elsewhere, and changes what it is told to,
// after it has said what will happen.

import assert from "node:assert/strict";
import { scenario } from "./stand.mjs";

await scenario(async ({ proxy, open }) => {
  const page = await open();
  await page.logIn("anna");
  const row = page.row("inference");
  const mark = (text) => row.locator(".mark").getByText(text, { exact: true }).waitFor();
  const place = () => row.locator(".mark").evaluate((of) => of.style.left);
  await mark("0 %");

  await proxy.run("shift", "inference", "10", "--why", "<b>first</b> customers");
  await mark("10 %");
  assert.equal(await place(), "10%", "the share is the position of the mark");
  await row.getByText("Was split 0 % before: “<b>first</b> customers”").waitFor();
  assert.match(await row.innerText(), /split 10\s%\s+since \d\d:\d\d by terminal/);

  // Nothing happens before it is confirmed.
  await row.getByRole("button", { name: "Change…" }).click();
  const dialog = page.getByRole("dialog", { name: "Change inference" });
  await dialog.getByLabel("Percent to the candidate").fill("25");
  await dialog.getByText("The candidate answers 25 %, the monolith the rest. 15 % move to the candidate.").waitFor();
  await page.isSound("the dialog of a change");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal((await proxy.stage("inference")).now.percent, 10);

  await row.getByRole("button", { name: "Change…" }).click();
  const percent = dialog.getByLabel("Percent to the candidate");
  for (const wrong of ["101", "-1", "0.001", "ten", ""]) {
    await percent.fill(wrong);
    await dialog.getByText("Write a number from 0 to 100, with at most two decimals.").waitFor();
    assert.equal(await dialog.getByRole("button", { name: "Change", exact: true }).isDisabled(), true, wrong);
  }
  await percent.fill("12.5");
  await dialog.getByLabel("Why").fill("they are content");
  await dialog.getByRole("button", { name: "Change inference to split 12.5 %" }).click();
  await mark("12.5 %");
  await page.getByRole("status").getByText("inference: split 12.5 %, was split 10 %").waitFor();
  const { now, since } = await proxy.stage("inference");
  assert.deepEqual([now, since.who, since.why], [{ mode: "split", percent: 12.5 }, "anna", "they are content"]);

  await row.getByRole("button", { name: "Change…" }).click();
  await dialog.getByLabel("shadow", { exact: true }).check();
  await dialog.getByText("The monolith answers everything. Every request is copied to the candidate, where that does no harm.").waitFor();
  await dialog.getByRole("button", { name: "Change inference to shadow 100 %" }).click();
  await row.getByText("shadow 100 %", { exact: true }).waitFor();
  await mark("0 %");

  // What changes under an open dialog is said there, and moves nothing.
  await row.getByRole("button", { name: "Change…" }).click();
  await proxy.run("mode", "inference", "monolith");
  await dialog.getByRole("alert").getByText("Meanwhile it has become monolith.").waitFor();
  await page.keyboard.press("Escape");
  await row.getByRole("button", { name: "Roll back" }).waitFor({ state: "detached" });
  await proxy.run("mode", "inference", "shadow");

  await row.getByRole("button", { name: "Roll back" }).click();
  const back = page.getByRole("dialog", { name: "Roll inference back" });
  await back.getByText("From shadow 100 % to monolith, at once.").waitFor();
  await page.isSound("the dialog of a rollback");
  await back.getByRole("button", { name: "Roll inference back" }).click();
  await row.getByText("monolith", { exact: true }).first().waitFor();
  await row.getByRole("button", { name: "Roll back" }).waitFor({ state: "detached" });
  assert.equal((await proxy.stage("inference")).now.mode, "monolith");

  // What the proxy refuses is shown with its mend.
  await row.getByRole("button", { name: "Change…" }).click();
  await dialog.getByLabel("Percent to the candidate").fill("50");
  const file = proxy.file();
  proxy.write(file.replace("[stage.inference]", "[stage.scoring]"));
  await page.row("scoring").waitFor();
  await dialog.getByRole("button", { name: "Change inference to split 50 %" }).click();
  await dialog.getByRole("alert").getByText("routes.toml names no stage of that name: one of scoring, training").waitFor();
  await page.isSound("a refused change");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });

  // So is a file that is wrong.
  proxy.write(file.replace("percent = 0", "percent = 101"));
  await page.getByText(/routes\.toml:\d+:\d+ is refused, and what it said before holds: stage inference: percent: 101 is no percentage/).waitFor();
  proxy.write(file);
  await row.waitFor();
  await page.getByText("is refused").waitFor({ state: "detached" });

  // Nobody can be sent where there is no candidate.
  const training = page.row("training");
  assert.equal(await training.getByRole("button").count(), 1, "only what opens it");
  await training.getByRole("button", { name: "training" }).click();
  await training.getByText("No policy: nothing moves by itself.").waitFor();
  await training.getByText("Nothing is compared yet, so nothing is known to differ.").waitFor();
  assert.equal(new URL(page.url()).hash, "#training");
  await page.reload();
  await training.getByText("No policy").waitFor();

  // Requests are counted as they come.
  await fetch(`${proxy.clients}/predict`, { method: "POST" });
  await row.locator(".figures").getByText("1", { exact: true }).waitFor();
  await page.isSound("an opened stage");
  await page.finish();
});
