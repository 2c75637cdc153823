// refresh() of an interval from outside: from then on it counts from there.
const { log, block } = require('./given.js');
let left = 3;
const interval = setInterval(() => {
  log('interval');
  if (--left === 0) clearInterval(interval);
}, 80);
setTimeout(() => { log('refresh'); interval.refresh(); }, 50);
