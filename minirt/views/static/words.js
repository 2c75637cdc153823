// How is a value said? Identities are texts: they have 64 bits, and a number here has 53.

export function seconds(value) {
  return `${value.toFixed(3)} s`;
}

export function duration(value) {
  const size = Math.abs(value);
  if (size >= 1) return `${value.toFixed(1)} s`;
  if (size >= 0.01) return `${(value * 1000).toFixed(0)} ms`;
  return `${(value * 1000).toFixed(1)} ms`;
}

// Of a number, or of the digits of one that is too large to be a number.
export function thousands(value) {
  return BigInt(value).toLocaleString("en-US");
}

export function countOf(number, word) {
  return `${thousands(number)} ${word}${BigInt(number) === 1n ? "" : "s"}`;
}

export function waitsFor(where, what) {
  return what ? `${where}: ${what}` : where || "–";
}

export function describeCurrent(frame) {
  if (frame.state === "ended") return "nothing is left";
  if (!frame.current) return frame.phase === "poll" ? "asleep in poll" : "between callbacks";
  const [identity, name] = frame.current;
  const who = identity === null ? name || "callback" : `${identity} ${name}`;
  return frame.held ? `next: ${who}` : who;
}

export const STATES = {
  running: "Running", paused: "Paused", stopping: "Stopping", ended: "Ended", failed: "Failed", interrupted: "Interrupted", recorded: "Recorded",
  gone: "Kernel gone", away: "Disconnected", silent: "No answer", new: "Not started",
};

export function isRunning(frame) {
  return frame.state === "running" || frame.state === "paused";
}
