// The panel's table: filters, sorting, CSV, and a tree grid that draws only the lines in view. A line is a row, or a group of alike rows.

const ROW_HEIGHT = 28; // pixels, as in panel.css
const ASSUMED_DETAILS_HEIGHT = 40; // pixels, until the details are drawn and measured
const MIN_GROUP_SIZE = 10; // as in grouping.py: of a group, fewer rows that pass the filters are listed one by one
const OVERSCAN = 12; // lines drawn above and below those in view

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

/** Return the statuses of a group's rows: the number of each letter, what needs attention first. */
function countStatuses(rowNumbers, statusOf) {
  const counts = new Map([...STATUS_ORDER].map((letter) => [letter, 0]));
  for (const row of rowNumbers) counts.set(statusOf(row), counts.get(statusOf(row)) + 1);
  return [...counts].filter(([, count]) => count);
}

/** The status of a group: one word if all its rows have the same, else the number of rows with each. */
function makeGroupStatus(counts) {
  if (counts.length === 1) {
    const [glyph, word, cssClass] = STATUSES[counts[0][0]];
    return word ? makeLabel("status", cssClass, glyph, word) : "";
  }
  const labels = counts.filter(([letter]) => letter !== " ").map(([letter, count]) => {
    const [glyph, word, cssClass] = STATUSES[letter];
    return make("strong", { class: `status ${cssClass}` }, make("span", { class: "glyph", "aria-hidden": "true" }, glyph),
      make("span", { class: "word" }, ` ${formatCount(count)}`), make("span", { class: "unseen" }, ` ${word}`), " ");
  });
  return make("span", { title: counts.map(([letter, count]) => `${formatCount(count)} ${STATUSES[letter][1] || "pending"}`).join(", ") }, ...labels);
}

