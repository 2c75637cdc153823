// An immediate that breeds lets a due timer in between
// why: an immediate made by an immediate waits one turn, and timers are looked at in between
// source: libuv docs/src/design.rst (The I/O loop); src/unix/core.c uv_run
const log = s => console.log(s);
const busy = ms => { const end = Date.now() + ms; while (Date.now() < end); };
setImmediate(() => {
  log('i1'); setTimeout(() => log('timeout'), 1); setImmediate(() => log('i2')); busy(10);
});
