// What did the program print last?

import { make, panel, setText } from "./elements.js";
import { thousands } from "./words.js";

export function makeConsole() {
  const { element, count } = panel("Console", "mr-console");
  const lines = make("pre", "mr-lines");
  lines.tabIndex = 0;
  lines.setAttribute("aria-label", "Console");
  lines.setAttribute("role", "group"); // without a role an element has no name to say
  element.append(lines);

  function draw(frame) {
    const [total, rows] = frame.console;
    setText(count, thousands(total));
    const text = rows.map(([time, line]) => `${time.toFixed(3).padStart(8)}  ${line}`).join("\n");
    if (lines.textContent === text) return;
    lines.textContent = text;
    lines.scrollTop = lines.scrollHeight;
  }
  return { element, draw };
}
