// Each timer works, then sets the next: a chain is late by its work.
const { log, block } = require('./given.js');
let left = 4;
const next = () => {
  log('timer');
  block(15);
  if (--left) setTimeout(next, 40);
};
setTimeout(next, 40);
