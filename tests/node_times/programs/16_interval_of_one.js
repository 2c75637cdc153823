// An interval of 1 ms, each call of which takes twenty: it is always due.
const { log, block } = require('./given.js');
let left = 4;
setTimeout(() => {
  const interval = setInterval(() => {
    log('interval');
    block(20);
    if (--left === 0) clearInterval(interval);
  }, 1);
}, 20);
