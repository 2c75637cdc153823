// Two calls of an interval take longer than it: it never bursts.
const { log, block } = require('./given.js');
let calls = 0;
const interval = setInterval(() => {
  log('interval');
  calls += 1;
  if (calls === 2 || calls === 4) block(120);
  if (calls === 6) clearInterval(interval);
}, 50);
