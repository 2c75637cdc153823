// An interval replaces itself in its callback: the new one counts from the moment it is set.
const { log, block } = require('./given.js');
let left = 3;
let interval;
const work = () => {
  log('interval');
  block(25);
  clearInterval(interval);
  if (--left) interval = setInterval(work, 50);
};
interval = setInterval(work, 50);
