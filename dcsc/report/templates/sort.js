"use strict";
// Sort by a column: numbers by value, with cells that have none at the end.
document.querySelectorAll("#table th button").forEach((button, column) => {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const rising = head.getAttribute("aria-sort") !== "ascending";
    document.querySelectorAll("#table th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const body = document.querySelector("#table tbody");
    const value = (row) => row.cells[column].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return (rising ? 1 : -1) * (Number(x) - Number(y));
    });
    body.append(...rows);
  });
});
