// What happens now: rates, first-token times, money, streams, breakers, GPU.

import { get, post } from "/ui/api.js";
import { bars, lines, spark } from "/ui/chart.js";
import { badge, button, card, cardWith, empty, failure, h, replace, table, toast } from "/ui/dom.js";
import { bytes, count, millis, money, number, percent } from "/ui/format.js";
import { history, watch } from "/ui/live.js";

const LEAST = 30; // seconds of the charts
const MOST = 180;
const DAY_EVERY = 10_000;

function tile(label) {
  const value = h("span", {}, "–");
  const note = h("span", { class: "note" });
  const line = h("dd", { class: "spark-place", "aria-hidden": "true" });
  const root = h("div", { class: "tile" }, h("dt", {}, label), h("dd", {}, value), h("dd", { class: "note" }, note), line);
  return {
    root,
    set(text, more = "", values = null, color = "c1") {
      value.textContent = text;
      note.textContent = more;
      if (values) replace(line, spark(values, color));
    },
  };
}

const span = () => Math.min(MOST, Math.max(LEAST, history.length));
const window = (pick) => history.slice(-MOST).map((one) => pick(one) ?? null);
const padded = (values) => [...Array(span() - values.length).fill(null), ...values];

function meter(name, share, text, color) {
  return h("div", { class: "share-row small" }, h("span", { class: "muted" }, name), h("span", {}, text),
    h("div", { class: "meter", "aria-hidden": "true" }, h("span", { class: color, "width%": Math.min(1, share) * 100 })));
}

// One value for each hour of the day so far, or of the whole of it.
function hoursOf(groups, pick, length = new Date().getUTCHours() + 1) {
  const known = new Map(groups.map((one) => [Number(one.name.slice(11, 13)), pick(one)]));
  return Array.from({ length }, (_, hour) => known.get(hour) ?? 0);
}

