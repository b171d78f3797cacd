// The panel's part of the page. It decides nothing: it draws the model's traits, and says what was pressed.

const ENDS = {
  " ": ["", "", ""], s: ["▸", "running", "started"], w: ["▸", "waiting", "started"], a: ["✔", "applied", "applied"], f: ["✖", "failed", "failed"],
  k: ["↷", "skipped", "skipped"], c: ["◌", "cancelled", "cancelled"],
};
const ROW = 28; // pixels, as the style has it
const AROUND = 12; // rows drawn above and below what is seen
let panels = 0;

/** An element; text is only ever set as text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** An action or an end as glyph, word and colour. */
function marked(kind, name, glyph, told) {
  return make("strong", { class: `${kind} ${name}` }, make("span", { class: "glyph", "aria-hidden": "true" }, glyph), ` ${told}`);
}

function render({ model, el }) {
  const id = `reconciler-${++panels}`;
  const ask = (what, more = {}) => model.send({ do: what, ...more });
  const state = () => model.get("state");
  const parts = [header(model, ask, id), confirmation(model, ask, id), pace(model), tabs(model, ask, id)];
  const banner = make("div", { role: "alert" });
  const root = make("div", { class: "reconciler panel", role: "region", "aria-label": "Reconciler panel" });
  root.append(parts[0].element, parts[1].element, banner, ...parts.slice(2).map((part) => part.element));
  el.append(root);

  const drawState = () => {
    if (!state().head) return;
    root.setAttribute("aria-label", `Panel of ${state().head.workspace}`);
    if (banner.innerHTML !== state().banner) banner.innerHTML = state().banner; // the renderer's, escaped there
    root.setAttribute("data-phase", state().phase);
    for (const part of parts) part.draw(state());
  };
  const answer = (message) => parts[3].answer(message);
  model.on("change:state", drawState);
  model.on("msg:custom", answer);
  drawState();
  return () => {
    model.off("change:state", drawState);
    model.off("msg:custom", answer);
    for (const part of parts) part.close?.();
  };
}

/** Title, summary, and the buttons. */
function header(model, ask, id) {
  const title = make("p", { class: "title" });
  const target = make("p", { class: "quiet" });
  const about = make("p", { class: "quiet", role: "status" });
  const notes = make("div");
  const button = (name, press, more = {}) => make("button", { type: "button", onclick: press, ...more }, name);
  const again = button("Plan again", () => ask("plan"));
  const retry = button("Retry what failed", () => ask("retry"));
  const stop = button("Stop", () => ask("stop"), { title: "Finish what is in flight, begin nothing new" });
  const apply = button("Apply …", () => open(), { class: "primary", "aria-expanded": "false", "aria-controls": `${id}-confirm` });
  const open = () => {
    apply.dispatchEvent(new CustomEvent("confirm", { bubbles: true }));
  };
  const element = make("div", { class: "top" }, make("div", {}, title, target, about, notes), make("div", { class: "buttons" }, again, retry, stop, apply));
  return {
    element,
    draw({ head, phase, reading, remarks }) {
      title.replaceChildren("Plan for ", make("strong", {}, head.workspace));
      target.textContent = `${head.target} · plan ${head.digest.slice(0, 12)}`;
      about.textContent = reading || head.about;
      if (notes.dataset.html !== remarks) notes.innerHTML = notes.dataset.html = remarks; // the renderer's, escaped there
      const busy = ["reading", "applying", "stopping"].includes(phase);
      again.disabled = busy;
      retry.hidden = phase !== "unfinished";
      stop.hidden = !["applying", "stopping"].includes(phase);
      stop.disabled = phase === "stopping";
      stop.textContent = phase === "stopping" ? "Stopping …" : "Stop";
      apply.hidden = !stop.hidden;
      apply.disabled = phase !== "planned" || !head.actions.some(([, , count]) => count);
    },
  };
}

