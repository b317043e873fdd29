// Elements from plain values. Text only ever becomes a text node, so nothing can inject.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else if (name === "value") element.value = value;
    else if (name === "checked" || name === "disabled") element[name] = Boolean(value);
    else if (name === "width%") element.style.setProperty("width", `${value}%`);
    else if (name === "left%") element.style.setProperty("left", `${value}%`);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, children);
  return element;
}

function put(element, children) {
  for (const child of children.flat(4)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

export function replace(element, ...children) {
  element.replaceChildren();
  put(element, children);
  return element;
}

let ids = 0;
export function unique(stem) {
  ids += 1;
  return `${stem}-${ids}`;
}

// A labelled form control.
export function field(label, control, hint) {
  const id = control.id || unique("field");
  control.id = id;
  const more = hint ? h("span", { class: "hint", id: `${id}-hint` }, hint) : null;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, more);
}

export function select(options, props) {
  const made = h("select", props, options.map((one) => {
    const [value, text] = Array.isArray(one) ? one : [one, one];
    return h("option", { value }, text);
  }));
  if (props?.value !== undefined) made.value = props.value;
  return made;
}

export function button(text, onclick, props) {
  return h("button", { type: "button", class: "button", onclick, ...props }, text);
}

export function badge(text, kind) {
  return h("span", { class: `badge ${kind ?? ""}` }, text);
}

export function card(title, ...children) {
  return cardWith(title, null, ...children);
}

export function cardWith(title, tools, ...children) {
  const id = unique("card");
  return h("section", { class: "card", "aria-labelledby": id },
    h("header", { class: "card-head" }, h("h2", { id }, title), tools), ...children);
}

export function empty(title, text, action) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title),
    text ? h("p", { class: "muted" }, text) : null, action);
}

export function failure(error, again) {
  return h("div", { class: "notice bad", role: "alert" },
    h("span", {}, error?.message ?? String(error)),
    again ? button("Try again", again, { class: "button small" }) : null);
}

export function loading(lines = 3) {
  return h("div", { class: "skeleton", role: "status", "aria-label": "Loading" },
    Array.from({ length: lines }, () => h("span", {})));
}

// columns: {title, cell(row), number, wide}; onrow makes rows open something.
export function table(caption, columns, rows, options = {}) {
  const head = h("tr", {}, columns.map((one) =>
    h("th", { scope: "col", class: one.number ? "number" : null }, one.title)));
  const body = rows.map((row) => {
    const cells = columns.map((one, index) => h(
      index === 0 && !options.onrow ? "th" : "td",
      { class: one.number ? "number" : one.class, scope: index === 0 && !options.onrow ? "row" : null },
      one.cell(row)));
    const line = h("tr", { class: options.onrow ? "opens" : null }, cells);
    if (options.onrow) line.addEventListener("click", (event) => {
      if (!event.target.closest("a,input,select,button:not(.row-open)")) options.onrow(row, line);
    });
    return line;
  });
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, head), h("tbody", {}, body)));
}

// Spoken by screen readers, seen for some seconds.
export function toast(text, kind = "") {
  const place = document.getElementById("toasts");
  if (!place) return;
  const one = h("div", { class: `toast ${kind}` }, text);
  place.append(one);
  setTimeout(() => one.remove(), kind === "bad" ? 8000 : 4000);
}

// Asks before something that cannot be undone; resolves to whether it was confirmed.
export function confirm(title, text, verb) {
  return new Promise((resolve) => {
    const id = unique("dialog");
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": id },
      h("form", { method: "dialog" }, h("h2", { id }, title), h("p", { class: "muted" }, text),
        h("div", { class: "row end" },
          h("button", { class: "button", value: "no" }, "Cancel"),
          h("button", { class: "button danger", value: "yes" }, verb))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
