// Plots: SVG with a title that says in words what they show. Colours come from
// classes, since the page's policy allows no style attributes.

const INKS = ["a", "b", "c", "d", "e"];

/** Pixels that a plot is wide, so that its text is as large as text is. */
function room(id, columns) {
  const whole = document.getElementById(id).clientWidth;
  return Math.max(240, Math.min(1200, Math.floor(whole / columns) - 56));
}

function columns() {
  return matchMedia("(min-width: 110rem)").matches ? 4 : matchMedia("(min-width: 46rem)").matches ? 2 : 1;
}

function legend(names) {
  return h("ul", { class: "legend" }, names.map((name, place) =>
    h("li", {}, s("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" },
      s("rect", { width: 10, height: 10, rx: 2, class: `fill-${INKS[place % 5]}` })), name)));
}

/** Lines over time: `points` oldest first, each with a value in [0, 1] by name. */
function lines(label, points, names, gate) {
  const [width, height, left, right, top, bottom] = [Math.min(room("datasets", columns()), 640), 110, 32, 8, 8, 20];
  const values = points.flatMap((point) => names.map((name) => point[name])).concat(gate);
  const low = Math.max(0, Math.floor((Math.min(...values) - 0.02) * 10) / 10);
  const x = (place) => left + (points.length === 1 ? 0.5 : place / (points.length - 1)) * (width - left - right);
  const y = (value) => top + (1 - (value - low) / (1 - low || 1)) * (height - top - bottom);
  const ticks = [low, (1 + low) / 2, 1];
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": label },
    ticks.map((tick) => [
      s("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid" }),
      s("text", { x: left - 5, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(2)),
    ]),
    s("line", { x1: left, x2: width - right, y1: y(gate), y2: y(gate), class: "gate" }),
    names.map((name, ink) => points.length === 1
      ? s("circle", { cx: x(0), cy: y(points[0][name]), r: 3, class: `fill-${INKS[ink]}` })
      : s("polyline", { points: points.map((point, place) => `${x(place)},${y(point[name])}`).join(" "), class: `line stroke-${INKS[ink]}` })),
    s("text", { x: left, y: height - 4 }, time(points[0].at)),
    points.length > 1 && s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, time(points.at(-1).at)));
}

/** A bar for each name, from 0 to 1, beside the gate. */
function scores(label, values, gate) {
  const [width, left, right, step] = [Math.min(room("datasets", columns()), 640), 92, 44, 20];
  const height = values.length * step + 6;
  const x = (value) => left + value * (width - left - right);
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": label },
    values.map(([name, value], place) => [
      s("text", { x: 0, y: place * step + 15 }, name),
      s("rect", { x: left, y: place * step + 6, width: x(1) - left, height: 10, rx: 3, class: "track" }),
      s("rect", { x: left, y: place * step + 6, width: Math.max(x(value) - left, 0), height: 10, rx: 3, class: `fill-${INKS[place % 5]}` }),
      s("text", { x: width, y: place * step + 15, "text-anchor": "end" }, score(value)),
    ]),
    s("line", { x1: x(gate), x2: x(gate), y1: 2, y2: height - 2, class: "gate" }));
}

/** Drift from 0 to 0.5 and more, with marks where it begins to be moderate and major. */
function driftBar(label, value, size) {
  const [width, height, most] = [120, 12, 0.5];
  const x = (value) => Math.min(value / most, 1) * width;
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": label },
    s("rect", { x: 0, y: 2, width, height: 8, rx: 3, class: "track" }),
    s("rect", { x: 0, y: 2, width: Math.max(x(value), 1), height: 8, rx: 3, class: `drift-${size}` }),
    [0.1, 0.25].map((tick) => s("line", { x1: x(tick), x2: x(tick), y1: 0, y2: height, class: "gate" })));
}

/** Stacked bars: each bar has a label and a count by name. */
function stacks(label, bars, names) {
  const [width, height, left, top, bottom] = [room("ingestion", 1), 190, 44, 8, 22];
  const total = (bar) => names.reduce((sum, name) => sum + (bar.counts[name] || 0), 0);
  const most = Math.max(1, ...bars.map(total));
  const slot = Math.min((width - left) / bars.length, 90);
  const scale = (height - top - bottom) / most;
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": label },
    [0, most / 2, most].map((tick) => [
      s("line", { x1: left, x2: width, y1: height - bottom - tick * scale, y2: height - bottom - tick * scale, class: "grid" }),
      s("text", { x: left - 6, y: height - bottom - tick * scale + 4, "text-anchor": "end" }, short.format(tick)),
    ]),
    bars.map((bar, place) => {
      let from = height - bottom;
      const parts = names.map((name, ink) => {
        const size = (bar.counts[name] || 0) * scale;
        from -= size;
        return size > 0 && s("rect", { x: left + place * slot + slot * 0.15, y: from, width: slot * 0.7, height: size, class: `fill-${INKS[ink % 5]}` });
      });
      const everyNth = Math.ceil(bars.length / Math.max(1, Math.floor(width / 60)));
      return s("g", {}, s("title", {}, `${bar.label}: ${count(total(bar))}`), parts,
        place % everyNth === 0 && s("text", { x: left + place * slot + slot / 2, y: height - 5, "text-anchor": "middle" }, bar.label));
    }));
}

/** A small histogram: bars from `from` to `to` with a count. */
function histogram(label, bars) {
  const [width, height] = [170, 48];
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const slot = width / bars.length;
  return s("svg", { viewBox: `0 0 ${width} ${height + 13}`, width, role: "img", "aria-label": label },
    bars.map((bar, place) => {
      const size = Math.max(bar.count > 0 ? 1 : 0, (bar.count / most) * height);
      return s("rect", { x: place * slot + 0.5, y: height - size, width: Math.max(slot - 1, 1), height: size, class: "fill-a" },
        s("title", {}, `${bar.name || `${plain(bar.from)} to ${plain(bar.to)}`}: ${count(bar.count)}`));
    }),
    s("text", { x: 0, y: height + 12 }, bars[0].name ? "" : plain(bars[0].from)),
    s("text", { x: width, y: height + 12, "text-anchor": "end" }, bars.at(-1).name ? "" : plain(bars.at(-1).to)));
}

function plain(number) {
  return Math.abs(number) >= 10000 ? short.format(number) : String(Math.round(number * 100) / 100);
}
