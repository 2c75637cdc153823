// A timer that is set after some work counts from that moment.
const { log, block } = require('./given.js');
setTimeout(() => {
  log('first');
  block(40);
  setTimeout(() => log('second'), 30);
  block(20);
}, 30);
