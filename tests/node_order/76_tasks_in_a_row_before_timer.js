// Three tasks, one after the other, are done before a timer of 400 ms
// why: each result wakes the poll at once
// source: libuv docs/src/async.rst uv_async_send
const log = s => console.log(s);
const crypto = require('node:crypto');
const task = n => crypto.pbkdf2('p', 's', 1, 32, 'sha512', () => { log('task' + n); if (n < 3) task(n + 1); });
setTimeout(() => log('timer'), 400);
task(1);
