// How does the page make its buttons and lines?

// made("button", {class: "x", text: "Run"}, child, child)
export function made(kind, { text, ...attributes } = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

export function button(attributes, pressed) {
  const element = made("button", { type: "button", ...attributes });
  element.addEventListener("click", pressed);
  return element;
}

const SHAPES = { run: "M3 2v12l10-6z", stop: "M3 3h10v10H3z" };

export function icon(name) {
  const template = made("template");
  template.innerHTML =
    `<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="${SHAPES[name]}"/></svg>`;
  return template.content.firstChild;
}
