// Who knows the token sees the board, and nobody else.

import assert from "node:assert/strict";
import { scenario } from "./stand.mjs";

await scenario(async ({ proxy, open }) => {
  const page = await open();
  const token = page.getByLabel("Token");
  await token.waitFor();
  await page.isSound("the login");
  assert.equal(await token.evaluate((field) => document.activeElement === field), true, "one can begin to type");

  await token.fill("x".repeat(43));
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("the token is wrong: it is what admin.token in the state folder holds").waitFor();
  await page.isSound("a refused login");
  assert.deepEqual(await page.context().cookies(), []);

  await page.logIn("anna");
  assert.match(await page.row("inference").innerText(), /split 0\s%/);
  const [cookie, ...others] = await page.context().cookies();
  assert.deepEqual(others, []);
  assert.equal(cookie.name, `cutline_session_${new URL(proxy.admin).port}`);
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Strict", "/"]);
  assert.ok(!cookie.value.includes(proxy.token()));
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.ok(!JSON.stringify(await page.evaluate(() => ({ ...localStorage }))).includes(proxy.token()));

  await page.reload();
  await page.row("inference").waitFor();

  // What another page could send at most is refused.
  const sent = (headers) => page.evaluate(async (extra) => {
    const answer = await fetch("/api/stages/inference", {
      method: "POST", headers: { "content-type": "application/json", ...extra }, body: JSON.stringify({ percent: 50 }),
    });
    return answer.status;
  }, headers);
  assert.equal(await sent({}), 403);
  assert.equal((await proxy.stage("inference")).now.percent, 0);
  const foreign = await fetch(`${proxy.admin}/api/stages/inference`, {
    method: "POST",
    headers: { cookie: `${cookie.name}=${cookie.value}`, origin: "https://evil.example", "x-cutline-page": "1", "content-type": "application/json" },
    body: JSON.stringify({ percent: 50 }),
  });
  assert.equal(foreign.status, 403);

  // A second tab is logged out with the first, at once.
  const other = await page.context().newPage();
  await other.goto(proxy.admin);
  await other.locator('[data-name="inference"]').waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Token").waitFor();
  await other.getByLabel("Token").waitFor();
  assert.equal(await sent({ "x-cutline-page": "1" }), 401);
  const old = await fetch(`${proxy.admin}/api/board`, { headers: { cookie: `${cookie.name}=${cookie.value}` } });
  assert.equal(old.status, 401);
  assert.equal(await page.getByLabel("Your name").inputValue(), "anna");

  // Machines go on with the token itself.
  const bearer = await fetch(`${proxy.admin}/api/board`, { headers: { authorization: `Bearer ${proxy.token()}` } });
  assert.equal(bearer.status, 200);

  const shown = await fetch(proxy.admin);
  assert.match(shown.headers.get("content-security-policy"), /^default-src 'none'; script-src 'self';/);
  assert.equal(shown.headers.get("x-content-type-options"), "nosniff");
  await page.finish();
});
