// Routes and categories: see and change them, and test where a prompt would go.

import { get, post, remove } from "/ui/api.js";
import { badge, button, card, cardWith, confirm, empty, failure, field, h, loading, replace, select, table, toast } from "/ui/dom.js";
import { count, money, percent, seconds } from "/ui/format.js";

const STRATEGIES = ["ordered", "weighted", "fastest", "cheapest"];
const STALL = { hedge: "stalls hedged", switch: "stalls left" };
const BREAK = { continue: "breaks continued", error: "breaks told" };
const lines = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);

export async function render(place) {
  const routes = h("div", { class: "grid two" }, loading());
  const categories = h("div", {}, loading());
  let known = [];

  replace(place, h("div", { class: "page-head" },
    h("div", {}, h("h1", {}, "Routes & categories"), h("p", {}, "A route is a model name that clients ask for. Requests for auto go to their category's targets.")),
    button("Add a route", () => editRoute(null), { class: "button primary" })), tester(() => known), routes,
  cardWith("Categories", button("Add a category", () => editCategory(null), { class: "button small" }), categories));

  async function load() {
    try {
      const [r, c] = await Promise.all([get("/api/routes"), get("/api/categories")]);
      showRoutes(r);
      showCategories(c);
    } catch (error) {
      replace(routes, failure(error, load));
    }
  }

  function showRoutes(found) {
    if (!found.routes.length) {
      replace(routes, card("Routes", empty("No routes yet", "Without one, clients ask for auto, provider/model or a model's own name.", button("Add a route", () => editRoute(null)))));
      return;
    }
    replace(routes, found.routes.map((one) => cardWith(h("span", { class: "mono" }, one.name),
      h("span", { class: "row tight" }, button("Edit", () => editRoute(one), { class: "button small", "aria-label": `Edit route ${one.name}` }),
        button("Remove", () => drop("route", one.name), { class: "button small danger", "aria-label": `Remove route ${one.name}` })),
      h("div", { class: "row tight" }, badge(one.strategy, "accent"), badge(`first token ${typeof one.first_token_ms === "number" ? `${one.first_token_ms} ms` : one.first_token_ms}`),
        badge(STALL[one.on_stall]), badge(BREAK[one.on_break]), badge(one.cache ? "cached" : "not cached", one.cache ? "" : "warn")),
      h("ol", { class: "targets" }, one.targets.map((target) => showTarget(target, one))))));
  }

  function showTarget(one, route) {
    const rates = one.usd_per_mtok;
    const deadline = typeof route.first_token_ms === "number" ? route.first_token_ms / 1000 : one.first_token_s;
    return h("li", {}, h("div", { class: "spread" }, h("span", { class: "mono" }, one.target),
      badge({ CLOSED: "takes requests", OPEN: "breaker open", HALF_OPEN: "probing" }[one.breaker] ?? one.breaker, { CLOSED: "good", OPEN: "bad" }[one.breaker] ?? "warn")),
    h("div", { class: "muted small" }, [one.first_token_s === undefined ? "model from the request" : `deadline ${seconds(deadline)}`,
      rates?.input != null ? `${money(rates.input)} in, ${money(rates.output)} out per million` : "no price",
      one.context_tokens ? `${count(one.context_tokens)} tokens of context` : null, one.weight !== 1 ? `weight ${one.weight}` : null,
      one.deprecated ? "deprecated" : null].filter(Boolean).join(" · ")));
  }

  function showCategories(found) {
    known = found.categories;
    replace(categories, known.length ? table("Kinds of requests", [
      { title: "Name", cell: (one) => one.name },
      { title: "Kind", cell: (one) => one.own ? badge("own", "accent") : badge("built in") },
      { title: "Targets", class: "wrap", cell: (one) => one.targets.length ? h("span", { class: "mono" }, one.targets.join(", ")) : h("span", { class: "muted" }, "default chain") },
      { title: "Examples", number: true, cell: (one) => one.own ? one.examples.length : h("span", { class: "muted" }, "trained") },
      { title: "Keywords", number: true, cell: (one) => one.own ? one.keywords.length : h("span", { class: "muted" }, "–") },
      { title: h("span", { class: "hidden" }, "Actions"), cell: (one) => h("span", { class: "row tight end" },
        button("Edit", () => editCategory(one), { class: "button small", "aria-label": `Edit category ${one.name}` }),
        one.own ? button("Remove", () => drop("category", one.name), { class: "button small danger", "aria-label": `Remove category ${one.name}` }) : null) },
    ], known) : empty("No categories", "Classification is switched off."));
  }

  async function drop(what, name) {
    if (!(await confirm(`Remove the ${what} ${name}?`, what === "route" ? "Clients that ask for it get a 404 from then on." : "Requests of this kind go to other categories.", "Remove"))) return;
    try {
      await (what === "route" ? remove("/api/routes", { name }) : remove(`/api/categories/${encodeURIComponent(name)}`));
      toast(`${name} is removed.`);
      await load();
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  function editRoute(one) {
    const name = h("input", { value: one?.name ?? "", required: true, spellcheck: "false" });
    if (one) name.readOnly = true;
    const targets = h("textarea", { rows: 4, spellcheck: "false", required: true, value: (one?.targets ?? []).map((it) => it.weight === 1 ? it.target : `${it.target} ${it.weight}`).join("\n") });
    const strategy = select(STRATEGIES, { value: one?.strategy ?? "ordered" });
    const first = h("input", { value: one?.first_token_ms ?? "auto", required: true });
    const stall = select(["hedge", "switch"], { value: one?.on_stall ?? "hedge" });
    const broken = select(["continue", "error"], { value: one?.on_break ?? "continue" });
    const cache = h("input", { type: "checkbox", checked: one?.cache ?? true });
    form(one ? `Route ${one.name}` : "New route", [field("Name", name, "What clients ask for. One * matches anything."),
      field("Targets", targets, "provider/model, one a line, in order; a weight may follow."),
      h("div", { class: "fields" }, field("Strategy", strategy), field("First token (ms)", first), field("On a stall", stall), field("On a break", broken)),
      h("label", { class: "check" }, cache, "Read and fill the cache")], () => {
      const rest = Object.fromEntries(Object.entries(one ?? {}).filter(([, value]) => value !== null));
      return post("/api/routes", { ...rest, name: name.value.trim(), strategy: strategy.value, on_stall: stall.value, on_break: broken.value, cache: cache.checked,
        first_token_ms: first.value.trim() === "auto" ? "auto" : Number(first.value),
        targets: lines(targets.value).map((line) => {
          const [target, weight] = line.split(/\s+/);
          return weight === undefined ? target : { target, weight: Number(weight) };
        }) });
    });
  }

  function editCategory(one) {
    const name = h("input", { value: one?.name ?? "", required: true, spellcheck: "false" });
    if (one) name.readOnly = true;
    const description = h("input", { value: one?.description ?? "" });
    const examples = h("textarea", { rows: 5, value: (one?.examples ?? []).join("\n") });
    const keywords = h("input", { value: (one?.keywords ?? []).join(", ") });
    const targets = h("textarea", { rows: 3, spellcheck: "false", value: (one?.targets ?? []).join("\n") });
    form(one ? `Category ${one.name}` : "New category", [field("Name", name), field("Description", description),
      field("Examples", examples, "Prompts of this kind, one a line; 5 to 20 are best. They count at once."),
      field("Keywords", keywords, "Separated by commas."), field("Targets", targets, "provider/model, one a line, in order. None: the default chain.")],
    () => post("/api/categories", { name: name.value.trim(), description: description.value.trim(), examples: lines(examples.value),
      keywords: keywords.value.split(",").map((word) => word.trim()).filter(Boolean), targets: lines(targets.value) }));
  }

  function form(title, fields, save) {
    const wrong = h("div", { role: "alert" });
    const dialog = h("dialog", { class: "dialog", "aria-label": title });
    const made = h("form", { onsubmit: async (event) => {
      event.preventDefault();
      try {
        await save();
        dialog.close();
        toast("Saved. It counts from now on, and after a restart.");
        await load();
      } catch (error) {
        replace(wrong, failure(error));
      }
    } }, h("h2", {}, title), fields, wrong, h("div", { class: "row end" }, button("Cancel", () => dialog.close()), h("button", { class: "button primary" }, "Save")));
    dialog.append(made);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  await load();
}

function tester(categories) {
  const text = h("textarea", { rows: 2, placeholder: "Write a haiku about rain" });
  const result = h("div", { "aria-live": "polite" });
  const test = async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    try {
      const found = await post("/api/classify", { text: text.value });
      replace(result, found.error ? failure(new Error(found.error)) : reading(found, categories()));
    } catch (error) {
      replace(result, failure(error));
    }
  };
  return card("Test a prompt", h("form", { class: "stack", onsubmit: test }, field("Prompt", text),
    h("div", {}, h("button", { class: "button" }, "Classify"))), result);
}

function reading(found, categories) {
  const chain = categories.find((one) => one.name === found.category)?.targets ?? [];
  const scores = Object.entries(found.scores).sort((a, b) => b[1] - a[1]).slice(0, 6);
  return h("div", { class: "grid reading" },
    h("div", {}, h("div", { class: "row tight" }, badge(found.category, "accent"), badge(`${percent(found.confidence, 0)} sure`), badge(`complexity ${found.complexity.toFixed(2)}`), badge(found.language), badge(`${found.us.toFixed(0)} µs`)),
      h("p", { class: "muted" }, chain.length ? `auto goes to ${chain.join(", then ")}.` : "auto goes to the default chain: this category has no targets of its own."),
      found.words.length ? h("p", { class: "muted" }, "Decided by ", found.words.slice(0, 6).map(([word, weight], index) => [index ? ", " : "", h("b", {}, word), ` ${weight > 0 ? "+" : ""}${weight.toFixed(1)}`])) : null),
    h("div", {}, scores.map(([name, score]) => h("div", { class: "share-row" }, h("span", {}, name), h("span", {}, percent(score)),
      h("div", { class: "meter" }, h("span", { "width%": Math.max(0, score) * 100 }))))));
}
