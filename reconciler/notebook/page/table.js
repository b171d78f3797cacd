// The panel's table: filters, sorting, CSV, and a tree grid that draws only the rows in view.

const ROW_HEIGHT = 28; // pixels, as in panel.css
const ASSUMED_DETAILS_HEIGHT = 40; // pixels, until the details are drawn and measured
const OVERSCAN = 12; // rows drawn above and below those in view

/** Column → index of its value in a row; a row does not have its status. */
const COLUMNS = { action: 0, address: 2, differences: 3, "declared in": 4, status: null };
/** Letters of statuses in the order in which they are sorted: what needs attention is first. */
const STATUS_ORDER = "fswkc a";
/** Value of the filter by status → its label and the letters that pass. */
const STATUS_FILTERS = {
  "": ["All statuses", STATUS_ORDER], pending: ["Pending", " "], running: ["Running", "sw"], applied: ["Applied", "a"], failed: ["Failed", "f"],
  skipped: ["Skipped", "k"], canceled: ["Canceled", "c"],
};

/** Offer the browser a text as a file. */
function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000); // milliseconds; the download has begun
}

/** The headings of the table: a button for each column sorts by it, first ascending, then descending, then not. */
function makeHeadings(onChange) {
  const sorting = { column: "", descending: false };
  const marks = {};
  const cells = {};
  const sortBy = (column) => {
    if (sorting.column !== column) Object.assign(sorting, { column, descending: false });
    else if (!sorting.descending) sorting.descending = true;
    else Object.assign(sorting, { column: "", descending: false });
    for (const name of Object.keys(COLUMNS)) {
      const isSorted = name === sorting.column;
      marks[name].textContent = isSorted ? (sorting.descending ? "▼" : "▲") : "";
      cells[name].setAttribute("aria-sort", isSorted ? (sorting.descending ? "descending" : "ascending") : "none");
    }
    onChange();
  };
  for (const name of Object.keys(COLUMNS)) {
    marks[name] = make("span", { "aria-hidden": "true" });
    const button = make("button", { type: "button", title: `Sort by ${name}`, onclick: () => sortBy(name) }, name, " ", marks[name]);
    cells[name] = make("div", { role: "columnheader", class: name.startsWith("d") ? "wide" : "", "aria-sort": "none" }, button);
  }
  return { element: make("div", { class: "line headings", role: "row" }, ...Object.values(cells)), sorting };
}

function makeTable(model, request) {
  const filters = { actions: new Set(), kind: "", text: "", status: "" };
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
  const statusChoices = Object.entries(STATUS_FILTERS).map(([value, [label]]) => make("option", { value }, label));
  const statusSelect = make("select", { "aria-label": "Status", onchange: () => { filters.status = statusSelect.value; applyFilters(); } }, ...statusChoices);
  const exportCsv = make("button", { type: "button", title: "Save the listed changes as a CSV file", onclick: () => request("csv", { rows: filteredRows }) }, "CSV");
  const headings = makeHeadings(() => applyFilters());
  const layer = make("div", { class: "layer", role: "rowgroup" });
  const grid = make("div", { class: "grid", role: "treegrid", "aria-label": "Changes" }, make("div", { role: "rowgroup", class: "pinned" }, headings.element), layer);
  const element = make("div", {}, make("div", { class: "filters" }, actionButtons, kindSelect, statusSelect, textInput, make("span", { class: "end" }, rowCount, exportCsv)), grid);

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
  const statusOf = (row) => model.get("statuses")[row] ?? " ";
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (first, second) => {
    const { column } = headings.sorting, index = COLUMNS[column];
    if (column === "status") return STATUS_ORDER.indexOf(statusOf(first)) - STATUS_ORDER.indexOf(statusOf(second));
    return collator.compare(rows[first][index], rows[second][index]);
  };
  const applyFilters = () => {
    const focusedRow = filteredRows[focusedIndex];
    const letters = STATUS_FILTERS[filters.status][1];
    filteredRows = [...rows.keys()].filter((row) => letters.includes(statusOf(row)) && passesFilters(rows[row]));
    const { column, descending } = headings.sorting;
    if (column) filteredRows.sort(descending ? (first, second) => compare(second, first) : compare);
    const index = filteredRows.indexOf(focusedRow);
    focusedIndex = index >= 0 ? index : Math.min(focusedIndex, Math.max(filteredRows.length - 1, 0));
    const total = `${formatCount(rows.length)} changes`;
    rowCount.textContent = filteredRows.length === rows.length ? total : `${formatCount(filteredRows.length)} of ${total}`;
    grid.setAttribute("aria-rowcount", filteredRows.length + 1);
    measure();
    draw();
  };

  const makeRow = (index) => {
    const row = filteredRows[index];
    const [action, , address, differences, origin] = rows[row];
    const [glyph, word, cssClass] = STATUSES[statusOf(row)];
    const actionGlyph = model.get("state").header.actions.find(([headerAction]) => headerAction === action)?.[1] ?? "";
    const isOpen = openDetails.has(row);
    const makeCell = (child, attributes = {}) => make("div", { role: "gridcell", ...attributes }, child);
    return make(
      "div",
      { role: "row", class: "line", "data-index": index, "aria-rowindex": index + 2, "aria-level": 1, "aria-expanded": String(isOpen), tabindex: index === focusedIndex ? 0 : -1, style: `position: absolute; left: 0; right: 0; top: ${tops[index]}px` },
      make("div", { role: "gridcell" }, make("span", { class: "disclosure", "aria-hidden": "true" }, isOpen ? "▾" : "▸"), makeLabel("action", action, actionGlyph, action)),
      makeCell(make("code", { class: "address" }, address), { title: address }),
      makeCell(differences, { class: "wide", title: differences }),
      makeCell(make("span", { class: "quiet" }, origin), { class: "wide", title: origin }),
      makeCell(word ? makeLabel("status", cssClass, glyph, word) : ""),
    );
  };
  const makeDetails = (index) => {
    const row = filteredRows[index], html = openDetails.get(row);
    const cell = make("div", { role: "gridcell", "aria-colspan": Object.keys(COLUMNS).length, class: "unfolded" });
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
  const showStatuses = () => (filters.status || headings.sorting.column === "status" ? applyFilters() : draw());
  model.on("change:statuses", showStatuses);
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
    receive({ row, html, csv, name }) {
      if (csv !== undefined) download(name, csv);
      if (!openDetails.has(row)) return;
      openDetails.set(row, html);
      draw();
    },
    onShow: draw,
    close() {
      model.off("change:rows", loadRows);
      model.off("change:statuses", showStatuses);
      resizes.disconnect();
    },
  };
}

