// An interval misses some of its times because of a timer: it runs once, and goes on from there.
const { log, block } = require('./given.js');
let left = 4;
const interval = setInterval(() => {
  log('interval');
  if (--left === 0) clearInterval(interval);
}, 50);
setTimeout(() => { log('timer'); block(170); }, 70);
