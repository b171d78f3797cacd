// The panel in the page. It decides nothing about the apply: it draws the model's traits and reports what the user requests.

/** Letter of a status (see STATUS_LETTERS in plan_table.py) → glyph, label, CSS class. */
const STATUSES = {
  " ": ["", "", ""], s: ["▸", "running", "started"], w: ["…", "waiting", "started"], a: ["✔", "applied", "applied"], f: ["✖", "failed", "failed"],
  k: ["↷", "skipped", "skipped"], c: ["◌", "canceled", "canceled"],
};
const ROW_HEIGHT = 28; // pixels, as in panel.css
const ASSUMED_DETAILS_HEIGHT = 40; // pixels, until the details are drawn and measured
const OVERSCAN = 12; // rows drawn above and below those in view
let panelCount = 0;

const formatCount = (count) => count.toLocaleString("en");

/** Return an element; a child that is a string becomes text and is not parsed as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Return an action or a status as a colored glyph and word; type is "action" or "status", cssClass decides the color. */
function makeLabel(type, cssClass, glyph, text) {
  return make("strong", { class: `${type} ${cssClass}` }, make("span", { class: "glyph", "aria-hidden": "true" }, glyph), ` ${text}`);
}

function render({ model, el }) {
  const id = `reconciler-${++panelCount}`;
  const request = (command, parameters = {}) => model.send({ command, ...parameters });
  const state = () => model.get("state");
  const header = makeHeader(request, id);
  const confirmation = makeConfirmation(model, request, id);
  const progress = makeProgress();
  const tabs = makeTabs(model, request, id);
  const parts = [header, confirmation, progress, tabs];
  const banner = make("div", { role: "alert" });
  const root = make("div", { class: "reconciler panel", role: "region", "aria-label": "Reconciler panel" });
  root.append(header.element, confirmation.element, banner, progress.element, tabs.element);
  el.append(root);

  const drawState = () => {
    if (!state().header) return;
    root.setAttribute("aria-label", `Panel of ${state().header.workspace}`);
    if (banner.innerHTML !== state().banner) banner.innerHTML = state().banner; // rendered and escaped in Python
    root.setAttribute("data-phase", state().phase);
    for (const part of parts) part.draw(state());
  };
  const receive = (message) => tabs.receive(message);
  model.on("change:state", drawState);
  model.on("msg:custom", receive);
  drawState();
  return () => {
    model.off("change:state", drawState);
    model.off("msg:custom", receive);
    for (const part of parts) part.close?.();
  };
}

/** Title, summary, notes and buttons. */
function makeHeader(request, id) {
  const title = make("p", { class: "title" });
  const target = make("p", { class: "quiet" });
  const summary = make("p", { class: "quiet", role: "status" });
  const noteList = make("div");
  const makeButton = (text, onclick, attributes = {}) => make("button", { type: "button", onclick, ...attributes }, text);
  const replan = makeButton("Plan again", () => request("plan"));
  const retry = makeButton("Retry unfinished steps", () => request("retry"));
  const stop = makeButton("Stop", () => request("stop"), { title: "Finish the running steps, start no more" });
  const openConfirmation = () => apply.dispatchEvent(new CustomEvent("confirm", { bubbles: true }));
  const apply = makeButton("Apply …", openConfirmation, { class: "primary", "aria-expanded": "false", "aria-controls": `${id}-confirm` });
  const element = make("div", { class: "top" }, make("div", {}, title, target, summary, noteList), make("div", { class: "buttons" }, replan, retry, stop, apply));
  return {
    element,
    draw({ header, phase, reading, notes }) {
      title.replaceChildren("Plan for ", make("strong", {}, header.workspace));
      target.textContent = `${header.target} · plan ${header.digest.slice(0, 12)}`;
      summary.textContent = reading || header.summary;
      if (noteList.dataset.html !== notes) noteList.innerHTML = noteList.dataset.html = notes; // rendered and escaped in Python
      replan.disabled = ["reading", "applying", "stopping"].includes(phase);
      retry.hidden = phase !== "unfinished";
      stop.hidden = !["applying", "stopping"].includes(phase);
      stop.disabled = phase === "stopping";
      stop.textContent = phase === "stopping" ? "Stopping …" : "Stop";
      apply.hidden = !stop.hidden;
      apply.disabled = phase !== "planned" || !header.actions.some(([, , count]) => count);
    },
  };
}

