// Elements that the panel of a workspace and the panel of a rollout share.

const DISCONNECTED_ADVICE = "Run the cell again to open a new one. An apply that was running has stopped; the new plan has the remaining changes.";
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
  return make("strong", { class: `${type} ${cssClass}` }, make("span", { class: "glyph", "aria-hidden": "true" }, glyph), make("span", { class: "word" }, ` ${text}`));
}

/** Draw a panel: title and buttons, the question before an apply, errors and results, the progress, and the parts of `makeBody`. */
function renderPanel({ model, el }, makeBody) {
  const id = `reconciler-${++panelCount}`;
  const request = (command, parameters = {}) => model.send({ command, ...parameters });
  const state = () => model.get("state");
  const header = makeHeader(request, id);
  const confirmation = makeConfirmation(model, request, id);
  const body = makeBody(model, request, id);
  const parts = [header, confirmation, body.progress, ...body.parts];
  const banner = make("div", { role: "alert" });
  let drawnBanner = "";
  const root = make("div", { class: "reconciler panel", role: "region", "aria-label": "Reconciler panel" });
  const style = make("style", {}, `.reconciler.saved-${model.get("saved_output")} { display: none }`);
  root.append(style, header.element, confirmation.element, banner, body.progress.element, ...body.parts.map((part) => part.element));
  el.classList.add("reconciler-host");
  el.append(root);

  const drawState = () => {
    if (!state().header) return;
    root.setAttribute("aria-label", `Panel of ${[state().header.workspace, state().header.environment].filter(Boolean).join(" in ")}`);
    if (drawnBanner !== state().banner) banner.innerHTML = drawnBanner = state().banner; // rendered and escaped in Python
    root.setAttribute("data-phase", state().phase);
    for (const part of parts) part.draw(state());
  };
  const disconnect = () => {
    header.disconnect();
    confirmation.close();
    banner.replaceChildren(make("p", { class: "failure" }, make("strong", {}, "This panel has lost its kernel. "), DISCONNECTED_ADVICE));
  };
  model.on("change:state", drawState);
  model.on("msg:custom", body.receive);
  model.on("comm_live_update", disconnect); // of ipywidgets, when the kernel restarts
  drawState();
  return () => {
    model.off("change:state", drawState);
    model.off("msg:custom", body.receive);
    model.off("comm_live_update", disconnect);
    for (const part of parts) part.close?.();
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
    close: () => toggle(false),
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

/** Title, summary and buttons. */
function makeHeader(request, id) {
  const title = make("p", { class: "title" });
  const target = make("p", { class: "quiet" });
  const summary = make("p", { class: "quiet", role: "status" });
  const makeButton = (text, onclick, attributes = {}) => make("button", { type: "button", onclick, ...attributes }, text);
  const replan = makeButton("Plan again", () => request("plan"));
  const retry = makeButton("", () => request("retry"), { class: "primary" });
  const stop = makeButton("Stop", () => request("stop"), { title: "Finish the running steps, start no more" });
  const openConfirmation = () => apply.dispatchEvent(new CustomEvent("confirm", { bubbles: true }));
  const apply = makeButton("Apply …", openConfirmation, { class: "primary", "aria-expanded": "false", "aria-controls": `${id}-confirm` });
  const element = make("div", { class: "top" }, make("div", {}, title, target, summary), make("div", { class: "buttons" }, replan, retry, stop, apply));
  return {
    element,
    disconnect() { for (const button of element.querySelectorAll("button")) button.disabled = true; },
    draw({ header, phase, reading, retry: retryLabel }) {
      const environment = header.environment ? [" in ", make("strong", {}, header.environment)] : [];
      title.replaceChildren("Plan for ", make("strong", {}, header.workspace), ...environment);
      target.textContent = `${header.target} · plan ${header.digest.slice(0, 12)}`;
      summary.textContent = reading || header.summary;
      replan.disabled = ["reading", "applying", "stopping"].includes(phase);
      retry.hidden = phase !== "unfinished" || !retryLabel;
      retry.textContent = retryLabel;
      stop.hidden = !["applying", "stopping"].includes(phase);
      stop.disabled = phase === "stopping";
      stop.textContent = phase === "stopping" ? "Stopping …" : "Stop";
      apply.hidden = !["planned", "reading"].includes(phase); // an applied plan cannot be applied again
      apply.disabled = phase !== "planned" || !header.actions.some(([, , count]) => count);
    },
  };
}

/** The progress bar, the counts and the time; `labelOf` returns glyph, word and CSS class of a status. */
function makeProgress(name, labelOf) {
  const fill = make("div");
  const bar = make("div", { class: "bar", role: "progressbar", "aria-label": name, "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const text = make("p", { class: "progress", role: "status" });
  const element = make("div", { hidden: true }, bar, text);
  return {
    element,
    draw({ progress, phase }) {
      element.hidden = !progress || progress.total === undefined;
      if (element.hidden) return;
      text.hidden = phase === "done"; // the result has the same counts
      const percent = progress.total ? (100 * progress.executed) / progress.total : 100;
      fill.style.width = `${percent}%`;
      bar.setAttribute("aria-valuenow", Math.floor(percent));
      const counts = progress.counts.map(([status, count]) => {
        const [glyph, word, cssClass] = labelOf(status);
        return makeLabel("status", cssClass, glyph, `${formatCount(count)} ${word}`);
      });
      const executed = make("strong", {}, `${formatCount(progress.executed)} of ${formatCount(progress.total)}`);
      text.replaceChildren(executed, ...counts, make("span", { class: "quiet" }, progress.time));
    },
  };
}
