// The proxy goes and comes back; the page says so, and follows.

import assert from "node:assert/strict";
import { scenario } from "./stand.mjs";

await scenario(async ({ proxy, open }) => {
  const page = await open();
  await page.logIn();
  await proxy.kill();
  await page.getByText("No word from the proxy: the proxy cannot be reached.").waitFor();
  await page.getByRole("status").getByText("not live").waitFor();
  assert.equal(await page.row("inference").count(), 1, "what was known stays");
  await page.isSound("a lost proxy");
  await page.row("inference").getByRole("button", { name: "Change…" }).click();
  await page.getByLabel("Percent to the candidate").fill("10");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("the proxy cannot be reached: see whether it runs; this page goes on trying").waitFor();
  await page.keyboard.press("Escape");

  // Another process knows nothing of the session.
  await proxy.start();
  await page.logIn();
  await page.row("inference").waitFor();

  // Who looks on does not keep a process whose place another takes.
  const before = proxy.ended;
  await proxy.start("--take-over");
  assert.equal(await before, 0);
  await page.logIn();
  await page.row("inference").waitFor();

  // Nor one that ends in peace.
  const answered = fetch(`${proxy.clients}/slow`);
  while (!proxy.release) await new Promise((again) => setTimeout(again, 10));
  proxy.child.kill("SIGTERM");
  await page.getByText("The proxy is shutting down: it ends once the requests under way have ended.").waitFor();
  proxy.release();
  assert.equal(await (await answered).text(), "monolith");
  assert.equal(await proxy.ended, 0);
  await page.getByText("No word from the proxy: the proxy cannot be reached.").waitFor();
  await page.finish();
});