/** The question before an apply. */
function makeConfirmation(model, request, id) {
  const question = make("strong", { id: `${id}-question` });
  const input = make("input", { type: "text", id: `${id}-typed`, autocomplete: "off", spellcheck: "false" });
  const label = make("label", { for: `${id}-typed` });
  const apply = make("button", { type: "submit", class: "primary" }, "Apply");
  const cancel = make("button", { type: "button", onclick: () => toggle(false) }, "Cancel");
  const element = make("form", { class: "confirm", id: `${id}-confirm`, "aria-labelledby": `${id}-question`, hidden: true }, question, label, input, apply, cancel);
  const expected = () => model.get("state").confirmation.expected;
  const updateButton = () => { apply.disabled = expected() !== "" && input.value.trim() !== expected(); };
  const toggle = (isOpen) => {
    element.hidden = !isOpen;
    input.value = "";
    updateButton();
    const button = element.parentElement?.querySelector('button[aria-controls]');
    button?.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) (expected() ? input : apply).focus();
    else if (element.contains(document.activeElement)) button?.focus();
  };
  input.addEventListener("input", updateButton);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(false);
    event.stopPropagation(); // the notebook has shortcuts of its own
  });
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    if (apply.disabled) return;
    request("apply", { digest: model.get("state").header.digest, typed: input.value });
    toggle(false);
  });
  // Only later, because the form has no parent yet.
  setTimeout(() => element.parentElement?.addEventListener("confirm", () => toggle(element.hidden)));
  let digest = null;
  return {
    element,
    draw({ header, confirmation, phase }) {
      question.textContent = confirmation.question;
      label.hidden = input.hidden = confirmation.expected === "";
      label.textContent = confirmation.expected ? `This deletes or replaces resources. Type ${confirmation.expected} to continue` : "";
      if (phase !== "planned" || digest !== header.digest) element.hidden = true;
      digest = header.digest;
      updateButton();
    },
  };
}

