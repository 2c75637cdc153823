// Rows are made once, and cells change only when their text does.

import { linkTo, make, setText } from "./elements.js";

const LONG_IDENTITY = 8; // digits: of a longer one a cell shows the end

export function makeTable(columns, label, follow) {
  const table = make("table", "mr-table");
  table.setAttribute("aria-label", label);
  const head = table.createTHead().insertRow();
  for (const [name, className] of columns) {
    const cell = make("th", className, name);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  const rows = [];

  function addRow() {
    const row = body.insertRow();
    const cells = columns.map(([, className]) => {
      const cell = row.insertCell();
      cell.className = className || "";
      return cell;
    });
    const link = linkTo(() => row.identity, follow);
    cells[0].append(link);
    rows.push({ row, cells, link });
  }

  function drawRow({ row, cells, link }, values, followed) {
    const [identity, first, ...others] = values;
    row.identity = identity;
    row.hidden = false;
    link.setAttribute("aria-disabled", identity === null);
    row.classList.toggle("mr-followed", identity !== null && identity === followed);
    setText(link, first);
    link.title = String(first).length > LONG_IDENTITY ? first : "";
    others.forEach((text, at) => setText(cells[at + 1], text));
    row.title = [first, ...others].filter((text) => text !== "").join(" · "); // where there is no room for it
  }

  // Each of `wanted` is [identity or null, text of the first column, texts of the others].
  function draw(wanted, followed) {
    while (rows.length < wanted.length) addRow();
    wanted.forEach((values, at) => drawRow(rows[at], values, followed));
    rows.slice(wanted.length).forEach(({ row }) => { row.hidden = true; });
  }
  return { element: table, draw };
}
