// Line and bar charts as SVG, drawn at their real size so that text is never stretched.

import { h, replace, svg } from "/ui/dom.js";

const LEFT = 60;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 6;

const tallOn = (wall, desk) => (innerWidth >= 1900 ? wall : desk);

// Round numbers from zero to a bit above the greatest.
export function ticks(greatest, wanted = 3) {
  if (!(greatest > 0)) return [0, 1];
  const rough = greatest / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough * 0.999) ?? 10);
  const found = [];
  for (let at = 0; at < greatest + step * 0.999; at += step) found.push(at);
  return found.length > 1 ? found : [0, step];
}

function frame(label, height, draw) {
  const place = h("div", { class: "chart" });
  place.style.setProperty("height", `${height}px`);
  let width = 0;
  const again = () => {
    if (width > 0) replace(place, draw(width, height));
  };
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now !== width) {
      width = now;
      again();
    }
  }).observe(place);
  return { place, again, label };
}

function axis(width, height, marks, format, at) {
  return marks.map((mark) => svg("g", { class: "axis" },
    svg("line", { x1: LEFT, x2: width - RIGHT, y1: at(mark), y2: at(mark), class: mark === 0 ? "base" : "grid" }),
    svg("text", { x: LEFT - 8, y: at(mark) + 4, "text-anchor": "end" }, format(mark))));
}

// series: [{name, color, values}], values may hold null. labels: one per value, for the pointer.
export function lines({ label, height = tallOn(300, 190), format, ends }) {
  let series = [];
  let labels = [];
  let pointed = null;
  const tip = h("div", { class: "tip", "aria-hidden": "true" });
  const drawing = frame(label, height, (width, tall) => {
    const length = Math.max(2, ...series.map((one) => one.values.length));
    const greatest = Math.max(0, ...series.flatMap((one) => one.values.filter((value) => value !== null)));
    const marks = ticks(greatest);
    const top = marks[marks.length - 1];
    const y = (value) => TOP + (tall - TOP - BOTTOM) * (1 - value / top);
    const x = (index) => LEFT + (width - LEFT - RIGHT) * (index / (length - 1));
    const shapes = series.map((one) => trace(one, x, y, length));
    const said = series.map((one) => `${one.name}: ${format(last(one.values))}`).join(", ");
    const [from, to] = ends();
    const root = svg("svg", { width, height: tall, role: "img", "aria-label": `${label}. Now ${said}.` },
      axis(width, tall, marks, format, y),
      svg("text", { class: "tick", x: LEFT, y: tall - 4 }, from),
      svg("text", { class: "tick", x: width - RIGHT, y: tall - 4, "text-anchor": "end" }, to), shapes);
    if (!series.some((one) => one.values.some((value) => value !== null))) {
      root.append(svg("text", { class: "tick", x: LEFT + (width - LEFT - RIGHT) / 2, y: tall / 2, "text-anchor": "middle" }, "Nothing in this time"));
    }
    if (pointed !== null && pointed < length) {
      root.append(svg("line", { class: "pointer", x1: x(pointed), x2: x(pointed), y1: TOP, y2: tall - BOTTOM }));
    }
    root.addEventListener("pointermove", (event) => {
      const spot = event.clientX - root.getBoundingClientRect().left;
      const index = Math.round(((spot - LEFT) / (width - LEFT - RIGHT)) * (length - 1));
      pointed = index >= 0 && index < length ? index : null;
      point(root, x, width, tall);
    });
    root.addEventListener("pointerleave", () => {
      pointed = null;
      point(root, x, width, tall);
    });
    return [root, tip];
  });

  function point(root, x, width, tall) {
    root.querySelector(".pointer")?.remove();
    tip.classList.toggle("shown", pointed !== null);
    if (pointed === null) return;
    root.append(svg("line", { class: "pointer", x1: x(pointed), x2: x(pointed), y1: TOP, y2: tall - BOTTOM }));
    replace(tip, h("div", { class: "muted" }, labels[pointed] ?? ""), series.map((one) =>
      h("div", {}, h("i", { class: `dot ${one.color}` }), `${one.name} ${format(one.values[pointed])}`)));
    tip.style.setProperty("left", `${Math.min(x(pointed) + 8, width - 150)}px`);
  }

  const legend = h("div", { class: "legend" });
  const root = h("div", {}, legend, drawing.place);
  return {
    root,
    update(next, names = []) {
      series = next;
      labels = names;
      replace(legend, series.map((one) => h("span", {}, h("i", { class: `dot ${one.color}` }), one.name, " ",
        h("b", {}, format(last(one.values))))));
      drawing.again();
    },
  };
}

