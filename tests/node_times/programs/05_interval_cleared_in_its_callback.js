// An interval that is cleared in its callback, after which its callback goes on.
const { log, block } = require('./given.js');
let calls = 0;
const interval = setInterval(() => {
  log('interval');
  calls += 1;
  if (calls === 2) { clearInterval(interval); block(30); }
}, 40);
setTimeout(() => log('much later'), 180);
