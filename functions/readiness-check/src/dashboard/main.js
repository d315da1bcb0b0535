// Asking again and again, and showing what has changed.

const EVERY_MS = 5000;
const SLOWEST_MS = 60000;
const page = {
  served: null, datasets: null, aggregation: null, health: null, refreshedAt: null, failures: 0, timer: null,
  /** What was fetched of each dataset, and of which state of it. */
  known: {},
  outcomes: {},
};

async function refresh() {
  clearTimeout(page.timer);
  try {
    page.served = page.served || await servedPaths();
    const [datasets, aggregation, health] = await Promise.all([
      ask("datasets"), ask("data-aggregation"), ask("health/dependencies").catch(unlessRefused),
    ]);
    await Promise.all(datasets.datasets.map(learn));
    Object.assign(page, { datasets, aggregation, health, refreshedAt: new Date(), failures: 0 });
  } catch (error) {
    page.failures += 1;
    page.error = error;
    if (error instanceof Refused && error.status === 401) {
      render();
      if (await askForToken(token() ? "The token is not accepted, or has expired." : "The API answers only to those who show a token with the scope learning:read.")) return refresh();
    }
  }
  render();
  const wait = Math.min(EVERY_MS * 2 ** page.failures, SLOWEST_MS);
  page.timer = setTimeout(() => (document.hidden ? (page.timer = null) : refresh()), wait);
}

/** The body of a health answer that is a 503 says which dependency is down. */
function unlessRefused(error) {
  if (error instanceof Refused && error.status === 503 && error.problem.dependencies) return error.problem;
  throw error;
}

/** Fetches what a card shows beside the dataset, where the dataset has changed. */
async function learn(dataset) {
  const { id, dataset_type: name } = dataset;
  const of = [dataset.updated_at, dataset.data_quality_score, dataset.quality_current, dataset.last_version, dataset.state].join();
  const before = page.known[name];
  if (before && before.of === of) return;
  const [history, timeline, versions] = await Promise.all([
    ask(`quality-metrics/${id}?limit=30`), ask(`datasets/${id}/timeline?limit=15`),
    askIfServed("datasets/{dataset_id}/versions", `datasets/${id}/versions?limit=5`),
  ]);
  const judged = history && history.quality_metrics[0];
  const same = before && before.assessment && judged && before.assessment.assessment_id === judged.id;
  // Where no assessment is served by its id, what the button gave is all there is.
  const assessment = same ? before.assessment : judged
    ? await askIfServed("assessments/{assessment_id}", `assessments/${judged.id}`) || (before && before.assessment) : null;
  const last = versions && versions.versions[0];
  const newest = last && await askIfServed("datasets/{dataset_id}/versions/{version}", `datasets/${id}/versions/${last.version}`);
  page.known[name] = { of, history, timeline, versions, newest, assessment, failing: same ? before.failing : {} };
}

function render() {
  const banner = document.getElementById("banner");
  const refused = page.failures > 0 && page.error instanceof Refused;
  const why = !page.failures ? "" : refused ? `The API ${page.error.status < 500 ? "refuses" : "fails"}: ${page.error.message}` : "The API does not answer.";
  const since = page.refreshedAt ? ` What is shown is of ${page.refreshedAt.toLocaleTimeString("en-GB")}.` : "";
  const text = why && `${why}${since}${refused && page.error.requestId ? ` (request ${page.error.requestId})` : ""}`;
  if (banner.textContent !== text) banner.textContent = text;

  const refreshed = document.getElementById("refreshed");
  refreshed.textContent = page.refreshedAt ? `Updated ${page.refreshedAt.toLocaleTimeString("en-GB")}` : page.failures ? "Nothing to show yet" : "Loading";
  renderHealth();
  const datasets = document.getElementById("datasets");
  const ingested = document.getElementById("ingestion");
  if (!page.datasets) {
    if (page.failures) {
      datasets.setAttribute("aria-busy", "false");
      show(datasets, h("div", { class: "card" }, h("p", {}, "The datasets could not be loaded."), retry()));
      show(ingested, h("div", { class: "card" }, h("p", {}, "What has come in could not be loaded.")));
    }
    return;
  }
  datasets.setAttribute("aria-busy", "false");
  ingested.setAttribute("aria-busy", "false");
  if (page.datasets.datasets.length === 0) {
    show(datasets, h("div", { class: "card" }, h("p", {}, h("strong", {}, "There are no datasets yet.")),
      h("p", { class: "quiet" }, "They are made when the first event comes in, or now:"),
      h("div", { class: "actions" }, h("button", { type: "button", click: initialize }, "Create the datasets"))));
  } else {
    show(datasets, page.datasets.datasets.map((dataset) =>
      card(dataset, page.known[dataset.dataset_type] || {}, page.outcomes[dataset.dataset_type], act)));
  }
  show(ingested, ingestion(page.aggregation));
}

