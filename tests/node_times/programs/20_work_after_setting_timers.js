// A callback sets a timer and an interval, then works: what is due by then runs at once.
const { log, block } = require('./given.js');
let left = 3;
setTimeout(() => {
  log('begin');
  setTimeout(() => log('timer'), 30);
  const interval = setInterval(() => {
    log('interval');
    if (--left === 0) clearInterval(interval);
  }, 50);
  block(120);
}, 20);
