// Is the kernel there that runs the program?
//
// JupyterLab and Notebook let a widget see the session of its notebook. Where a front end does not,
// nothing is known and nothing is said.

const OVER = "Run the cell again.";
const GONE = `The kernel is gone, and the program with it. ${OVER}`;
const RESTARTED = `The kernel was restarted, and the program is over. ${OVER}`;
const ANOTHER = `Another kernel is in its place, and the program is over. ${OVER}`;
const AWAY = "No connection to the kernel. The program may go on; the view waits to hear of it.";
const ENDS = { dead: GONE, terminating: GONE, restarting: RESTARTED, autorestarting: RESTARTED };

// Calls `told(words, isOver)` whenever that changes: words are empty while the kernel is there.
// Returns how to stop listening.
export function watchKernel(model, told) {
  const session = model.widget_manager?.context?.sessionContext;
  if (!session?.statusChanged) return () => {};
  let own = null; // the identity of the first kernel that was there
  let over = "";

  function look() {
    const kernel = session.session?.kernel ?? null;
    own ??= kernel?.id ?? null;
    if (own === null) {
      told(GONE, true); // as long as none comes
      return;
    }
    if (kernel === null) over = GONE;
    else if (kernel.id !== own) over = ANOTHER;
    else over = ENDS[kernel.status] ?? over;
    const isAway = kernel !== null && kernel.connectionStatus !== "connected";
    told(over || (isAway ? AWAY : ""), over !== "");
  }

  const signals = [session.statusChanged, session.connectionStatusChanged, session.kernelChanged].filter(Boolean);
  signals.forEach((signal) => signal.connect(look));
  look();
  return () => signals.forEach((signal) => signal.disconnect(look));
}
