(() => {
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const DAY = 86400000;
const make = (tag, attributes, text) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
const html = (tag, attributes, text) => {
  const element = document.createElement(tag);
  Object.assign(element, attributes);
  if (text !== undefined) element.textContent = text;
  return element;
};
const numbers = text => text.split(" ").map(Number);
const date = day => new Date(day * DAY).toISOString().slice(0, 10);
const grouped = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const positive = text => /[1-9]/.test(text) ? text : text.replace("-", "");
const written = (value, unit, digits) => positive(unit === "percent" ? `${grouped(value * 100, digits ?? 2)} %`
  : unit === "log" ? grouped(10 ** value, 10 ** value >= 100 ? 0 : 2) : unit === "money" ? grouped(value, digits ?? 0) : grouped(value, digits ?? 2));

/* Round values within [low, high], some `wanted` of them, and the decimals they need. */
function steps(low, high, wanted) {
  if (!(high > low)) return { values: [], step: 1 };
  const rough = (high - low) / wanted;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(m => m * size).find(m => m >= rough * 0.75);
  const values = [];
  for (let n = Math.ceil(low / step); n * step <= high + step * 1e-9; n += 1) values.push(n * step);
  return { values, step };
}
function dates(first, last, most) {
  const from = new Date(first * DAY), upto = new Date(last * DAY), found = [];
  const span = last - first;
  if (span > 3 * 365) {
    const every = Math.ceil((upto.getUTCFullYear() - from.getUTCFullYear()) / most) || 1;
    for (let y = from.getUTCFullYear(); y <= upto.getUTCFullYear(); y += 1) {
      if (y % every === 0) found.push([Date.UTC(y, 0, 1) / DAY, String(y)]);
    }
  } else if (span > 70) {
    const every = [1, 2, 3, 4, 6].find(n => span / 30.4 / n <= most) || 6;
    for (let m = from.getUTCFullYear() * 12 + from.getUTCMonth(); m <= upto.getUTCFullYear() * 12 + upto.getUTCMonth(); m += 1) {
      if (m % 12 % every === 0) found.push([Date.UTC(Math.floor(m / 12), m % 12, 1) / DAY, date(Date.UTC(Math.floor(m / 12), m % 12, 1) / DAY).slice(0, 7)]);
    }
  } else {
    const every = Math.max(1, Math.ceil(span / 6));
    for (let d = Math.ceil(first); d <= last; d += every) found.push([d, date(d)]);
  }
  return found.filter(([at]) => at >= first && at <= last);
}

function levels(low, high, unit) {
  if (unit !== "log") return steps(low, high, 5);
  const round = [];
  for (let e = Math.floor(low); e <= high; e += 1) for (const m of high - low <= 4 ? [1, 2, 5] : [1]) round.push(e + Math.log10(m));
  const inside = round.filter(v => v >= low && v <= high);
  return { values: inside.length >= 3 ? inside : steps(10 ** low, 10 ** high, 5).values.filter(v => v > 0).map(Math.log10), step: 1 };
}

/* ---- charts: read off by mouse and arrow keys; zoom by dragging, buttons, + - and 0 ---- */
function chart(svg) {
  const [first, last, low, high] = numbers(svg.dataset.space);
  const [left, right, top, bottom] = numbers(svg.dataset.box);
  const unit = svg.dataset.unit, byDate = svg.dataset.across === "dates";
  const plotted = svg.querySelector(".plotted");
  const lines = [];
  for (const line of svg.querySelectorAll(".line[data-x]")) {
    let at = 0;
    const x = numbers(line.dataset.x).map(step => (at += step)), v = numbers(line.dataset.v);
    const name = line.querySelector("title").textContent, before = lines.at(-1);
    if (before?.name === name) {
      before.x.push(before.x.at(-1) + 1, ...x);
      before.v.push(NaN, ...v);
    } else lines.push({ name, x, v, element: line });
  }
  const marks = [...svg.querySelectorAll(".mark[data-at]")].map(element => {
    const [x, y] = numbers(element.dataset.at);
    return { element, x, y, text: element.querySelector("title").textContent, shifts: element.matches(".event, .stroke") };
  });
  const bands = [...svg.querySelectorAll(".band")].map(band => ({ a: Number(band.dataset.a), b: Number(band.dataset.b), text: band.querySelector("title").textContent }));
  const seen = line => getComputedStyle(line.element).display !== "none"; /* a page may let lines be switched off */
  const places = [...new Set(lines.flatMap(line => line.x))].sort((a, b) => a - b);
  if (places.length < 2) return;
  const base = { x: day => left + (day - first) / (last - first) * (right - left), day: x => first + (x - left) / (right - left) * (last - first), y: v => top + (high - v) / (high - low) * (bottom - top) };
  let view = { first, last, low, high };
  const place = day => left + (day - view.first) / (view.last - view.first) * (right - left);
  const height = value => top + (view.high - value) / (view.high - view.low) * (bottom - top);
  const dayAt = x => view.first + (x - left) / (right - left) * (view.last - view.first);

  const cursor = make("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
  const dots = lines.map(() => make("circle", { class: "dot", r: 3, visibility: "hidden" }));
  const brush = make("rect", { class: "brush", y: top, height: bottom - top, visibility: "hidden" });
  svg.append(brush, cursor, ...dots);
  const box = svg.closest(".plot");
  const bar = html("div", { className: "chart-bar" });
  const readout = html("output", { className: "read" });
  const hint = document.querySelector(".chart-bar") ? "" : "Point at a chart or use its arrow keys to read it off; drag to zoom.";
  readout.textContent = hint;
  const button = (text, label, act) => {
    const made = html("button", { type: "button", onclick: act }, text);
    made.setAttribute("aria-label", `${label}: ${svg.querySelector("title").textContent}`);
    bar.append(made);
    return made;
  };
  bar.append(readout);
  button("+", "Zoom in", () => zoom(0.5));
  button("−", "Zoom out", () => zoom(2));
  const whole = button("All", "Show all", () => show(first, last));
  box.before(bar);
  let at = -1;

  function valueAt(line, day) {
    let a = 0, b = line.x.length - 1;
    if (day < line.x[0] || day > line.x[b]) return undefined;
    while (a < b) { const m = (a + b + 1) >> 1; if (line.x[m] <= day) a = m; else b = m - 1; }
    return Number.isNaN(line.v[a]) ? undefined : line.v[a];
  }
  function read(index) {
    at = Math.max(0, Math.min(places.length - 1, index));
    const day = places[at], x = place(day);
    const parts = [byDate ? date(day) : `session ${day > 0 ? "+" : ""}${day}`];
    const few = lines.filter(seen).length <= 8;
    lines.forEach((line, n) => {
      const value = seen(line) ? valueAt(line, day) : undefined;
      dots[n].setAttribute("visibility", value === undefined ? "hidden" : "visible");
      if (value === undefined) return;
      dots[n].setAttribute("cx", x);
      dots[n].setAttribute("cy", height(value));
      if (few) parts.push(`${line.name} ${written(value, unit)}`);
    });
    const near = marks.filter(mark => Math.abs(place(base.day(mark.x)) - x) < 4);
    near.slice(0, 3).forEach(mark => parts.push(mark.text));
    if (near.length > 3) parts.push(`and ${near.length - 3} more here`);
    if (!near.length) bands.filter(band => band.a <= day && day <= band.b).slice(0, 2).forEach(band => parts.push(band.text));
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
    readout.textContent = parts.join(" · ");
  }
  function away() {
    [cursor, ...dots].forEach(each => each.setAttribute("visibility", "hidden"));
    readout.textContent = hint;
    at = -1;
  }
  const nearest = x => {
    const day = dayAt(x);
    let best = 0;
    places.forEach((each, n) => { if (Math.abs(each - day) < Math.abs(places[best] - day)) best = n; });
    return best;
  };

  function show(from, upto) {
    const least = Math.min(last - first, byDate ? 10 : 4);
    let a = Math.max(first, from), b = Math.min(last, upto);
    if (b - a < least) { a = Math.max(first, Math.min((a + b) / 2 - least / 2, last - least)); b = a + least; }
    const values = lines.filter(seen).flatMap(line => line.v.filter((v, n) => line.x[n] >= a && line.x[n] <= b && !Number.isNaN(v)));
    view = { first: a, last: b, low, high };
    const all = a === first && b === last;
    if (!all && values.length > 1 && !svg.querySelector(".line:not([data-x])")) {
      const down = Math.min(...values), up = Math.max(...values), room = (up - down) * 0.08 || (high - low) * 0.02;
      view.low = down - room;
      view.high = up + room;
    }
    draw(all);
  }
  function draw(all) {
    const sx = (last - first) / (view.last - view.first), sy = (high - low) / (view.high - view.low);
    plotted.setAttribute("transform", `matrix(${sx} 0 0 ${sy} ${place(first) - left * sx} ${height(high) - top * sy})`);
    marks.forEach(mark => {
      const y = mark.shifts ? mark.y : mark.y * sy + height(high) - top * sy;
      mark.element.setAttribute("transform", `translate(${mark.x * sx + place(first) - left * sx - mark.x} ${y - mark.y})`);
    });
    axes();
    whole.disabled = all;
    if (at >= 0) away();
  }
  function axes() {
    const down = svg.querySelector(".y-axis"), across = svg.querySelector(".x-axis");
    down.querySelectorAll(".grid, .tick:not(.label)").forEach(each => each.remove());
    const { values, step } = levels(view.low, view.high, unit);
    const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step * (unit === "percent" ? 100 : 1)) + 1e-9)));
    values.forEach(value => {
      const y = height(value);
      down.append(make("line", { class: Math.abs(value) < step / 1e6 ? "grid zero" : "grid", x1: left, x2: right, y1: y, y2: y }));
      down.append(make("text", { class: "tick", x: left - 8, y, dy: ".32em", "text-anchor": "end" }, written(value, unit, digits)));
    });
    across.querySelectorAll("line:not(:first-child), .tick:not(.label)").forEach(each => each.remove());
    const ticks = byDate ? dates(view.first, view.last, Math.floor((right - left) / 70))
      : steps(view.first, view.last, 9).values.filter(Number.isInteger).map(n => [n, String(n)]);
    ticks.forEach(([day, text]) => {
      const x = place(day);
      across.append(make("line", { class: "axis", x1: x, x2: x, y1: bottom, y2: bottom + 5 }));
      across.append(make("text", { class: "tick", x, y: bottom + (byDate ? 19 : 15), "text-anchor": x > right - 30 ? "end" : "middle" }, text));
    });
    if (!byDate && view.first < 0 && view.last > 0) {
      across.append(make("line", { class: "axis event", x1: place(0), x2: place(0), y1: top, y2: bottom }));
    }
  }
  function zoom(by) {
    const middle = at >= 0 ? places[at] : (view.first + view.last) / 2, half = (view.last - view.first) * by / 2;
    show(middle - half, middle + half);
  }

  const inside = event => {
    const frame = svg.getBoundingClientRect();
    return Math.max(left, Math.min(right, (event.clientX - frame.left) * svg.viewBox.baseVal.width / frame.width));
  };
  let began = null;
  svg.addEventListener("pointerdown", event => { if (event.button === 0 && event.pointerType === "mouse") began = inside(event); });
  svg.addEventListener("pointermove", event => {
    const x = inside(event);
    read(nearest(x));
    if (began === null) return;
    brush.setAttribute("x", Math.min(x, began));
    brush.setAttribute("width", Math.abs(x - began));
    brush.setAttribute("visibility", "visible");
  });
  svg.addEventListener("pointerleave", () => { if (began === null && document.activeElement !== box) away(); });
  window.addEventListener("pointerup", event => {
    if (began === null) return;
    const x = inside(event), from = Math.min(x, began), upto = Math.max(x, began);
    began = null;
    brush.setAttribute("visibility", "hidden");
    if (upto - from > 8) show(dayAt(from), dayAt(upto));
  });
  svg.addEventListener("dblclick", () => show(first, last));
  box.addEventListener("keydown", event => {
    const shown = places.map((_, n) => n).filter(n => places[n] >= view.first && places[n] <= view.last);
    const least = shown[0] ?? 0, most = shown[shown.length - 1] ?? 0, now = at < 0 ? least - 1 : at;
    const stops = [...new Set(marks.map(mark => nearest(place(base.day(mark.x)))))].sort((a, b) => a - b);
    const jump = { ArrowRight: event.shiftKey ? stops.find(n => n > now) ?? most : now + 1, ArrowLeft: event.shiftKey ? stops.findLast(n => n < now) ?? least : Math.max(least, now - 1), Home: least, End: most };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in jump) read(Math.max(least, Math.min(most, jump[event.key])));
    else if (event.key === "+" || event.key === "=") zoom(0.5);
    else if (event.key === "-") zoom(2);
    else if (event.key === "0") show(first, last);
    else if (event.key === "Escape") away();
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", away);
  whole.disabled = true;
}

