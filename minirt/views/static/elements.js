// How is an element made, and changed only when it must be?
//
// Every text that comes from a program is set as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

export function shape(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export function setText(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

// A button is named by its text; `hint` says more, and names a button that has no text.
export function button(text, hint, onClick) {
  const element = make("button", "mr-button", text);
  element.type = "button";
  if (hint) element.title = hint;
  if (hint && !text) element.setAttribute("aria-label", hint);
  element.addEventListener("click", onClick);
  return element;
}

// A link of a row leads to its identity. One that leads nowhere is reached by keyboard all the same:
// there it tells the whole row.
export function linkTo(identity, follow) {
  const link = button("", "", () => { if (identity() !== null) follow(identity()); });
  link.className = "mr-link";
  return link;
}

export function iconButton(path, label, onClick) {
  const element = button("", label, onClick);
  const svg = shape("svg", { viewBox: "0 0 14 14", class: "mr-icon", "aria-hidden": "true" });
  svg.append(shape("path", { d: path }));
  element.append(svg);
  return element;
}

export function panel(title, className = "") {
  const element = make("div", `mr-panel ${className}`);
  const heading = make("div", "mr-title", title);
  const count = make("span", "mr-count");
  const head = make("div", "mr-head");
  head.append(heading, count);
  element.append(head);
  element.setAttribute("role", "group"); // a page may have two views, and no two landmarks of one name
  element.setAttribute("aria-label", title);
  return { element, count, head };
}
