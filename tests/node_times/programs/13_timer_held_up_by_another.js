// A timer is due while another one works: it runs as soon as it can.
const { log, block } = require('./given.js');
setTimeout(() => { log('first'); block(70); }, 30);
setTimeout(() => log('second'), 60);
setTimeout(() => log('third'), 130);
