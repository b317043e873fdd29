// Chat with up to three models side by side, see how each answer came about, and break the primary.

import { get, post } from "/ui/api.js";
import { badge, button, failure, field, h, replace, select, toast } from "/ui/dom.js";
import { count, millis, money, NONE, number, target as named } from "/ui/format.js";
import { chat } from "/ui/stream.js";

const MOST = 3;
const EXAMPLES = ["Which city is the capital of France?", "Write a Python function that merges two sorted lists.", "Summarize the rules of chess in three sentences.", "Traduis en anglais : il pleut des cordes."];
const STAGES = ["auth", "classify", "cache", "upstream"];
const kept = { chosen: null, broken: new Set() }; // survives a look at another page

export async function render(place) {
  const [models, prices, routes] = await Promise.all([
    get("/v1/models").catch(() => ({ data: [] })),
    get("/api/models", { limit: 10000 }),
    get("/api/routes"),
  ]);
  const known = {
    names: models.data.map((one) => one.id).filter((name) => !name.includes("*")),
    prices: new Map(prices.models.map((one) => [one.name, one.usd_per_mtok])),
    primaries: new Map(routes.routes.map((one) => [one.name, one.targets[0]?.target])),
  };
  if (!known.names.length) known.names = ["auto", ...known.primaries.keys()];
  kept.chosen ??= [known.names.includes("auto") ? "auto" : known.names[0]];
  const panels = [];
  const columns = h("div", { class: "panels" });
  const options = controls();
  const prompt = h("textarea", { rows: 2, placeholder: "Ask something. Enter sends, Shift+Enter begins a new line.", "aria-label": "Prompt" });
  const send = h("button", { class: "button primary", type: "submit" }, "Send");
  const stop = button("Stop", () => panels.forEach((one) => one.stop()), { disabled: true });
  const add = button("Add a model", () => addPanel(known.names.find((name) => !kept.chosen.includes(name)) ?? known.names[0]));
  const clear = button("Clear", () => {
    panels.forEach((one) => one.clear());
    examples.hidden = false;
  }, { class: "button quiet" });
  const list = h("datalist", { id: "models" }, known.names.map((name) => h("option", { value: name })));

  const examples = h("div", { class: "prompts" }, EXAMPLES.map((text) => button(text, () => {
    prompt.value = text;
    ask();
  }, { class: "button small" })));
  const composer = h("form", { class: "card composer", onsubmit: (event) => {
    event.preventDefault();
    ask();
  } }, examples, prompt,
  h("div", { class: "spread" }, h("div", { class: "row tight" }, send, stop, clear), h("span", { class: "small muted" }, "The same prompt goes to every model above.")),
  h("details", {}, h("summary", {}, "Options"), options.root));
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      ask();
    }
  });

  replace(place, h("div", { class: "page-head" },
    h("div", {}, h("h1", {}, "Playground"), h("p", {}, "Watch how each answer comes about. Break a primary on purpose, and the next target takes over before the first token.")), add),
  list, columns, composer);
  for (const name of kept.chosen) addPanel(name, true);

  async function ask() {
    const text = prompt.value.trim();
    if (!text || panels.some((one) => one.busy())) return;
    prompt.value = "";
    examples.hidden = true;
    send.disabled = true;
    stop.disabled = false;
    await Promise.all(panels.map((one) => one.ask(text, options.read())));
    send.disabled = false;
    stop.disabled = true;
    prompt.focus({ preventScroll: true });
  }

  function addPanel(name, again = false) {
    const one = panel(name, known, () => {
      if (panels.length === 1) return;
      one.stop();
      panels.splice(panels.indexOf(one), 1);
      one.root.remove();
      settle();
    }, settle);
    panels.push(one);
    columns.append(one.root);
    if (!again) one.focus();
    settle();
  }

  function settle() {
    kept.chosen = panels.map((one) => one.model());
    add.disabled = panels.length >= MOST;
    for (const one of panels) one.alone(panels.length === 1);
  }

  return () => panels.forEach((one) => one.stop());
}