/** The progress bar, the counts and the time. */
function makeProgress() {
  const fill = make("div");
  const bar = make("div", { class: "bar", role: "progressbar", "aria-label": "Finished steps", "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const text = make("p", { class: "progress", role: "status" });
  const element = make("div", { hidden: true }, bar, text);
  return {
    element,
    draw({ progress }) {
      element.hidden = !progress || progress.total === undefined;
      if (element.hidden) return;
      const percent = progress.total ? (100 * progress.ended) / progress.total : 100;
      fill.style.width = `${percent}%`;
      bar.setAttribute("aria-valuenow", Math.round(percent));
      const counts = progress.counts.map(([status, count]) => {
        const [glyph, word, cssClass] = Object.values(STATUSES).find(([, , className]) => className === status);
        return makeLabel("status", cssClass, glyph, `${formatCount(count)} ${word}`);
      });
      const ended = make("strong", {}, `${formatCount(progress.ended)} of ${formatCount(progress.total)}`);
      text.replaceChildren(ended, ...counts, make("span", { class: "quiet" }, progress.time));
    },
  };
}

/** Changes, graph and log, one at a time. */
function makeTabs(model, request, id) {
  const pages = { Changes: makeTable(model, request), Graph: makeGraph(model, request), Log: makeLog(model) };
  const names = Object.keys(pages);
  const tabButtons = names.map((name) =>
    make("button", { type: "button", role: "tab", id: `${id}-tab-${name}`, "aria-controls": `${id}-page-${name}`, onclick: () => select(name) }, name));
  const list = make("div", { class: "tabs", role: "tablist", "aria-label": "View" }, ...tabButtons);
  const panes = names.map((name) =>
    make("div", { role: "tabpanel", id: `${id}-page-${name}`, "aria-labelledby": `${id}-tab-${name}`, hidden: true }, pages[name].element));
  const select = (name, focus = false) => {
    names.forEach((tabName, index) => {
      const isSelected = tabName === name;
      tabButtons[index].setAttribute("aria-selected", String(isSelected));
      tabButtons[index].tabIndex = isSelected ? 0 : -1;
      panes[index].hidden = !isSelected;
      if (isSelected && focus) tabButtons[index].focus();
    });
    pages[name].onShow?.();
  };
  list.addEventListener("keydown", (event) => {
    const offset = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!offset) return;
    const current = tabButtons.findIndex((button) => button.getAttribute("aria-selected") === "true");
    select(names[(current + offset + names.length) % names.length], true);
    event.preventDefault();
    event.stopPropagation();
  });
  select("Changes");
  return {
    element: make("div", {}, list, ...panes),
    draw(state) { for (const page of Object.values(pages)) page.draw?.(state); },
    receive(message) { pages.Changes.receive(message); },
    close() { for (const page of Object.values(pages)) page.close?.(); },
  };
}

/** The changes: filters, and a tree grid that draws only the rows in view. */
function makeTable(model, request) {
  const COLUMNS = ["action", "address", "differences", "declared in", "status"];
  const filters = { actions: new Set(), kind: "", text: "" };
  let rows = []; // all rows of the plan
  let filteredRows = []; // numbers of the rows that pass the filters, by index
  let tops = []; // where each filtered row begins, in pixels; the last entry is where the last row ends
  let focusedIndex = 0; // index in `filteredRows` of the row that has the focus
  const openDetails = new Map(); // number of an expanded row → its details, or null until they arrive
  const heights = new Map(); // number of an expanded row → height of its details, in pixels

  const actionButtons = make("span", { role: "group", "aria-label": "Actions", class: "buttons" });
  const kindSelect = make("select", { "aria-label": "Kind", onchange: () => { filters.kind = kindSelect.value; applyFilters(); } });
  const textInput = make("input", { type: "search", "aria-label": "Filter by text", placeholder: "Filter by text", oninput: () => { filters.text = textInput.value.trim().toLowerCase(); applyFilters(); } });
  textInput.addEventListener("keydown", (event) => event.stopPropagation());
  const rowCount = make("span", { class: "quiet", role: "status" });
  const columnHeaders = make("div", { class: "line headings", role: "row" }, ...COLUMNS.map((name) => make("div", { role: "columnheader" }, name)));
  const layer = make("div", { class: "layer", role: "rowgroup" });
  const grid = make("div", { class: "grid", role: "treegrid", "aria-label": "Changes" }, make("div", { role: "rowgroup", class: "pinned" }, columnHeaders), layer);
  const element = make("div", {}, make("div", { class: "filters" }, actionButtons, kindSelect, textInput, rowCount), grid);

  const measure = () => {
    tops = [0];
    for (const row of filteredRows) tops.push(tops.at(-1) + ROW_HEIGHT + (openDetails.has(row) ? heights.get(row) ?? ASSUMED_DETAILS_HEIGHT : 0));
    layer.style.height = `${tops.at(-1)}px`;
  };
  /** Return the index of the filtered row at a vertical position in pixels, by binary search. */
  const indexAt = (y) => {
    let low = 0, high = filteredRows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= y) low = middle + 1; else high = middle;
    }
    return low;
  };
  const passesFilters = ([action, kind, address, differences, origin]) =>
    (!filters.actions.size || filters.actions.has(action)) &&
    (!filters.kind || kind === filters.kind) &&
    (!filters.text || `${address} ${differences} ${origin}`.toLowerCase().includes(filters.text));
  const applyFilters = () => {
    filteredRows = [...rows.keys()].filter((row) => passesFilters(rows[row]));
    focusedIndex = Math.min(focusedIndex, Math.max(filteredRows.length - 1, 0));
    const total = `${formatCount(rows.length)} changes`;
    rowCount.textContent = filteredRows.length === rows.length ? total : `${formatCount(filteredRows.length)} of ${total}`;
    grid.setAttribute("aria-rowcount", filteredRows.length + 1);
    measure();
    draw();
  };

  const makeRow = (index) => {
    const row = filteredRows[index];
    const [action, , address, differences, origin] = rows[row];
    const [glyph, word, cssClass] = STATUSES[model.get("statuses")[row] ?? " "];
    const actionGlyph = model.get("state").header.actions.find(([headerAction]) => headerAction === action)?.[1] ?? "";
    const isOpen = openDetails.has(row);
    const makeCell = (child, attributes = {}) => make("div", { role: "gridcell", ...attributes }, child);
    return make(
      "div",
      { role: "row", class: "line", "data-index": index, "aria-rowindex": index + 2, "aria-level": 1, "aria-expanded": String(isOpen), tabindex: index === focusedIndex ? 0 : -1, style: `position: absolute; left: 0; right: 0; top: ${tops[index]}px` },
      make("div", { role: "gridcell" }, make("span", { class: "disclosure", "aria-hidden": "true" }, isOpen ? "▾" : "▸"), makeLabel("action", action, actionGlyph, action)),
      makeCell(make("code", { class: "address" }, address), { title: address }),
      makeCell(differences, { title: differences }),
      makeCell(make("span", { class: "quiet" }, origin), { title: origin }),
      makeCell(word ? makeLabel("status", cssClass, glyph, word) : ""),
    );
  };
  const makeDetails = (index) => {
    const row = filteredRows[index], html = openDetails.get(row);
    const cell = make("div", { role: "gridcell", "aria-colspan": COLUMNS.length, class: "unfolded" });
    if (html === null) cell.textContent = "…"; else cell.innerHTML = html; // rendered and escaped in Python
    return make("div", { role: "row", "aria-level": 2, "data-details": row, style: `position: absolute; left: 0; right: 0; top: ${tops[index] + ROW_HEIGHT}px` }, cell);
  };
  const makeEmptyRow = () =>
    make("div", { role: "row" }, make("div", { role: "gridcell", class: "empty" }, rows.length ? "No change matches the filters." : "No changes."));
  const draw = () => {
    const first = Math.max(0, indexAt(grid.scrollTop) - OVERSCAN);
    const last = Math.min(filteredRows.length, indexAt(grid.scrollTop + grid.clientHeight) + OVERSCAN);
    const hadFocus = layer.contains(document.activeElement) && document.activeElement.classList.contains("line");
    const elements = [];
    for (let index = first; index < last; index++) {
      elements.push(makeRow(index));
      if (openDetails.has(filteredRows[index])) elements.push(makeDetails(index));
    }
    if (!filteredRows.length) elements.push(makeEmptyRow());
    layer.replaceChildren(...elements);
    if (hadFocus) focusRow();
    remeasure();
  };
  /** Measure the details that are drawn, and draw again if one has another height than assumed. */
  const remeasure = () => {
    let hasChanged = false;
    for (const details of layer.querySelectorAll("[data-details]")) {
      const row = Number(details.dataset.details), height = Math.ceil(details.getBoundingClientRect().height);
      if (height && heights.get(row) !== height) { heights.set(row, height); hasChanged = true; }
    }
    if (hasChanged) { measure(); draw(); }
  };
  const toggle = (index, shouldOpen = !openDetails.has(filteredRows[index])) => {
    const row = filteredRows[index];
    if (shouldOpen === openDetails.has(row)) return;
    if (shouldOpen) { openDetails.set(row, null); request("expand", { row }); } else { openDetails.delete(row); }
    measure();
    draw();
  };
  const focusRow = () => layer.querySelector(`[data-index="${focusedIndex}"]`)?.focus({ preventScroll: true });
  const moveTo = (index) => {
    focusedIndex = Math.max(0, Math.min(index, filteredRows.length - 1));
    const height = grid.clientHeight - ROW_HEIGHT; // below the column headers
    if (tops[focusedIndex] < grid.scrollTop) grid.scrollTop = tops[focusedIndex];
    if (tops[focusedIndex] + ROW_HEIGHT > grid.scrollTop + height) grid.scrollTop = tops[focusedIndex] + ROW_HEIGHT - height;
    draw();
    focusRow();
  };
  const KEYS = {
    ArrowDown: () => moveTo(focusedIndex + 1), ArrowUp: () => moveTo(focusedIndex - 1), PageDown: () => moveTo(focusedIndex + 10), PageUp: () => moveTo(focusedIndex - 10),
    Home: () => moveTo(0), End: () => moveTo(filteredRows.length - 1), ArrowRight: () => toggle(focusedIndex, true), ArrowLeft: () => toggle(focusedIndex, false),
    Enter: () => toggle(focusedIndex), " ": () => toggle(focusedIndex),
  };
  grid.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (!event.target.classList.contains("line") || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  layer.addEventListener("click", (event) => {
    const row = event.target.closest(".line");
    if (!row) { setTimeout(remeasure); return; }
    focusedIndex = Number(row.dataset.index);
    toggle(focusedIndex);
    focusRow();
  });
  layer.addEventListener("toggle", remeasure, true); // while capturing, because toggle events do not bubble
  grid.addEventListener("scroll", () => requestAnimationFrame(draw));
  const resizes = new ResizeObserver(() => draw());
  resizes.observe(grid);

  const loadRows = () => {
    rows = model.get("rows");
    openDetails.clear();
    heights.clear();
    focusedIndex = 0;
    applyFilters();
  };
  model.on("change:rows", loadRows);
  model.on("change:statuses", draw);
  const makeActionButton = ([action, glyph, count]) => {
    const button = make("button", { type: "button", "aria-pressed": "false" }, makeLabel("action", action, glyph, `${formatCount(count)} ${action}`));
    button.addEventListener("click", () => {
      const isOn = !filters.actions.has(action);
      filters.actions[isOn ? "add" : "delete"](action);
      button.setAttribute("aria-pressed", String(isOn));
      applyFilters();
    });
    return button;
  };
  let drawnChoices = "";
  return {
    element,
    draw({ header }) {
      const filterChoices = JSON.stringify([header.actions, header.kinds]);
      if (filterChoices === drawnChoices) return;
      drawnChoices = filterChoices;
      filters.actions.clear();
      filters.kind = "";
      actionButtons.replaceChildren(...header.actions.filter(([, , count]) => count).map(makeActionButton));
      kindSelect.replaceChildren(make("option", { value: "" }, "All kinds"), ...header.kinds.map(([kind, title]) => make("option", { value: kind }, title)));
      loadRows();
    },
    receive({ row, html }) {
      if (!openDetails.has(row)) return;
      openDetails.set(row, html);
      draw();
    },
    onShow: draw,
    close() {
      model.off("change:rows", loadRows);
      model.off("change:statuses", draw);
      resizes.disconnect();
    },
  };
}

