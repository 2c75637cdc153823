// An unref'd interval runs as long as a timer keeps the loop alive.
const { log, block } = require('./given.js');
setInterval(() => { log('interval'); block(10); }, 40).unref();
setTimeout(() => log('last'), 150);
