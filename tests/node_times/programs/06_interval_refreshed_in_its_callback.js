// refresh() in an interval's own callback: the time before the callback counts all the same.
const { log, block } = require('./given.js');
let left = 3;
const interval = setInterval(() => {
  log('interval');
  block(25);
  interval.refresh();
  block(10);
  if (--left === 0) clearInterval(interval);
}, 70);
