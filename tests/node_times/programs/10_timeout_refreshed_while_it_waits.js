// refresh() of a timer that waits: its whole delay begins again.
const { log, block } = require('./given.js');
const timer = setTimeout(() => log('timer'), 80);
setTimeout(() => { log('refresh'); timer.refresh(); }, 50);
