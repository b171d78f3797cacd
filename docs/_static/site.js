// Let the keyboard scroll what is wider or higher than its box, and name the landmarks that the theme leaves unnamed.
function prepare() {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .cell_output, .output")) {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

// Let a long name in a table, such as CreateThing.attributePayload.attributes, wrap after its dots.
function breakAfterDots() {
  for (const text of document.querySelectorAll("td code .pre")) {
    const [first, ...parts] = text.textContent.split(/(?<=\w\.)(?=\w)/);
    text.replaceChildren(first, ...parts.flatMap((part) => [document.createElement("wbr"), part]));
  }
}

// Number the plans of a notebook that have the same label.
function numberPlans() {
  const counts = {};
  for (const section of document.querySelectorAll(".cell_output section[aria-label]")) {
    const label = section.getAttribute("aria-label");
    counts[label] = (counts[label] ?? 0) + 1;
    if (counts[label] > 1) section.setAttribute("aria-label", `${label} (${counts[label]})`);
  }
}

// Give the page of search results the heading that the theme leaves out.
function addHeading() {
  if (document.querySelector("h1")) return;
  const heading = document.createElement("h1");
  heading.textContent = "Search";
  document.querySelector("#search-results")?.before(heading);
}

addEventListener("DOMContentLoaded", () => {
  document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "Pages");
  document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "On this page");
  addHeading();
  breakAfterDots();
  numberPlans();
  prepare();
});
addEventListener("load", prepare);
addEventListener("resize", prepare);