function controls() {
  const system = h("textarea", { rows: 2 });
  const temperature = h("input", { type: "number", min: 0, max: 2, step: 0.1, placeholder: "model's own" });
  const most = h("input", { type: "number", min: 1, max: 100000, step: 1, placeholder: "model's own" });
  const cache = select([["", "use it"], ["bypass", "bypass"], ["refresh", "refresh"], ["only", "only the cache"]]);
  const tier = select([["", "none"], ["ultra_economy", "ultra economy"], ["economy", "economy"], ["standard", "standard"], ["premium", "premium"], ["enterprise", "enterprise"]]);
  const key = h("input", { type: "password", autocomplete: "off" });
  return {
    root: h("div", { class: "stack" }, field("System prompt", system),
      h("div", { class: "fields" }, field("Temperature", temperature), field("Most tokens", most), field("Cache", cache), field("Budget tier", tier)),
      field("API key", key, "Where [[auth.key]] is set. It stays in this page and is sent to this proxy only.")),
    read: () => ({ system: system.value.trim(), temperature: temperature.value, most: most.value, cache: cache.value, tier: tier.value, key: key.value.trim() }),
  };
}

function panel(first, known, onclose, onchange) {
  const model = h("input", { list: "models", value: first, spellcheck: "false", autocomplete: "off" });
  const talk = h("div", { class: "talk", role: "log", "aria-label": "Conversation", tabindex: "0" });
  const flip = h("input", { type: "checkbox", role: "switch" });
  const breaking = h("label", { class: "check small" }, flip, h("span", {}, "Break the primary"));
  const what = h("span", { class: "small muted" });
  const close = button("✕", onclose, { class: "button quiet", "aria-label": "Remove this model" });
  let turns = [];
  let running = null;
  let lastTarget = "";

  const primary = () => known.primaries.get(model.value) ?? (model.value.includes("/") ? model.value : lastTarget);
  const showPrimary = () => {
    const name = primary();
    const known = name && !name.includes("*");
    what.textContent = known ? name : "The first answer shows which it is.";
    what.classList.toggle("mono", known);
    flip.disabled = !known;
    flip.checked = kept.broken.has(name);
  };
  const hint = () => replace(talk, h("div", { class: "empty" }, h("p", { class: "muted" }, "The answer appears here, token by token, with what it took.")));
  model.addEventListener("change", () => {
    lastTarget = "";
    showPrimary();
    onchange();
  });
  flip.addEventListener("change", async () => {
    const name = primary();
    try {
      await post(flip.checked ? "/api/breakers/open" : "/api/breakers/reset", { target: name });
      if (flip.checked) kept.broken.add(name);
      else kept.broken.delete(name);
      toast(flip.checked ? `${name} is broken. The next target answers.` : `${name} takes requests again.`);
    } catch (error) {
      flip.checked = !flip.checked;
      toast(error.message, "bad");
    }
  });
  get("/api/breakers").then((doors) => {
    for (const name of kept.broken) if (!doors[name] || doors[name].state === "CLOSED") kept.broken.delete(name);
    for (const [name, door] of Object.entries(doors)) if (door.lastFailure === "by_hand" && door.state !== "CLOSED") kept.broken.add(name);
    showPrimary();
  }).catch(() => {});

  const root = h("section", { class: "card panel", "aria-label": "Model" },
    h("div", { class: "panel-head" }, field("Model", model), close), talk,
    h("div", { class: "spread" }, breaking, what));
  hint();
  showPrimary();

  async function ask(text, options) {
    if (!turns.length) replace(talk);
    turns.push({ role: "user", content: text });
    const said = h("div", { class: "said caret" });
    const thought = h("div", { class: "said thought" });
    const report = h("div", { class: "report", "aria-live": "off" }, h("span", { class: "muted" }, "Waiting for the first token"));
    talk.append(h("div", { class: "said user" }, text), said, report);
    running = new AbortController();
    const seen = { primary: primary(), broken: kept.broken.has(primary()), about: null, first: null, last: null, tokens: 0, usage: null, status: "" };
    let answer = "";
    const show = () => replace(report, describe(seen, known));
    const follow = () => {
      talk.scrollTop = talk.scrollHeight;
    };
    try {
      await chat(bodyOf(model.value, turns, options, kept.broken.has(primary())), { key: options.key, signal: running.signal }, (event) => {
        if (event.kind === "head") seen.about = event.about;
        else if (event.kind === "usage") seen.usage = event.usage;
        else {
          seen.first ??= event.at;
          seen.last = event.at;
          seen.tokens += 1;
          if (event.kind === "thought") {
            if (!thought.isConnected) said.before(thought);
            thought.append(event.text);
          } else {
            answer += event.text;
            said.append(event.text);
          }
        }
        show();
        follow();
      });
      seen.status = "done";
      turns.push({ role: "assistant", content: answer });
    } catch (error) {
      seen.status = error.name === "AbortError" ? "stopped" : "failed";
      if (answer) turns.push({ role: "assistant", content: answer });
      else turns.pop();
      said.after(seen.status === "stopped" ? h("div", {}, badge("Stopped", "warn")) : failure(error));
    }
    running = null;
    said.classList.remove("caret");
    if (!answer) said.remove();
    if (seen.about?.provider) {
      if (!kept.broken.has(lastTarget)) lastTarget = named(seen.about.provider, seen.about.model);
      showPrimary();
    }
    if (seen.about?.provider || seen.first !== null) show();
    else report.remove();
    follow();
    if (seen.about?.id) void costOf(seen, show);
  }

  return {
    root,
    ask,
    model: () => model.value,
    busy: () => running !== null,
    stop: () => running?.abort(),
    focus: () => model.select(),
    alone: (is) => {
      close.disabled = is;
      close.hidden = is;
    },
    clear: () => {
      if (running) return;
      turns = [];
      hint();
    },
  };
}

