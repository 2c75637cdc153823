// refresh() in a timer's own callback: it counts from the call of refresh().
const { log, block } = require('./given.js');
let calls = 0;
const timer = setTimeout(() => {
  log('timer');
  calls += 1;
  block(20);
  if (calls < 3) timer.refresh();
  block(10);
}, 50);
