// The card of a dataset: how it stands, what is missing, how good it is, and
// the versions that were made of it.

const STATES = { collecting: "", assessing: "busy", ready: "good", blocked: "bad", preparing: "busy" };
const DIMENSIONS = ["overall", "completeness", "consistency", "validity"];
const QUALITY_GATE = (dataset) => dataset.readiness.gates.find((gate) => gate.gate === "quality").required;

/** `known` is what was fetched of the dataset, `outcome` what the last press of a button gave. */
function card(dataset, known, outcome, act) {
  const name = dataset.dataset_type;
  return h("article", { class: "card", "data-key": name, "aria-labelledby": `title-${name}` },
    h("div", { class: "row" },
      h("h3", { id: `title-${name}` }, name),
      h("p", { class: `pill ${STATES[dataset.state]}` }, dataset.state),
      h("p", { class: "quiet end" }, `since ${ago(dataset.state_since)}`)),
    progress(dataset),
    gates(dataset),
    outcome && h("p", { class: `outcome ${outcome.bad ? "bad" : ""}` }, outcome.text),
    buttons(dataset, outcome, act),
    quality(dataset, known),
    lowering(name, known, act),
    drift(name, known),
    profiles(name, known),
    versions(name, known),
    timeline(name, known));
}

function section(key, title, hint, ...content) {
  return h("details", { "data-key": key },
    h("summary", {}, title, " ", h("span", { class: "quiet" }, hint)), ...content);
}

function progress(dataset) {
  const { data_count: now, threshold, counted_unit: unit } = dataset;
  const text = `${count(now)} of ${count(threshold)} new ${unit}`;
  return h("div", { class: "progress" },
    h("progress", { class: now >= threshold ? "full" : null, max: threshold, value: Math.min(now, threshold), "aria-label": text }),
    h("p", {}, h("strong", {}, `${count(now)} / ${count(threshold)}`), ` new ${unit}`),
    h("p", { class: "quiet" }, forecast(dataset)));
}

function forecast(dataset) {
  const foretold = dataset.readiness.forecast;
  if (foretold) {
    const rate = foretold.rate_per_day.toFixed(1);
    return `Expected to be full ${ago(foretold.ready_at)}, on ${time(foretold.ready_at)}, at ${rate} a day. ${foretold.basis}`;
  }
  if (dataset.threshold_reached) return "The threshold is reached.";
  return "No forecast yet: it takes a day of arrivals to tell a rate.";
}

function gates(dataset) {
  return h("ul", { class: "gates", "aria-label": "Gates" }, dataset.readiness.gates.map((gate) => {
    // While records are being collected, that there are too few yet is no fault.
    const [mark, kind, said] = gate.passed ? ["✓", "good", "passed"]
      : gate.actual === null ? ["○", "open", "not known yet"]
      : gate.gate === "threshold" ? ["○", "open", "not reached yet"] : ["✗", "bad", "not passed"];
    return h("li", {},
      h("span", { class: `mark ${kind}`, role: "img", "aria-label": said }, mark),
      h("span", {}, h("strong", {}, gate.gate.replace(/_/g, " ")), " ", gate.explanation));
  }));
}

function buttons(dataset, outcome, act) {
  if (mayOnlyRead()) return h("p", { class: "quiet" }, "Your token may read only: assessing and preparing need learning:write.");
  const busy = outcome && outcome.busy;
  const button = (label, what, plain) => h("button", {
    type: "button", class: plain ? "plain" : null, "aria-disabled": busy ? "true" : null,
    "aria-label": `${label} ${dataset.dataset_type}`, click: () => busy || act(what, dataset),
  }, label);
  return h("div", { class: "actions" }, button("Assess", "assess", true), button("Prepare", "prepare"));
}