/** The question before anything is sent. */
function confirmation(model, ask, id) {
  const question = make("strong", { id: `${id}-question` });
  const typed = make("input", { type: "text", id: `${id}-typed`, autocomplete: "off", spellcheck: "false" });
  const label = make("label", { for: `${id}-typed` });
  const yes = make("button", { type: "submit", class: "primary" }, "Apply");
  const no = make("button", { type: "button", onclick: () => toggle(false) }, "Cancel");
  const element = make("form", { class: "confirm", id: `${id}-confirm`, "aria-labelledby": `${id}-question`, hidden: true }, question, label, typed, yes, no);
  const wanted = () => model.get("state").confirm.type;
  const ready = () => { yes.disabled = wanted() !== "" && typed.value.trim() !== wanted(); };
  const toggle = (open) => {
    element.hidden = !open;
    typed.value = "";
    ready();
    const button = element.parentElement?.querySelector('button[aria-controls]');
    button?.setAttribute("aria-expanded", String(open));
    if (open) (wanted() ? typed : yes).focus();
    else if (element.contains(document.activeElement)) button?.focus();
  };
  typed.addEventListener("input", ready);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(false);
    event.stopPropagation(); // the notebook has its own keys
  });
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (yes.disabled) return;
    ask("apply", { digest: model.get("state").head.digest, typed: typed.value });
    toggle(false);
  });
  setTimeout(() => element.parentElement?.addEventListener("confirm", () => toggle(element.hidden)));
  let digest = null;
  return {
    element,
    draw({ head, confirm, phase }) {
      question.textContent = confirm.question;
      label.hidden = typed.hidden = confirm.type === "";
      label.textContent = confirm.type ? `It deletes or replaces. Type ${confirm.type} to go on` : "";
      if (phase !== "planned" || digest !== head.digest) element.hidden = true;
      digest = head.digest;
      ready();
    },
  };
}

/** The bar, the counts, the time. */
function pace() {
  const fill = make("div");
  const bar = make("div", { class: "bar", role: "progressbar", "aria-label": "Steps that ended", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const words = make("p", { class: "pace", role: "status" });
  const element = make("div", { hidden: true }, bar, words);
  return {
    element,
    draw({ progress }) {
      element.hidden = !progress || progress.total === undefined;
      if (element.hidden) return;
      const share = progress.total ? (100 * progress.ended) / progress.total : 100;
      fill.style.width = `${share}%`;
      bar.setAttribute("aria-valuenow", Math.round(share));
      const ends = Object.values(ENDS);
      const counts = progress.counts.map(([word, count]) => {
        const [glyph, , name] = ends.find(([, , found]) => found === word);
        return marked("end", name, glyph, `${count.toLocaleString("en")} ${word}`);
      });
      const many = make("strong", {}, `${progress.ended.toLocaleString("en")} of ${progress.total.toLocaleString("en")}`);
      words.replaceChildren(many, ...counts, make("span", { class: "quiet" }, progress.time));
    },
  };
}

/** Changes, graph and log, one at a time. */
function tabs(model, ask, id) {
  const pages = { Changes: table(model, ask, id), Graph: picture(model, ask, id), Log: log(model, id) };
  const names = Object.keys(pages);
  const heads = names.map((name) =>
    make("button", { type: "button", role: "tab", id: `${id}-tab-${name}`, "aria-controls": `${id}-page-${name}`, onclick: () => choose(name) }, name));
  const list = make("div", { class: "tabs", role: "tablist", "aria-label": "What to see" }, ...heads);
  const panes = names.map((name) =>
    make("div", { role: "tabpanel", id: `${id}-page-${name}`, "aria-labelledby": `${id}-tab-${name}`, hidden: true }, pages[name].element));
  const choose = (name, focus = false) => {
    names.forEach((other, place) => {
      const chosen = other === name;
      heads[place].setAttribute("aria-selected", String(chosen));
      heads[place].tabIndex = chosen ? 0 : -1;
      panes[place].hidden = !chosen;
      if (chosen && focus) heads[place].focus();
    });
    pages[name].shown?.();
  };
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = heads.findIndex((head) => head.getAttribute("aria-selected") === "true");
    choose(names[(place + step + names.length) % names.length], true);
    event.preventDefault();
    event.stopPropagation();
  });
  choose("Changes");
  return {
    element: make("div", {}, list, ...panes),
    draw(state) { for (const page of Object.values(pages)) page.draw?.(state); },
    answer(message) { pages.Changes.answer(message); },
    close() { for (const page of Object.values(pages)) page.close?.(); },
  };
}

