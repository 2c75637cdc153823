// An interval whose callback takes a part of it.
const { log, block } = require('./given.js');
let left = 3;
const interval = setInterval(() => {
  log('interval');
  block(30);
  if (--left === 0) clearInterval(interval);
}, 100);
