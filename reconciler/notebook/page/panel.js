// The panel in the page. It decides nothing about the apply: it draws the model's traits and reports what the user requests.
// This file is the last of one module: elements.js, table.js and graph.js are before it.

/** Letter of a status (see STATUS_LETTERS in plan_table.py) → glyph, label, CSS class. */
const STATUSES = {
  " ": ["", "", ""], s: ["▸", "running", "started"], w: ["…", "waiting", "started"], a: ["✔", "applied", "applied"], f: ["✖", "failed", "failed"],
  k: ["↷", "skipped", "skipped"], c: ["◌", "canceled", "canceled"],
};

const labelOfStatus = (status) => Object.values(STATUSES).find(([, , cssClass]) => cssClass === status);

const render = (context) =>
  renderPanel(context, (model, request, id) => {
    const tabs = makeTabs(model, request, id);
    return { progress: makeProgress("Executed steps", labelOfStatus), parts: [tabs, makeNotes()], receive: tabs.receive };
  });

/** The plan's warnings and notes, which are below its changes so that they do not push deletions out of view. */
function makeNotes() {
  const element = make("section", { class: "notes", "aria-label": "Warnings and notes" });
  let drawnNotes = "";
  return {
    element,
    draw({ notes }) {
      element.hidden = !notes;
      if (drawnNotes !== notes) element.innerHTML = drawnNotes = notes; // rendered and escaped in Python
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
