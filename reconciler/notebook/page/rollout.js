// The panel of a rollout in the page. It decides nothing about the apply: it draws the model's traits and reports what the user requests.
// This file is the last of one module: elements.js is before it.

/** Value of the filter by status → its label, and whether a status passes. */
const FILTERS = {
  "": ["All environments", () => true],
  problems: ["With problems", (status, failed) => failed || ["failed", "rejected", "stopped", "blocked"].includes(status)],
  running: ["Running", (status) => ["planning", "waiting", "applying"].includes(status)],
  pending: ["Not applied yet", (status) => ["not-started", "planned"].includes(status)],
  done: ["Applied or unchanged", (status) => ["applied", "unchanged"].includes(status)],
};

/** A row of the table: a button with the name, which shows and hides the details, the changes, a bar and the status. */
function makeEnvironment([name, target, changes], rowNumber, request, id) {
  const detailsId = `${id}-environment-${rowNumber}`;
  const arrow = make("span", { class: "disclosure", "aria-hidden": "true" }, "▸");
  const toggle = make("button", { type: "button", class: "address", "aria-expanded": "false", "aria-controls": detailsId, title: target, onclick: () => setOpen(details.hidden) }, arrow, name);
  const note = make("td", { class: "wide quiet" }, changes);
  const fill = make("div");
  const bar = make("div", { class: "bar", role: "progressbar", "aria-label": `Finished steps of ${name}`, "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const statusCell = make("td");
  const row = make("tr", {}, make("th", { scope: "row" }, toggle), note, make("td", { class: "progress-cell" }, bar), statusCell);
  const content = make("td", { colspan: 4 });
  const details = make("tr", { id: detailsId, hidden: true }, content);
  let drawn = "";
  const setOpen = (isOpen) => {
    details.hidden = !isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
    arrow.textContent = isOpen ? "▾" : "▸";
    if (isOpen) request("expand", { row: rowNumber });
  };
  return {
    name, row, details,
    /** Request the details again, because they have changed. */
    refresh() { if (!details.hidden) request("expand", { row: rowNumber }); },
    showDetails(html) { content.innerHTML = html; }, // rendered and escaped in Python
    setVisible(isVisible) {
      row.hidden = !isVisible;
      details.hidden = !isVisible || toggle.getAttribute("aria-expanded") !== "true";
    },
    draw(status, labels) {
      const key = JSON.stringify(status);
      if (key === drawn) return;
      drawn = key;
      const [word, text, part, failed, message] = status;
      const [glyph, , cssClass] = labels[word] ?? ["", "", ""];
      fill.style.width = `${100 * part}%`;
      bar.setAttribute("aria-valuenow", Math.floor(100 * part));
      bar.classList.toggle("has-failed", Boolean(failed) || cssClass === "failed");
      statusCell.replaceChildren(makeLabel("status", cssClass, glyph, text));
      note.textContent = message || changes;
      note.title = message;
    },
  };
}

/** The environments: filters, and a table. */
function makeEnvironments(model, request, id) {
  let environments = [];
  const filter = { text: "", status: "" };
  const textInput = make("input", { type: "search", "aria-label": "Filter by name", placeholder: "Filter by name", oninput: () => { filter.text = textInput.value.trim().toLowerCase(); applyFilter(); } });
  textInput.addEventListener("keydown", (event) => event.stopPropagation()); // the notebook has shortcuts of its own
  const options = Object.entries(FILTERS).map(([value, [label]]) => make("option", { value }, label));
  const statusSelect = make("select", { "aria-label": "Status", onchange: () => { filter.status = statusSelect.value; applyFilter(); } }, ...options);
  const count = make("span", { class: "quiet", role: "status" });
  const headings = ["environment", "changes", "progress", "status"].map((name) => make("th", { scope: "col", class: name === "changes" ? "wide" : "" }, name));
  const body = make("tbody");
  const table = make("table", { class: "environments" }, make("thead", {}, make("tr", {}, ...headings)), body);
  const frame = make("div", { class: "grid", role: "region", tabindex: 0, "aria-label": "Environments" }, table);
  const element = make("div", {}, make("div", { class: "filters" }, statusSelect, textInput, make("span", { class: "end" }, count)), frame);
  const statuses = () => model.get("statuses");
  const applyFilter = () => {
    const [, passes] = FILTERS[filter.status];
    let visibleCount = 0;
    environments.forEach((environment, index) => {
      const [word, , , failed] = statuses()[index] ?? [""];
      const isVisible = passes(word, failed) && environment.name.toLowerCase().includes(filter.text);
      environment.setVisible(isVisible);
      visibleCount += isVisible;
    });
    count.textContent = visibleCount === environments.length ? "" : `${formatCount(visibleCount)} of ${formatCount(environments.length)}`;
  };
  const drawStatuses = () => {
    const labels = model.get("state").labels ?? {};
    environments.forEach((environment, index) => { if (statuses()[index]) environment.draw(statuses()[index], labels); });
    if (filter.status) applyFilter();
  };
  const drawRows = () => {
    environments = model.get("rows").map((row, index) => makeEnvironment(row, index, request, id));
    body.replaceChildren(...environments.flatMap((environment) => [environment.row, environment.details]));
    drawStatuses();
    applyFilter();
  };
  let phase = "";
  model.on("change:rows", drawRows);
  model.on("change:statuses", drawStatuses);
  drawRows();
  return {
    element,
    draw(state) {
      drawStatuses();
      if (phase !== state.phase) for (const environment of environments) environment.refresh();
      phase = state.phase;
    },
    receive({ row, html }) { environments[row]?.showDetails(html); },
    close() {
      model.off("change:rows", drawRows);
      model.off("change:statuses", drawStatuses);
    },
  };
}

/** The changes of all environments in groups of alike ones, so that none is approved unread. */
function makePlans(model) {
  const content = make("div");
  const summary = make("summary", {}, make("strong", {}, "Changes"), make("span", { class: "quiet" }, " in groups of alike environments"));
  const element = make("details", { class: "section notes", open: true }, summary, content);
  const draw = () => { content.innerHTML = model.get("plans"); }; // rendered and escaped in Python
  model.on("change:plans", draw);
  draw();
  return {
    element,
    draw({ phase }) { element.hidden = !["planned", "reading"].includes(phase); },
    close: () => model.off("change:plans", draw),
  };
}

const render = (context) =>
  renderPanel(context, (model, request, id) => {
    const environments = makeEnvironments(model, request, id);
    const labelOf = (status) => model.get("state").labels[status];
    return { progress: makeProgress("Finished environments", labelOf), parts: [environments, makePlans(model)], receive: environments.receive };
  });

export default { render };
