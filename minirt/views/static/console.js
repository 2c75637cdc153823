// What did the program print last? It looks as JupyterLab's outputs do: colours, and letters that
// are two columns wide.

import { make, panel, setText } from "./elements.js";
import { thousands } from "./words.js";

const EXACT = /^(#[0-9a-f]{6})-(fg|bg)$/; // a colour that has no name
const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

// Each of `styles` is [from, to, style]: places in the text, and what minirt/watching/terminal.py
// calls its look.
function styled(text, styles = []) {
  const whole = Array.from(text); // places count characters, also those that are two for JavaScript
  const part = (from, to) => whole.slice(from, to).join("");
  const parts = [];
  let at = 0;
  for (const [from, to, style] of styles) {
    parts.push(part(at, from), ...dressed(part(from, to), style));
    at = to;
  }
  return [...parts, part(at)];
}

function dressed(text, style) {
  const names = [];
  const colours = {};
  for (const word of style.split(" ")) {
    const [, colour, where] = EXACT.exec(word) ?? [];
    if (colour) colours[where === "fg" ? "color" : "backgroundColor"] = colour;
    else names.push(`ansi-${word}`);
  }
  const isWide = names.includes("ansi-wide");
  const parts = isWide ? Array.from(letters.segment(text), ({ segment }) => segment) : [text];
  return parts.map((part) => {
    const element = make("span", names.join(" "), part);
    Object.assign(element.style, colours);
    return element;
  });
}

export function makeConsole() {
  const { element, head, count } = panel("Console", "mr-console");
  const kept = make("span", "mr-kept");
  head.append(kept);
  const lines = make("pre", "mr-lines");
  lines.tabIndex = 0;
  lines.setAttribute("aria-label", "Console");
  lines.setAttribute("role", "group"); // without a role an element has no name to say
  element.append(lines);
  let drawn = "";

  function draw(frame) {
    const [total, rows] = frame.console;
    setText(count, thousands(total));
    setText(kept, total > rows.length ? `the last ${thousands(rows.length)} are here` : "");
    kept.title = kept.textContent;
    const wanted = JSON.stringify(rows);
    if (drawn === wanted) return;
    drawn = wanted;
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 4;
    lines.replaceChildren(...rows.flatMap(([time, text, styles], at) => [
      `${at ? "\n" : ""}${time.toFixed(3).padStart(8)}  `, ...styled(text, styles),
    ]));
    if (isAtEnd) lines.scrollTop = lines.scrollHeight; // a reader who looks back stays there
  }
  return { element, draw };
}
