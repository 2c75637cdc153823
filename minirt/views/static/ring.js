// The phases of the loop: which one is it in, in which turn, and what does it call?

import { make, setText, shape } from "./elements.js";
import { describeCurrent, thousands } from "./words.js";

const MOST_SIZE = 21; // px, of the number in the ring
const RING_ROOM = 110; // px that its letters may be high together, which makes them fit in width

function arc(number, count, radius) {
  const gap = 0.06;
  const from = ((number - 0.5) / count) * 2 * Math.PI - Math.PI / 2 + gap;
  const to = ((number + 0.5) / count) * 2 * Math.PI - Math.PI / 2 - gap;
  const point = (angle) => `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  return `M ${point(from)} A ${radius} ${radius} 0 0 1 ${point(to)}`;
}

function ringLabel(number, count, phase) {
  const angle = (number / count) * 2 * Math.PI - Math.PI / 2;
  const [x, y] = [Math.cos(angle) * 58, Math.sin(angle) * 55];
  const anchor = Math.abs(x) < 10 ? "middle" : x > 0 ? "start" : "end";
  const text = shape("text", { x, y: y + (y < -50 ? 1 : 4), "text-anchor": anchor, class: "mr-phase-name" });
  text.textContent = phase;
  return text;
}

export function makeRing() {
  const svg = shape("svg", { viewBox: "-118 -66 236 128", class: "mr-ring", role: "img" });
  const parts = shape("g");
  const turn = shape("text", { y: 4, "text-anchor": "middle", class: "mr-turn" });
  const word = shape("text", { y: 19, "text-anchor": "middle", class: "mr-turn-word" });
  word.textContent = "turn";
  svg.append(parts, turn, word);
  const now = make("div", "mr-now");
  const element = make("div", "mr-loop");
  element.append(svg, now);

  let drawn = "";

  function drawPhases(phases) {
    if (drawn === phases.join()) return;
    drawn = phases.join();
    parts.replaceChildren(...phases.map((phase, number) => {
      const part = shape("g", { class: "mr-phase" });
      part.append(shape("path", { d: arc(number, phases.length, 43) }), ringLabel(number, phases.length, phase));
      return part;
    }));
  }

  function draw(frame) {
    drawPhases(frame.phases);
    frame.phases.forEach((phase, at) => parts.children[at].classList.toggle("mr-lit", phase === frame.phase));
    const turns = thousands(frame.turn);
    setText(turn, turns);
    turn.style.fontSize = `${Math.min(MOST_SIZE, RING_ROOM / turns.length)}px`;
    setText(now, describeCurrent(frame));
    now.title = now.textContent;
    svg.setAttribute("aria-label", `Turn ${frame.turn}, phase ${frame.phase}`);
  }
  return { element, draw };
}
