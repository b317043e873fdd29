// The openai package for Node against a proxy: one scenario a run, its outcome as JSON on stdout.
// usage: node openai_node.mjs FOLDER SCENARIO BASE_URL MODEL [KEY]    (FOLDER holds node_modules)

import { createRequire } from "node:module";

const [folder, scenario, baseURL, model, apiKey = "any"] = process.argv.slice(2);
const { OpenAI } = createRequire(`${folder}/`)("openai");
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
const messages = [{ role: "user", content: "Say hello to Zoe." }];

const scenarios = {
  async stream() {
    const stream = await client.chat.completions.create({
      model,
      messages,
      max_tokens: 12,
      stream: true,
      stream_options: { include_usage: true },
    });
    const ids = new Set();
    let text = "";
    let finish = null;
    let usage = null;
    for await (const chunk of stream) {
      ids.add(chunk.id);
      text += chunk.choices[0]?.delta?.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    return { text, finish, usage, ids: ids.size };
  },

  async whole() {
    const { data, response } = await client.chat.completions
      .create({ model, messages, max_tokens: 12 })
      .withResponse();
    return {
      text: data.choices[0].message.content,
      usage: data.usage,
      provider: response.headers.get("x-firsttoken-provider"),
    };
  },

  async models() {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    return { ids };
  },

  async helper() {
    const stream = client.chat.completions.stream({ model, messages, temperature: 0 });
    let deltas = 0;
    stream.on("content", () => (deltas += 1));
    const final = await stream.finalChatCompletion();
    return { deltas, text: final.choices[0].message.content };
  },

  async error() {
    await client.chat.completions.create({ model, messages, stream: true });
    return {};
  },

  async broken() {
    let text = "";
    let finish = null;
    try {
      const stream = await client.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
      }
    } catch (error) {
      return { text, finish, error: error instanceof Error };
    }
    return { text, finish, error: false };
  },

  async leave() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      if (seen === 5) break;
    }
    stream.controller.abort();
    return { seen };
  },
};

let outcome;
try {
  outcome = await scenarios[scenario]();
} catch (error) {
  outcome = {
    thrown: error.constructor.name,
    status: error.status,
    code: error.code,
    type: error.type,
    param: error.param,
    message: error.message,
    retryAfter: error.headers?.get?.("retry-after"),
  };
}
process.stdout.write(JSON.stringify(outcome));