function quality(dataset, known) {
  const key = `quality-${dataset.dataset_type}`;
  const history = known.history && known.history.quality_metrics;
  if (!history || history.length === 0) {
    return section(key, "Quality", "not assessed yet", h("p", { class: "quiet" },
      "Quality is assessed when the threshold is reached, or when you press Assess."));
  }
  const points = [...history].reverse().map((entry) => ({
    at: entry.assessment_date, overall: entry.overall_score, completeness: entry.completeness_score,
    consistency: entry.consistency_score, validity: entry.validity_score,
  }));
  const gate = QUALITY_GATE(dataset);
  const now = points.at(-1);
  const said = `Quality over ${points.length} assessments; now ${DIMENSIONS.map((name) => `${name} ${score(now[name])}`).join(", ")}; the gate is ${gate}`;
  return h("details", { "data-key": key, open: true },
    h("summary", {}, "Quality ", h("span", { class: "quiet" }, `${score(now.overall)}${dataset.quality_current ? "" : ", of earlier records"}`)),
    h("p", { class: "row" },
      h("span", { class: "big" }, score(now.overall)),
      h("span", { class: "quiet" }, `gate ${gate}; assessed ${ago(now.at)}`)),
    // One point makes no line.
    points.length === 1
      ? scores(said, DIMENSIONS.map((name) => [name, now[name]]), gate)
      : [lines(said, points, DIMENSIONS, gate), legend(DIMENSIONS.map((name) => `${name} ${score(now[name])}`))],
    h("p", { class: "quiet" }, `${count(history[0].missing_values_count)} missing values, ${count(history[0].duplicate_count)} duplicates, ${count(history[0].anomaly_count)} anomalies`));
}

function lowering(name, known, act) {
  const key = `lowering-${name}`;
  if (!known.assessment) return null;
  const parts = known.assessment.explanation || [];
  if (parts.length === 0) return section(key, "What lowers it", "nothing");
  const rows = parts.slice(0, 6).map((part) => h("tr", {},
    h("td", {}, h("strong", {}, part.field), h("br"), `${part.rule.replace(/_/g, " ")} (${part.dimension})`,
      examples(part, name, known, act)),
    h("td", { class: "number" }, `${count(part.violations)} of ${count(part.checks)}`),
    h("td", { class: "number" }, `−${part.loss.toFixed(4)}`)));
  return section(key, "What lowers it", `${parts.length} causes`,
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Causes of a lower score" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "field and rule"), h("th", { scope: "col", class: "number" }, "fails"), h("th", { scope: "col", class: "number" }, "score"))),
      h("tbody", {}, rows))));
}

function examples(part, name, known, act) {
  if (!part.examples || part.examples.length === 0) return null;
  const rule = part.key || `${part.dimension}:${part.field}:${part.rule}`;
  const shown = known.failing && known.failing[rule];
  return h("div", {},
    shown
      ? h("pre", {}, shown)
      : h("div", { class: "quiet" }, "e.g. ", h("code", {}, part.examples[0])),
    !shown && h("button", { type: "button", class: "plain small", click: () => act("examples", { name, rule, part }),
      "aria-label": `Example records of ${part.field} ${part.rule}` }, "Example records"));
}

function profiles(name, known) {
  const fields = Object.entries((known.assessment && known.assessment.fields) || {});
  const shown = fields.filter(([, field]) => (field.histogram || []).length > 0 || (field.top || []).length > 0);
  if (shown.length === 0) return null;
  return section(`profiles-${name}`, "Profiles", `${shown.length} fields`, h("div", { class: "fields" }, shown.map(([field, profile]) => {
    const isNumber = (profile.histogram || []).length > 0;
    const bars = isNumber ? profile.histogram : profile.top.slice(0, 12).map((value) => ({ name: value.value, count: value.count }));
    const said = isNumber
      ? `${field}: from ${plain(profile.min)} to ${plain(profile.max)}, median ${plain(profile.quantiles.p50)}`
      : `${field}: most often ${bars.slice(0, 3).map((bar) => `${bar.name} (${count(bar.count)})`).join(", ")}`;
    return h("div", {},
      h("h4", {}, field.split(".").pop()),
      histogram(said, bars),
      h("p", { class: "quiet" }, isNumber
        ? `median ${plain(profile.quantiles.p50)}, ${count(profile.populated)} values`
        : bars.slice(0, 3).map((bar) => bar.name).join(", ")));
  })));
}

const DRIFTS = { none: "", moderate: "warn", major: "bad" };

