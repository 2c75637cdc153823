// A file is looked at, then looked for, before a timer of 400 ms
// why: each result wakes the poll at once
// source: libuv docs/src/async.rst uv_async_send
const log = s => console.log(s);
const fs = require('node:fs');
setTimeout(() => log('timer'), 400);
fs.stat('.', () => { log('there'); fs.stat('/no/such/file', e => log(e.code)); });