export async function render(place) {
  const tiles = {
    rate: tile("Requests / s"), first: tile("First token, p50"), slow: tile("First token, p99"), tokens: tile("Tokens / s"),
    open: tile("Open streams"), spend: tile("Spend today"), saved: tile("Saved today"), hits: tile("Cache hits today"),
  };
  const rate = lines({ label: "Requests per second", format: number, ends: () => [`${span()} s ago`, "now"] });
  const first = lines({ label: "Time to first token", format: millis, ends: () => [`${span()} s ago`, "now"] });
  const tokens = lines({ label: "Tokens per second", format: number, ends: () => [`${span()} s ago`, "now"] });
  const hours = bars({ label: "Requests per hour today", format: count });
  const doors = h("div", {});
  const models = h("div", {});
  const gpu = h("div", {});
  const facts = h("dl", { class: "facts" });
  const trouble = h("div", {});
  const hello = h("div", {});
  const dayPlace = h("div", {}, hours.root);

  replace(place,
    h("div", { class: "page-head" }, h("div", {}, h("h1", {}, "Overview"), h("p", {}, "Every answer this proxy gives, as it gives it."))),
    trouble, hello, h("dl", { class: "tiles" }, Object.values(tiles).map((one) => one.root)),
    h("div", { class: "grid two four" }, card("First token", first.root), card("Traffic", rate.root),
      card("Tokens", tokens.root), cardWith("Today by hour", badge("UTC"), dayPlace)),
    h("div", { class: "uneven" }, cardWith("Models today", h("a", { href: "#/costs", class: "small" }, "All costs"), models),
      h("div", { class: "stack" }, cardWith("Circuit breakers", h("a", { href: "#/providers", class: "small" }, "All providers"), doors), gpu, card("Since the start", facts))));

  let known = "";
  const stop = watch((figures, state) => {
    replace(trouble, state === "lost" ? h("div", { class: "notice bad", role: "alert" }, "The connection to the proxy is lost. Trying again; the figures below are the last ones.") : null);
    if (figures) show(figures);
  });

  function show(figures) {
    if (figures.requests_per_s === undefined) {
      replace(hello, h("div", { class: "notice warn" }, "The ledger is switched off ([ledger] enabled = false), so there are no rates and no spend to show."));
    }
    const gauges = figures.gauges;
    const quick = figures.ttft_ms ?? {};
    tiles.rate.set(number(figures.requests_per_s), figures.errors_per_s ? `${number(figures.errors_per_s)} errors / s` : "no errors", window((one) => one.requests_per_s));
    tiles.first.set(millis(quick.p50), "of the last minute", window((one) => one.ttft_ms?.p50));
    tiles.slow.set(millis(quick.p99), quick.p90 != null ? `p90 ${millis(quick.p90)}` : "", window((one) => one.ttft_ms?.p99), "c2");
    tiles.tokens.set(number(figures.tokens_per_s), "read and written", window((one) => one.tokens_per_s), "c3");
    tiles.open.set(count(gauges.open_answers), `${count(gauges.connections)} connections`, window((one) => one.gauges?.open_answers));
    const labels = padded(history.slice(-MOST).map((one) => new Date(one.time * 1000).toLocaleTimeString("en-GB")));
    rate.update([{ name: "Requests / s", color: "c1", filled: true, values: padded(window((one) => one.requests_per_s)) },
      { name: "Errors / s", color: "c2", values: padded(window((one) => one.errors_per_s)) }], labels);
    first.update([{ name: "p50", color: "c1", filled: true, values: padded(window((one) => one.ttft_ms?.p50)) },
      { name: "p99", color: "c2", values: padded(window((one) => one.ttft_ms?.p99)) }], labels);
    tokens.update([{ name: "Tokens / s", color: "c3", filled: true, values: padded(window((one) => one.tokens_per_s)) }], labels);
    const now = JSON.stringify(figures.breakers);
    if (now !== known) {
      known = now;
      showDoors(figures.breakers);
    }
    showFacts(gauges);
  }

  function showDoors(shut) {
    const names = Object.keys(shut);
    if (names.length === 0) {
      replace(doors, h("div", { class: "empty" }, badge("All closed", "good"), h("p", { class: "muted" }, "Every target takes requests.")));
      return;
    }
    replace(doors, h("ul", { class: "list" }, names.map((name) => h("li", { class: "spread gate" },
      h("span", { class: "row tight named" }, badge(shut[name] === "OPEN" ? "Open" : "Probing", shut[name] === "OPEN" ? "bad" : "warn"), h("span", { class: "mono" }, name)),
      button("Reset", async () => {
        try {
          await post("/api/breakers/reset", { target: name });
          toast(`${name} takes requests again.`);
        } catch (error) {
          toast(error.message, "bad");
        }
      }, { class: "button small", "aria-label": `Reset ${name}` })))));
  }

  function showFacts(gauges) {
    const told = [["Hedged attempts", count(gauges.hedges_total)], ["Breakers opened", count(gauges.breakers_opened_total)],
      ["Answers cached", count(gauges.cache_entries)], ["Cache size", bytes(gauges.cache_bytes)], ["Refused by limits", count(gauges.limited_total)]];
    replace(facts, told.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  function showGpus(found) {
    replace(gpu, found.length ? card(found.length > 1 ? "GPUs" : "GPU", found.map((one) => {
      const share = one.memory_used_bytes / one.memory_total_bytes;
      const hot = one.temperature_celsius >= 90;
      return h("div", { class: "gpu" }, h("div", { class: "spread" }, h("span", {}, `${one.index} · ${one.name}`),
        h("span", { class: "row tight" }, one.temperature_celsius == null ? null : badge(`${number(one.temperature_celsius)} °C`, hot ? "bad" : ""),
          one.power_watts == null ? null : badge(`${number(one.power_watts)} W`), one.ecc_errors ? badge(`${count(one.ecc_errors)} ECC errors`, "bad") : null)),
      meter("Busy", one.utilisation ?? 0, percent(one.utilisation ?? 0), "c1"),
      Number.isFinite(share) ? meter("Memory", share, `${bytes(one.memory_used_bytes)} of ${bytes(one.memory_total_bytes)}`, "c3") : null);
    })) : null);
  }

  function showModels(groups, currency) {
    const busiest = groups.filter((one) => one.requests).sort((a, b) => b.requests - a.requests).slice(0, 8);
    if (!busiest.length) return replace(models, empty("No model was asked today", ""));
    const most = busiest[0].requests;
    return replace(models, table("The models of today, busiest first", [
      { title: "Model", cell: (one) => one.name === "/" ? h("span", { class: "muted" }, "none answered") : one.name },
      { title: "Requests", number: true, cell: (one) => h("span", { class: "row tight end" }, count(one.requests), h("span", { class: "meter mini", "aria-hidden": "true" }, h("span", { "width%": (one.requests / most) * 100 }))) },
      { title: "First token", number: true, cell: (one) => millis(one.ttft_ms.p50) },
      { title: "p99", number: true, cell: (one) => millis(one.ttft_ms.p99) },
      { title: "Failed", number: true, cell: (one) => percent(one.error_rate) },
      { title: "Cost", number: true, cell: (one) => money(one.cost, currency) },
    ], busiest));
  }

  async function today() {
    try {
      const [found, byModel, hardware] = await Promise.all([get("/api/usage", { by: "hour", days: 1 }), get("/api/usage", { by: "model", days: 1 }), get("/api/gpus")]);
      showGpus(hardware.gpus);
      const total = found.total;
      const each = (pick) => hoursOf(found.groups, pick);
      showModels(byModel.groups, found.currency);
      tiles.spend.set(money(total.cost, found.currency), `${count(total.tokens.total)} tokens`, each((one) => one.cost));
      const saved = total.saved_by_cache + total.saved_by_routing;
      tiles.saved.set(money(saved, found.currency), `cache ${money(total.saved_by_cache, found.currency)}`, each((one) => one.saved_by_cache + one.saved_by_routing), "c3");
      tiles.hits.set(percent(total.hit_rate), `${count(total.cache_hits)} of ${count(total.requests)}`, each((one) => one.hit_rate), "c3");
      const asked = hoursOf(found.groups, (one) => one.requests, 24);
      hours.update(asked.map((value, hour) => ({ name: `${String(hour).padStart(2, "0")}:00`, value })));
      replace(dayPlace, hours.root);
      replace(hello, total.requests === 0 ? h("div", { class: "notice" }, h("span", {}, "Nothing was asked today. Point a client at ", h("code", {}, `${location.origin}/v1`), ", or try a prompt."), h("a", { class: "button small", href: "#/playground" }, "Open the playground")) : null);
    } catch (error) {
      if (error.code === "ledger_unavailable") replace(dayPlace, empty("No ledger", error.message));
      else replace(dayPlace, failure(error, today));
    }
  }
  await today();
  const timer = setInterval(today, DAY_EVERY);
  return () => {
    stop();
    clearInterval(timer);
  };
}
