// What colours does a text have that was written for a terminal?
//
// IPython colours its tracebacks. A page has eight colours for it, light or dark as its theme, so
// one of 256 becomes the nearest of these.

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const CODES = /\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[A-Za-z]/g;

function nearest(number) {
  if (number < 16) return NAMES[number % 8];
  if (number > 231) return null; // a grey: the text's own colour
  const levels = [Math.floor((number - 16) / 36), Math.floor((number - 16) / 6) % 6, (number - 16) % 6];
  const half = (Math.max(...levels) + Math.min(...levels)) / 2;
  if (Math.max(...levels) - Math.min(...levels) < 2) return null;
  return NAMES[levels.reduce((sum, level, bit) => sum + (level > half ? 2 ** bit : 0), 0)];
}

// The style after these codes.
function after(style, codes) {
  const next = { ...style };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) Object.assign(next, { colour: null, bold: false });
    else if (code === 1) next.bold = true;
    else if (code === 22) next.bold = false;
    else if (code === 39) next.colour = null;
    else if (code >= 30 && code <= 37) next.colour = NAMES[code - 30];
    else if (code >= 90 && code <= 97) next.colour = NAMES[code - 90];
    else if (code === 38 || code === 48) {
      if (code === 38 && codes[at + 1] === 5) next.colour = nearest(codes[at + 2]);
      at += codes[at + 1] === 5 ? 2 : 4;
    }
  }
  return next;
}

export function coloured(text) {
  const made = document.createDocumentFragment();
  let style = { colour: null, bold: false };
  let from = 0;
  const put = (part) => {
    if (!part) return;
    if (!style.colour && !style.bold) {
      made.append(part);
      return;
    }
    const span = document.createElement("span");
    if (style.colour) span.classList.add(`minirt-ansi-${style.colour}`);
    if (style.bold) span.classList.add("minirt-ansi-bold");
    span.textContent = part;
    made.append(span);
  };
  for (const found of text.matchAll(CODES)) {
    put(text.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[1] !== undefined) style = after(style, found[1].split(";").map(Number));
  }
  put(text.slice(from));
  return made;
}
