// The cache: what it holds and saves, why two prompts share an answer, and how to forget.

import { call, get, post } from "/ui/api.js";
import { badge, button, card, cardWith, confirm, empty, failure, field, h, loading, replace, table, toast } from "/ui/dom.js";
import { bytes, count, money, percent, seconds, target } from "/ui/format.js";

const PAGE = 50;

export async function render(place) {
  const tiles = h("dl", { class: "tiles six" });
  const result = h("div", {}, loading());
  const pattern = h("input", { type: "search", placeholder: "*weather*", spellcheck: "false" });
  const category = h("input", { type: "search" });
  const tag = h("input", { type: "search" });
  let rows = [];
  let next = null;

  const wanted = () => Object.fromEntries([["pattern", pattern.value.trim()], ["category", category.value.trim()], ["tag", tag.value.trim()]].filter(([, value]) => value));
  const reload = () => Promise.all([stats(), browse(false)]);
  const search = h("form", { class: "fields", onsubmit: (event) => {
    event.preventDefault();
    void browse(false);
  } }, field("Prompt like", pattern), field("Category", category), field("Tag", tag),
  h("div", { class: "row tight" }, h("button", { class: "button" }, "Search"), button("Forget these", forget, { class: "button danger" })));

  replace(place, h("div", { class: "page-head" }, h("div", {}, h("h1", {}, "Cache"), h("p", {}, "Questions already answered, in the same words or in others that mean the same."))),
    tiles, explainer(), card("Entries", search, h("div", { class: "below" }, result)));

  async function stats() {
    try {
      const [found, used] = await Promise.all([get("/api/cache"), get("/api/usage", { by: "cache", days: 30 }).catch(() => null)]);
      const hits = found.exact_hits + found.semantic_hits;
      const asked = hits + found.misses;
      const one = (name, value, note, share) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, value), h("dd", { class: "note" }, note),
        share === undefined ? null : h("dd", { class: "meter" }, h("span", { "width%": Math.min(100, share * 100) })));
      replace(tiles, one("Hit rate", asked ? percent(hits / asked) : "–", `${count(hits)} of ${count(asked)}`, asked ? hits / asked : 0),
        one("In the same words", count(found.exact_hits), "exact hits"), one("In other words", count(found.semantic_hits), `${count(found.guarded)} stopped by a guard`),
        used ? one("Saved", money(used.total.saved_by_cache, used.currency), "in 30 days") : one("Saved", money(found.saved_usd), "since the start"), one("Entries", count(found.entries), `${count(found.vectors)} by meaning`),
        one("Size", bytes(found.bytes), `of ${bytes(found.max_bytes)}`, found.bytes / found.max_bytes));
    } catch (error) {
      replace(tiles, failure(error, stats));
    }
  }

  async function browse(more) {
    try {
      const found = await get("/api/cache/entries", { ...wanted(), limit: PAGE, after: more ? next : undefined });
      rows = more ? [...rows, ...found.entries] : found.entries;
      ({ next } = found);
      draw();
    } catch (error) {
      replace(result, failure(error, () => browse(false)));
    }
  }

  function draw() {
    if (!rows.length) {
      const filtered = Object.keys(wanted()).length;
      replace(result, empty(filtered ? "Nothing fits" : "The cache is empty", filtered ? "A * stands for anything: *weather* finds every prompt with that word." : "Complete answers appear here as they are given."));
      return;
    }
    replace(result, table("Cache entries, most recently used first", [
      { title: "Prompt", class: "wrap", cell: (one) => h("button", { type: "button", class: "row-open" }, one.text.length > 120 ? `${one.text.slice(0, 120)}…` : one.text || "(empty)") },
      { title: "Answered by", cell: (one) => target(one.provider, one.model) },
      { title: "Category", cell: (one) => one.category || "–" },
      { title: "Hits", number: true, cell: (one) => count(one.hits) },
      { title: "Size", number: true, cell: (one) => bytes(one.size_bytes) },
      { title: "Age", number: true, cell: (one) => seconds(one.age_s) },
      { title: "Ends in", number: true, cell: (one) => one.pinned ? badge("pinned", "accent") : one.expires_in_s === null ? "never" : seconds(one.expires_in_s) },
    ], rows, { onrow: look }), next === null ? null : h("div", { class: "more" }, button("More", () => browse(true))));
  }

  async function forget() {
    const what = wanted();
    const all = Object.keys(what).length === 0;
    if (!(await confirm(all ? "Forget the whole cache?" : "Forget every entry that fits?", all ? "Every question is asked anew from then on." : Object.entries(what).map(([name, value]) => `${name} ${value}`).join(", "), "Forget"))) return;
    try {
      const found = await post("/api/cache/invalidate", what);
      toast(`${count(found.invalidated)} entries are forgotten.`);
      await reload();
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  async function look(row) {
    const body = h("div", { class: "stack" }, loading());
    const dialog = h("dialog", { class: "dialog drawer", "aria-label": "Cache entry" }, body);
    const path = `/api/cache/entries/${row.id}`;
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
    const then = async (work, words) => {
      try {
        await work();
        toast(words);
        dialog.close();
        await reload();
      } catch (error) {
        toast(error.message, "bad");
      }
    };
    try {
      const one = await get(path);
      replace(body, h("div", { class: "spread" }, h("h2", {}, "Cache entry"), button("Close", () => dialog.close(), { class: "button small" })),
        h("div", { class: "said user" }, one.text), h("div", { class: "said answer" }, textOf(one.answer)),
        h("dl", { class: "facts" }, [["Answered by", target(one.provider, one.model)], ["Category", one.category || "–"], ["Language", one.language || "–"], ["Tags", one.tags.join(", ") || "–"],
          ["Hits", count(one.hits)], ["Age", seconds(one.age_s)], ["Ends in", one.pinned ? "pinned" : one.expires_in_s === null ? "never" : seconds(one.expires_in_s)], ["Size", bytes(one.size_bytes)]].map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
        h("div", { class: "row end" }, button(one.pinned ? "Unpin" : "Pin", () => then(() => post(`${path}/pin`, { pinned: !one.pinned }), one.pinned ? "It may be dropped again." : "It is kept whatever its age.")),
          button("Forget", () => then(() => call("DELETE", path), "The entry is forgotten."), { class: "button danger" })));
    } catch (error) {
      replace(body, failure(error), button("Close", () => dialog.close()));
    }
  }

  await reload();
}

function textOf(answer) {
  const choice = answer?.choices?.[0];
  const content = choice?.message?.content ?? choice?.text ?? answer?.content ?? answer;
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map((one) => one.text ?? "").join("");
  return JSON.stringify(answer, null, 2);
}

function explainer() {
  const a = h("textarea", { rows: 2, placeholder: "Which city is the capital of France?" });
  const b = h("textarea", { rows: 2, placeholder: "Tell me the capital of France" });
  const result = h("div", { "aria-live": "polite" });
  const explain = async (event) => {
    event.preventDefault();
    try {
      replace(result, verdict(await post("/api/cache/explain", { a: a.value || a.placeholder, b: b.value || b.placeholder })));
    } catch (error) {
      replace(result, failure(error));
    }
  };
  return cardWith("Would one answer serve both?", null, h("form", { class: "stack", onsubmit: explain },
    h("div", { class: "grid" }, field("A was answered", a), field("B is asked", b)), h("div", {}, h("button", { class: "button" }, "Explain"))), result);
}

function verdict(found) {
  const failed = found.guards.filter((one) => !one.pass);
  const needed = found.required;
  return h("div", { class: "stack below" },
    h("div", { class: `notice ${found.hit ? "" : "warn"}` }, h("b", {}, found.hit ? "Yes: B gets A's answer." : "No: B is asked anew."),
      h("span", {}, `similarity ${found.similarity.toFixed(3)}`, needed === null ? ", and no similarity would be enough" : `, ${needed.toFixed(3)} needed`)),
    h("div", { class: "meter", "aria-hidden": "true" }, h("span", { class: found.hit ? "c3" : "c2", "width%": Math.max(0, found.similarity) * 100 })),
    h("div", { class: "row tight" }, [...failed, ...found.guards.filter((one) => one.pass)].map((one) => badge(one.pass ? `✓ ${one.name}` : `✕ ${one.name}: ${one.why}`, one.pass ? "good" : "bad"))));
}
