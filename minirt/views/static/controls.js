// What state is the program in, and how does the reader steer it?

import { button, make, setText } from "./elements.js";
import { STATES, describeCurrent, seconds } from "./words.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

export function speedSelect(label, onChange) {
  const select = make("select", "mr-select");
  select.setAttribute("aria-label", label);
  for (const speed of SPEEDS) {
    const option = make("option", "", `${speed}×`);
    option.value = String(speed);
    select.append(option);
  }
  chooseSpeed(select, 1);
  select.addEventListener("change", () => onChange(Number(select.value)));
  return select;
}

// Also one that is not among them: a program may begin with any.
export function chooseSpeed(select, speed) {
  select.value = String(speed);
  if (select.selectedIndex >= 0) return;
  const next = [...select.options].find(({ value }) => Number(value) > speed);
  select.insertBefore(new Option(`${speed}×`, speed, false, true), next ?? null);
}

export function makeControls(send) {
  const element = make("div", "mr-controls");
  element.setAttribute("role", "toolbar");
  element.setAttribute("aria-label", "Controls");
  let paused = false;
  const pause = button("Pause", "", () => send({ command: paused ? "resume" : "pause" }));
  const step = button("Step", "Run one callback", () => send({ command: "step" }));
  const stop = button("Stop", "Stop the program", () => send({ command: "stop" }));
  const speed = speedSelect("Speed of the program", (value) => send({ command: "speed", value }));
  pause.dataset.command = "pause";
  step.dataset.command = "step";
  stop.dataset.command = "stop";
  element.append(pause, step, speed, stop);

  function draw(frame, isOff) {
    for (const control of [pause, step, speed, stop]) control.disabled = isOff;
    for (const control of [pause, step, speed]) control.hidden = frame.kernel === true; // it hears the buttons itself
    paused = frame.state === "paused";
    setText(pause, paused ? "Resume" : "Pause");
    if (document.activeElement !== speed) chooseSpeed(speed, frame.speed);
  }
  return { element, draw };
}

export function makeHeader() {
  const element = make("div", "mr-header");
  const state = make("span", "mr-state");
  const time = make("span", "mr-time");
  const error = make("span", "mr-error");
  const status = make("div", "mr-hidden");
  status.setAttribute("role", "status");
  element.append(state, time, error, status);

  // `absence` says that the kernel is not there; it is empty otherwise.
  function draw(frame, absence) {
    element.dataset.state = frame.state;
    const word = STATES[frame.state] || frame.state;
    setText(state, word);
    setText(time, seconds(frame.time));
    setText(error, absence || frame.error || "");
    const held = frame.state === "paused" && frame.held ? `, ${describeCurrent(frame)}` : "";
    setText(status, absence ? `${word}. ${absence}` : `${word}${held}`);
  }
  return { element, draw };
}
