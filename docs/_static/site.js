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
    text.replaceChildren(...text.textContent.split(/(?<=\.)(?=\w)/).flatMap((part) => [part, document.createElement("wbr")]));
  }
}

addEventListener("DOMContentLoaded", () => {
  document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "Pages");
  document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "On this page");
  breakAfterDots();
  prepare();
});
addEventListener("load", prepare);
addEventListener("resize", prepare);
