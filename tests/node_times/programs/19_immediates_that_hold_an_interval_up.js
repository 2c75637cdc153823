// Immediates that work, one after the other: the interval comes in between.
const { log, block } = require('./given.js');
let left = 3;
const busy = () => {
  log('immediate');
  block(35);
  if (--left) setImmediate(busy);
  else setTimeout(() => clearInterval(interval), 70);
};
const interval = setInterval(() => log('interval'), 50);
setTimeout(() => setImmediate(busy), 30);