function retry() {
  return h("div", { class: "actions" }, h("button", { type: "button", click: () => refresh() }, "Try again"));
}

function renderHealth() {
  const pill = document.getElementById("health");
  const status = page.failures ? "no answer" : page.health ? page.health.status : "…";
  const down = (page.health && page.health.dependencies.filter((one) => one.status !== "healthy").map((one) => one.name)) || [];
  const late = page.health && page.health.oldest_unprocessed_trigger;
  const kind = { healthy: "good", degraded: "warn", unavailable: "bad", "no answer": "bad" }[status] || "";
  const because = page.failures ? "" : down.length ? `: ${down.join(", ")}` : status === "degraded" && late ? `: ${late.dataset} waits for ${late.for}` : "";
  pill.className = `pill ${kind}`;
  if (pill.textContent !== status + because) pill.textContent = status + because;
}

async function initialize() {
  await ask("initialize", {}).catch((error) => announce(error.message));
  refresh();
}

/** A button was pressed. */
async function act(what, about) {
  if (what === "examples") return showExamples(about);
  const name = about.dataset_type;
  const say = (text, more) => {
    page.outcomes[name] = { text, ...more };
    announce(text);
    render();
  };
  say(what === "assess" ? `Assessing ${name} …` : `Preparing ${name} …`, { busy: true });
  try {
    if (what === "assess") {
      const answer = await ask("assess-quality", { dataset_id: about.id });
      const known = page.known[name];
      if (known && answer.explanation) known.assessment = answer;
      if (!answer.quality_metrics) say(`${name} has many records: its assessment is under way.`);
      else say(`${name} scores ${score(answer.quality_metrics.overall_score)} over ${count(answer.record_count)} records${answer.cached ? "; they are unchanged since they were last assessed" : ""}.`);
    } else {
      prepared(await ask("prepare-data", { dataset_id: about.id }), name, say);
    }
  } catch (error) {
    if (error instanceof Refused && error.status === 409 && error.problem.type === "/problems/not-ready") {
      return force(about, error, say);
    }
    say(error.message || "The API does not answer.", { bad: true });
    if (error instanceof Refused && error.status === 401) await askForToken("The token is not accepted, or has expired.");
  }
  refresh();
}

function prepared(answer, name, say) {
  say(answer.created === false ? `Nothing is new: version ${answer.version} of ${name} is current.` : `Version ${answer.version} of ${name} is ${answer.state}.`);
}

/** Not ready: only with a reason, which is recorded. */
function force(dataset, error, say) {
  const dialog = document.getElementById("force-dialog");
  const reason = document.getElementById("force-reason");
  const failed = ((error.problem.readiness || {}).gates || []).filter((gate) => !gate.passed);
  document.getElementById("force-why").textContent = failed.map((gate) => gate.explanation).join(" ") || error.message;
  reason.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  dialog.onclose = async () => {
    if (dialog.returnValue !== "force") return say(`${dataset.dataset_type} is not ready, and was not prepared.`);
    try {
      prepared(await ask("prepare-data", { dataset_id: dataset.id, force: true, reason: reason.value.trim() }), dataset.dataset_type, say);
    } catch (error) {
      say(error.message, { bad: true });
    }
    refresh();
  };
}

async function showExamples({ name, rule, part }) {
  const known = page.known[name];
  let text = part.examples.join("\n");
  try {
    const answer = await askIfServed("assessments/{assessment_id}/failing-records", `assessments/${known.assessment.assessment_id}/failing-records?rule=${encodeURIComponent(rule)}`);
    const records = answer && answer.records;
    if (records && records.length > 0) text = records.slice(0, 3).map((record) => JSON.stringify(record, null, 1)).join("\n");
  } catch (error) {
    text = `${text}\n(${error.message})`;
  }
  known.failing = { ...known.failing, [rule]: text };
  render();
}

document.getElementById("token-button").onclick = async () => {
  if (await askForToken("A token with the scope learning:read shows this page; learning:write lets you assess and prepare.")) refresh();
};
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && page.timer === null) refresh();
});
addEventListener("resize", () => page.datasets && requestAnimationFrame(render));
refresh();