/** How the records differ from those of the last version: what is beyond chance, the largest first. */
function drift(name, known) {
  const found = known.assessment && known.assessment.drift;
  if (!found) return null;
  const version = `v${Number(found.baseline.slice(1))}`;
  const fields = Object.entries(found.fields || {})
    .map(([field, one]) => ({ ...one, field, beyond: Math.max(0, one.psi - one.by_chance) }))
    .sort((one, other) => other.beyond - one.beyond);
  const told = ["major", "moderate"]
    .map((size) => [fields.filter((one) => one.size === size).length, size])
    .filter(([number]) => number > 0)
    .map(([number, size]) => `${number} ${size}`);
  const hint = `${told.join(", ") || "none to speak of"} since ${version}`;
  const rows = fields.slice(0, 12).map(({ field, size, beyond }) => {
    const profile = known.assessment.fields[field] || {};
    const median = profile.quantiles ? `median now ${plain(profile.quantiles.p50)}` : (profile.top || []).slice(0, 2).map((one) => one.value).join(", ");
    return h("tr", {},
      h("td", {}, h("strong", {}, field.split(".").pop()), h("br"), h("span", { class: "quiet" }, median)),
      h("td", {}, h("span", { class: `pill ${DRIFTS[size]}` }, size)),
      h("td", { class: "wide" }, driftBar(`${field}: ${beyond.toFixed(2)} beyond chance`, beyond, size)),
      h("td", { class: "number" }, beyond.toFixed(2)));
  });
  return h("details", { "data-key": `drift-${name}`, open: fields.some((one) => one.size === "major") },
    h("summary", {}, "Drift ", h("span", { class: "quiet" }, hint)),
    h("p", { class: "quiet" }, `How the values differ from those that ${version} was made of, by the population stability index (PSI) beyond chance: from 0.1 on it is moderate, from 0.25 on major.`),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Drift of each field" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "field"), h("th", { scope: "col" }, "drift"), h("th", { scope: "col", class: "wide" }, "0 to 0.5"), h("th", { scope: "col", class: "number" }, "PSI"))),
      h("tbody", {}, rows))),
    fields.length > 12 && h("p", { class: "quiet" }, `${fields.length - 12} more fields differ less.`));
}

function versions(name, known) {
  const key = `versions-${name}`;
  const all = (known.versions && known.versions.versions) || [];
  if (all.length === 0) return section(key, "Versions", known.versions ? "none yet" : "not served by this deployment");
  return section(key, "Versions", `newest v${all[0].version}, ${all.length} shown`, all.map((version, place) => {
    const files = (place === 0 && known.newest && known.newest.content && known.newest.content.files) || [];
    const facts = [
      time(version.created_at),
      `${count(version.rows)} rows`,
      files.length > 0 && `${bytes(files.reduce((sum, file) => sum + file.bytes, 0))} in ${files.length} files`,
      `quality ${score(version.quality_score)}`,
    ];
    const lineage = [
      `made of ${count(version.input_events)} events of epochs 1 to ${version.epoch}`,
      `${count(version.new_events)} of them new`,
      version.forced && `by force: ${version.forced}`,
    ];
    return h("div", {}, h("h4", {}, `v${version.version}`),
      h("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
      h("p", { class: "quiet" }, lineage.filter(Boolean).join(", ")),
      h("pre", {}, python(version)),
      (version.trained || []).map((report) => h("p", { class: "quiet" },
        `${report.model_id} ${report.model_version} was trained on it ${ago(report.trained_at)}`)));
  }));
}

/** The line that loads a version. */
function python(version) {
  return `import pandas; data = pandas.read_parquet("${version.manifest.replace(/manifest\.json$/, "")}data/")`;
}

function timeline(name, known) {
  const changes = (known.timeline && known.timeline.changes) || [];
  if (changes.length === 0) return null;
  return section(`timeline-${name}`, "Timeline", `last change ${ago(changes[0].at)}`,
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Changes of state" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "when"), h("th", { scope: "col" }, "to"), h("th", { scope: "col" }, "why"))),
      h("tbody", {}, changes.map((change) => h("tr", {},
        h("td", {}, h("time", { datetime: change.at }, time(change.at))), h("td", {}, change.to), h("td", {}, change.cause)))))));
}
