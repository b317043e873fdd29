// Providers: whether they answer, their breakers, the deadlines learned, and whose key is missing.

import { get, post } from "/ui/api.js";
import { badge, button, card, cardWith, empty, failure, h, loading, replace, table, toast } from "/ui/dom.js";
import { count, percent, seconds } from "/ui/format.js";

const EVERY = 3000;
const WORDS = { by_hand: "opened by hand", key_refused: "key refused", model_unknown: "model unknown", rate_limited: "rate limited" };

export async function render(place) {
  const result = h("div", { class: "stack" }, loading(6));
  const resetAll = button("Reset all breakers", () => change("/api/breakers/reset", {}, "All breakers are closed."));
  replace(place, h("div", { class: "page-head" },
    h("div", {}, h("h1", {}, "Providers"), h("p", {}, "A breaker that opens keeps requests away from a target that fails; probes find out when it is well again.")), resetAll), result);
  let drawn = "";

  async function change(path, body, words) {
    try {
      await post(path, body);
      toast(words);
      drawn = "";
      await load();
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  async function load() {
    try {
      const [found, deadlines] = await Promise.all([get("/api/providers"), get("/api/deadlines")]);
      const now = JSON.stringify([found, deadlines]);
      if (now === drawn || (drawn && result.contains(document.activeElement))) return;
      drawn = now;
      draw(found.providers, deadlines);
    } catch (error) {
      drawn = "";
      replace(result, failure(error, load));
    }
  }

  function draw(providers, deadlines) {
    const own = providers.filter((one) => one.configured);
    const others = providers.filter((one) => !one.configured);
    resetAll.disabled = own.every((one) => one.healthy);
    replace(result,
      own.length ? h("div", { class: "grid" }, own.map(showProvider)) : card("Providers", empty("No provider is configured", "Put a key into the environment, such as OPENAI_API_KEY, and restart.")),
      card("Deadlines learned", deadlines.length ? table("First-token deadlines by target and prompt size", [
        { title: "Target", cell: (one) => h("span", { class: "mono" }, one.target) },
        { title: "Prompts below", number: true, cell: (one) => `${count(one.prompt_bytes_below)} bytes` },
        { title: "Seen", number: true, cell: (one) => count(one.observations) },
        { title: "Usual (p50)", number: true, cell: (one) => seconds(one.p50_s) },
        { title: "Slow (p95)", number: true, cell: (one) => seconds(one.p95_s) },
        { title: "Never came", number: true, cell: (one) => percent(one.silent_share) },
        { title: "Deadline", number: true, cell: (one) => h("b", {}, seconds(one.deadline_s)) },
        { title: "For", cell: (one) => one.reasoning ? badge("reasoning") : "answers" },
      ], deadlines) : empty("Nothing learned yet", "After some answers, each target's usual first-token time sets its deadline.")),
      others.length ? h("details", { class: "card" }, h("summary", {}, `${others.length} more providers, waiting for a key`),
        table("Providers without a key", [
          { title: "Provider", cell: (one) => one.name },
          { title: "Speaks", cell: (one) => one.dialect },
          { title: "Set one of", cell: (one) => h("code", {}, one.environment.join(", ") || "–") },
        ], others)) : null);
  }

  function showProvider(one) {
    const doors = Object.entries(one.breakers);
    return cardWith(one.name, badge(one.healthy ? "Healthy" : "Trouble", one.healthy ? "good" : "bad"),
      h("dl", { class: "facts" }, [
        ["Host", h("span", { class: "mono" }, one.host)], ["Speaks", `${one.dialect}${one.tls ? " over TLS" : ""}`],
        ["Key", badge(one.key + (one.keys > 1 ? ` (${one.keys})` : ""), { present: "good", missing: "bad" }[one.key])],
        one.max_context_tokens ? ["Context", `${count(one.max_context_tokens)} tokens`] : null,
        one.capabilities.length ? ["Can", one.capabilities.join(", ")] : null,
      ].filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      doors.length ? h("ul", { class: "list doors" }, doors.map(([name, door]) => showDoor(one, name, door))) : null);
  }

  function showDoor(provider, name, door) {
    const shut = door.state !== "CLOSED";
    const model = name.slice(provider.name.length + 1);
    const why = [shut && door.lastFailure ? WORDS[door.lastFailure] ?? door.lastFailure.replaceAll("_", " ") : null,
      door.failureCount ? `${count(door.failureCount)} failures in a row` : null,
      shut && door.nextAttemptTime ? `next probe in ${Math.ceil(door.nextAttemptTime)} s` : null].filter(Boolean).join(" · ");
    return h("li", {}, h("div", { class: "spread gate" },
      h("span", { class: "row tight named" }, badge({ CLOSED: "Closed", OPEN: "Open", HALF_OPEN: "Probing" }[door.state], { CLOSED: "good", OPEN: "bad" }[door.state] ?? "warn"), h("span", { class: "mono" }, model)),
      shut ? button("Reset", () => change("/api/breakers/reset", { target: name }, `${name} takes requests again.`), { class: "button small", "aria-label": `Reset ${name}` })
        : button("Open", () => change("/api/breakers/open", { target: name }, `${name} takes no requests.`), { class: "button small", "aria-label": `Open the breaker of ${name}` })),
    why ? h("div", { class: "muted small" }, why) : null);
  }

  await load();
  const timer = setInterval(() => document.hidden || load(), EVERY);
  return () => clearInterval(timer);
}