/** The dependency graph: whole, or around one address. */
function makeGraph(model, request) {
  const address = make("input", { type: "search", "aria-label": "Around an address", placeholder: "Around an address, such as things.pump-1", style: "max-width: 360px" });
  const requestGraph = () => request("graph", { around: address.value.trim() });
  const showWhole = make("button", { type: "button", onclick: () => { address.value = ""; requestGraph(); } }, "Whole graph");
  const form = make("form", { class: "filters" }, address, make("button", { type: "submit" }, "Show"), showWhole);
  const picture = make("div", { class: "picture", tabindex: 0, role: "group", "aria-label": "Dependency graph" });
  form.addEventListener("submit", (event) => { event.preventDefault(); requestGraph(); });
  form.addEventListener("keydown", (event) => event.stopPropagation());
  const draw = () => { picture.innerHTML = model.get("graph") || "<p>…</p>"; }; // rendered and escaped in Python
  let wasShown = false;
  const onShow = () => { wasShown = true; if (!model.get("graph")) requestGraph(); };
  const onChange = () => { draw(); if (wasShown && !model.get("graph") && picture.offsetParent) onShow(); };
  model.on("change:graph", onChange);
  draw();
  return { element: make("div", {}, form, picture), onShow, close: () => model.off("change:graph", onChange) };
}

/** The log, which stays at its end unless the user has scrolled up. */
function makeLog(model) {
  const lines = make("pre", { class: "log", role: "log", tabindex: 0, "aria-label": "Log" });
  const draw = () => {
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8; // pixels of tolerance
    lines.textContent = model.get("log");
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  };
  model.on("change:log", draw);
  draw();
  return { element: lines, onShow: draw, close: () => model.off("change:log", draw) };
}

export default { render };
