// Ticks and microtasks work after an interval's callback: it counts from before all that.
const { log, block } = require('./given.js');
let left = 3;
const interval = setInterval(() => {
  log('interval');
  process.nextTick(() => block(20));
  queueMicrotask(() => block(20));
  if (--left === 0) clearInterval(interval);
}, 70);
