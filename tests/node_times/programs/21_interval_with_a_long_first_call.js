// The first call of an interval takes three and a half of it, and does not shift what follows.
const { log, block } = require('./given.js');
let calls = 0;
const interval = setInterval(() => {
  log('interval');
  calls += 1;
  if (calls === 1) block(140);
  if (calls === 4) clearInterval(interval);
}, 40);
