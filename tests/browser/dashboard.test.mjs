// The dashboard as people meet it.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { open, picture, PHONE, simulated, startBrowser, startStack } from "./support.mjs";

let browser;
before(async () => { browser = await startBrowser(); });
after(async () => { await browser.close(); });

const card = (page, name) => page.getByRole("article", { name });

describe("on an empty system", () => {
  let stack;
  before(async () => { stack = await startStack(["--no-replay"]); });
  after(async () => { await stack.stop(); });

  test("every dataset says what it waits for, and how to begin", async () => {
    const { page, faults, context } = await open(browser, stack.page);
    await card(page, "spending").getByText("0 of 1000 new transactions have come in: 1000 more are needed.").waitFor();
    assert.equal(await page.getByRole("article").count(), 4);
    await page.getByText("No events have come in yet.").waitFor();
    assert.equal(await page.locator("#health").textContent(), "healthy");
    await picture(page, "empty");
    assert.deepEqual(faults, []);
    await context.close();
  });

  test("assessing nothing is refused in words", async () => {
    const { page, context } = await open(browser, stack.page);
    await page.getByRole("button", { name: "Assess spending" }).click();
    await card(page, "spending").getByText("there is nothing to assess").waitFor();
    await context.close();
  });

  test("a keyboard reaches everything, and a focus stays where it is", async () => {
    const { page, context } = await open(browser, stack.page);
    await page.getByRole("button", { name: "Assess goal" }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the datasets");
    await page.getByRole("button", { name: "Prepare goal" }).focus();
    const refreshed = await page.locator("#refreshed").textContent();
    await page.waitForFunction((before) => document.getElementById("refreshed").textContent !== before, refreshed);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Prepare goal");
    await context.close();
  });

  test("an API that fails is told apart from one that is empty, and recovers", async () => {
    let fails = "answer";
    const { page, context } = await open(browser, stack.page, {
      before: (page) => page.route("**/continuous-learning/**", (route) => {
        if (route.request().url().endsWith("dashboard") || !fails) return route.continue();
        if (fails === "silence") return route.abort("connectionrefused");
        const problem = { type: "/problems/internal", title: "Something went wrong on our side", status: 500, detail: "It is logged under 7." };
        return route.fulfill({ status: 500, contentType: "application/problem+json", headers: { "x-request-id": "r-7" }, body: JSON.stringify(problem) });
      }),
    });
    await page.getByText("The API fails: It is logged under 7. (request r-7)").waitFor();
    await picture(page, "failing-at-first");
    fails = "";
    await page.getByRole("button", { name: "Try again" }).click();
    await card(page, "goal").waitFor();
    assert.equal(await page.locator("#banner").textContent(), "");
    fails = "silence";
    await page.getByText("The API does not answer. What is shown is of").waitFor({ timeout: 15000 });
    assert.equal(await page.getByRole("article").count(), 4, "what was known stays");
    await picture(page, "failing-later");
    await context.close();
  });

  test("who is not known is asked for a token, which is then sent", async () => {
    const sent = [];
    const { page, context } = await open(browser, stack.page, {
      before: (page) => page.route("**/continuous-learning/**", (route) => {
        const token = route.request().headers().authorization;
        if (route.request().url().endsWith("dashboard")) return route.continue();
        if (token === "Bearer good") { sent.push(token); return route.continue(); }
        return route.fulfill({ status: 401, contentType: "application/problem+json", body: JSON.stringify({ type: "/problems/unauthorized", title: "A token is needed", status: 401, detail: "Send a token." }) });
      }),
    });
    await page.getByLabel("Token", { exact: true }).fill("good");
    await picture(page, "token");
    await page.keyboard.press("Enter");
    await card(page, "goal").waitFor();
    assert.ok(sent.length > 0);
    assert.equal(await page.locator("#banner").textContent(), "");
    await context.close();
  });
});

describe("with the bundled sample", () => {
  let stack;
  before(async () => { stack = await startStack([]); });
  after(async () => { await stack.stop(); });

  test("after preparation, everything about a dataset is there", async () => {
    await stack.settled();
    const { page, faults, context } = await open(browser, stack.page);
    const spending = card(page, "spending");
    await spending.getByText("Versions").waitFor();
    await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
    await spending.getByText("pandas.read_parquet").first().waitFor();
    await spending.getByText("Version 1 is prepared").waitFor();
    await page.getByRole("button", { name: "Assess spending" }).click();
    await spending.getByText("What lowers it").waitFor();
    await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
    await picture(page, "prepared");
    const opened = await page.locator("details[open]").count();
    const refreshed = await page.locator("#refreshed").textContent();
    await page.waitForFunction((before) => document.getElementById("refreshed").textContent !== before, refreshed);
    assert.equal(await page.locator("details[open]").count(), opened, "what is folded open stays open");
    assert.deepEqual(faults, []);
    await context.close();
  });

  test("the buttons assess and prepare, by force only with a reason", async () => {
    await stack.settled();
    const { page, context } = await open(browser, stack.page, { viewport: PHONE });
    const spending = card(page, "spending");
    await page.getByRole("button", { name: "Assess spending" }).click();
    await spending.getByText(/spending scores 0\.\d{3} over [\d,]+ records/).waitFor();
    const event = {
      user_id: crypto.randomUUID(), event_type: "transaction_creation", occurred_at: "2026-01-02T03:04:05Z",
      data: { transaction_id: "browser", amount: 1, transaction_type: "debit", category: "Groceries" },
    };
    await fetch(`${stack.api}/coaching/events`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
    await page.getByRole("button", { name: "Prepare spending" }).click();
    const dialog = page.getByRole("dialog", { name: "Prepare although it is not ready?" });
    await dialog.getByText("1 of 1000 new transactions have come in").waitFor();
    await dialog.getByRole("button", { name: "Prepare all the same" }).click();
    assert.ok(await dialog.isVisible(), "no reason, no preparation");
    await dialog.getByLabel("Why").fill("a browser test");
    await picture(page, "force");
    await dialog.getByRole("button", { name: "Prepare all the same" }).click();
    await spending.getByText("Version 2 of spending is prepared.").waitFor();
    await spending.getByText("Versions").getByText("newest v2").waitFor();
    await context.close();
  });
});

describe("while events come in", () => {
  let stack;
  before(async () => { stack = await startStack(["--no-replay"]); });
  after(async () => { await stack.stop(); });

  test("it shows how far it is as it goes, without a reload", async () => {
    const { page, faults, context } = await open(browser, stack.page);
    await card(page, "spending").waitFor();
    await page.evaluate(() => { document.querySelector("article").kept = true; });
    const events = simulated();
    // Too few to be ready for anything.
    await stack.send(events.slice(0, 900));
    await card(page, "spending").getByText(/^[1-9][0-9]+ \/ 1,000 new transactions$/).waitFor({ timeout: 15000 });
    await picture(page, "replaying");
    await stack.send(events.slice(900, 3000));
    await card(page, "spending").getByText("Versions").getByText("newest v").waitFor({ timeout: 60000 });
    assert.ok(await page.evaluate(() => document.querySelector("article").kept), "the card is changed, not made anew");
    assert.deepEqual(faults, []);
    await context.close();
  });
});

describe("with records that differ from those of the last version", () => {
  let stack;
  before(async () => {
    stack = await startStack([]);
    await stack.settled();
    // Everything costs five times as much, and is bought by night.
    const shifted = simulated().filter((event) => event.event_type === "transaction_creation" && event.data.amount > 0).slice(0, 6000).map((event) => ({
      ...event, event_id: crypto.randomUUID(),
      data: { ...event.data, transaction_id: crypto.randomUUID(), amount: event.data.amount * 5, category: "Rent", balance_after: undefined },
    }));
    await stack.send(shifted);
  });
  after(async () => { await stack.stop(); });

  test("the fields that have drifted are told by how far, the farthest first", async () => {
    const { page, faults, context } = await open(browser, stack.page);
    const spending = card(page, "spending");
    await page.getByRole("button", { name: "Assess spending" }).click();
    const drift = spending.locator("details", { has: page.locator("summary", { hasText: "Drift" }) });
    await drift.getByText(/major.* since v[0-9]+/).waitFor({ timeout: 30000 });
    if (!await drift.evaluate((one) => one.open)) await drift.locator("summary").click();
    const rows = await drift.locator("tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText)));
    assert.ok(rows.length >= 4, JSON.stringify(rows));
    const sizes = rows.map((row) => Number(row[3]));
    assert.deepEqual(sizes, [...sizes].sort((one, other) => other - one), "the farthest first");
    const [category] = rows.filter((row) => row[0].startsWith("category"));
    assert.equal(category[1], "major");
    assert.ok(Number(category[3]) >= 0.25);
    assert.ok(rows.some((row) => row[1] === "none"), "what has not drifted is told too");
    await picture(page, "drifted");
    assert.deepEqual(faults, []);
    await context.close();
  });
});

describe("with a dataset that is blocked", () => {
  let stack;
  before(async () => {
    stack = await startStack([], { LEARNING_QUALITY_GATE: "0.9999" });
    await stack.settled();
  });
  after(async () => { await stack.stop(); });

  test("it says why and what lowers the quality most", async () => {
    const { page, faults, context } = await open(browser, stack.page);
    const spending = card(page, "spending");
    await spending.locator(".pill", { hasText: "blocked" }).waitFor();
    await spending.locator(".gates").getByText("below 0.9999: see what lowers it").waitFor();
    await page.getByRole("button", { name: "Assess spending" }).click();
    await spending.locator("summary", { hasText: "What lowers it" }).click();
    await picture(page, "blocked");
    assert.deepEqual(faults, []);
    await context.close();
  });
});