function makeTable(model, request) {
  const filters = { actions: new Set(), kind: "", text: "", status: "" };
  let rows = []; // all rows of the plan
  let groups = []; // the groups of alike rows
  let groupNumbers = new Map(); // number of a row → number of its group
  let entries = []; // what passes the filters, in order: each `rows` numbers and, for a group, its number `group`
  let lines = []; // what is listed: for each entry a line, and for a listed group also a line for each of its rows
  let tops = []; // where each line begins, in pixels; the last entry is where the last line ends
  let focusedIndex = 0; // index of the line that has the focus
  const openDetails = new Map(); // key of an expanded line → the element of its details: undefined until requested, null until they arrive
  const heights = new Map(); // key of an expanded line → height of its details, in pixels
  const listedGroups = new Set(); // numbers of the groups whose rows are listed

  const actionButtons = make("span", { role: "group", "aria-label": "Actions", class: "buttons" });
  const kindSelect = make("select", { "aria-label": "Kind", onchange: () => { filters.kind = kindSelect.value; applyFilters(); } });
  const textInput = make("input", { type: "search", "aria-label": "Filter by text", placeholder: "Filter by text", oninput: () => { filters.text = textInput.value.trim().toLowerCase(); applyFilters(); } });
  textInput.addEventListener("keydown", (event) => event.stopPropagation());
  const rowCount = make("span", { class: "quiet", role: "status" });
  const statusChoices = Object.entries(STATUS_FILTERS).map(([value, [label]]) => make("option", { value }, label));
  const statusSelect = make("select", { "aria-label": "Status", onchange: () => { filters.status = statusSelect.value; applyFilters(); } }, ...statusChoices);
  const listPassingRows = () => entries.flatMap((entry) => entry.rows);
  const exportCsv = make("button", { type: "button", title: "Save the changes that match the filters as a CSV file, one by one", onclick: () => request("csv", { rows: listPassingRows() }) }, "CSV");
  const headings = makeHeadings(() => applyFilters());
  const layer = make("div", { class: "layer", role: "rowgroup" });
  const grid = make("div", { class: "grid", role: "treegrid", "aria-label": "Changes" }, make("div", { role: "rowgroup", class: "pinned" }, headings.element), layer);
  const element = make("div", {}, make("div", { class: "filters" }, actionButtons, kindSelect, statusSelect, textInput, make("span", { class: "end" }, rowCount, exportCsv)), grid);

  const measure = () => {
    tops = [0];
    for (const { key } of lines) tops.push(tops.at(-1) + ROW_HEIGHT + (openDetails.has(key) ? heights.get(key) ?? ASSUMED_DETAILS_HEIGHT : 0));
    layer.style.height = `${tops.at(-1)}px`;
  };
  /** Return the index of the line at a vertical position in pixels, by binary search. */
  const indexAt = (y) => {
    let low = 0, high = lines.length;
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
  /** Return an entry for each group, where its first row is, and for each row that is in none or in one of which few rows pass the filters. */
  const toEntries = (rowNumbers) => {
    const membersByGroup = new Map();
    for (const row of rowNumbers) {
      const group = groupNumbers.get(row);
      if (!membersByGroup.has(group)) membersByGroup.set(group, []);
      membersByGroup.get(group).push(row);
    }
    return rowNumbers.flatMap((row) => {
      const group = groupNumbers.get(row), members = membersByGroup.get(group);
      if (group === undefined || members.length < MIN_GROUP_SIZE) return [{ rows: [row] }];
      return members[0] === row ? [{ group, rows: members }] : [];
    });
  };
  const applyFilters = () => {
    const letters = STATUS_FILTERS[filters.status][1];
    const rowNumbers = [...rows.keys()].filter((row) => letters.includes(statusOf(row)) && passesFilters(rows[row]));
    const { column, descending } = headings.sorting;
    if (column) rowNumbers.sort(descending ? (first, second) => compare(second, first) : compare);
    entries = toEntries(rowNumbers);
    const total = `${formatCount(rows.length)} changes`;
    rowCount.textContent = rowNumbers.length === rows.length ? total : `${formatCount(rowNumbers.length)} of ${total}`;
    listLines();
  };
  const listLines = () => {
    const focusedKey = lines[focusedIndex]?.key;
    lines = entries.flatMap(({ group, rows: members }) => {
      if (group === undefined) return [{ key: `row-${members[0]}`, row: members[0], level: 1 }];
      const listed = listedGroups.has(group) ? members.map((row) => ({ key: `row-${row}`, row, group, level: 2 })) : [];
      return [{ key: `group-${group}`, group, members, level: 1 }, ...listed];
    });
    const index = lines.findIndex(({ key }) => key === focusedKey);
    focusedIndex = index >= 0 ? index : Math.min(focusedIndex, Math.max(lines.length - 1, 0));
    grid.setAttribute("aria-rowcount", lines.length + 1);
    measure();
    draw();
  };

  const makeCell = (child, attributes = {}) => make("div", { role: "gridcell", ...attributes }, child);
  const makeLine = (index) => {
    const { key, row, members, level } = lines[index];
    const [action] = rows[row ?? members[0]];
    const actionGlyph = model.get("state").header.actions.find(([headerAction]) => headerAction === action)?.[1] ?? "";
    const isOpen = openDetails.has(key);
    return make(
      "div",
      { role: "row", class: level === 1 ? "line" : "line member", "data-index": index, "aria-rowindex": index + 2, "aria-level": level, "aria-expanded": String(isOpen), tabindex: index === focusedIndex ? 0 : -1, style: `position: absolute; left: 0; right: 0; top: ${tops[index]}px` },
      make("div", { role: "gridcell" }, make("span", { class: "disclosure", "aria-hidden": "true" }, isOpen ? "▾" : "▸"), makeLabel("action", action, actionGlyph, action)),
      ...(members ? makeGroupCells(lines[index]) : makeRowCells(row)),
      makeStatusCell(lines[index]),
    );
  };
  const makeRowCells = (row) => {
    const [, , address, differences, origin] = rows[row];
    return [
      makeCell(make("code", { class: "address" }, address), { title: address }),
      makeCell(differences, { class: "wide", title: differences }),
      makeCell(make("span", { class: "quiet" }, origin), { class: "wide", title: origin }),
    ];
  };
  const makeGroupCells = ({ group, members }) => {
    const { title, differences, description, rows: all } = groups[group];
    const part = members.length < all.length ? `${formatCount(members.length)} of ` : "";
    return [
      makeCell(make("span", {}, make("strong", {}, part, title), differences ? ` ${differences}` : ""), { class: "span", "aria-colspan": 2, title: `${part}${title} ${differences}` }),
      makeCell(make("span", { class: "quiet" }, description), { class: "wide", title: description }),
    ];
  };
  const makeStatusCell = ({ row, members }) => {
    if (members) return makeCell(makeGroupStatus(countStatuses(members, statusOf)));
    const [glyph, word, cssClass] = STATUSES[statusOf(row)];
    return makeCell(word ? makeLabel("status", cssClass, glyph, word) : "");
  };
  const makeDetails = (index) => {
    const { key, row, group, members } = lines[index];
    if (openDetails.get(key) === undefined) { openDetails.set(key, null); request("expand", members ? { group } : { row }); }
    const details = openDetails.get(key); // the same element in every drawing, so that what the user unfolded in it stays
    const cell = make("div", { role: "gridcell", "aria-colspan": Object.keys(COLUMNS).length, class: "unfolded" }, details ?? "…");
    if (members && details) cell.append(makeListButton(group, members));
    return make("div", { role: "row", "aria-level": lines[index].level + 1, "data-details": key, style: `position: absolute; left: 0; right: 0; top: ${tops[index] + ROW_HEIGHT}px` }, cell);
  };
  const makeListButton = (group, members) => {
    const isListed = listedGroups.has(group);
    const text = isListed ? "Hide the list" : `List all ${formatCount(members.length)}`;
    const toggleList = () => {
      listedGroups[isListed ? "delete" : "add"](group);
      listLines();
    };
    return make("button", { type: "button", "data-list": group, "aria-expanded": String(isListed), onclick: toggleList }, text);
  };
  const findListButton = (group) => layer.querySelector(`[data-list="${group}"]`);
  const makeEmptyRow = () =>
    make("div", { role: "row" }, make("div", { role: "gridcell", class: "empty" }, rows.length ? "No change matches the filters." : "No changes."));
  const draw = () => {
    const first = Math.max(0, indexAt(grid.scrollTop) - OVERSCAN);
    const last = Math.min(lines.length, indexAt(grid.scrollTop + grid.clientHeight) + OVERSCAN);
    const focused = layer.contains(document.activeElement) ? document.activeElement : null;
    const elements = [];
    for (let index = first; index < last; index++) {
      elements.push(makeLine(index));
      if (openDetails.has(lines[index].key)) elements.push(makeDetails(index));
    }
    if (!lines.length) elements.push(makeEmptyRow());
    layer.replaceChildren(...elements);
    if (focused?.classList.contains("line")) focusLine();
    else if (focused) (focused.isConnected ? focused : findListButton(focused.dataset.list))?.focus({ preventScroll: true });
    remeasure();
  };
  const drawStatuses = () => {
    for (const line of layer.querySelectorAll(".line")) line.lastElementChild.replaceWith(makeStatusCell(lines[line.dataset.index]));
  };
  /** Measure the details that are drawn, and draw again if one has another height than assumed. */
  const remeasure = () => {
    let hasChanged = false;
    for (const details of layer.querySelectorAll("[data-details]")) {
      const { details: key } = details.dataset, height = Math.ceil(details.getBoundingClientRect().height);
      if (height && heights.get(key) !== height) { heights.set(key, height); hasChanged = true; }
    }
    if (hasChanged) { measure(); draw(); }
  };
  const toggle = (index, shouldOpen = !openDetails.has(lines[index].key)) => {
    const { key } = lines[index];
    if (shouldOpen === openDetails.has(key)) return;
    if (shouldOpen) openDetails.set(key, undefined); else openDetails.delete(key);
    measure();
    draw();
  };
  const focusLine = () => layer.querySelector(`[data-index="${focusedIndex}"]`)?.focus({ preventScroll: true });
  const moveTo = (index) => {
    focusedIndex = Math.max(0, Math.min(index, lines.length - 1));
    const height = grid.clientHeight - ROW_HEIGHT; // below the column headers
    if (tops[focusedIndex] < grid.scrollTop) grid.scrollTop = tops[focusedIndex];
    if (tops[focusedIndex] + ROW_HEIGHT > grid.scrollTop + height) grid.scrollTop = tops[focusedIndex] + ROW_HEIGHT - height;
    draw();
    focusLine();
  };
  const KEYS = {
    ArrowDown: () => moveTo(focusedIndex + 1), ArrowUp: () => moveTo(focusedIndex - 1), PageDown: () => moveTo(focusedIndex + 10), PageUp: () => moveTo(focusedIndex - 10),
    Home: () => moveTo(0), End: () => moveTo(lines.length - 1), ArrowRight: () => toggle(focusedIndex, true), ArrowLeft: () => toggle(focusedIndex, false),
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
    focusLine();
  });
  layer.addEventListener("toggle", remeasure, true); // while capturing, because toggle events do not bubble
  grid.addEventListener("scroll", () => requestAnimationFrame(draw));
  const resizes = new ResizeObserver(() => draw());
  resizes.observe(grid);

  const loadRows = () => {
    rows = model.get("rows");
    groups = model.get("groups");
    groupNumbers = new Map(groups.flatMap((group, number) => group.rows.map((row) => [row, number])));
    openDetails.clear();
    heights.clear();
    listedGroups.clear();
    for (const row of model.get("unfolded")) openDetails.set(groupNumbers.has(row) ? `group-${groupNumbers.get(row)}` : `row-${row}`, undefined);
    focusedIndex = 0;
    applyFilters();
  };
  const TRAITS = ["change:rows", "change:groups", "change:unfolded"];
  for (const event of TRAITS) model.on(event, loadRows);
  const showStatuses = () => (filters.status || headings.sorting.column === "status" ? applyFilters() : drawStatuses());
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
  let drawnDigest = "";
  return {
    element,
    draw({ header }) {
      // The rows of another plan may be the same although their details differ.
      if (header.digest !== drawnDigest) { drawnDigest = header.digest; loadRows(); }
      const filterChoices = JSON.stringify([header.actions, header.kinds]);
      if (filterChoices === drawnChoices) return;
      drawnChoices = filterChoices;
      filters.actions.clear();
      filters.kind = "";
      actionButtons.replaceChildren(...header.actions.filter(([, , count]) => count).map(makeActionButton));
      kindSelect.replaceChildren(make("option", { value: "" }, "All kinds"), ...header.kinds.map(([kind, title]) => make("option", { value: kind }, title)));
      loadRows();
    },
    receive({ row, group, html, csv, name }) {
      if (csv !== undefined) download(name, csv);
      const key = group === undefined ? `row-${row}` : `group-${group}`;
      if (!openDetails.has(key)) return;
      const details = make("div");
      details.innerHTML = html; // rendered and escaped in Python
      openDetails.set(key, details);
      draw();
    },
    onShow: draw,
    close() {
      for (const event of TRAITS) model.off(event, loadRows);
      model.off("change:statuses", showStatuses);
      resizes.disconnect();
    },
  };
}