/* ---- tables: sorted by their headings, filtered by a word ---- */
function sortable(table) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const key = (row, n) => {
    const cell = row.cells[n], given = cell.dataset.v, text = given ?? cell.textContent.trim();
    const number = text === "" ? NaN : Number(text);
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const order = (a, b) => a === b ? 0 : typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === "number" ? -1 : 1;
  heads.forEach((head, n) => {
    if (!head.textContent.trim()) return;
    const button = html("button", { type: "button", className: "sort" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keyed = [...body.rows].map(row => [key(row, n), row]);
      const blank = keyed.filter(([k]) => k === "" || k === "n/a"), rest = keyed.filter(([k]) => k !== "" && k !== "n/a");
      rest.sort(([a], [b]) => up ? order(a, b) : order(b, a));
      body.append(...[...rest, ...blank].map(([, row]) => row));
    });
  });
}
function filterable(table) {
  const rows = [...table.tBodies[0].rows], text = rows.map(row => row.textContent.toLowerCase().replace(/\s+/g, " "));
  const label = html("label", { className: "filter" }, table.dataset.filter + " ");
  const field = html("input", { type: "search" });
  const readout = html("output", {});
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, n) => { row.hidden = !words.every(word => text[n].includes(word)); shown += !row.hidden; });
    readout.textContent = words.length ? `${shown} of ${rows.length}` : "";
  };
  field.addEventListener("input", apply);
  field.addEventListener("keydown", event => { if (event.key === "Escape") { field.value = ""; apply(); } });
  label.append(field, readout);
  (table.closest(".box") ?? table).before(label);
}

/* what is folded is printed */
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(each => { each.open = true; }));

document.querySelectorAll("svg.chart[data-space]").forEach(chart);
document.querySelectorAll("table[data-sortable]").forEach(sortable);
document.querySelectorAll("table[data-filter]").forEach(filterable);
})();
