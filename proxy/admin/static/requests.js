// Single requests, newest first, and how each one went. There is no prompt text in the ledger.

import { get } from "/ui/api.js";
import { badge, button, empty, failure, field, h, loading, replace, select, table } from "/ui/dom.js";
import { count, millis, money, number, target, time } from "/ui/format.js";

const PAGE = 50;
const EVERY = 3000;
const GROUPS = ["route", "model", "provider", "category", "key"];
const KINDS = { ok: "good", error: "bad", broken: "bad", cancelled: "warn", lost: "" };
const CACHES = { exact: "good", semantic: "good" };

export async function render(place) {
  const filters = {};
  const result = h("div", {}, loading(8));
  const fresh = h("input", { type: "checkbox", checked: true });
  const id = h("input", { type: "search", placeholder: "req_…", spellcheck: "false" });
  const controls = h("div", { class: "fields narrow" });
  let rows = [];
  let next = null;
  let currency = "USD";
  let turn = 0;
  let drawn = "";

  const reload = () => load(false);
  controls.append(field("Outcome", chooser("outcome", ["ok", "error", "cancelled", "broken", "lost"])),
    field("Cache", chooser("cache", ["miss", "exact", "semantic", "bypass"])));
  const choices = await Promise.all(GROUPS.map((by) => get("/api/usage", { by, days: 30 }).then((found) => found.groups.map((one) => one.name)).catch(() => [])));
  GROUPS.forEach((by, index) => {
    const values = by === "model" ? [...new Set(choices[index].map((name) => name.slice(name.indexOf("/") + 1)))] : choices[index];
    controls.append(field(by[0].toUpperCase() + by.slice(1), chooser(by, values.filter(Boolean))));
  });
  controls.append(field("Request id", id));
  id.addEventListener("change", () => {
    filters.id = id.value.trim();
    void reload();
  });
  fresh.addEventListener("change", () => fresh.checked && reload());

  function chooser(name, values) {
    return select([["", "all"], ...values], { onchange: (event) => {
      filters[name] = event.target.value;
      void reload();
    } });
  }

  replace(place, h("div", { class: "page-head" },
    h("div", {}, h("h1", {}, "Requests"), h("p", {}, "What was asked of whom, how fast it came and what it cost. Prompts and answers are never written down.")),
    h("label", { class: "check" }, fresh, "Keep fresh")),
  h("section", { class: "card", "aria-label": "Filters" }, controls), h("section", { class: "card", "aria-label": "Requests" }, result));

  async function load(more) {
    turn += 1;
    const mine = turn;
    try {
      const found = await get("/api/requests", { ...filters, limit: PAGE, before: more ? next : undefined });
      if (mine !== turn) return;
      rows = more ? [...rows, ...found.requests] : found.requests;
      ({ next, currency } = found);
      draw();
    } catch (error) {
      if (mine === turn) {
        drawn = "";
        replace(result, failure(error, reload));
      }
    }
  }

  function draw() {
    const now = JSON.stringify([rows, next]);
    if (now === drawn || (drawn && result.contains(document.activeElement) && document.activeElement.closest("tbody"))) return;
    drawn = now;
    if (!rows.length) {
      const filtered = Object.values(filters).some(Boolean);
      replace(result, empty(filtered ? "Nothing fits these filters" : "No requests yet",
        filtered ? "Choose fewer of them." : "The first one appears here within a second.",
        filtered ? null : h("a", { class: "button", href: "#/playground" }, "Ask something")));
      return;
    }
    const cost = `cost_${currency.toLowerCase()}`;
    replace(result, table("Requests, newest first", [
      { title: "Time", cell: (one) => h("button", { type: "button", class: "row-open", "aria-label": `Details of the request at ${time(one.time)}` }, time(one.time)) },
      { title: "Outcome", cell: (one) => badge(one.outcome === "error" && one.status ? `error ${one.status}` : one.outcome, KINDS[one.outcome]) },
      { title: "Route", cell: (one) => one.route },
      { title: "Answered by", cell: (one) => target(one.provider, one.model) },
      { title: "Category", cell: (one) => one.category },
      { title: "Cache", cell: (one) => badge(one.cache || "–", CACHES[one.cache]) },
      { title: "Tries", number: true, cell: (one) => one.attempts },
      { title: "First token", number: true, cell: (one) => millis(one.ttft_ms) },
      { title: "Total", number: true, cell: (one) => millis(one.total_ms) },
      { title: "Tokens", number: true, cell: (one) => `${count(one.prompt)} + ${count(one.completion)}` },
      { title: "Cost", number: true, cell: (one) => one.unpriced ? h("span", { class: "muted" }, "no price") : `${one.estimated ? "~" : ""}${money(one[cost], currency)}` },
      { title: "Key", cell: (one) => one.key },
    ], rows, { onrow: open }), next === null ? null : h("div", { class: "more" }, button("Older requests", () => {
      fresh.checked = false;
      document.activeElement.blur();
      void load(true);
    })));
  }

  async function open(row) {
    const body = h("div", { class: "stack" }, loading());
    const dialog = h("dialog", { class: "dialog drawer", "aria-label": "Request" }, body);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
    try {
      const found = await get("/api/requests", { id: row.id, limit: 20 });
      replace(body, detail(row, found.requests, found.currency, () => dialog.close()));
    } catch (error) {
      replace(body, failure(error), button("Close", () => dialog.close()));
    }
  }

  await load(false);
  const timer = setInterval(() => fresh.checked && !document.hidden && load(false), EVERY);
  return () => clearInterval(timer);
}

