// A page of another origin, in the browser of whoever runs the stack, against each of its ports.

import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { startBrowser, startStack } from "./support.mjs";

let browser, stack, evil, page, context, ports;

before(async () => {
  browser = await startBrowser();
  stack = await startStack(["--no-replay"]);
  const port = Number(new URL(stack.api).port);
  ports = { api: port, s3: port + 1, dynamodb: port + 2, bus: port + 3 };
  evil = createServer((_, answer) => { answer.setHeader("content-type", "text/html"); answer.end("<title>hostile</title>"); });
  await new Promise((resolve) => evil.listen(0, "0.0.0.0", resolve));
});
after(async () => { await browser.close(); evil.close(); await stack.stop(); });

const event = () => ({
  event_id: randomUUID(), user_id: randomUUID(), event_type: "page_view", occurred_at: "2026-01-01T00:00:00Z", data: {},
});

/** The total that the API reports to an honest caller. */
async function stored() {
  const answer = await fetch(`${stack.api}/coaching/continuous-learning/data-aggregation`);
  return (await answer.json()).ingestion.accepted;
}

/** A presigned S3 URL by the keys that local stacks are known by. */
function presigned(method, path) {
  const now = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${now.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const query = new URLSearchParams({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": `test/${scope}`, "X-Amz-Date": now, "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
  });
  query.sort();
  const host = `127.0.0.1:${ports.s3}`;
  const canonical = [method, path, query.toString(), `host:${host}\n`, "host", "UNSIGNED-PAYLOAD"].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", now, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = scope.split("/").reduce((secret, part) => createHmac("sha256", secret).update(part).digest(), "AWS4test");
  return `http://${host}${path}?${query}&X-Amz-Signature=${createHmac("sha256", key).update(toSign).digest("hex")}`;
}

// The same name with another port, and another name of loopback.
for (const [from, name] of [["the same site", "127.0.0.1"], ["another site", "localhost"]]) {
  describe(`a page of ${from}`, () => {
    before(async () => {
      context = await browser.newContext();
      page = await context.newPage();
      await page.goto(`http://${name}:${evil.address().port}/`);
    });
    after(async () => { await context.close(); });

    /** What the page gets to see: a status, or an error. */
    const ask = (url, options) => page.evaluate(async ([url, options]) => {
      try {
        const answer = await fetch(url, options);
        return { type: answer.type, status: answer.status, text: await answer.text() };
      } catch (error) {
        return { error: String(error) };
      }
    }, [url, options]);

    test("reads no answer of any port", async () => {
      for (const [engine, port] of Object.entries(ports)) {
        for (const host of ["127.0.0.1", "localhost"]) {
          for (const path of ["/", "/coaching/continuous-learning/status", "/coaching/continuous-learning/health"]) {
            const seen = await ask(`http://${host}:${port}${path}`);
            assert.ok(seen.error, `${engine}: ${JSON.stringify(seen)}`);
          }
        }
      }
    });

    test("is granted no preflight", async () => {
      const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.ListTables" };
      for (const port of Object.values(ports)) {
        const seen = await ask(`http://127.0.0.1:${port}/`, { method: "POST", headers, body: "{}" });
        assert.ok(seen.error, JSON.stringify(seen));
        const answer = await fetch(`http://127.0.0.1:${port}/`, {
          method: "OPTIONS", headers: { origin: `http://${name}`, "access-control-request-method": "POST" },
        });
        assert.ok(answer.status >= 400);
        const opening = [...answer.headers.keys()].filter((header) => header.startsWith("access-control-"));
        assert.deepEqual(opening, []);
      }
    });

    test("stores no event by a request without a preflight", async () => {
      const before = await stored();
      const one = JSON.stringify(event());
      await page.evaluate(async ([url, one]) => {
        for (const body of [one, new Blob([one]), new Blob([one], { type: "text/plain" }), new URLSearchParams({ a: one })]) {
          await fetch(url, { method: "POST", mode: "no-cors", body }).catch(() => {});
          navigator.sendBeacon(url, body);
        }
        for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
          const frame = Object.assign(document.createElement("iframe"), { name: enctype });
          const form = Object.assign(document.createElement("form"), { action: url, method: "POST", enctype, target: enctype });
          form.append(Object.assign(document.createElement("input"), { name: one, value: "" }));
          document.body.append(frame, form);
          form.submit();
        }
        await new Promise((resolve) => setTimeout(resolve, 500));
      }, [`${stack.api}/coaching/events`, one]);
      assert.equal(await stored(), before);
    });

    test("starts nothing by the routes that need no body", async () => {
      // The browser withholds the answers from the page; its debugger sees them.
      const debug = await context.newCDPSession(page);
      const answered = new Map();
      debug.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => answered.set(requestId, statusCode));
      const sent = new Map();
      debug.on("Network.requestWillBeSent", ({ requestId, request }) => sent.set(request.url, requestId));
      await debug.send("Network.enable");
      for (const path of ["/coaching/continuous-learning/initialize", "/coaching/quarantine/replay"]) {
        const url = `${stack.api}${path}`;
        await page.evaluate((url) => fetch(url, { method: "POST", mode: "no-cors" }).catch(() => {}), url);
        for (let wait = 0; wait < 50 && !answered.has(sent.get(url)); wait += 1) {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        assert.equal(answered.get(sent.get(url)), 403, path);
      }
      await debug.detach();
    });

    test("writes and deletes no object with the keys of other local stacks", async () => {
      const key = "/fincoach-learning/incoming/hostile.ndjson";
      for (const [method, mode] of [["GET", "no-cors"], ["POST", "no-cors"], ["PUT", "cors"], ["DELETE", "cors"]]) {
        const seen = await ask(presigned(method, key), { method, mode, ...(method === "GET" ? {} : { body: "x" }) });
        assert.ok(seen.error || (seen.type === "opaque" && seen.text === ""), JSON.stringify(seen));
        // Not only the browser stands in between: the signature does not hold either.
        const answer = await fetch(presigned(method, key), { method, ...(method === "GET" ? {} : { body: "x" }) });
        assert.equal(answer.status, 403, method);
      }
    });

    test("frames nothing", async () => {
      const refused = await page.evaluate(async (url) => {
        const frame = Object.assign(document.createElement("iframe"), { src: url });
        document.body.append(frame);
        await new Promise((resolve) => { frame.onload = resolve; });
        try { return frame.contentDocument === null || frame.contentDocument.title === ""; } catch { return true; }
      }, stack.page);
      assert.ok(refused);
    });
  });
}

test("a name that resolves to loopback does not help", async () => {
  const rebound = await startBrowser(["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
  const page = await rebound.newPage();
  for (const port of Object.values(ports)) {
    const origin = `http://evil.example:${port}`;
    const answer = await page.goto(`${origin}/coaching/continuous-learning/status`);
    assert.equal(answer.status(), 403);
    // For the browser it is one origin, which may read what it is answered and set any header.
    const statuses = await page.evaluate(async () => Promise.all(["GET", "POST", "PUT", "DELETE"].map((method) =>
      fetch("/coaching/events", { method, headers: { "content-type": "application/json" }, body: method === "GET" ? undefined : "{}" })
        .then((answer) => answer.status))));
    assert.deepEqual(statuses, [403, 403, 403, 403], origin);
  }
  await rebound.close();
});

test("a link from another page leads to the dashboard", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://localhost:${evil.address().port}/`);
  await page.evaluate((url) => { location.href = url; }, stack.page);
  await page.getByRole("article", { name: "spending" }).waitFor();
  await context.close();
});
