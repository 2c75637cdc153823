// An interval works, then sets a timer, which counts from the moment it is set.
const { log, block } = require('./given.js');
let left = 3;
const interval = setInterval(() => {
  log('interval');
  block(20);
  setTimeout(() => log('timer'), 15);
  if (--left === 0) clearInterval(interval);
}, 60);
