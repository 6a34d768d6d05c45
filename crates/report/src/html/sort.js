// A nicety: a click on a heading sorts its table. Everything can be read without.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = (cell.tagName === "TH" ? cell : cell.firstChild)?.textContent ?? "";
    const number = parseFloat(text.replace(/[\u202f†]/g, "").replace("\u2212", "-"));
    return Number.isNaN(number) ? text : number;
  };
  heads.forEach((head, column) => {
    const sort = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1;
      [...body.rows]
        .sort((a, b) => {
          const [x, y] = [value(a, column), value(b, column)];
          if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
          return sign * (x < y ? -1 : x > y ? 1 : 0);
        })
        .forEach((row) => body.append(row));
    };
    head.classList.add("sortable");
    head.tabIndex = 0;
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => event.key === "Enter" && sort());
  });
}
