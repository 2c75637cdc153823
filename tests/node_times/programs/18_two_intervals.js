// Two intervals, one of which holds the other up.
const { log, block } = require('./given.js');
let left = 5;
const slow = setInterval(() => { log('slow'); block(30); }, 60);
const quick = setInterval(() => {
  log('quick');
  if (--left === 0) { clearInterval(slow); clearInterval(quick); }
}, 40);
