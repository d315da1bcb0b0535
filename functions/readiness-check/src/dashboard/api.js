// Asking the API, with the token of whoever looks.

const BASE = "/coaching/continuous-learning/";
const TOKEN = "fincoach-token";

class Refused extends Error {
  constructor(status, problem, requestId) {
    super(problem.detail || problem.title || `The API answered ${status}.`);
    this.status = status;
    this.problem = problem;
    this.requestId = requestId;
  }
}

function token() {
  return sessionStorage.getItem(TOKEN) || "";
}

/** JSON of an answer; throws `Refused` for a problem, and a TypeError where nobody answers. */
async function ask(path, body) {
  const headers = { accept: "application/json" };
  if (token()) headers.authorization = `Bearer ${token()}`;
  const request = { headers, signal: AbortSignal.timeout(body ? 120000 : 15000) };
  if (body) {
    request.method = "POST";
    request.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  const answer = await fetch(BASE + path, request);
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, json, answer.headers.get("x-request-id"));
  return json;
}

/** The paths that this deployment serves, as its own description says. */
async function servedPaths() {
  const answer = await fetch("/openapi.json", { signal: AbortSignal.timeout(15000) });
  if (!answer.ok) throw new Refused(answer.status, {}, answer.headers.get("x-request-id"));
  return Object.keys((await answer.json()).paths).map((path) => path.replace(BASE, ""));
}

/** The same, but `null` for what this deployment does not serve; `route` is as its description names it. */
async function askIfServed(route, path) {
  return page.served.includes(route) ? ask(path) : null;
}

/** Whether the token says that its holder may only read. The API decides; this spares a button. */
function mayOnlyRead() {
  try {
    const payload = JSON.parse(atob(token().split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    const scopes = [payload.scope, payload.scp, payload.scopes].flat().filter(Boolean).join(" ").split(/\s+/);
    return scopes.includes("learning:read") && !scopes.includes("learning:write");
  } catch {
    return false;
  }
}

/** Opens the dialog for a token; resolves when it is closed, to whether there is a new one. */
function askForToken(why) {
  const dialog = document.getElementById("token-dialog");
  if (dialog.open) return Promise.resolve(false);
  document.getElementById("token-why").textContent = why;
  const input = document.getElementById("token");
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const given = dialog.returnValue === "save";
      if (given) sessionStorage.setItem(TOKEN, input.value.trim());
      input.value = "";
      resolve(given);
    };
  });
}
