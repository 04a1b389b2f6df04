"use strict";

// Sorts tables by the column whose heading is pressed: numbers by value, text as people sort it.
const collator = new Intl.Collator("en", { numeric: true });

function value(row, index) {
  const cell = row.cells[index];
  return cell.dataset.value ?? cell.textContent;
}

function sort(table, heading) {
  const falls = heading.getAttribute("aria-sort") === "ascending";
  const index = heading.cellIndex;
  const isNumber = heading.classList.contains("number");
  const rows = [...table.tBodies[0].rows];
  rows.sort((one, other) => {
    const [left, right] = [value(one, index), value(other, index)];
    const order = isNumber ? Number(left) - Number(right) : collator.compare(left, right);
    return falls ? -order : order;
  });
  table.tBodies[0].append(...rows);
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
}

for (const table of document.querySelectorAll("table[data-sortable]")) {
  for (const heading of table.tHead.rows[0].cells) {
    heading.firstElementChild.addEventListener("click", () => sort(table, heading));
  }
}

// Shows the items that have every word of the field, and the groups that still show one.
for (const scope of document.querySelectorAll("[data-filterable]")) {
  const line = scope.firstElementChild;
  const [field, count] = [line.querySelector("input"), line.querySelector("output")];
  const items = [...scope.querySelectorAll("[data-item]")].map((item) => [item, item.textContent.toLowerCase()]);
  const groups = [...scope.querySelectorAll("[data-group]")];
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [item, text] of items) {
      item.hidden = !words.every((word) => text.includes(word));
      shown += item.hidden ? 0 : 1;
    }
    for (const group of groups) {
      group.hidden = group.querySelector("[data-item]:not([hidden])") === null;
      // What was found must not stay closed in.
      if (words.length > 0 && "open" in group) group.open = true;
    }
    count.textContent = `${shown} of ${items.length}`;
  };
  field.addEventListener("input", filter);
  line.hidden = false;
  filter();
}

// Part of a picture that filters by its words when it is pressed.
for (const part of document.querySelectorAll("[data-words]")) {
  const press = () => {
    const field = document.querySelector("[data-filterable] input");
    field.value = part.dataset.words;
    field.dispatchEvent(new Event("input"));
    field.scrollIntoView({ block: "start" });
    field.focus();
  };
  part.addEventListener("click", press);
  part.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    press();
  });
}

// Opens or closes every part of the page at once.
for (const button of document.querySelectorAll("button[data-opens]")) {
  button.addEventListener("click", () => {
    for (const part of document.querySelectorAll("details")) part.open = button.dataset.opens === "all";
  });
}

// Paper cannot be opened.
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const part of closed) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of closed) part.open = false;
});
