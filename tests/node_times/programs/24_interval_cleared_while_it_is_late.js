// An interval is due already when another timer clears it: it does not run.
const { log, block } = require('./given.js');
const interval = setInterval(() => log('interval'), 60);
setTimeout(() => { log('first'); block(100); }, 80);
setTimeout(() => { log('second'); clearInterval(interval); }, 100);
setTimeout(() => log('last'), 260);
