// Two threads: a short task overtakes a long one
// why: results come in the order in which they are ready
// source: libuv docs/src/threadpool.rst (default size 4, UV_THREADPOOL_SIZE)
const log = s => console.log(s);
const crypto = require('node:crypto');
for (const [n, it] of [['long', 1000000], ['short', 1]]) crypto.pbkdf2('p', 's', it, 32, 'sha512', () => log(n));
