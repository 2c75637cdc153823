// A timer is due already when another one refreshes it: its whole delay begins again.
const { log, block } = require('./given.js');
const late = setTimeout(() => log('late'), 50);
setTimeout(() => { log('first'); block(60); late.refresh(); }, 30);