/** The changes: filters, and a tree grid of which only the rows in sight are drawn. */
function table(model, ask, id) {
  const COLUMNS = ["action", "address", "what differs", "declared", "status"];
  const wanted = { actions: new Set(), kind: "", text: "" };
  let rows = [], found = [], tops = [], active = 0;
  const open = new Map(); // row → what is behind it, or null while it is asked for
  const heights = new Map();

  const chips = make("span", { role: "group", "aria-label": "Actions", class: "buttons" });
  const kinds = make("select", { "aria-label": "Kind", onchange: () => { wanted.kind = kinds.value; filter(); } });
  const text = make("input", { type: "search", "aria-label": "Filter by text", placeholder: "Filter by text", oninput: () => { wanted.text = text.value.trim().toLowerCase(); filter(); } });
  text.addEventListener("keydown", (event) => event.stopPropagation());
  const many = make("span", { class: "quiet", role: "status" });
  const heads = make("div", { class: "line heads", role: "row" }, ...COLUMNS.map((name) => make("div", { role: "columnheader" }, name)));
  const layer = make("div", { class: "layer", role: "rowgroup" });
  const grid = make("div", { class: "grid", role: "treegrid", "aria-label": "Changes" }, make("div", { role: "rowgroup", class: "pinned" }, heads), layer);
  const element = make("div", {}, make("div", { class: "filters" }, chips, kinds, text, many), grid);

  /** Where each row begins, in pixels; the last entry is where they end. */
  const measure = () => {
    tops = [0];
    for (const row of found) tops.push(tops.at(-1) + ROW + (open.has(row) ? heights.get(row) ?? 40 : 0));
    layer.style.height = `${tops.at(-1)}px`;
  };
  const at = (y) => {
    let low = 0, high = found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= y) low = middle + 1; else high = middle;
    }
    return low;
  };
  const filter = () => {
    found = [];
    rows.forEach(([action, kind, address, about, origin], row) => {
      if (wanted.actions.size && !wanted.actions.has(action)) return;
      if (wanted.kind && kind !== wanted.kind) return;
      if (wanted.text && !`${address} ${about} ${origin}`.toLowerCase().includes(wanted.text)) return;
      found.push(row);
    });
    active = Math.min(active, Math.max(found.length - 1, 0));
    many.textContent = found.length === rows.length ? `${rows.length.toLocaleString("en")} changes` : `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} changes`;
    grid.setAttribute("aria-rowcount", found.length + 1);
    measure();
    draw();
  };

  const line = (place) => {
    const row = found[place];
    const [action, , address, about, origin] = rows[row];
    const [glyph, word, name] = ENDS[model.get("ends")[row] ?? " "];
    const sign = model.get("state").head.actions.find(([known]) => known === action)?.[1] ?? "";
    const unfolded = open.has(row);
    const cell = (child, more = {}) => make("div", { role: "gridcell", ...more }, child);
    return make(
      "div",
      { role: "row", class: "line", "data-place": place, "aria-rowindex": place + 2, "aria-level": 1, "aria-expanded": String(unfolded), tabindex: place === active ? 0 : -1, style: `position: absolute; left: 0; right: 0; top: ${tops[place]}px` },
      make("div", { role: "gridcell" }, make("span", { class: "twist", "aria-hidden": "true" }, unfolded ? "▾" : "▸"), marked("act", action, sign, action)),
      cell(make("code", { class: "address" }, address), { title: address }),
      cell(about, { title: about }),
      cell(make("span", { class: "quiet" }, origin), { title: origin }),
      cell(word ? marked("end", name, glyph, word) : ""),
    );
  };
  const behind = (place) => {
    const row = found[place], html = open.get(row);
    const inside = make("div", { role: "gridcell", "aria-colspan": COLUMNS.length, class: "unfolded" });
    if (html === null) inside.textContent = "…"; else inside.innerHTML = html; // the renderer's, escaped there
    return make("div", { role: "row", "aria-level": 2, "data-behind": row, style: `position: absolute; left: 0; right: 0; top: ${tops[place] + ROW}px` }, inside);
  };
  const draw = () => {
    const first = Math.max(0, at(grid.scrollTop) - AROUND);
    const last = Math.min(found.length, at(grid.scrollTop + grid.clientHeight) + AROUND);
    const focused = layer.contains(document.activeElement) && document.activeElement.classList.contains("line");
    const drawn = [];
    for (let place = first; place < last; place++) {
      drawn.push(line(place));
      if (open.has(found[place])) drawn.push(behind(place));
    }
    if (!found.length) drawn.push(make("div", { role: "row" }, make("div", { role: "gridcell", class: "empty" }, rows.length ? "No change is like that." : "Nothing to do.")));
    layer.replaceChildren(...drawn);
    if (focused) layer.querySelector(`[data-place="${active}"]`)?.focus({ preventScroll: true });
    remeasure();
  };
  /** What is unfolded is as high as it is; when that is another height than was thought, all below moves. */
  const remeasure = () => {
    let moved = false;
    for (const drawn of layer.querySelectorAll("[data-behind]")) {
      const row = Number(drawn.dataset.behind), height = Math.ceil(drawn.getBoundingClientRect().height);
      if (height && heights.get(row) !== height) { heights.set(row, height); moved = true; }
    }
    if (moved) { measure(); draw(); }
  };
  const toggle = (place, unfold = !open.has(found[place])) => {
    const row = found[place];
    if (unfold === open.has(row)) return;
    if (unfold) { open.set(row, null); ask("expand", { row }); } else { open.delete(row); }
    measure();
    draw();
  };
  const go = (place) => {
    active = Math.max(0, Math.min(place, found.length - 1));
    const room = grid.clientHeight - ROW; // below the heads
    if (tops[active] < grid.scrollTop) grid.scrollTop = tops[active];
    if (tops[active] + ROW > grid.scrollTop + room) grid.scrollTop = tops[active] + ROW - room;
    draw();
    layer.querySelector(`[data-place="${active}"]`)?.focus({ preventScroll: true });
  };
  const KEYS = {
    ArrowDown: () => go(active + 1), ArrowUp: () => go(active - 1), PageDown: () => go(active + 10), PageUp: () => go(active - 10),
    Home: () => go(0), End: () => go(found.length - 1), ArrowRight: () => toggle(active, true), ArrowLeft: () => toggle(active, false),
    Enter: () => toggle(active), " ": () => toggle(active),
  };
  grid.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (!event.target.classList.contains("line") || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  layer.addEventListener("click", (event) => {
    const drawn = event.target.closest(".line");
    if (!drawn) { setTimeout(remeasure); return; }
    active = Number(drawn.dataset.place);
    toggle(active);
    layer.querySelector(`[data-place="${active}"]`)?.focus({ preventScroll: true });
  });
  layer.addEventListener("toggle", remeasure, true);
  grid.addEventListener("scroll", () => requestAnimationFrame(draw));
  const sized = new ResizeObserver(() => draw());
  sized.observe(grid);

  const renew = () => {
    rows = model.get("rows");
    open.clear();
    heights.clear();
    active = 0;
    filter();
  };
  model.on("change:rows", renew);
  model.on("change:ends", draw);
  let drawnHead = "";
  return {
    element,
    draw({ head }) {
      const key = JSON.stringify([head.actions, head.kinds]);
      if (key === drawnHead) return;
      drawnHead = key;
      wanted.actions.clear();
      wanted.kind = "";
      chips.replaceChildren(...head.actions.filter(([, , count]) => count).map(([action, glyph, count]) => {
        const chip = make("button", { type: "button", "aria-pressed": "false" }, marked("act", action, glyph, `${count.toLocaleString("en")} ${action}`));
        chip.addEventListener("click", () => {
          const on = !wanted.actions.has(action);
          wanted.actions[on ? "add" : "delete"](action);
          chip.setAttribute("aria-pressed", String(on));
          filter();
        });
        return chip;
      }));
      kinds.replaceChildren(make("option", { value: "" }, "All kinds"), ...head.kinds.map(([kind, title]) => make("option", { value: kind }, title)));
      renew();
    },
    answer({ details, html }) {
      if (!open.has(details)) return;
      open.set(details, html);
      draw();
    },
    shown: draw,
    close() {
      model.off("change:rows", renew);
      model.off("change:ends", draw);
      sized.disconnect();
    },
  };
}

