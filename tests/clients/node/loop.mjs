// A client library in a process of its own: jobs as JSON lines in, their outcomes as JSON lines out.
//
// A job is {"scenario": NAME, "base_url": ..., "model": ..., "key": ..., ...}. Its outcome is what the
// scenario returns, or {"thrown": [...], "status": ..., "message": ...} where it throws: the class
// names of the error, its bases and its causes, nearest first.

import { createInterface } from "node:readline";

/** Seconds on the clock that Python calls time.monotonic. */
export const now = () => Number(process.hrtime.bigint()) / 1e9;

export const weather = ({ city }) => `22 degrees in ${city}`;

function* causes(error) {
  for (; error instanceof Error; error = error.cause ?? error.lastError) yield error;
}

function* kinds(error) {
  for (let one = error; one?.constructor?.name !== "Object"; one = Object.getPrototypeOf(one)) {
    if (Object.hasOwn(one, "constructor")) yield one.constructor.name;
  }
}

function thrown(error) {
  const chain = [...causes(error)];
  return {
    thrown: chain.flatMap((one) => [...kinds(one)]),
    status: chain.map((one) => one.status ?? one.statusCode).find(Boolean) ?? null,
    code: error.code ?? null,
    type: error.type ?? null,
    message: String(error.message),
    retryAfter:
      error.headers?.get?.("retry-after") ?? error.responseHeaders?.["retry-after"] ?? null,
  };
}

export async function serve(scenarios) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { scenario, ...given } = JSON.parse(line);
    const job = {
      key: "sk-any",
      flavour: "",
      prompt: "Say hello to Ann.",
      max_tokens: 1000,
      temperature: 1,
      stream: true,
      pieces: 5,
      ...given,
    };
    let outcome;
    try {
      outcome = await scenarios[scenario](job);
    } catch (error) {
      outcome = thrown(error);
    }
    process.stdout.write(JSON.stringify(outcome) + "\n");
  }
}
