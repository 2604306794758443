(() => {
"use strict";
const list = document.querySelector(".gallery"), items = list ? [...list.children] : [], MOST = 12;
const made = (namespace, tag, attributes, ...inside) => {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
};
const html = (tag, attributes, ...inside) => made("http://www.w3.org/1999/xhtml", tag, attributes, ...inside);
const svg = (tag, attributes, ...inside) => made("http://www.w3.org/2000/svg", tag, attributes, ...inside);
const counted = value => value.toLocaleString("en-US");
if (!items.length) return;

/* ---- found by words, rule, market and date of the run; sorted by what each item says of itself ---- */
const bar = html("div", { class: "list-bar" }), readout = html("output", {});
const labelled = (text, control) => { bar.append(html("label", {}, text, control)); return control; };
const chosen = (text, values) => labelled(text, html("select", {}, ...values.map(([value, name]) => html("option", { value }, name))));
const distinct = values => [["", "all"], ...[...new Set(values)].sort().map(value => [value, value])];
const field = labelled("Find runs", html("input", { type: "search" }));
const rule = chosen("Rule", distinct(items.map(item => item.dataset.name)));
const market = chosen("Market", distinct(items.flatMap(item => item.dataset.markets.split(" ").filter(Boolean))));
const since = labelled("Run from", html("input", { type: "date" })), until = labelled("to", html("input", { type: "date" }));
const order = chosen("Sort by", list.dataset.sorts.split(";").map(each => each.split(":")));
const turn = html("button", { type: "button" });
let down = true, texts;
const jump = html("button", { type: "button" });
jump.hidden = true;
bar.append(turn, jump, readout);
const panel = html("section", { class: "compared", "aria-label": "Chosen runs" });
panel.hidden = true;
jump.addEventListener("click", () => panel.scrollIntoView({ block: "start" }));
list.before(bar, panel);
const say = () => {
  const shown = items.filter(item => !item.hidden).length;
  readout.textContent = shown === items.length ? `${counted(shown)} shown` : `${counted(shown)} of ${counted(items.length)}`;
  turn.textContent = down ? "↓ falling" : "↑ rising";
};
const sort = () => {
  const key = item => { const text = item.dataset[order.value], number = Number(text); return text === "" ? null : Number.isNaN(number) ? text : number; };
  const keyed = items.map(item => [key(item), item]), known = keyed.filter(([k]) => k !== null);
  known.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
  list.append(...known.map(([, item]) => item), ...keyed.filter(([k]) => k === null).map(([, item]) => item));
  say();
};
const search = () => {
  texts ??= items.map(item => item.textContent.toLowerCase().replace(/\s+/g, " "));
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  items.forEach((item, n) => {
    const { name, markets, at } = item.dataset, day = at.slice(0, 10);
    item.hidden = !(words.every(word => texts[n].includes(word)) && (!rule.value || rule.value === name)
      && (!market.value || markets.split(" ").includes(market.value)) && (!since.value || day >= since.value) && (!until.value || day <= until.value));
  });
  say();
};
for (const control of [field, rule, market, since, until]) control.addEventListener("input", search);
field.addEventListener("keydown", event => { if (event.key === "Escape") { field.value = ""; search(); } });
order.addEventListener("change", () => { down = order.value !== "name"; sort(); });
turn.addEventListener("click", () => { down = !down; sort(); });
say();

/* ---- chosen by ticking: their sketches on one scale, and their figures side by side ---- */
const ticked = [];
items.forEach(item => {
  const box = html("input", { type: "checkbox", "aria-label": `compare ${item.dataset.name} ${item.querySelector("code").textContent}` });
  item.prepend(box);
  box.addEventListener("change", () => {
    if (box.checked) ticked.push(item); else ticked.splice(ticked.indexOf(item), 1);
    compare();
  });
});
function curve(item) {
  const line = item.querySelector("polyline"), { low, high } = item.dataset, box = item.querySelector(".sketch").viewBox.baseVal;
  if (!line) return [];
  const [first, last] = item.querySelector(".span").firstChild.textContent.split(" to ").map(Date.parse);
  return line.getAttribute("points").split(" ").map(point => point.split(",").map(Number)).map(([x, y]) =>
    [first + (last - first) * (x - 1) / (box.width - 2), low === high ? +low : +low + (high - low) * (box.height - 2 - y) / (box.height - 4)]);
}
function overlaid(runs) {
  const curves = runs.map(curve), all = curves.flat(), W = Math.max(300, bar.clientWidth), H = 260, L = 64, B = 24;
  if (!all.length) return "";
  const ends = n => [Math.min(...all.map(p => p[n])), Math.max(...all.map(p => p[n]))], [from, to] = ends(0), [low, high] = ends(1);
  const x = t => L + (W - L - 8) * (t - from) / (to - from || 1), y = v => 10 + (H - B - 20) * (high - v) / (high - low || 1);
  const said = value => `${((value - 1) * 100).toFixed(1)} %`, day = t => new Date(t).toISOString().slice(0, 10);
  const drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `Equity of ${runs.length} chosen runs, each over its first value` });
  const marked = [[low, 0], [high, 0], ...((1 - low) > 0.12 * (high - low) && (high - 1) > 0.12 * (high - low) ? [[1, 1]] : [])];
  marked.forEach(([value, dashed]) => drawing.append(
    svg("path", { class: dashed ? "start" : "axis", d: `M${L} ${y(value)}H${W - 8}` }), svg("text", { x: L - 6, y: y(value) + 4, "text-anchor": "end" }, said(value))));
  drawing.append(svg("text", { x: L, y: H - 6 }, day(from)), svg("text", { x: W - 8, y: H - 6, "text-anchor": "end" }, day(to)));
  curves.forEach((points, n) => drawing.append(svg("polyline", { class: `s${n % 7}`, "stroke-dasharray": n < 7 ? "none" : "6 3", points: points.map(([t, v]) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`).join(" ") })));
  return drawing;
}
function compared(runs) {
  const settings = runs.map(item => item.querySelector(".what small").textContent.split(", "));
  const row = (item, n) => html("tr", {},
    html("td", {}, svg("svg", { viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" }, svg("path", { class: `s${n % 7}`, "stroke-dasharray": n < 7 ? "none" : "6 3", d: "M1 5H25" }))),
    html("th", { scope: "row" }, ...[...item.querySelectorAll(".what > a, .what > bdi, .tag")].flatMap(each => [each.cloneNode(true), " "])),
    html("td", { class: "set" }, ...settings[n].flatMap((each, k) => [k ? ", " : "", settings.every(other => other.includes(each)) ? each : html("b", {}, each)])),
    html("td", {}, item.dataset.markets), html("td", {}, item.querySelector(".span").firstChild.textContent),
    ...[...item.querySelectorAll("dd")].map(cell => html("td", { class: "n" }, cell.textContent)));
  const heads = ["", "run", "parameters", "markets", "sessions", ...[...runs[0].querySelectorAll("dt")].map(head => head.textContent)];
  return html("div", { class: "box", tabindex: "0", role: "region", "aria-label": "Figures of the chosen runs" }, html("table", {},
    html("thead", {}, html("tr", {}, ...heads.map(text => text ? html("th", { scope: "col" }, text) : html("td", {})))), html("tbody", {}, ...runs.map(row))));
}
function compare() {
  panel.hidden = jump.hidden = !ticked.length;
  jump.textContent = `${ticked.length} chosen: compare`;
  if (panel.hidden) return panel.replaceChildren();
  const runs = ticked.slice(0, MOST), clear = html("button", { type: "button" }, "Clear");
  clear.addEventListener("click", () => { list.querySelectorAll("input:checked").forEach(box => { box.checked = false; }); ticked.length = 0; compare(); field.focus(); });
  const first = ticked.length > MOST ? `, the first ${MOST} shown` : "";
  const command = html("code", {}, `hustings compare ${ticked.map(item => item.dataset.id).join(" ")}`);
  const exact = ["Each line begins at 0 % and is drawn from the sketch of its run (some 50 days); bold parameters differ. "];
  panel.replaceChildren(html("h2", {}, `${ticked.length} chosen${first} `, clear), overlaid(runs), compared(runs),
    html("p", { class: "note" }, ...exact, ...(ticked.length > 1 ? ["Is the difference real? ", command] : ["Tick another run to compare."])));
}
})();
