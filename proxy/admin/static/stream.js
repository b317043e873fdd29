// One streamed chat completion: what was said, when, and what the proxy tells about it.

// Calls told(event) with {kind: "head" | "text" | "thought" | "usage"}; resolves when it is over.
export async function chat(body, { key, signal }, told) {
  const began = performance.now();
  const headers = { "content-type": "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  const response = await fetch("/v1/chat/completions", { method: "POST", headers, signal,
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }) });
  const about = aboutOf(response.headers);
  told({ kind: "head", about, at: performance.now() - began });
  if (!response.ok) {
    let words = `The proxy answered with status ${response.status}.`;
    try {
      words = (await response.json()).error.message;
    } catch {
      // The status is all there is.
    }
    throw new Error(words);
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let done = false;
  for (;;) {
    const { value, done: over } = await reader.read();
    if (over) break;
    rest += value;
    const events = rest.split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) done = read(event, began, told) || done;
  }
  if (!done) throw new Error("The answer broke off before its end.");
}

function read(event, began, told) {
  const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("\n");
  if (!data) return false;
  if (data === "[DONE]") return true;
  const frame = JSON.parse(data);
  if (frame.error) throw new Error(frame.error.message ?? "The answer ended with an error.");
  const at = performance.now() - began;
  const delta = frame.choices?.[0]?.delta;
  const thought = delta?.reasoning_content ?? delta?.reasoning;
  if (thought) told({ kind: "thought", text: thought, at });
  if (delta?.content) told({ kind: "text", text: delta.content, at });
  if (frame.usage) told({ kind: "usage", usage: frame.usage, at });
  return false;
}

function aboutOf(headers) {
  const about = { id: headers.get("x-request-id"), stages: [] };
  for (const name of ["provider", "model", "route", "category", "cache", "attempts", "why", "dropped"]) {
    const value = headers.get(`x-firsttoken-${name}`);
    about[name] = value ? unquoted(value) : "";
  }
  for (const part of (headers.get("server-timing") ?? "").split(",")) {
    const found = /^\s*([\w-]+)\s*;\s*dur=([\d.]+)/.exec(part);
    if (found) about.stages.push([found[1], Number(found[2])]);
  }
  return about;
}

function unquoted(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
