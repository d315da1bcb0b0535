// What has come in: over time by type, and what was not taken in, by reason.

function ingestion(aggregation) {
  const told = aggregation.ingestion;
  if (told.accepted + told.duplicates + told.rejected === 0) {
    return h("div", { class: "card" },
      h("p", {}, h("strong", {}, "No events have come in yet.")),
      h("p", { class: "quiet" }, "Events are posted one by one or in batches:"),
      h("pre", {}, `curl -X POST ${location.origin}/coaching/events -H 'content-type: application/json' -d '{"user_id":"${crypto.randomUUID()}","event_type":"page_view","occurred_at":"${new Date().toISOString().slice(0, 19)}Z","data":{}}'`));
  }
  const names = kinds(told);
  const bars = told.days.map((day) => ({ label: day.day.slice(5), counts: foldOthers(day.accepted, names) }));
  const said = `Accepted events by day and type: ${told.days.length} days, ${count(told.accepted)} events in all`;
  return h("div", { class: "card" },
    h("dl", { class: "figures" }, figure("accepted", told.accepted), figure("duplicates", told.duplicates), figure("rejected", told.rejected),
      figure("users with transactions", aggregation.user_transactions.unique_users)),
    stacks(said, bars, names),
    legend(names.map((name) => name.replace(/_/g, " "))),
    h("div", { class: "two" },
      table("Accepted, by kind", told.accepted_by_kind, "nothing yet"),
      table("Rejected, by reason", told.rejected_by_reason, "nothing was rejected",
        "What a queue, a bus, a stream or a file brought is kept in quarantine until it is replayed."),
      table("Users' segments", aggregation.user_segments.segment_distribution, "no segment has been reported")));
}

function figure(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, count(value)));
}

/** The types that have come in, the most frequent first; beyond five colours they share one. */
function kinds(told) {
  const sums = {};
  for (const [kind, number] of Object.entries(told.accepted_by_kind)) {
    const type = kind.split(".")[0];
    sums[type] = (sums[type] || 0) + number;
  }
  const names = Object.keys(sums).filter((name) => name !== "other").sort((one, other) => sums[other] - sums[one]).slice(0, 4);
  return [...names, "other"];
}

function foldOthers(counts, names) {
  const folded = {};
  for (const [name, number] of Object.entries(counts)) {
    const under = names.includes(name) ? name : "other";
    folded[under] = (folded[under] || 0) + number;
  }
  return folded;
}

function table(title, counts, nothing, note) {
  const rows = Object.entries(counts).sort(([, one], [, other]) => other - one);
  return h("div", {}, h("h3", { class: "minor" }, title),
    rows.length === 0
      ? h("p", { class: "quiet" }, nothing)
      : h("table", {}, h("tbody", {}, rows.slice(0, 16).map(([name, number]) =>
          h("tr", {}, h("th", { scope: "row" }, name.replace(/[._]/g, " ")), h("td", { class: "number" }, count(number)))))),
    note && rows.length > 0 && h("p", { class: "quiet" }, note));
}
