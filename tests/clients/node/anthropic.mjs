// The @anthropic-ai/sdk package for Node.

import Anthropic from "@anthropic-ai/sdk";
import { now, serve, weather } from "./loop.mjs";

const client = (job) =>
  new Anthropic({
    baseURL: job.base_url.replace(/\/v1$/, ""), // it adds this itself
    apiKey: job.key,
    maxRetries: 0,
    timeout: 60_000,
  });
const asked = (job) => ({
  model: job.model,
  max_tokens: job.max_tokens,
  messages: [{ role: "user", content: job.prompt }],
});
const told = (message) => ({
  text: message.content
    .filter((block) => block.type === "text")
    .map((block) => block.text)
    .join(""),
  usage: { input: message.usage.input_tokens, output: message.usage.output_tokens },
  finish: message.stop_reason,
});

async function stream(job) {
  const reader = client(job).messages.stream(asked(job));
  let pieces = 0;
  reader.on("text", () => (pieces += 1));
  return { ...told(await reader.finalMessage()), pieces };
}

async function broken(job) {
  let [text, finish] = ["", null];
  try {
    for await (const event of await client(job).messages.create({ ...asked(job), stream: true })) {
      text += event.delta?.text ?? "";
      if (event.type === "message_delta") finish = event.delta.stop_reason;
    }
  } catch (error) {
    return { text, finish, error: error instanceof Anthropic.APIError };
  }
  return { text, finish, error: false };
}

async function leave(job) {
  const reader = await client(job).messages.create({ ...asked(job), stream: true });
  let [seen, left] = [0, 0];
  for await (const event of reader) {
    if (event.type === "content_block_delta") seen += 1;
    if (seen === job.pieces) {
      left = now();
      break;
    }
  }
  reader.controller.abort();
  return { seen, left };
}

async function tools(job) {
  const input_schema = {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  };
  const request = { ...asked(job), tools: [{ name: "weather", input_schema }] };
  const calls = [];
  for (;;) {
    const message = job.stream
      ? await client(job).messages.stream(request).finalMessage()
      : await client(job).messages.create(request);
    const made = message.content.filter((block) => block.type === "tool_use");
    if (!made.length) return { ...told(message), calls };
    calls.push(...made.map((block) => [block.name, block.input]));
    request.messages.push({ role: "assistant", content: message.content });
    request.messages.push({
      role: "user",
      content: made.map((block) => ({
        type: "tool_result",
        tool_use_id: block.id,
        content: weather(block.input),
      })),
    });
  }
}

async function models(job) {
  const ids = [];
  for await (const one of client(job).models.list()) ids.push(one.id);
  return { ids };
}

await serve({
  whole: async (job) => told(await client(job).messages.create(asked(job))),
  count: async (job) => {
    const { model, messages } = asked(job);
    return await client(job).messages.countTokens({ model, messages });
  },
  stream,
  broken,
  leave,
  tools,
  models,
});
