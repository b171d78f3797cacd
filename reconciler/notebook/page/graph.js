// The panel's dependency graph: whole or around one address, which fits, zooms and pans, and follows an apply.

const ZOOM_STEP = 1.25;
const MAX_ZOOM = 8; // relative to the picture's own size
const PAN_STEP = 60; // pixels

/** A frame in which a picture fits, zooms (buttons, keys, modifier and wheel, pinch) and pans (scrolling, dragging). */
function makeViewport() {
  const frame = make("div", { class: "picture", tabindex: 0, role: "group", "aria-label": "Dependency graph: + and - zoom, 0 shows all of it, arrows move" });
  let svg = null;
  let natural = { width: 1, height: 1 }; // the picture's own size, in pixels
  let scale = null; // relative to the picture's own size; null: as wide as the frame, at most the own size
  const fitWidth = () => Math.min(1, frame.clientWidth / natural.width);
  const fitAll = () => Math.min(fitWidth(), frame.clientHeight / natural.height);
  const draw = () => { if (svg) svg.style.width = `${natural.width * (scale ?? fitWidth())}px`; };
  /** Zoom around a point of the frame, in pixels; by default its center. */
  const zoom = (factor, x = frame.clientWidth / 2, y = frame.clientHeight / 2) => {
    const before = scale ?? fitWidth();
    scale = Math.max(fitAll(), Math.min(MAX_ZOOM, before * factor));
    const left = ((frame.scrollLeft + x) * scale) / before - x, top = ((frame.scrollTop + y) * scale) / before - y;
    draw();
    frame.scrollTo(left, top);
  };
  const showAll = () => { scale = fitAll(); draw(); frame.scrollTo(0, 0); };
  const KEYS = { "+": () => zoom(ZOOM_STEP), "=": () => zoom(ZOOM_STEP), "-": () => zoom(1 / ZOOM_STEP), 0: showAll };
  frame.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the notebook has shortcuts of its own; the arrow keys scroll the frame
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  const zoomAt = (factor, event) => {
    const box = frame.getBoundingClientRect();
    zoom(factor, event.clientX - box.left, event.clientY - box.top);
  };
  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // scrolls; a touchpad's pinch comes with ctrlKey
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY / 300), event);
  }, { passive: false });
  const pointers = new Map(); // ID → latest event of a pressed pointer
  const distance = () => { const [first, second] = [...pointers.values()]; return Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY); };
  frame.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event);
    if (event.pointerType === "mouse") frame.setPointerCapture(event.pointerId); // drags go on outside the frame
  });
  frame.addEventListener("pointermove", (event) => {
    const previous = pointers.get(event.pointerId);
    if (!previous) return;
    const distanceBefore = pointers.size === 2 ? distance() : 0;
    pointers.set(event.pointerId, event);
    if (pointers.size === 2) zoomAt(distance() / distanceBefore, event);
    else if (event.pointerType === "mouse") frame.scrollBy(previous.clientX - event.clientX, previous.clientY - event.clientY);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) frame.addEventListener(name, (event) => pointers.delete(event.pointerId));
  const resizes = new ResizeObserver(draw);
  resizes.observe(frame);
  const makeButton = (text, label, onclick) => make("button", { type: "button", "aria-label": label, title: label, onclick }, text);
  const buttons = make("span", { class: "buttons", role: "group", "aria-label": "Zoom" },
    makeButton("−", "Zoom out", () => zoom(1 / ZOOM_STEP)), makeButton("+", "Zoom in", () => zoom(ZOOM_STEP)), makeButton("Fit", "Show all of the graph", showAll));
  return {
    frame, buttons, draw,
    /** Show a picture, or another part of a page. */
    show(html) {
      frame.innerHTML = html; // rendered and escaped in Python
      svg = frame.querySelector("svg");
      scale = null;
      if (!svg) return;
      natural = { width: Number(svg.getAttribute("width")), height: Number(svg.getAttribute("height")) };
      svg.style.maxWidth = "none";
      draw();
    },
    close: () => resizes.disconnect(),
  };
}

/** Show how far the apply of a node is: a text below its name, and a bar. */
function drawNodeProgress(node, [text, part, hasFailed]) {
  const card = [...node.querySelectorAll("rect.card")].at(-1);
  const width = Number(card.getAttribute("width")), height = Number(card.getAttribute("height"));
  node.querySelector(".subtitle").textContent = text;
  node.querySelector("title").textContent = `${node.querySelector(".name").textContent}: ${text}`;
  let bar = node.querySelector(".done");
  if (!bar) {
    bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ class: "done", x: 9, y: height - 5, height: 3, rx: 1.5 })) bar.setAttribute(name, value);
    card.after(bar);
  }
  bar.setAttribute("width", (width - 18) * part);
  node.classList.toggle("has-failed", hasFailed);
}

/** The dependency graph: whole, or around one address. */
function makeGraph(model, request) {
  const address = make("input", { type: "search", "aria-label": "Around an address", placeholder: "Around an address, such as things.pump-1" });
  const requestGraph = () => request("graph", { around: address.value.trim() });
  const showWhole = make("button", { type: "button", onclick: () => { address.value = ""; requestGraph(); } }, "Whole graph");
  const viewport = makeViewport();
  const form = make("form", { class: "filters" }, address, make("button", { type: "submit" }, "Show"), showWhole, viewport.buttons);
  form.addEventListener("submit", (event) => { event.preventDefault(); requestGraph(); });
  form.addEventListener("keydown", (event) => event.stopPropagation());
  const drawProgress = () => {
    const { summary, nodes } = model.get("graph_progress") ?? {};
    const summaryText = viewport.frame.querySelector("svg > text.subtitle");
    if (summary && summaryText) summaryText.textContent = summary;
    for (const [index, progress] of Object.entries(nodes ?? {})) {
      const node = viewport.frame.querySelector(`[data-node="${Number(index)}"]`);
      if (node) drawNodeProgress(node, progress);
    }
  };
  const draw = () => { viewport.show(model.get("graph") || "<p>…</p>"); drawProgress(); };
  let wasShown = false;
  const onShow = () => { wasShown = true; if (!model.get("graph")) requestGraph(); viewport.draw(); };
  const onChange = () => { draw(); if (wasShown && !model.get("graph") && viewport.frame.offsetParent) onShow(); };
  model.on("change:graph", onChange);
  model.on("change:graph_progress", drawProgress);
  draw();
  return {
    element: make("div", {}, form, viewport.frame),
    onShow,
    close() {
      model.off("change:graph", onChange);
      model.off("change:graph_progress", drawProgress);
      viewport.close();
    },
  };
}