function bodyOf(model, turns, options, broken) {
  const messages = options.system ? [{ role: "system", content: options.system }, ...turns] : turns;
  const wish = {};
  if (broken || options.cache) wish.cache = options.cache || "bypass"; // a cached answer would hide the fallback
  if (options.tier) wish.budget_tier = options.tier;
  return {
    model, messages,
    ...(options.temperature === "" ? {} : { temperature: Number(options.temperature) }),
    ...(options.most === "" ? {} : { max_tokens: Number(options.most) }),
    ...(Object.keys(wish).length ? { firsttoken: wish } : {}),
  };
}

// The ledger's own figure; it is written within a second of the answer's end.
async function costOf(seen, show) {
  for (let time = 0; time < 4; time += 1) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    try {
      const found = await get("/api/requests", { id: seen.about.id, limit: 10 });
      const row = found.requests.find((one) => one.outcome !== "lost");
      if (row) {
        seen.row = row;
        seen.currency = found.currency;
        show();
        return;
      }
    } catch {
      return;
    }
  }
}

function costs(seen, known) {
  const { row, usage, about } = seen;
  if (row) {
    const name = `cost_${seen.currency.toLowerCase()}`;
    return row.unpriced ? "no price" : money(row[name], seen.currency);
  }
  const rates = known.prices.get(named(about?.provider, about?.model));
  if (!usage || !rates || rates.input === null) return NONE;
  if (about.cache === "exact" || about.cache === "semantic") return money(0);
  return money(((usage.prompt_tokens ?? 0) * rates.input + (usage.completion_tokens ?? 0) * (rates.output ?? 0)) / 1e6);
}

function describe(seen, known) {
  const about = seen.about ?? { stages: [] };
  const written = seen.usage?.completion_tokens ?? seen.tokens;
  const lasted = seen.last !== null && seen.last > seen.first ? (seen.last - seen.first) / 1000 : 0;
  const speed = lasted > 0.005 && seen.tokens > 1 ? (written - 1) / lasted : null;
  const isHit = about.cache === "exact" || about.cache === "semantic";
  const figures = [["First token", millis(seen.first)], ["Tokens / s", number(speed)], ["Tokens", written ? count(written) : NONE], ["Cost", costs(seen, known)]];
  const attempts = Number(about.attempts || 0);
  return [
    h("dl", { class: "figures" }, figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("div", { class: "row tight" },
      about.provider ? badge(named(about.provider, about.model), "accent") : null,
      about.cache ? badge(isHit ? `${about.cache} cache hit` : `cache ${about.cache}`, isHit ? "good" : "") : null,
      about.category ? badge(about.category) : null,
      seen.broken && !isHit && about.provider && named(about.provider, about.model) !== seen.primary ? badge(`fallback from ${seen.primary}`, "warn") : null,
      attempts > 1 ? badge(`${attempts} attempts`, "warn") : null,
      about.route && about.route !== named(about.provider, about.model) ? badge(`route ${about.route}`) : null),
    about.why ? h("div", { class: "muted" }, `Why this target: ${about.why}`) : null,
    about.dropped ? h("div", { class: "muted" }, `Left out for this target: ${about.dropped}`) : null,
    about.stages.length ? stages(about.stages) : null,
  ];
}

function stages(found) {
  const known = found.filter(([name]) => STAGES.includes(name));
  const whole = known.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  return h("details", {}, h("summary", {}, "Stages"), h("div", { class: "timeline" }, known.map(([name, ms], index) => {
    const before = known.slice(0, index).reduce((sum, [, one]) => sum + one, 0);
    return h("div", { class: "timeline-row" }, h("span", {}, name),
      h("div", { class: "track" }, h("span", { "left%": (before / whole) * 100, "width%": (ms / whole) * 100, class: name === "upstream" ? "c3" : "" })),
      h("span", {}, millis(ms)));
  })));
}
