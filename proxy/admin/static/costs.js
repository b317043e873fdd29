// What it cost and saved, by anything; the forecast, the budgets, and files to take away.

import { get, query } from "/ui/api.js";
import { bars } from "/ui/chart.js";
import { badge, card, cardWith, empty, failure, field, h, loading, replace, select, table } from "/ui/dom.js";
import { count, day, millis, money, number, percent, seconds } from "/ui/format.js";

const BY = [["provider", "Provider"], ["model", "Model"], ["category", "Category"], ["route", "Route"], ["key", "Key"], ["task_type", "Use case"], ["tag", "Tag"], ["cache", "Cache result"], ["outcome", "Outcome"]];
const PERIODS = [[7, "7 days"], [30, "30 days"], [90, "90 days"], [365, "1 year"]];
const SHOWN = 30;

export async function render(place) {
  let days = 30;
  let by = "model";
  let currency = "USD";
  const short = (value) => money(value, currency);
  const daily = bars({ label: "Cost per day", format: short });
  const ahead = bars({ label: "Expected cost of the coming days", format: short });
  const tiles = h("dl", { class: "tiles six" });
  const dailyPlace = h("div", {}, loading());
  const aheadPlace = h("div", {}, loading());
  const groups = h("div", {}, loading());
  const limits = h("div", {}, loading(2));
  const files = h("div", { class: "row" });
  const trouble = h("div", {});
  const periods = h("div", { class: "segments", role: "group", "aria-label": "Period" }, PERIODS.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": String(value === days), onclick: (event) => {
      days = value;
      for (const one of periods.children) one.setAttribute("aria-pressed", String(one === event.currentTarget));
      void load();
    } }, text)));
  const chooser = select(BY, { value: by, "aria-label": "Group by", onchange: (event) => {
    by = event.target.value;
    void loadGroups();
  } });

  replace(place, h("div", { class: "page-head" }, h("div", {}, h("h1", {}, "Costs"), h("p", {}, "To the token, in the prices of the day; days are UTC.")), periods),
    trouble, tiles, h("div", { class: "grid two" }, card("Cost per day", dailyPlace), cardWith("The next 30 days", badge("80 % interval"), aheadPlace)),
    cardWith("By group", h("div", { class: "chooser" }, chooser), groups),
    h("div", { class: "grid" }, card("Limits and budgets", limits), card("Take it away", h("p", { class: "muted" }, "Every request of the period, or the sums, for a spreadsheet or a script."), files)));

  async function load() {
    replace(files, [["Requests, CSV", "/api/usage/export", { format: "csv", days }], ["Requests, JSON lines", "/api/usage/export", { format: "json", days }],
      ["Sums by day, CSV", "/api/usage", { by: "day", format: "csv", days }], ["Sums by model, CSV", "/api/usage", { by: "model", format: "csv", days }]]
      .map(([text, path, params]) => h("a", { class: "button small", href: path + query(params), download: "" }, text)));
    try {
      const found = await get("/api/usage", { by: "day", days });
      currency = found.currency;
      replace(trouble);
      showTotals(found);
      showDays(found);
    } catch (error) {
      replace(trouble, failure(error, load));
      replace(tiles);
      replace(dailyPlace, empty("No figures"));
    }
    await Promise.all([loadGroups(), loadForecast(), loadLimits()]);
  }

  function showTotals(found) {
    const total = found.total;
    const one = (name, value, note) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, value), h("dd", { class: "note" }, note));
    replace(tiles, one("Spent", short(total.cost), total.unpriced ? `${count(total.unpriced)} unpriced` : `${short(total.requests ? total.cost / total.requests : 0)} a request`),
      one("Saved by the cache", short(total.saved_by_cache), `${percent(total.hit_rate)} of requests`),
      one("Saved by routing", short(total.saved_by_routing), found.reference_model ? `against ${found.reference_model}` : "no reference model"),
      one("Requests", count(total.requests), `${percent(total.error_rate)} failed`),
      one("Tokens", count(total.tokens.total), `${number(total.tokens.prompt)} in, ${number(total.tokens.completion)} out`),
      one("First token, p50", millis(total.ttft_ms.p50), `p99 ${millis(total.ttft_ms.p99)}`));
  }

  function showDays(found) {
    const byDay = new Map(found.groups.map((one) => [one.name, one.cost]));
    const rows = [];
    for (let at = Date.parse(found.since); at <= Date.parse(found.until); at += 86_400_000) {
      const name = new Date(at).toISOString().slice(0, 10);
      rows.push({ name: day(name), title: name, value: byDay.get(name) ?? 0 });
    }
    replace(dailyPlace, found.total.requests ? daily.root : empty("Nothing spent yet", "Each day gets its bar with its first request."));
    daily.update(rows);
  }

  async function loadGroups() {
    try {
      const found = await get("/api/usage", { by, days });
      showGroups(found);
    } catch (error) {
      replace(groups, failure(error, loadGroups));
    }
  }

  function showGroups(found) {
    if (!found.groups.length) {
      replace(groups, empty("Nothing to group", "There was no such request in this period."));
      return;
    }
    const most = Math.max(...found.groups.map((one) => one.cost), 0) || 1;
    const columns = [
      { title: BY.find(([name]) => name === by)[1], cell: (one) => one.name.replace(/^\/+$/, "") || h("span", { class: "muted" }, "none") },
      { title: "Cost", number: true, cell: (one) => short(one.cost) },
      { title: h("span", { class: "hidden" }, "Share"), class: "share", cell: (one) => h("div", { class: "meter", "aria-hidden": "true" }, h("span", { "width%": (one.cost / most) * 100 })) },
      { title: "Requests", number: true, cell: (one) => count(one.requests) },
      { title: "Failed", number: true, cell: (one) => percent(one.error_rate) },
      { title: "Cache hits", number: true, cell: (one) => percent(one.hit_rate) },
      { title: "Tokens", number: true, cell: (one) => count(one.tokens.total) },
      { title: "First token p50", number: true, cell: (one) => millis(one.ttft_ms.p50) },
      { title: "p99", number: true, cell: (one) => millis(one.ttft_ms.p99) },
      { title: "Saved", number: true, cell: (one) => short(one.saved_by_cache + one.saved_by_routing) },
    ];
    replace(groups, table(`Usage by ${by}`, columns, found.groups.slice(0, SHOWN)),
      found.groups.length > SHOWN ? h("p", { class: "more muted" }, `The ${SHOWN} dearest of ${count(found.groups.length)}; the file has all.`) : null);
  }

  async function loadForecast() {
    try {
      const found = await get("/api/forecast", { days: 30 });
      if (!found.days.length) {
        replace(aheadPlace, empty("Too early to tell", `This month so far: ${money(found.month_so_far, found.currency)}. A forecast begins with the second day of spend.`));
        return;
      }
      currency = found.currency;
      replace(aheadPlace, h("p", { class: "muted" }, `This month so far ${short(found.month_so_far)}, by its end about `, h("b", {}, short(found.month_projected)), `. From ${count(found.history_days)} days, ${found.method.replaceAll("_", " ")}.`), ahead.root);
      ahead.update(found.days.map((one) => ({ name: day(one.day), title: one.day, value: one.expected, low: one.low, high: one.high, soft: true })));
    } catch (error) {
      replace(aheadPlace, failure(error, loadForecast));
    }
  }

  async function loadLimits() {
    try {
      const found = await get("/api/limits");
      replace(limits, found.limits.length ? h("ul", { class: "list" }, found.limits.map((one) => {
        const isMoney = one.kind.startsWith("budget");
        const show = (value) => isMoney ? money(value, found.currency) : count(value);
        const share = one.limit ? one.used / one.limit : 0;
        return h("li", { class: "share-row" }, h("span", {}, h("b", {}, one.name || one.scope), ` ${one.kind.replaceAll("_", " ")}`),
          h("span", {}, `${show(one.used)} of ${show(one.limit)}`),
          h("div", { class: "meter", role: "img", "aria-label": `${percent(share, 0)} used` }, h("span", { class: share >= 1 ? "bad" : share >= 0.8 ? "c2" : "", "width%": Math.min(100, share * 100) })),
          one.reset_seconds ? h("span", { class: "muted small" }, `resets in ${seconds(one.reset_seconds)}`) : null);
      })) : empty("No limits are set", "budget_usd_per_month, requests_per_minute and the like go with [[auth.key]], [[route]] or [ledger]."));
    } catch (error) {
      replace(limits, failure(error, loadLimits));
    }
  }

  await load();
}
