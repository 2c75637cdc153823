// Every call of an interval takes longer than it.
const { log, block } = require('./given.js');
let left = 4;
const interval = setInterval(() => {
  log('interval');
  block(60);
  if (--left === 0) clearInterval(interval);
}, 40);
