// A call of an interval takes long and then raises: it counts from before the call, as always.
const { log, block } = require('./given.js');
process.on('uncaughtException', error => log(error.message));
let left = 3;
const interval = setInterval(() => {
  log('interval');
  block(30);
  if (--left === 0) clearInterval(interval);
  throw new Error('uncaught');
}, 80);
