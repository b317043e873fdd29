// The openai package for Node: chat and Responses.

import OpenAI from "openai";
import { now, serve, weather } from "./loop.mjs";

const client = (job) =>
  new OpenAI({ baseURL: job.base_url, apiKey: job.key, maxRetries: 0, timeout: 60_000 });
const said = (job) => [{ role: "user", content: job.prompt }];
const responses = (job) => job.flavour === "responses";
const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
const used = (usage) => ({
  input: usage?.prompt_tokens ?? usage?.input_tokens,
  output: usage?.completion_tokens ?? usage?.output_tokens,
});

async function whole(job) {
  if (responses(job)) {
    const { data, response } = await client(job)
      .responses.create({ model: job.model, input: job.prompt, max_output_tokens: job.max_tokens })
      .withResponse();
    return {
      text: data.output_text,
      usage: used(data.usage),
      provider: response.headers.get("x-firsttoken-provider"),
    };
  }
  const { data, response } = await client(job)
    .chat.completions.create({ model: job.model, messages: said(job), max_tokens: job.max_tokens })
    .withResponse();
  return {
    text: data.choices[0].message.content,
    usage: used(data.usage),
    provider: response.headers.get("x-firsttoken-provider"),
  };
}

const open = (job) =>
  responses(job)
    ? client(job).responses.create({
        model: job.model,
        input: job.prompt,
        max_output_tokens: job.max_tokens,
        stream: true,
      })
    : client(job).chat.completions.create({
        model: job.model,
        messages: said(job),
        max_tokens: job.max_tokens,
        stream: true,
        stream_options: { include_usage: true },
      });

const piece = (event) =>
  event.type === "response.output_text.delta" ? event.delta : event.choices?.[0]?.delta?.content;

async function stream(job) {
  const ids = new Set();
  let [text, pieces, finish, usage] = ["", 0, null, null];
  for await (const event of await open(job)) {
    if (event.id) ids.add(event.id);
    if (piece(event)) pieces += 1;
    text += piece(event) ?? "";
    finish = event.choices?.[0]?.finish_reason ?? event.response?.status ?? finish;
    usage = event.usage ?? event.response?.usage ?? usage;
  }
  return { text, pieces, finish, usage: used(usage), ids: ids.size };
}

async function broken(job) {
  let [text, finish] = ["", null];
  try {
    for await (const event of await open(job)) {
      text += piece(event) ?? "";
      finish = event.choices?.[0]?.finish_reason ?? finish;
      if (event.type === "response.completed") finish = event.response.status;
    }
  } catch (error) {
    return { text, finish, error: error instanceof OpenAI.APIError };
  }
  return { text, finish, error: false };
}

async function leave(job) {
  const reader = await open(job);
  let [seen, left] = [0, 0];
  for await (const event of reader) {
    if (piece(event)) seen += 1;
    if (seen === job.pieces) {
      left = now();
      break;
    }
  }
  reader.controller.abort();
  return { seen, left };
}

async function toolsOfChat(job) {
  const messages = said(job);
  const tools = [{ type: "function", function: { name: "weather", parameters: PARAMETERS } }];
  const calls = [];
  for (;;) {
    const asked = { model: job.model, messages, tools };
    const message = job.stream
      ? await client(job).chat.completions.stream(asked).finalMessage()
      : (await client(job).chat.completions.create(asked)).choices[0].message;
    if (!message.tool_calls?.length) return { text: message.content, calls };
    messages.push(message);
    for (const call of message.tool_calls) {
      const given = JSON.parse(call.function.arguments);
      calls.push([call.function.name, given]);
      messages.push({ role: "tool", tool_call_id: call.id, content: weather(given) });
    }
  }
}

async function toolsOfResponses(job) {
  const input = said(job);
  const tools = [{ type: "function", name: "weather", parameters: PARAMETERS, strict: true }];
  const calls = [];
  for (;;) {
    const asked = { model: job.model, input, tools };
    const answer = job.stream
      ? await client(job).responses.stream(asked).finalResponse()
      : await client(job).responses.create(asked);
    const made = answer.output.filter((item) => item.type === "function_call");
    if (!made.length) return { text: answer.output_text, calls };
    for (const call of made) {
      const given = JSON.parse(call.arguments);
      calls.push([call.name, given]);
      input.push({
        type: "function_call",
        call_id: call.call_id,
        name: call.name,
        arguments: call.arguments,
      });
      input.push({ type: "function_call_output", call_id: call.call_id, output: weather(given) });
    }
  }
}

async function structured(job) {
  if (responses(job)) {
    const format = { type: "json_schema", name: "person", schema: PERSON, strict: true };
    const asked = { model: job.model, input: job.prompt, temperature: job.temperature, text: { format } };
    return { object: (await client(job).responses.parse(asked)).output_parsed };
  }
  const json_schema = { name: "person", schema: PERSON, strict: true };
  const answer = await client(job).chat.completions.create({
    model: job.model,
    messages: said(job),
    temperature: job.temperature,
    response_format: { type: "json_schema", json_schema },
  });
  return { object: JSON.parse(answer.choices[0].message.content) };
}

async function models(job) {
  const ids = [];
  for await (const one of client(job).models.list()) ids.push(one.id);
  return { ids };
}

await serve({
  whole,
  stream,
  broken,
  leave,
  structured,
  models,
  tools: (job) => (responses(job) ? toolsOfResponses(job) : toolsOfChat(job)),
});
