// One question of a chapter: a button for each option, and its why once it is chosen.
// Everything happens in the page; the kernel is never asked, so it may be busy or gone.

function put(parent, text) {
  // As text, never as HTML; what stands between backticks becomes code.
  text.split("`").forEach((part, number) => {
    if (number % 2) {
      const code = document.createElement("code");
      code.textContent = part;
      parent.append(code);
    } else {
      parent.append(part);
    }
  });
}

function made(kind, name, parent) {
  const element = document.createElement(kind);
  element.className = `minirt-quiz-${name}`;
  parent.append(element);
  return element;
}

function tries(count) {
  return count === 1 ? "at the first try" : `after ${count} tries`;
}

// The next cell's output is saved closed, since it tells the answer. Who has chosen may see it: in
// JupyterLab a click on its placeholder opens it, on the site it is a <details>.
function openAnswer(box) {
  const isAnswer = ".jp-OutputPlaceholder, details.hide:not([open])";
  let cell = box.closest(".jp-Notebook-cell, div.cell")?.nextElementSibling;
  while (cell && !cell.querySelector(isAnswer)) {
    if (cell.querySelector(".minirt-quiz-box")) return; // of the next question
    cell = cell.nextElementSibling;
  }
  const closed = cell?.querySelector(isAnswer);
  if (closed?.matches("details")) closed.open = true;
  else closed?.click();
}

function render({ model, el }) {
  const { text, options } = model.get("question");
  const box = made("div", "box", el);
  box.setAttribute("role", "group");

  const asked = made("p", "question", box);
  asked.append(Object.assign(document.createElement("strong"), { textContent: "Predict. " }));
  put(asked, text);
  box.setAttribute("aria-label", `Predict. ${text.replaceAll("`", "")}`);

  const list = made("div", "options", box);
  const mark = document.createElement("p");
  mark.className = "minirt-quiz-mark";
  mark.setAttribute("role", "status");
  const chosen = new Set();
  let isOver = false;

  options.forEach((option) => {
    const button = made("button", "option", list);
    button.type = "button";
    button.dataset.lmSuppressShortcuts = "true"; // JupyterLab asks what has the focus first: "x" would cut the cell
    button.setAttribute("aria-pressed", "false");
    const sign = made("span", "sign", button);
    sign.setAttribute("aria-hidden", "true");
    sign.textContent = "○";
    const label = made("span", "label", button);
    put(label, option.text);
    const why = made("p", "why", list);
    why.setAttribute("aria-live", "polite");
    why.hidden = true;

    button.addEventListener("click", () => {
      if (!why.hidden) return;
      why.hidden = false;
      chosen.add(option);
      button.setAttribute("aria-pressed", "true");
      sign.textContent = option.right ? "✓" : "✗";
      button.classList.add(option.right ? "minirt-quiz-right" : "minirt-quiz-wrong");
      const verdict = document.createElement("strong"); // begins with what the reader chose
      put(verdict, option.right ? `Right, “${option.text}”. ` : `Not “${option.text}”. `);
      why.append(verdict);
      put(why, option.why);
      openAnswer(box);
      if (isOver) return;
      isOver = option.right;
      mark.textContent = isOver
        ? `✓ Right ${tries(chosen.size)}. The other answers open too. Now run the next cell.`
        : "✗ Not that one. Choose again, or run the next cell and see.";
    });
  });
  box.append(mark);
}

export default { render };
