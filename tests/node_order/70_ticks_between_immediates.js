// Ticks and microtasks run between two immediates of one turn (Node >= 11)
// why: drain after every callback, not after every phase
// source: nodejs/learn pages/asynchronous-work/event-loop-timers-and-nexttick.md
const log = s => console.log(s);
for (const n of [1, 2]) setImmediate(() => {
  log('i' + n); queueMicrotask(() => log('micro' + n)); process.nextTick(() => log('tick' + n));
});
