// The Vercel AI SDK: @ai-sdk/openai (Responses, its default, and chat), @ai-sdk/openai-compatible
// and @ai-sdk/anthropic.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { now, serve, weather } from "./loop.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

function modelOf({ flavour, base_url: baseURL, key: apiKey, model }) {
  switch (flavour) {
    case "responses":
      return createOpenAI({ baseURL, apiKey })(model);
    case "chat":
      return createOpenAI({ baseURL, apiKey }).chat(model);
    case "anthropic":
      return createAnthropic({ baseURL, apiKey })(model);
    default:
      return createOpenAICompatible({
        name: "firsttoken",
        baseURL,
        apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      }).chatModel(model);
  }
}

const asked = (job) => ({
  model: modelOf(job),
  prompt: job.prompt,
  maxOutputTokens: job.max_tokens,
  temperature: job.temperature,
  maxRetries: 0,
});
const used = (usage) => ({ input: usage?.inputTokens, output: usage?.outputTokens });

async function whole(job) {
  const { text, usage, finishReason } = await generateText(asked(job));
  return { text, usage: used(usage), finish: finishReason };
}

/** Reads a stream to its end; what it throws is the error that the stream told of. */
async function read(result) {
  let [text, pieces, finish, failure] = ["", 0, null, null];
  for await (const part of result.fullStream) {
    if (part.type === "text-delta" && part.text) {
      text += part.text;
      pieces += 1;
    }
    if (part.type === "finish") finish = part.finishReason;
    if (part.type === "error") failure = part.error;
  }
  return { text, pieces, finish, failure };
}

async function stream(job) {
  const result = streamText({ ...asked(job), onError() {} });
  const { failure, ...outcome } = await read(result);
  if (failure) throw failure;
  return { ...outcome, usage: used(await result.usage) };
}

async function broken(job) {
  const { failure, ...outcome } = await read(streamText({ ...asked(job), onError() {} }));
  return { ...outcome, error: Boolean(failure) };
}

async function leave(job) {
  const abort = new AbortController();
  const result = streamText({ ...asked(job), abortSignal: abort.signal, onError() {} });
  let [seen, left] = [0, 0];
  for await (const _ of result.textStream) {
    seen += 1;
    if (seen === job.pieces) {
      left = now();
      break;
    }
  }
  abort.abort();
  return { seen, left };
}

async function tools(job) {
  const request = {
    ...asked(job),
    stopWhen: stepCountIs(4),
    tools: {
      weather: tool({
        description: "Tells the weather in a city",
        inputSchema: z.object({ city: z.string() }),
        execute: weather,
      }),
    },
  };
  const result = job.stream ? streamText(request) : await generateText(request);
  const steps = await result.steps;
  const calls = steps.flatMap((step) => step.toolCalls.map((call) => [call.toolName, call.input]));
  return { text: await result.text, calls };
}

async function structured(job) {
  const person = z.object({ name: z.string(), age: z.number() });
  const request = { ...asked(job), output: Output.object({ schema: person }) };
  const result = job.stream ? streamText(request) : await generateText(request);
  return { object: await result.output };
}

await serve({ whole, stream, broken, leave, tools, structured });