/** The dependency graph: whole, or around one address. */
function picture(model, ask, id) {
  const around = make("input", { type: "search", "aria-label": "Around an address", placeholder: "Around an address, such as things.pump-1", style: "max-width: 360px" });
  const form = make("form", { class: "filters" }, around, make("button", { type: "submit" }, "Show"), make("button", { type: "button", onclick: () => { around.value = ""; ask("graph", { around: "" }); } }, "Whole graph"));
  const drawn = make("div", { class: "picture", tabindex: 0, role: "group", "aria-label": "Dependency graph" });
  form.addEventListener("submit", (event) => { event.preventDefault(); ask("graph", { around: around.value.trim() }); });
  form.addEventListener("keydown", (event) => event.stopPropagation());
  const draw = () => { drawn.innerHTML = model.get("graph") || "<p>…</p>"; }; // the renderer's, escaped there
  let seen = false;
  const shown = () => { seen = true; if (!model.get("graph")) ask("graph", { around: around.value.trim() }); };
  const changed = () => { draw(); if (seen && !model.get("graph") && drawn.offsetParent) shown(); };
  model.on("change:graph", changed);
  draw();
  return { element: make("div", {}, form, drawn), shown, close: () => model.off("change:graph", changed) };
}

/** What was done, line by line. */
function log(model) {
  const lines = make("pre", { class: "log", role: "log", tabindex: 0, "aria-label": "Log" });
  const draw = () => {
    const low = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8;
    lines.textContent = model.get("lines");
    if (low) lines.scrollTop = lines.scrollHeight;
  };
  model.on("change:lines", draw);
  draw();
  return { element: lines, shown: draw, close: () => model.off("change:lines", draw) };
}

export default { render };
