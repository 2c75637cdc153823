// What is a cell's editor? CodeMirror, with what a cell needs of it.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

// In place of `place`. keys: {run, runAndGo}; changed: hears the text after each change.
export function createEditor({ place, text, label, keys, changed }) {
  const pressed = (action) => ({ run: () => (action(), true) });
  const view = new EditorView({
    state: EditorState.create({
      doc: text,
      extensions: [
        keymap.of([
          { key: "Shift-Enter", ...pressed(keys.runAndGo) },
          { key: "Mod-Enter", ...pressed(keys.run) },
          indentWithTab,
          ...historyKeymap,
          ...defaultKeymap,
        ]),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("    "),
        EditorState.tabSize.of(4),
        bracketMatching(),
        python(),
        syntaxHighlighting(classHighlighter),
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(view.state.doc.toString());
        }),
      ],
    }),
  });
  place.replaceWith(view.dom);
  return {
    element: view.dom,
    focus: () => view.focus(),
    hasFocus: () => view.hasFocus,
    // Put the cursor where the reader has clicked.
    pointAt({ x, y }) {
      const position = view.posAtCoords({ x, y }, false);
      view.dispatch({ selection: { anchor: position } });
    },
    set(newText) {
      if (newText === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: newText } });
    },
  };
}
