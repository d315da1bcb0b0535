// Starting the stack and the browser, and what every page is held to.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.env.CARGO_TARGET_DIR || path.join(here, "../../target");
const program = path.join(target, "debug/fincoach-local");
const screenshots = path.join(here, "screenshots");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(screenshots, { recursive: true });

/** Four free ports in a row, as the stack wants them. */
async function freePort() {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const first = 20000 + Math.floor(Math.random() * 20000);
    const taken = await Promise.all([0, 1, 2, 3].map((after) => first + after).map((port) => new Promise((resolve) => {
      const server = createServer().once("error", () => resolve(true)).listen(port, "127.0.0.1", () => server.close(() => resolve(false)));
    })));
    if (!taken.includes(true)) return first;
  }
  throw new Error("no four free ports in a row");
}

/** The stack on a folder of its own; `stop` ends it. */
export async function startStack(args, env = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), "dashboard-"));
  const port = await freePort();
  const child = spawn(program, ["--data-dir", folder, "--port", String(port), ...args], {
    env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => { output += data; });
  const api = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 60000;
  for (;;) {
    const alive = await fetch(`${api}/coaching/continuous-learning/health`).then((answer) => answer.ok, () => false);
    if (alive) break;
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`the stack did not start: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    api,
    page: `${api}/coaching/continuous-learning/dashboard`,
    /** Waits until everything is replayed, assessed and prepared. */
    async settled() {
      while (!output.includes("Serving; Ctrl-C stops.")) {
        assert.ok(Date.now() < deadline + 120000, output);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async send(events) {
      for (let first = 0; first < events.length; first += 500) {
        const answer = await fetch(`${api}/coaching/events`, {
          method: "POST", headers: { "content-type": "application/json" },
          body: JSON.stringify({ events: events.slice(first, first + 500) }),
        });
        assert.equal(answer.status, 202, await answer.text());
      }
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The events of the bundled sample. */
export function simulated() {
  const lines = execFileSync(program, ["simulate"], { maxBuffer: 256 * 1024 * 1024 }).toString().split("\n");
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

export function startBrowser(args = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...args],
  });
}

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1360, height: 900 };

/** Opens a page that notes every error and every request to elsewhere. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  const faults = [];
  const origin = new URL(url).origin;
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`page: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) faults.push(`outside: ${request.url()}`);
  });
  await options.before?.(page);
  await page.goto(url);
  return { page, context, faults };
}

/** What the accessibility checker finds: nothing. */
export async function assertAccessible(page, state) {
  // Its script is put in by the debugger, not by the page: the policy stands.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map((one) => `${one.id}: ${one.help} ${one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`);
  assert.deepEqual(told, [], state);
}

/** Pictures of a state: light and dark, on a desk and on a phone; each is checked too. */
export async function picture(page, state) {
  for (const [place, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await assertAccessible(page, `${state}, ${place}, ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${state} is ${wide}px too wide on a ${place}`);
      await page.screenshot({ path: path.join(screenshots, `${state}-${place}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(DESKTOP);
  await page.emulateMedia({ colorScheme: "light" });
}
