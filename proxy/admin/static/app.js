// The frame around the pages: navigation, theme, sign-in, and which page is shown.

import { signIn, signOut, whenSignedOut, whoami } from "/ui/api.js";
import { button, failure, field, h, loading, replace, svg } from "/ui/dom.js";
import * as live from "/ui/live.js";
import * as overview from "/ui/overview.js";
import * as playground from "/ui/playground.js";
import * as requests from "/ui/requests.js";
import * as routes from "/ui/routes.js";
import * as providers from "/ui/providers.js";
import * as cache from "/ui/cache.js";
import * as costs from "/ui/costs.js";

const PAGES = [
  ["overview", "Overview", "M3 12h4l3-8 4 16 3-8h4"],
  ["playground", "Playground", "M4 5h16v11H9l-5 4z"],
  ["requests", "Requests", "M4 6h16M4 12h16M4 18h10"],
  ["routes", "Routes", "M5 4v6a4 4 0 0 0 4 4h10M15 10l4 4-4 4M5 14v6"],
  ["providers", "Providers", "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01"],
  ["cache", "Cache", "M4 7c0-4 16-4 16 0s-16 4-16 0v10c0 4 16 4 16 0V7M4 12c0 4 16 4 16 0"],
  ["costs", "Costs", "M5 20V10M12 20V4M19 20v-7"],
];

// All loaded at once: a page can still be opened, and say what is wrong, while the proxy is away.
const MODULES = { overview, playground, requests, routes, providers, cache, costs };

const root = document.getElementById("app");
const main = h("main", { id: "main", tabindex: "-1" });
const links = new Map();
let leave = () => {};
let turn = 0;

function icon(path) {
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));
}

function logo() {
  return h("a", { class: "logo", href: "#/overview" }, h("img", { src: "/ui/icon.svg", alt: "", width: 26, height: 26 }),
    h("span", {}, "firsttoken"));
}

function themeButton() {
  const now = () => document.documentElement.dataset.theme
    ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const made = button("", () => {
    const next = now() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("firsttoken-theme", next);
    } catch {
      // It holds as long as the page is open.
    }
    show();
  }, { class: "button quiet theme" });
  const show = () => {
    const dark = now() === "dark";
    replace(made, icon(dark ? "M12 4V2M12 22v-2M4 12H2M22 12h-2M6 6 5 5M19 19l-1-1M18 6l1-1M5 19l1-1M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8" : "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z"),
      h("span", { class: "label" }, dark ? "Light" : "Dark"));
    made.setAttribute("aria-label", dark ? "Use the light theme" : "Use the dark theme");
  };
  show();
  return made;
}

function pulse() {
  const dot = h("span", { class: "pulse" });
  const words = h("span", { class: "label" }, "Connecting");
  live.watch((_, state) => {
    dot.className = `pulse ${state}`;
    words.textContent = { live: "Live", lost: "Offline", connecting: "Connecting" }[state];
  });
  return h("span", { class: "status", role: "status" }, dot, words);
}

function frame(session) {
  const items = PAGES.map(([name, title, path]) => {
    const link = h("a", { href: `#/${name}` }, icon(path), h("span", {}, title));
    links.set(name, link);
    return h("li", {}, link);
  });
  const out = session.key_needed ? button("Sign out", async () => {
    await signOut().catch(() => {});
    location.reload();
  }, { class: "button quiet" }) : null;
  replace(root, h("div", { class: "frame" },
    h("header", { class: "side" }, logo(), h("nav", { "aria-label": "Pages" }, h("ul", {}, items)),
      h("div", { class: "foot" }, pulse(), themeButton(), out)),
    main), h("div", { id: "toasts", class: "toasts", role: "status", "aria-live": "polite" }));
}

async function show() {
  const name = PAGES.find(([one]) => location.hash.startsWith(`#/${one}`))?.[0] ?? "overview";
  const title = PAGES.find(([one]) => one === name)[1];
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  turn += 1;
  const mine = turn;
  leave();
  leave = () => {};
  for (const [one, link] of links) {
    if (one === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  links.get(name)?.scrollIntoView({ block: "nearest", inline: "center" });
  document.title = `${title} · firsttoken`;
  replace(main, h("div", { class: "page" }, h("h1", {}, title), loading()));
  try {
    const place = h("div", { class: `page ${name}` });
    replace(main, place);
    const end = await MODULES[name].render(place);
    if (mine !== turn) end?.();
    else leave = end ?? (() => {});
  } catch (error) {
    if (mine === turn) replace(main, h("div", { class: "page" }, h("h1", {}, title), failure(error, show)));
  }
}

function door() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  live.close();
  const key = h("input", { type: "password", autocomplete: "current-password", required: true, name: "key" });
  const place = h("div", { role: "alert" });
  const send = h("button", { class: "button primary", type: "submit" }, "Sign in");
  const form = h("form", { class: "card door", onsubmit: async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      await signIn(key.value);
      await start();
    } catch (error) {
      replace(place, failure(error));
      send.disabled = false;
      key.select();
    }
  } }, h("div", { class: "logo" }, h("img", { src: "/ui/icon.svg", alt: "", width: 32, height: 32 }), h("span", {}, "firsttoken")),
    h("h1", {}, "Sign in"), field("Admin key", key, "The [auth] admin_key of the configuration."), place, send);
  leave();
  leave = () => {};
  replace(root, h("main", { id: "main", class: "center" }, form));
  key.focus();
}

function closed() {
  replace(root, h("main", { id: "main", class: "center" }, h("div", { class: "card door" },
    h("h1", {}, "Only from this machine"),
    h("p", { class: "muted" }, "No admin key is set, so this page answers to loopback only. Set [auth] admin_key in the configuration to use it from elsewhere."))));
}

async function start() {
  try {
    const session = await whoami();
    if (!session.signed_in) {
      (session.key_needed ? door : closed)();
      return;
    }
    frame(session);
    await show();
  } catch (error) {
    replace(root, h("main", { id: "main", class: "center" }, failure(error, start)));
  }
}

whenSignedOut(door);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main")?.focus();
});
addEventListener("hashchange", async () => {
  if (!root.querySelector(".frame")) return;
  await show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
start();
