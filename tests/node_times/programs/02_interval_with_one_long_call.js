// One call of an interval takes three and a half of it.
const { log, block } = require('./given.js');
let calls = 0;
const interval = setInterval(() => {
  log('interval');
  calls += 1;
  if (calls === 2) block(350);
  if (calls === 4) clearInterval(interval);
}, 100);