function last(values) {
  return values.length ? values[values.length - 1] : null;
}

function trace(one, x, y, length) {
  const start = length - one.values.length;
  let path = "";
  let pen = false;
  const runs = [];
  let run = [];
  one.values.forEach((value, index) => {
    if (value === null || value === undefined) {
      pen = false;
      if (run.length) runs.push(run);
      run = [];
      return;
    }
    const px = x(index + start).toFixed(1);
    path += `${pen ? "L" : "M"}${px} ${y(value).toFixed(1)}`;
    run.push(px);
    pen = true;
  });
  if (run.length) runs.push(run);
  const floor = y(0).toFixed(1);
  const area = runs.length === 1 && runs[0].length > 1 && one.filled
    ? svg("path", { class: `area ${one.color}`, d: `${path}L${runs[0][runs[0].length - 1]} ${floor}L${runs[0][0]} ${floor}Z` }) : null;
  const dots = runs.filter((points) => points.length === 1).length
    ? one.values.map((value, index) => value === null || one.values[index - 1] != null || one.values[index + 1] != null ? null
      : svg("circle", { class: `dot ${one.color}`, cx: x(index + start), cy: y(value), r: 2.5 })) : null;
  return svg("g", {}, area, svg("path", { class: `line ${one.color}`, d: path }), dots);
}

// rows: [{name, value, low, high, soft}]; low and high draw a whisker, soft a lighter bar.
export function bars({ label, height = tallOn(320, 220), format }) {
  let rows = [];
  const tip = h("div", { class: "tip", "aria-hidden": "true" });
  const drawing = frame(label, height, (width, tall) => {
    const marks = ticks(Math.max(0, ...rows.map((one) => Math.max(one.value ?? 0, one.high ?? 0))));
    const top = marks[marks.length - 1];
    const y = (value) => TOP + (tall - TOP - BOTTOM) * (1 - value / top);
    const slot = (width - LEFT - RIGHT) / Math.max(rows.length, 1);
    const thick = Math.min(48, Math.max(2, slot * 0.68));
    const every = Math.max(1, Math.ceil(rows.length / Math.max(1, Math.floor((width - LEFT) / 64))));
    const total = rows.reduce((sum, one) => sum + (one.value ?? 0), 0);
    const root = svg("svg", { width, height: tall, role: "img", "aria-label": `${label}. ${rows.length} bars, ${format(total)} in all.` },
      axis(width, tall, marks, format, y));
    rows.forEach((one, index) => {
      const middle = LEFT + slot * (index + 0.5);
      const shape = svg("g", { class: one.soft ? "bar soft" : "bar" },
        svg("rect", { x: middle - slot / 2, y: TOP, width: slot, height: tall - TOP - BOTTOM, class: "catch" }),
        svg("rect", { class: "fill", x: middle - thick / 2, y: y(one.value ?? 0), width: thick, rx: Math.min(3, thick / 2), height: Math.max(0, y(0) - y(one.value ?? 0)) }),
        one.high !== undefined ? svg("line", { class: "whisker", x1: middle, x2: middle, y1: y(one.high), y2: y(one.low) }) : null);
      shape.addEventListener("pointerenter", () => {
        replace(tip, h("div", { class: "muted" }, one.title ?? one.name), h("div", {}, format(one.value)),
          one.high !== undefined ? h("div", { class: "muted" }, `${format(one.low)} to ${format(one.high)}`) : null);
        tip.style.setProperty("left", `${Math.min(Math.max(middle - 60, 0), width - 150)}px`);
        tip.classList.add("shown");
      });
      shape.addEventListener("pointerleave", () => tip.classList.remove("shown"));
      root.append(shape);
      if (index % every === 0) root.append(svg("text", { class: "tick", x: middle, y: tall - 4, "text-anchor": "middle" }, one.name));
    });
    return [root, tip];
  });
  return {
    root: drawing.place,
    update(next) {
      rows = next;
      drawing.again();
    },
  };
}

// A line without axes, for a tile; what it says is written beside it.
export function spark(values, color) {
  const width = 120;
  const height = 28;
  const known = values.filter((value) => value !== null && value !== undefined);
  const top = Math.max(...known, 0) * 1.2 || 1;
  const step = width / Math.max(values.length - 1, 1);
  let pen = false;
  let path = "";
  values.forEach((value, index) => {
    if (value === null || value === undefined) {
      pen = false;
      return;
    }
    path += `${pen ? "L" : "M"}${(index * step).toFixed(1)} ${(height - 2 - (height - 4) * (value / top)).toFixed(1)}`;
    pen = true;
  });
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: `line ${color}`, d: path, "vector-effect": "non-scaling-stroke" }));
}
