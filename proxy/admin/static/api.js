// Calls of the admin API: JSON in and out, errors with the proxy's own words, the session's seal.

let csrf = null;
let onSignedOut = () => {};

export class ApiError extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function whenSignedOut(handler) {
  onSignedOut = handler;
}

export async function call(method, path, body, signal) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (csrf && method !== "GET") headers["x-firsttoken-csrf"] = csrf;
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The proxy does not answer. Is it still running?", 0, "unreachable");
  }
  let value = null;
  try {
    value = await response.json();
  } catch {
    // An answer without JSON: its status says enough.
  }
  if (response.ok) return value;
  const told = value?.error;
  const error = new ApiError(told?.message ?? `The proxy answered with status ${response.status}.`, response.status, told?.code);
  if (response.status === 401 && told?.code === "admin_key_required") onSignedOut();
  throw error;
}

export const get = (path, params, signal) => call("GET", path + query(params), undefined, signal);
export const post = (path, body = {}) => call("POST", path, body);
export const remove = (path, params) => call("DELETE", path + query(params));

export function query(params) {
  const wanted = Object.entries(params ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return wanted.length ? `?${new URLSearchParams(wanted)}` : "";
}

async function session(method, body) {
  const found = await call(method, "/ui/session", body);
  csrf = found.csrf;
  return found;
}

export const whoami = () => session("GET");
export const signIn = (key) => session("POST", { key });
export const signOut = () => session("DELETE");
