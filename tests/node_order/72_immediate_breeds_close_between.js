// An immediate that breeds lets a close callback in between
// why: poll -> check -> close callbacks; what check makes waits one turn
// source: libuv docs/src/design.rst (The I/O loop); src/unix/core.c uv_run
const log = s => console.log(s);
const net = require('node:net');
const s = net.createServer(c => c.on('error', () => {})).listen(0, '127.0.0.1', () => {
  const c = net.connect(s.address().port, '127.0.0.1', () => {
    c.on('close', () => log('close')); c.destroy();
    setImmediate(() => { log('i1'); setImmediate(() => { log('i2'); s.close(); }); });
  });
});