function detail(row, all, currency, close) {
  const main = all.find((one) => one.outcome !== "lost") ?? row;
  const unit = currency.toLowerCase();
  const amount = (name) => money(main[`${name}_${unit}`], currency);
  const writing = main.ttft_ms === null ? 0 : (main.total_ms - main.ttft_ms) / 1000;
  const facts = [
    ["Request id", h("span", { class: "mono" }, main.id)], ["Time", new Date(main.time).toLocaleString("en-GB")],
    ["Key", main.key], ["Route", main.route], ["Category", main.category || "–"], ["Use case", main.task_type],
    ["Answered by", target(main.provider, main.model)], ["Cache", main.cache], ["Attempts", main.attempts],
    ["Streamed", main.stream ? "yes" : "no"], ["Status", main.status || "–"], ["Error", main.error],
    ["Tokens", `${count(main.prompt)} read (${count(main.cached)} cached), ${count(main.completion)} written (${count(main.reasoning)} reasoning)`],
    ["Speed", writing > 0.005 && main.completion > 1 ? `${number((main.completion - 1) / writing)} tokens / s` : null],
    ["Cost", main.unpriced ? "nobody knows this model's price" : `${amount("cost")}${main.estimated ? " (tokens estimated)" : ""}`],
    ["Saved", main[`saved_${unit}`] ? amount("saved") : null], ["Reference", amount("reference")], ["Tags", main.tags.join(", ")],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return [
    h("div", { class: "spread" }, h("h2", {}, "How it went"), h("span", { class: "row tight" }, badge(main.outcome, KINDS[main.outcome]), button("Close", close, { class: "button small" }))),
    timeline(main, all.filter((one) => one.outcome === "lost")), h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  ];
}

// What each reason of an attempt that did not answer means to a reader.
const WHY = { overtaken: "overtaken", stalled: "too slow, given up", cancelled: "stopped" };

function timeline(main, lost) {
  const trail = main.trail.length ? main.trail : lost.map((one) => ({ target: target(one.provider, one.model), from_ms: 0, to_ms: one.total_ms, why: "overtaken" }));
  const whole = Math.max(main.total_ms, ...trail.map((one) => one.to_ms), 0.001);
  const bar = (name, from, to, kind, note) => h("div", { class: "timeline-row" }, h("span", { title: name }, name),
    h("div", { class: "track" }, h("span", { class: kind, "left%": (from / whole) * 100, "width%": Math.max(0.4, ((to - from) / whole) * 100) })), h("span", {}, note ?? millis(to - from)));
  const isHit = main.cache === "exact" || main.cache === "semantic";
  const first = main.ttft_ms;
  let at = 0;
  const stages = [["Who asks", main.auth_ms], ["What kind", main.classify_ms], ["In the cache?", main.cache_ms]].filter(([, took]) => took > 0)
    .map(([name, took]) => bar(name, at, at += took, "c4"));
  const began = first === null ? null : Math.max(0, first - (main.upstream_ms ?? 0));
  return h("div", { class: "timeline" }, stages,
    trail.map((one) => bar(one.target, one.from_ms, one.to_ms, "lost", `${millis(one.to_ms - one.from_ms)}, ${WHY[one.why] ?? one.why.replaceAll("_", " ")}`)),
    first === null ? (trail.length ? null : bar("No token came", 0, main.total_ms, "lost"))
      : [bar(isHit ? "Found in the cache" : `First token of ${target(main.provider, main.model)}`, isHit ? at : began, first, "c2"),
        bar(main.stream ? "Streaming" : "The rest", first, main.total_ms, "c3")]);
}
