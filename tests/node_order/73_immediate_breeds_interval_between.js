// Immediates that breed cannot keep an interval waiting
// why: one generation of immediates a turn, then the timers that are due
// source: libuv docs/src/design.rst (The I/O loop); src/unix/core.c uv_run
const log = s => console.log(s);
const busy = ms => { const end = Date.now() + ms; while (Date.now() < end); };
let left = 3;
const breed = () => {
  log('immediate'); busy(10);
  if (--left) setImmediate(breed); else clearInterval(interval);
};
let interval;
setImmediate(() => { interval = setInterval(() => log('interval'), 2); setImmediate(breed); });
