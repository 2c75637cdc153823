// refresh() of a timer that ran already: it runs once more.
const { log, block } = require('./given.js');
const timer = setTimeout(() => log('timer'), 30);
setTimeout(() => { log('refresh'); timer.refresh(); }, 80);
