// Building elements, and changing what is on the page into what should be
// without touching what stays: no flicker, no lost focus, nothing that closes.

const SVG = "http://www.w3.org/2000/svg";

/** An element; attributes that are null or false are left out, functions are listeners. */
function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

function s(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element[`on${name}`] = value;
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  for (const child of children.flat(9)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** Makes the children of `parent` those given, keeping what is alike. */
function show(parent, ...children) {
  const wanted = document.createElement("div");
  build(wanted, {}, children);
  morphChildren(parent, wanted);
}

function morph(now, wanted) {
  for (const { name } of [...now.attributes]) {
    // Whether something is folded open is up to whoever reads it.
    if (name !== "open" && !wanted.hasAttribute(name)) now.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
  now.onclick = wanted.onclick;
  morphChildren(now, wanted);
}

function morphChildren(now, wanted) {
  const targets = [...wanted.childNodes];
  targets.forEach((target, place) => {
    const current = now.childNodes[place];
    if (!current) now.append(target);
    else if (!sameKind(current, target)) current.replaceWith(target);
    else if (target.nodeType === Node.TEXT_NODE) {
      if (current.data !== target.data) current.data = target.data;
    } else morph(current, target);
  });
  while (now.childNodes.length > targets.length) now.lastChild.remove();
}

function sameKind(one, other) {
  if (one.nodeType !== other.nodeType) return false;
  if (one.nodeType !== Node.ELEMENT_NODE) return true;
  return one.tagName === other.tagName && one.getAttribute("data-key") === other.getAttribute("data-key");
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function count(number) {
  return whole.format(number);
}

/** A score as it is read aloud: three decimals, and never rounded up to a whole 1. */
function score(value) {
  if (value === null || value === undefined) return "–";
  const text = value.toFixed(3);
  return text === "1.000" && value < 1 ? "0.999" : text;
}

function time(text) {
  return new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

function ago(text) {
  const seconds = (Date.now() - new Date(text)) / 1000;
  const steps = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [Infinity, 86400, "day"]];
  const [, unit, name] = steps.find(([below]) => Math.abs(seconds) < below);
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(-Math.round(seconds / unit), name);
}

function bytes(number) {
  return number < 1024 ? `${number} B` : number < 1048576 ? `${(number / 1024).toFixed(1)} KB` : `${(number / 1048576).toFixed(1)} MB`;
}

/** Says something once to those who listen rather than look. */
function announce(text) {
  document.getElementById("announcer").textContent = text;
}
